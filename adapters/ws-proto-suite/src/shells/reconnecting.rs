//! A client that connects again, to a server over TCP that is killed and started again.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use ws_proto_async::reconnect::{BackoffConfig, End};
use ws_proto_async::{CloseCode, Connect, Connector, Message, Reason, Reconnecting, Update};

use super::Runtime;
use crate::{Side, wire};

const MILLI: Duration = Duration::from_millis(1);
/// More than the buffers of both sockets take.
const BIG: usize = 16 << 20;

/// A server that dies before it accepts, in the handshake, after it, inside a message of either side and
/// around a Close. Each connection has a request of its own and is subscribed on, what the server has sent
/// arrives, and what the client sends arrives once.
pub fn a_server_is_killed_at_every_step<R: Runtime, T: Connect>() {
    for resend in [false, true] {
        R::run(play::<T>(resend));
    }
}

async fn play<T: Connect>(resend: bool) {
    let address = TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .unwrap();
    let mut attempts = 0;
    let request = move || {
        attempts += 1;
        let token = format!("Bearer {attempts}");
        let connector = Connector::new(&format!("ws://{address}/news"));
        async move { Ok(connector?.header("Authorization", token)) }
    };
    let config = BackoffConfig::new()
        .first(MILLI)
        .cap(5 * MILLI)
        .busy(MILLI, 2 * MILLI)
        .max_attempts(Some(2000));
    let mut client = Reconnecting::<T>::from_requests(request)
        .backoff(config)
        .resend(resend)
        .on_connect(|_| [Message::from("subscribe")]);

    let mut server = None;
    let (mut connections, mut losses) = (0, 0);
    let mut texts = Vec::new();
    let mut given_back = Vec::new();
    let ended = loop {
        let update = client.next().await.expect("the end is reported");
        match update {
            Update::Connected(connected) => {
                assert_eq!(connected.response.status(), 101);
                connections += 1;
                for message in given_back.drain(..) {
                    client.feed(message).await.unwrap();
                }
            }
            Update::Message(message) => {
                texts.push(message.as_text().unwrap().to_owned());
                if message.as_text() == Some("go") {
                    client.feed(big()).await.unwrap();
                }
            }
            Update::Disconnected(lost) => {
                losses += lost.losses;
                assert!(lost.unsent.is_empty() || !resend);
                given_back.extend(lost.unsent);
                if server.is_none() {
                    // There was none yet.
                    assert_eq!(lost.reason.end(), Some(End::Unreachable));
                    server = Some(Server::start(address));
                }
            }
            Update::Ended(ended) => break ended,
            other => panic!("{other:?}"),
        }
    };
    let tokens = server.expect("a server").stop();
    assert!(tokens.is_sorted_by(|one, next| one < next), "{tokens:?}");
    assert!(
        matches!(&ended.reason, Reason::Closed(closed) if closed.code == Some(CloseCode::NORMAL)),
        "{}",
        ended.reason
    );
    assert!(ended.unsent.is_empty());
    assert_eq!(texts, ["go", "got it"]);
    assert_eq!((connections, losses), (6, 5));
    assert!(client.next().await.is_none());
}

fn big() -> Vec<u8> {
    vec![0x5a; BIG]
}

struct Server {
    thread: thread::JoinHandle<()>,
    tokens: mpsc::Receiver<u32>,
}

impl Server {
    fn start(address: SocketAddr) -> Self {
        let (sender, tokens) = mpsc::channel();
        let thread = thread::spawn(move || serve(address, &sender));
        Self { thread, tokens }
    }

    /// The tokens of all requests.
    fn stop(self) -> Vec<u32> {
        self.thread.join().expect("no fault of the client's");
        self.tokens.into_iter().collect()
    }
}

