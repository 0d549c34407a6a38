//! Clients that connect through HTTP proxies, or through any.

use std::ffi::OsStr;
use std::future::{pending, ready};
use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpListener};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use ws_proto_async::net::{Client, Network, Tls};
use ws_proto_async::rustls::ServerConfig;
use ws_proto_async::{
    ConnectError, HandshakeError, Proxy as Url, ProxyError, ProxyUriError, Stage,
};

use super::super::Runtime;
use super::serving::{Both, Identity, Kind, NAME, Proxy, Server, Silent, read_head, refusing};
use super::{connector, fails, talk};

const GRANTED: &[u8] = b"HTTP/1.1 200 Connection established\r\nVia: 1.1 test\r\n\r\n";

/// An HTTP proxy that grants every request.
fn granting(tls: [Option<ServerConfig>; 2]) -> Proxy {
    Proxy::start(tls, |stream| {
        let asked = read_head(stream)?;
        stream.write_all(GRANTED)?;
        stream.flush()?;
        Ok((asked, true))
    })
}

/// A client whose resolver knows the proxy and nobody else.
pub(super) fn through<N: Network>(url: &str, address: SocketAddr) -> Client<N> {
    let proxy = Url::new(url).expect("a valid URL");
    let (host, port) = (proxy.host().to_owned(), proxy.port());
    Client::new().proxy(proxy).resolver(move |name, to| {
        assert_eq!((name, to), (host.clone(), port));
        ready(Ok(vec![address]))
    })
}

/// Why there was no tunnel.
pub(super) fn no_tunnel<R: Runtime, N: Network>(client: &Client<N>, url: &str) -> ProxyError {
    match fails::<R, N>(client, connector(url, 10_000)) {
        ConnectError::Proxy(error) => error,
        other => panic!("{other:?}"),
    }
}

pub fn tunnels_through_an_http_proxy<R: Runtime, N: Network>() {
    let proxy = granting([None, None]);
    let client = through::<N>("proxy.test:3128", proxy.address);
    talk::<R, N>(&client, connector("ws://server.test:9001/", 10_000));
    assert_eq!(
        proxy.asked(),
        "CONNECT server.test:9001 HTTP/1.1\r\nHost: server.test:9001\r\n\r\n"
    );
    assert_eq!(proxy.seen().host, "server.test:9001");

    let identity = Identity::self_signed(Kind::Leaf);
    let proxy = granting([None, Some(identity.server(None))]);
    let client = through::<N>("http://me:p%40ss@proxy.test", proxy.address);
    let client = client.tls(Tls::empty().trust(identity.certificate));
    talk::<R, N>(&client.clone(), connector("wss://server.test/", 10_000));
    assert_eq!(
        proxy.asked(),
        "CONNECT server.test:443 HTTP/1.1\r\nHost: server.test:443\r\n\
        Proxy-Authorization: Basic bWU6cEBzcw==\r\n\r\n"
    );
    let seen = proxy.seen();
    assert_eq!(seen.server_name.as_deref(), Some(NAME));
    assert_eq!(seen.alpn.as_deref(), Some("http/1.1"));
    assert_eq!((&*seen.host, seen.authorization), (NAME, None));
    let shown = format!("{client:?}");
    assert!(
        shown.contains("proxy.test") && !shown.contains("p@ss"),
        "{shown}"
    );
}

pub fn a_proxy_over_tls<R: Runtime, N: Network>() {
    let (outer, inner) = (
        Identity::self_signed(Kind::Local),
        Identity::self_signed(Kind::Leaf),
    );
    let proxy = granting([Some(outer.server(None)), Some(inner.server(None))]);
    let client = through::<N>("https://localhost", proxy.address);
    let client = client.tls(Tls::empty().trust(inner.certificate));
    let trusting = client
        .clone()
        .proxy_tls(Tls::empty().trust(outer.certificate.clone()));
    talk::<R, N>(&trusting, connector("wss://server.test/", 10_000));
    assert!(proxy.asked().starts_with("CONNECT server.test:443 "));
    assert_eq!(proxy.seen().server_name.as_deref(), Some(NAME));

    // Who is trusted as a server is not trusted as a proxy.
    let error = no_tunnel::<R, N>(&client, "wss://server.test/");
    let words = error.to_string();
    assert!(
        words.starts_with("proxy: TLS with localhost failed"),
        "{words}"
    );
    match error {
        ProxyError::Connect(error) => {
            assert!(matches!(&*error, ConnectError::Tls { host, .. } if &**host == "localhost"));
            assert_eq!(error.end(), None);
        }
        other => panic!("{other:?}"),
    }

    let proxy = granting([Some(outer.server(None)), None]);
    let client = through::<N>("https://localhost", proxy.address);
    let trusting = client.proxy_tls(Tls::empty().trust(outer.certificate));
    talk::<R, N>(&trusting, connector("ws://server.test/", 10_000));
}

