//! WebSocket on streams of HTTP/2: both ends by `h2`, and the server by hyper.

mod ends;
mod hyper;
mod opening;
mod windows;

use http::{Request, Response, Version};
use tokio::io::duplex;
use tokio::sync::mpsc;
use ws_proto_tokio::http2::h2::ext::Protocol;
use ws_proto_tokio::http2::h2::server::SendResponse;
use ws_proto_tokio::http2::h2::{RecvStream, SendStream, client, server};
use ws_proto_tokio::http2::{H2Stream, accept, connect, handshake, is_websocket};
use ws_proto_tokio::{Acceptor, Bytes, CloseCode, Config, Connector, Message, Options, WebSocket};

type Socket = WebSocket<H2Stream>;
type Asked = (Request<RecvStream>, SendResponse<Bytes>);

/// What `h2` has unless it is set.
const WINDOW: u32 = 65_535;
const URL: &str = "wss://example.com/chat?room=1";

/// A client and the requests that its server receives, with these windows of a stream.
async fn streams(
    client_window: u32,
    server_window: u32,
) -> (client::SendRequest<Bytes>, mpsc::UnboundedReceiver<Asked>) {
    let mut client = client::Builder::new();
    client.initial_window_size(client_window);
    let mut server = server::Builder::new();
    server
        .initial_window_size(server_window)
        .data_frame_budget(42 * WINDOW as usize);
    streams_with(&client, &mut server).await
}

async fn streams_with(
    client: &client::Builder,
    server: &mut server::Builder,
) -> (client::SendRequest<Bytes>, mpsc::UnboundedReceiver<Asked>) {
    let (client_io, server_io) = duplex(64 * 1024);
    let (put, asked) = mpsc::unbounded_channel();
    let serving = server.enable_connect_protocol().handshake(server_io);
    tokio::spawn(async move {
        let mut connection = serving.await.unwrap();
        while let Some(Ok(next)) = connection.accept().await {
            if put.send(next).is_err() {
                connection.graceful_shutdown();
            }
        }
    });
    let (sender, connection) = handshake(client_io, client).await.unwrap();
    tokio::spawn(connection);
    (sender, asked)
}

fn quiet() -> Options {
    Options::new().config(Config::new().keepalive(None).max_message(32 << 20))
}

fn connector() -> Connector {
    Connector::new(URL).unwrap().options(quiet())
}

async fn pair_with(
    windows: (u32, u32),
    acceptor: Acceptor<'_>,
    connector: Connector,
) -> (Socket, Socket) {
    let (sender, mut asked) = streams(windows.0, windows.1).await;
    let serve = async {
        let (request, respond) = asked.recv().await.unwrap();
        assert!(is_websocket(&request));
        accept(request, respond, acceptor.options(quiet())).unwrap()
    };
    let (client, server) = tokio::join!(connect(&sender, connector), serve);
    (client.unwrap().0, server)
}

async fn pair(windows: (u32, u32)) -> (Socket, Socket) {
    pair_with(windows, Acceptor::new(), connector()).await
}

/// A WebSocket server, and the client's side of its stream as bytes.
async fn raw_client() -> (Socket, SendStream<Bytes>, RecvStream) {
    let (mut sender, mut asked) = streams(65_535, 65_535).await;
    let (response, send) = sender.send_request(request(), false).unwrap();
    let (request, respond) = asked.recv().await.unwrap();
    let server = accept(request, respond, Acceptor::new().options(quiet())).unwrap();
    (server, send, response.await.unwrap().into_body())
}

/// A WebSocket client, and the server's side of its stream as bytes.
async fn raw_server() -> (Socket, SendStream<Bytes>, RecvStream) {
    let (sender, mut asked) = streams(65_535, 65_535).await;
    let serve = async {
        let (request, mut respond) = asked.recv().await.unwrap();
        let send = respond.send_response(Response::new(()), false).unwrap();
        (send, request.into_body())
    };
    let (client, (send, recv)) = tokio::join!(connect(&sender, connector()), serve);
    (client.unwrap().0, send, recv)
}

fn request() -> Request<()> {
    Request::connect(URL.replace("wss", "https"))
        .version(Version::HTTP_2)
        .header("sec-websocket-version", "13")
        .extension(Protocol::from_static("websocket"))
        .body(())
        .unwrap()
}

async fn echo(mut socket: Socket) -> Option<CloseCode> {
    while let Some(message) = socket.next().await {
        socket.send(message.unwrap()).await.unwrap();
    }
    socket.closed().unwrap().code
}

fn noise(len: usize) -> Vec<u8> {
    let mut random = 7_u32;
    let byte = |_| {
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (random >> 24) as u8
    };
    (0..len).map(byte).collect()
}

/// Sends each, receives the same, and closes by 1000.
async fn ask(mut client: Socket, messages: &[Message]) {
    for message in messages {
        client.send(message.clone()).await.unwrap();
        let echo = client.next().await.unwrap().unwrap();
        assert!(echo == *message, "another echo");
    }
    client.close(CloseCode::NORMAL, "done").await.unwrap();
    assert_eq!(client.closed().unwrap().code, Some(CloseCode::NORMAL));
}

#[tokio::test]
async fn echoes_of_all_sizes_both_ways() {
    for (windows, largest) in [
        ((65_535, 65_535), 16 << 20),
        ((1000, 700), 1 << 20),
        ((1, 65_535), 2000),
        ((65_535, 1), 2000),
        ((1, 1), 2000),
    ] {
        let (client, server) = pair(windows).await;
        let server = tokio::spawn(echo(server));
        let messages = [
            Message::text("hello"),
            Message::binary(noise(largest / 16)),
            Message::binary(noise(largest)),
            Message::text("ä".repeat(largest / 64)),
            Message::text(""),
        ];
        ask(client, &messages).await;
        assert_eq!(server.await.unwrap(), Some(CloseCode::NORMAL));
    }
}