fn serve(address: SocketAddr, tokens: &mpsc::Sender<u32>) {
    let life = |step: &dyn Fn(&TcpListener)| {
        let listener = listen(address);
        step(&listener);
        drop(listener);
        thread::sleep(10 * MILLI);
    };
    let subscribed = |listener: &TcpListener| {
        let mut stream = accept(listener);
        let answer = answer(&mut stream, tokens);
        write_all(&mut stream, &answer);
        assert_eq!(read_frame(&mut stream), (0x81, b"subscribe".to_vec()));
        stream
    };
    // Before it accepts.
    life(&|_| thread::sleep(20 * MILLI));
    // Inside the request.
    life(&|listener| {
        let mut stream = accept(listener);
        stream.read_exact(&mut [0; 10]).unwrap();
    });
    // Inside the answer.
    life(&|listener| {
        let mut stream = accept(listener);
        let answer = answer(&mut stream, tokens);
        write_all(&mut stream, &answer[..answer.len() / 2]);
    });
    // After the answer.
    life(&|listener| {
        let mut stream = accept(listener);
        let answer = answer(&mut stream, tokens);
        write_all(&mut stream, &answer);
    });
    // Inside a message of the server's.
    life(&|listener| {
        write_all(&mut subscribed(listener), b"\x81\x0aonly");
    });
    // Inside a message of the client's.
    life(&|listener| {
        let mut stream = subscribed(listener);
        write_all(&mut stream, &wire::frame(Side::Client, 0x81, b"go"));
        stream.read_exact(&mut [0; 64 * 1024]).unwrap();
    });
    // Inside a Close, after the message has come.
    life(&|listener| {
        let mut stream = subscribed(listener);
        let (first, payload) = read_frame(&mut stream);
        assert!(first == 0x82 && payload == big());
        write_all(&mut stream, &wire::frame(Side::Client, 0x81, b"got it"));
        write_all(&mut stream, b"\x88\x02\x03");
    });
    // After its Close.
    life(&|listener| {
        let mut stream = subscribed(listener);
        write_all(&mut stream, b"\x88\x02\x03\xf4");
    });
    // It has done what the client came for.
    life(&|listener| {
        let mut stream = subscribed(listener);
        write_all(&mut stream, b"\x88\x02\x03\xe8");
        assert_eq!(read_frame(&mut stream), (wire::CLOSE, b"\x03\xe8".to_vec()));
        stream.shutdown(Shutdown::Write).unwrap();
        assert_eq!(stream.read(&mut [0]).unwrap(), 0);
    });
}

fn listen(address: SocketAddr) -> TcpListener {
    for _ in 0..1000 {
        if let Ok(listener) = TcpListener::bind(address) {
            return listener;
        }
        thread::sleep(10 * MILLI);
    }
    panic!("the port is taken");
}

fn accept(listener: &TcpListener) -> TcpStream {
    let (stream, _) = listener.accept().unwrap();
    stream.set_read_timeout(Some(10_000 * MILLI)).unwrap();
    stream
}

/// Reads a request, and gives the answer to it.
fn answer(stream: &mut TcpStream, tokens: &mpsc::Sender<u32>) -> Vec<u8> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.extend(byte);
    }
    let head = String::from_utf8(head).unwrap();
    let field = |name: &str| {
        head.lines()
            .find_map(|line| line.strip_prefix(name))
            .unwrap()
    };
    let token = field("Authorization: Bearer ").parse().unwrap();
    tokens.send(token).unwrap();
    let accept = ws_proto::handshake::accept_key(field("Sec-WebSocket-Key: ").as_bytes());
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {}\r\n\r\n",
        accept.as_str()
    )
    .into_bytes()
}

fn write_all(stream: &mut TcpStream, bytes: &[u8]) {
    stream.write_all(bytes).unwrap();
}

/// A frame of the client's: its first byte and the payload.
fn read_frame(stream: &mut TcpStream) -> (u8, Vec<u8>) {
    let mut head = [0; 2];
    stream.read_exact(&mut head).unwrap();
    let len = match head[1] & 0x7f {
        126 => read_number(stream, 2),
        127 => read_number(stream, 8),
        len => len.into(),
    };
    let mut key = [0; 4];
    stream.read_exact(&mut key).unwrap();
    let mut payload = vec![0; len];
    stream.read_exact(&mut payload).unwrap();
    (head[0], wire::masked(&payload, key))
}

fn read_number(stream: &mut TcpStream, bytes: usize) -> usize {
    let mut number = [0; 8];
    stream.read_exact(&mut number[8 - bytes..]).unwrap();
    u64::from_be_bytes(number) as usize
}