pub fn a_tunnel_leads_to_another_place<R: Runtime, N: Network>() {
    let proxy = granting([None, None]);
    for (host, place) in [
        ("192.0.2.7", "192.0.2.7"),
        ("::1", "[::1]"),
        ("b.test", "b.test"),
    ] {
        let client = through::<N>("http://proxy.test", proxy.address).connect_to(host, 9001);
        talk::<R, N>(&client, connector("ws://server.test/", 10_000));
        assert_eq!(
            proxy.asked(),
            format!("CONNECT {place}:9001 HTTP/1.1\r\nHost: {place}:9001\r\n\r\n")
        );
        assert_eq!(proxy.seen().host, NAME);
    }
}

pub fn what_comes_after_the_answer_of_a_proxy_is_from_the_server<R: Runtime, N: Network>() {
    const REFUSAL: &[u8] = b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\nno";
    let both = [GRANTED, REFUSAL].concat();
    let (proxy, script) = scripted(read_head);
    let client = through::<N>("http://proxy.test", proxy.address);
    for cut in 0..=both.len() {
        *script.lock().unwrap() = Script::cut(&both, cut, true);
        match fails::<R, N>(&client, connector("ws://server.test/", 10_000)) {
            ConnectError::Refused(response) => {
                assert_eq!((response.status(), response.body()), (401, &b"no"[..]));
            }
            other => panic!("cut at {cut}: {other:?}"),
        }
    }
    // TLS gets it too, and refuses it.
    let proxy = Proxy::start([None, None], move |stream| {
        let asked = read_head(stream)?;
        stream.write_all(&both)?;
        // As long as the client is there.
        let _ = stream.read_to_end(&mut Vec::new());
        Ok((asked, false))
    });
    let client = through::<N>("http://proxy.test", proxy.address);
    let client = client.tls(Tls::empty().trust(Identity::self_signed(Kind::Leaf).certificate));
    match fails::<R, N>(&client, connector("wss://server.test/", 10_000)) {
        ConnectError::Tls { host, error } => {
            assert_eq!((&*host, error.kind()), (NAME, ErrorKind::InvalidData));
        }
        other => panic!("{other:?}"),
    }
}

/// What a proxy answers to the next request.
#[derive(Clone, Default)]
pub(super) struct Script {
    /// The client gets each in another read.
    pub(super) pieces: Vec<Vec<u8>>,
    /// Whether there is a tunnel then.
    pub(super) grants: bool,
}

impl Script {
    /// All of an answer, cut, or only the part before the cut.
    pub(super) fn cut(answer: &[u8], cut: usize, goes_on: bool) -> Self {
        let (front, back) = answer.split_at(cut);
        let mut pieces = vec![front.to_vec()];
        if goes_on {
            pieces.push(back.to_vec());
        }
        Self {
            pieces,
            grants: false,
        }
    }
}

/// A proxy that follows a script, which can be another one for each client.
pub(super) fn scripted(
    read: fn(&mut dyn Both) -> io::Result<String>,
) -> (Proxy, Arc<Mutex<Script>>) {
    let script = Arc::new(Mutex::new(Script::default()));
    let current = Arc::clone(&script);
    let proxy = Proxy::start([None, None], move |stream| {
        let Script { pieces, grants } = current.lock().unwrap().clone();
        let asked = read(stream)?;
        for (index, piece) in pieces.iter().enumerate() {
            if index > 0 {
                thread::sleep(Duration::from_millis(1));
            }
            stream.write_all(piece)?;
        }
        Ok((asked, grants))
    });
    (proxy, script)
}

/// Whether the error of a proxy is the right one.
type Judge = fn(&ProxyError) -> bool;

fn refused(error: &ProxyError, status: u16) -> bool {
    matches!(error, ProxyError::Refused(response) if response.status() == status)
}

fn is_broken(error: &ProxyError) -> bool {
    matches!(error, ProxyError::Handshake(_))
}

