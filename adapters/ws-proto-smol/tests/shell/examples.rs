//! What the examples do, with servers and clients of the test.

use std::time::Duration;

use crate::common::{run, spawn};
use smol::net::TcpListener;
use ws_proto_smol::{CloseCode, Options, PlainResponse, Tls, connect, read_request};
use ws_proto_suite::shells::network::serving::{Identity, Kind, Proxy, Server, read_head};

#[path = "../../examples/authorized_smol.rs"]
#[expect(dead_code, reason = "`main` is not called")]
mod authorized;
#[path = "../../examples/proxy_smol.rs"]
#[expect(dead_code, reason = "`main` is not called")]
mod proxy;
#[path = "../../examples/shutdown_smol.rs"]
#[expect(dead_code, reason = "`main` is not called")]
mod shutdown;
#[path = "../../examples/wss_client_smol.rs"]
#[expect(dead_code, reason = "`main` is not called")]
mod wss_client;

#[test]
fn a_client_over_tls_with_a_further_authority() {
    let authority = Identity::self_signed(Kind::Authority);
    let identity = Identity::issued_by(&authority, Kind::Local);
    let server = Server::start(Some(identity.server(None)));
    let url = format!("wss://localhost:{}/", server.address.port());
    let name = format!("ws-proto-smol-{}.pem", std::process::id());
    let path = std::env::temp_dir().join(name);
    std::fs::write(&path, &authority.pem).unwrap();
    let answer = run(wss_client::say_hello(&url, path.to_str()));
    assert_eq!(answer.unwrap(), "hello");
    assert!(run(wss_client::say_hello(&url, None)).is_err());
    std::fs::remove_file(path).unwrap();
}

#[test]
fn a_client_through_a_proxy() {
    let identity = Identity::self_signed(Kind::Local);
    let proxy = Proxy::start([None, Some(identity.server(None))], |stream| {
        let asked = read_head(stream)?;
        let is_right = asked.contains("\r\nProxy-Authorization: Basic bWU6c2VjcmV0\r\n");
        stream.write_all(match is_right {
            true => b"HTTP/1.1 200 OK\r\n\r\n",
            false => b"HTTP/1.1 407 x\r\nContent-Length: 0\r\n\r\n",
        })?;
        Ok((asked, is_right))
    });
    let client = |user| {
        let url = format!("http://{user}@{}", proxy.address);
        let trusting = Tls::empty().trust(identity.certificate.clone());
        proxy::client(Some(&url)).unwrap().tls(trusting)
    };
    let answer = smol::block_on(proxy::say_hello(&client("me:secret"), "wss://localhost/"));
    assert_eq!(answer.unwrap(), "hello");
    assert!(proxy.asked().starts_with("CONNECT localhost:443 "));
    let refused = smol::block_on(proxy::say_hello(&client("me:wrong"), "wss://localhost/"));
    assert_eq!(refused.unwrap_err().to_string(), "the proxy answers 407");
    assert!(proxy::client(Some("ftp://proxy.test")).is_err());
}

#[test]
fn a_client_with_a_token_and_a_cookie() {
    run(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("ws://{}/feed", listener.local_addr().unwrap());
        let serving = spawn(async move {
            let mut cookies = Vec::new();
            for _ in 0..3 {
                let (stream, _) = listener.accept().await.unwrap();
                let incoming = read_request(stream, Options::new()).await.unwrap();
                let headers = incoming.request().headers();
                let field = |name| {
                    headers
                        .get(name)
                        .map(|v| String::from_utf8_lossy(v).into_owned())
                };
                cookies.push(field("Cookie"));
                if field("Authorization").as_deref() != Some("Bearer right") {
                    incoming.respond(&PlainResponse::new(401)).await.unwrap();
                    continue;
                }
                let set: &[(&str, &[u8])] = &[("Set-Cookie", b"session=7; HttpOnly")];
                let accept = ws_proto_smol::Accept::new().headers(set);
                incoming.accept(&accept).await.unwrap();
            }
            cookies
        });
        let refused = authorized::log_in(&url, "wrong", None).await.unwrap_err();
        assert!(refused.to_string().contains("token"), "{refused}");
        let (_, response) = authorized::log_in(&url, "right", None).await.unwrap();
        let cookie = authorized::cookie_of(&response);
        let again = authorized::log_in(&url, "right", cookie.as_deref()).await;
        assert!(again.is_ok());
        let session = Some("session=7".to_owned());
        assert_eq!(serving.await, [None, None, session]);
    });
}

#[test]
fn a_server_that_ends_says_so_to_all_and_waits_for_a_while() {
    run(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("ws://{}/", listener.local_addr().unwrap());
        let (end, ended) = smol::channel::bounded::<()>(1);
        let serving = spawn(async move {
            let end = async {
                let _ = ended.recv().await;
            };
            let patience = Duration::from_millis(300);
            shutdown::serve_until(listener, end, patience)
                .await
                .unwrap()
        });
        let mut clients = Vec::new();
        for _ in 0..3 {
            let (mut socket, _) = connect(&url).await.unwrap();
            socket.send("hello").await.unwrap();
            assert!(socket.next().await.unwrap().is_ok());
            clients.push(socket);
        }
        // It does not answer.
        let _silent = clients.pop();
        drop(end);
        for mut socket in clients {
            assert!(socket.next().await.is_none());
            assert_eq!(socket.closed().unwrap().code, Some(CloseCode::GOING_AWAY));
        }
        assert_eq!(serving.await, 1);
        assert!(connect(&url).await.is_err());
    });
}
