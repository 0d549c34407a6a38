//! Through proxies, of an option and of the environment.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, copy_bidirectional};
use tokio::net::TcpStream;

use crate::common::{Done, collect, echo, run, serve, wsp};

/// What a proxy was asked for.
type Asked = Arc<Mutex<Vec<String>>>;

/// An HTTP proxy that leads wherever it is asked to if the credentials are `me:secret`, or none are needed. Its
/// address.
fn proxy(asked: &Asked, needs_credentials: bool) -> String {
    let asked = Arc::clone(asked);
    let address = serve(move |stream| {
        let asked = Arc::clone(&asked);
        async move {
            let mut stream = BufReader::new(stream);
            let mut head = String::new();
            while !head.ends_with("\r\n\r\n") {
                if stream.read_line(&mut head).await.unwrap() == 0 {
                    return;
                }
            }
            let place = head.split(' ').nth(1).unwrap().to_owned();
            asked.lock().unwrap().push(place.clone());
            // me:secret
            if needs_credentials && !head.contains("Basic bWU6c2VjcmV0\r\n") {
                let refused = "HTTP/1.1 407 No\r\nProxy-Authenticate: Basic realm=\"here\"\r\n\
                               Content-Length: 7\r\n\r\nwho are";
                stream.write_all(refused.as_bytes()).await.unwrap();
                return;
            }
            let Ok(mut server) = TcpStream::connect(&place).await else {
                let refused = "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n";
                stream.write_all(refused.as_bytes()).await.unwrap();
                return;
            };
            stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
            let _ = copy_bidirectional(&mut stream, &mut server).await;
        }
    });
    address.to_string()
}

fn run_with(variables: &[(&str, &str)], args: &[&str]) -> Done {
    let mut command = wsp();
    let variables = variables.iter().copied();
    collect(
        command
            .args(["--wait", "0.2", "-m", "hi"])
            .args(args)
            .envs(variables)
            .spawn()
            .unwrap(),
    )
}

fn place(url: &str) -> &str {
    url.trim_start_matches("ws://").trim_end_matches('/')
}

#[test]
fn the_proxy_of_the_option() {
    let asked = Asked::default();
    let (url, proxy) = (echo(), proxy(&asked, false));
    for given in [proxy.clone(), format!("http://{proxy}")] {
        let done = run_with(&[], &["--proxy", &given, &url]);
        assert_eq!((done.code, done.text()), (0, "hi\n"), "{}", done.stderr);
        assert_eq!(
            asked.lock().unwrap().drain(..).collect::<Vec<_>>(),
            [place(&url)]
        );
    }
    // The proxy connects to where --connect-to says.
    let args = ["--proxy", &proxy, "--connect-to", place(&url)];
    let done = run_with(&[], &[&args[..], &["ws://vhost.example/"]].concat());
    assert_eq!((done.code, done.text()), (0, "hi\n"), "{}", done.stderr);
    assert_eq!(
        asked.lock().unwrap().drain(..).collect::<Vec<_>>(),
        [place(&url)]
    );
}

#[test]
fn the_proxy_of_the_environment() {
    let asked = Asked::default();
    let (url, proxy) = (echo(), proxy(&asked, false));
    let through = |variables: &[(&str, &str)], args: &[&str]| {
        let done = run_with(variables, &[args, &[&*url]].concat());
        assert_eq!((done.code, done.text()), (0, "hi\n"), "{}", done.stderr);
        !std::mem::take(&mut *asked.lock().unwrap()).is_empty()
    };
    assert!(through(&[("ALL_PROXY", &proxy)], &[]));
    assert!(through(&[("http_proxy", &proxy)], &[]));
    // That one is for wss.
    assert!(!through(&[("HTTPS_PROXY", &proxy)], &[]));
    let excluded = [("ALL_PROXY", &*proxy), ("NO_PROXY", "127.0.0.1")];
    assert!(!through(&excluded, &[]));
    // What was given counts; nothing is no proxy.
    assert!(through(&excluded, &["--proxy", &proxy]));
    assert!(!through(&[("ALL_PROXY", &proxy)], &["--proxy", ""]));
    // The host that is connected to counts, not the one that is asked for there.
    assert!(!through(&excluded, &["--host", "vhost.example"]));
}