pub fn every_answer_of_a_proxy_cut_at_every_byte<R: Runtime, N: Network>() {
    let answers: [(&[u8], Judge); 8] = [
        (
            b"HTTP/1.1 407 No\r\nProxy-Authenticate: Basic realm=\"x\"\r\nContent-Length: 4\r\n\r\nbody",
            |e| refused(e, 407),
        ),
        (b"HTTP/1.0 401 Unauthorized\r\n\r\n<html>", |e| refused(e, 401)),
        (
            b"HTTP/1.1 502 Bad Gateway\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
            |e| refused(e, 502),
        ),
        (b"HTTP/1.1 301 Moved\r\nLocation: /\r\nContent-Length: 0\r\n\r\n", |e| refused(e, 301)),
        (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n", |e| refused(e, 101)),
        (b"HTTP/1.1 200 OK\nVia: x\n\n", is_broken),
        (b"SSH-2.0-OpenSSH_9.2\r\n", is_broken),
        (b"\x05\xff", is_broken),
    ];
    let (proxy, script) = scripted(read_head);
    let client = through::<N>("http://proxy.test", proxy.address);
    for (answer, is_right) in answers {
        for cut in 0..=answer.len() {
            for goes_on in [true, false] {
                *script.lock().unwrap() = Script::cut(answer, cut, goes_on);
                let error = no_tunnel::<R, N>(&client, "ws://server.test/");
                let words = format!("{} cut at {cut}: {error:?}", answer.escape_ascii());
                match (goes_on, &error) {
                    (true, _) => assert!(is_right(&error), "{words}"),
                    (false, ProxyError::Handshake(_)) => {}
                    // The head was there.
                    (false, _) => assert!(is_right(&error), "{words}"),
                }
                if cut == 0 && !goes_on {
                    let nothing = HandshakeError::NothingReceived;
                    assert!(
                        matches!(error, ProxyError::Handshake(error) if error == nothing),
                        "{words}"
                    );
                }
            }
        }
    }
    // One that is right is one wherever it is cut.
    for cut in 1..GRANTED.len() {
        *script.lock().unwrap() = Script {
            grants: true,
            ..Script::cut(GRANTED, cut, true)
        };
        let connected = R::run(async {
            let connected = client.connect(connector("ws://server.test/", 10_000)).await;
            connected.map(|(_, response)| response.status())
        });
        assert_eq!(connected.unwrap(), 101, "cut at {cut}");
    }
}

pub fn every_stage_of_a_proxy_has_its_own_error<R: Runtime, N: Network>() {
    // It connects, and says nothing.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mute = listener.local_addr().unwrap();
    let silent = Silent::new();
    let certificate = Identity::self_signed(Kind::Authority).certificate;
    for (scheme, address, stage) in [
        ("http", mute, Stage::Proxy),
        ("https", mute, Stage::Tls),
        ("socks5h", mute, Stage::Proxy),
        ("http", silent.address, Stage::Connect),
    ] {
        let client = through::<N>(&format!("{scheme}://proxy.test"), address);
        let client = client.proxy_tls(Tls::empty().trust(certificate.clone()));
        match fails::<R, N>(&client, connector("ws://server.test/", 150)) {
            ConnectError::Proxy(ProxyError::TimedOut(late)) => {
                assert_eq!((late.stage(), late.get_host()), (stage, Some("proxy.test")));
                assert!(late.spent() >= Duration::from_millis(100), "{late}");
                let tried = late.get_attempts().len();
                assert_eq!(tried, usize::from(stage == Stage::Connect));
            }
            other => panic!("{scheme} {stage:?}: {other:?}"),
        }
    }
    let proxied = || Client::<N>::new().proxy(Url::new("proxy.test").unwrap());
    let never = proxied().resolver(|_, _| pending());
    match fails::<R, N>(&never, connector("ws://server.test/", 150)) {
        ConnectError::Proxy(ProxyError::TimedOut(late)) => {
            assert_eq!(late.stage(), Stage::Resolve);
        }
        other => panic!("{other:?}"),
    }

    let failing = proxied().resolver(|_, _| ready(Err(io::Error::other("no such name"))));
    let error = no_tunnel::<R, N>(&failing, "ws://server.test/");
    assert_eq!(
        error.to_string(),
        "proxy: proxy.test cannot be resolved: no such name"
    );

    let address = refusing();
    let error = no_tunnel::<R, N>(&through("http://proxy.test", address), "ws://server.test/");
    let words = error.to_string();
    assert!(
        words.starts_with(&format!("proxy: proxy.test cannot be reached: {address}: ")),
        "{words}"
    );
    let ProxyError::Connect(error) = error else {
        panic!("{error:?}")
    };
    assert!(matches!(*error, ConnectError::Unreachable(_)));

    // All the addresses of the proxy.
    let proxy = granting([None, None]);
    let address = proxy.address;
    let two = proxied().resolver(move |_, _| ready(Ok(vec![refusing(), address])));
    talk::<R, N>(&two, connector("ws://server.test/", 10_000));
}

pub fn one_time_limit_for_proxy_and_server<R: Runtime, N: Network>() {
    let certificate = Identity::self_signed(Kind::Leaf).certificate;
    for (url, stage) in [
        ("ws://server.test/", Stage::Handshake),
        ("wss://server.test/", Stage::Tls),
    ] {
        let proxy = Proxy::start([None, None], |stream| {
            let asked = read_head(stream)?;
            thread::sleep(Duration::from_millis(200));
            stream.write_all(GRANTED)?;
            // Nothing from the server, as long as the client is there.
            let _ = stream.read_to_end(&mut Vec::new());
            Ok((asked, false))
        });
        let client = through::<N>("http://proxy.test", proxy.address);
        let client = client.tls(Tls::empty().trust(certificate.clone()));
        let started = Instant::now();
        match fails::<R, N>(&client, connector(url, 400)) {
            ConnectError::TimedOut(late) => {
                assert_eq!((late.stage(), late.get_host()), (stage, Some(NAME)));
                // The proxy has had its part.
                assert!(late.spent() < Duration::from_millis(400), "{late}");
            }
            other => panic!("{other:?}"),
        }
        let took = started.elapsed();
        assert!(took >= Duration::from_millis(399), "{took:?}");
    }
}

/// Variables are those of a process: the test plays in one of its own.
pub fn proxies_of_the_environment<R: Runtime, N: Network>() {
    const CHILD: &str = "WS_PROTO_TEST_PROXIED";
    if let Ok(direct) = std::env::var(CHILD) {
        let client = Client::<N>::new().proxy_from_env();
        let of_proxy = |url: &str| match fails::<R, N>(&client, connector(url, 10_000)) {
            ConnectError::Proxy(ProxyError::Refused(response)) => response.status(),
            other => panic!("{url}: {other:?}"),
        };
        assert_eq!(of_proxy("wss://server.test/"), 418);
        assert_eq!(of_proxy("ws://server.test/"), 418);
        // That is in `NO_PROXY`.
        talk::<R, N>(&client, connector(&direct, 10_000));
        // By choice only.
        let error = fails::<R, N>(&Client::new(), connector("ws://nothing.invalid/", 10_000));
        assert!(matches!(error, ConnectError::Resolve { .. }), "{error:?}");
        return;
    }
    let proxy = Proxy::start([None, None], |stream| {
        let asked = read_head(stream)?;
        stream.write_all(b"HTTP/1.1 418 x\r\nContent-Length: 0\r\n\r\n")?;
        Ok((asked, false))
    });
    let server = Server::start(None);
    let child = |all: &OsStr| {
        let thread = thread::current();
        let mut child = Command::new(std::env::current_exe().expect("there is one"));
        for name in [
            "https_proxy",
            "all_proxy",
            "http_proxy",
            "no_proxy",
            "wss_proxy",
            "ws_proxy",
        ] {
            child.env_remove(name).env_remove(name.to_ascii_uppercase());
        }
        child
            .args(["--exact", thread.name().expect("that of the test")])
            .env(CHILD, format!("ws://{}/", server.address))
            .env("HTTPS_PROXY", format!("http://{}", proxy.address))
            .env("ALL_PROXY", all)
            .env("NO_PROXY", "127.0.0.0/8");
        child.output().expect("it starts")
    };
    let output = child(proxy.address.to_string().as_ref());
    let words = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && words.contains("1 passed"),
        "{words}"
    );
    assert!(proxy.asked().starts_with("CONNECT server.test:443 "));
    assert!(proxy.asked().starts_with("CONNECT server.test:80 "));

    let output = child("ftp://proxy.test".as_ref());
    let words = String::from_utf8_lossy(&output.stdout);
    let scheme = format!("{:?}", ProxyError::Uri(ProxyUriError::Scheme));
    assert!(
        !output.status.success() && words.contains(&scheme),
        "{words}"
    );

    // What is not Unicode is not the way without a proxy.
    #[cfg(unix)]
    {
        use std::os::unix::ffi::OsStrExt;
        let output = child(OsStr::from_bytes(b"socks5h://u:p\xff@127.0.0.1:1"));
        let words = String::from_utf8_lossy(&output.stdout);
        let is_refused = !output.status.success() && words.contains("Proxy(Uri(");
        assert!(is_refused, "{words}");
    }
}