#[test]
fn a_proxy_that_wants_credentials() {
    let (url, proxy) = (echo(), proxy(&Asked::default(), true));
    let given = format!("http://me:secret@{proxy}");
    let done = run_with(&[], &["--proxy", &given, &url]);
    assert_eq!((done.code, done.text()), (0, "hi\n"), "{}", done.stderr);
    for (variables, args, named) in [
        (&[][..], &["--proxy", &*proxy][..], "--proxy"),
        (&[("ALL_PROXY", &*proxy)], &[], "ALL_PROXY"),
    ] {
        let done = run_with(variables, &[args, &[&*url]].concat());
        assert_eq!((done.code, done.text()), (2, ""), "{}", done.stderr);
        for part in [named, "407", "USER:PASSWORD@", "\n  | who are"] {
            assert!(done.stderr.contains(part), "{part}: {}", done.stderr);
        }
    }
}

#[test]
fn a_proxy_that_leads_nowhere() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let nobody = free.local_addr().unwrap().to_string();
    drop(free);
    // It is the proxy that is not there.
    for (variables, args, named) in [
        (&[][..], &["--proxy", &*nobody][..], "--proxy"),
        (&[("ALL_PROXY", &*nobody)], &[], "--proxy ''"),
    ] {
        let done = run_with(variables, &[args, &["ws://h.example/"]].concat());
        assert_eq!(done.code, 2, "{}", done.stderr);
        for part in ["proxy", "cannot be reached", named] {
            assert!(done.stderr.contains(part), "{part}: {}", done.stderr);
        }
    }
    // It is the server that is not there.
    let asked = Asked::default();
    let proxy = proxy(&asked, false);
    let done = run_with(&[], &["--proxy", &proxy, &format!("ws://{nobody}/")]);
    assert_eq!(done.code, 2, "{}", done.stderr);
    assert!(done.stderr.contains("502"), "{}", done.stderr);
    // No URL of a proxy.
    for wrong in ["ftp://h", "http://h/path", "http://a b@h"] {
        let done = run(&["--proxy", wrong, "ws://h.example/"], b"");
        assert_eq!(done.code, 1, "{}", done.stderr);
        assert!(done.stderr.contains("--proxy"), "{}", done.stderr);
        let done = run_with(&[("ALL_PROXY", wrong)], &["ws://h.example/"]);
        assert_eq!(done.code, 1, "{}", done.stderr);
        assert!(done.stderr.contains("environment"), "{}", done.stderr);
    }
}

#[test]
fn a_socks_proxy() {
    let address = serve(|mut stream| async move {
        // RFC 1928: no authentication, then CONNECT to an IPv4 address.
        let mut greeting = [0; 2];
        stream.read_exact(&mut greeting).await.unwrap();
        let mut methods = vec![0; usize::from(greeting[1])];
        stream.read_exact(&mut methods).await.unwrap();
        stream.write_all(&[5, 0]).await.unwrap();
        let mut request = [0; 10];
        stream.read_exact(&mut request).await.unwrap();
        assert_eq!(request[..4], [5, 1, 0, 1]);
        let [.., a, b, c, d, high, low] = request;
        let place = ([a, b, c, d], u16::from_be_bytes([high, low]));
        let mut server = TcpStream::connect(std::net::SocketAddr::from(place))
            .await
            .unwrap();
        let done = [5, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        stream.write_all(&done).await.unwrap();
        let _ = copy_bidirectional(&mut stream, &mut server).await;
    });
    let done = run_with(&[], &["--proxy", &format!("socks5://{address}"), &echo()]);
    assert_eq!((done.code, done.text()), (0, "hi\n"), "{}", done.stderr);
}

#[test]
fn a_socks_proxy_wants_a_password_with_a_user_name() {
    let proxy = ["--proxy", "socks5h://me@127.0.0.1:1"];
    let done = run(&[proxy[0], proxy[1], "ws://h.example/"], b"");
    assert_eq!(done.code, 2, "{}", done.stderr);
    for part in ["1 to 255 bytes", "socks5://USER:PASSWORD@"] {
        assert!(done.stderr.contains(part), "{}", done.stderr);
    }
}
