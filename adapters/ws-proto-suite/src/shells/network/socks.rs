//! Clients that connect through SOCKS proxies.

use std::future::ready;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use ws_proto_async::net::{Client, Network, Tls};
use ws_proto_async::rustls::ServerConfig;
use ws_proto_async::{ConnectError, Proxy as Url, ProxyError, Stage};

use super::super::Runtime;
use super::proxies::{Script, no_tunnel, scripted, through};
use super::serving::{Both, Identity, Kind, NAME, Proxy, Silent, refusing};
use super::{connector, fails, talk, try_talk};

/// Speaks SOCKS 5 (RFC 1928, RFC 1929) with who has this user name and password, up to the request; the request, as
/// `host:port`.
fn read_socks(stream: &mut dyn Both, user: &str, password: &str) -> io::Result<String> {
    let mut exact = |count: usize| {
        let mut bytes = vec![0; count];
        stream.read_exact(&mut bytes).map(|()| bytes)
    };
    let greeting = exact(2)?;
    let methods = exact(greeting[1].into())?;
    if user.is_empty() {
        assert!(methods.contains(&0));
        stream.write_all(b"\x05\x00")?;
    } else {
        assert!(methods.contains(&2));
        stream.write_all(b"\x05\x02")?;
        let mut given = Vec::new();
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        for _ in 0..2 {
            stream.read_exact(&mut byte)?;
            let mut text = vec![0; byte[0].into()];
            stream.read_exact(&mut text)?;
            given.push(String::from_utf8_lossy(&text).into_owned());
        }
        let is_right = given == [user, password];
        stream.write_all(&[1, u8::from(!is_right)])?;
        if !is_right {
            return Err(ErrorKind::PermissionDenied.into());
        }
    }
    let mut exact = |count: usize| {
        let mut bytes = vec![0; count];
        stream.read_exact(&mut bytes).map(|()| bytes)
    };
    let head = exact(4)?;
    assert_eq!(head[..3], [5, 1, 0]);
    let host = match head[3] {
        1 => {
            let bytes: [u8; 4] = exact(4)?.try_into().expect("4 bytes");
            std::net::Ipv4Addr::from(bytes).to_string()
        }
        3 => {
            let len = exact(1)?[0];
            String::from_utf8_lossy(&exact(len.into())?).into_owned()
        }
        _ => {
            let bytes: [u8; 16] = exact(16)?.try_into().expect("16 bytes");
            std::net::Ipv6Addr::from(bytes).to_string()
        }
    };
    let port = exact(2)?;
    Ok(format!("{host} {}", u16::from_be_bytes([port[0], port[1]])))
}

const SOCKS_GRANTED: &[u8] = b"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00";

fn socks(server: Option<ServerConfig>) -> Proxy {
    Proxy::start([None, server], |stream| {
        let asked = read_socks(stream, "me", "p@ss")?;
        stream.write_all(SOCKS_GRANTED)?;
        Ok((asked, true))
    })
}

pub fn tunnels_through_a_socks_proxy<R: Runtime, N: Network>() {
    let identity = Identity::self_signed(Kind::Leaf);
    let proxy = socks(Some(identity.server(None)));
    let tls = Tls::empty().trust(identity.certificate);
    let client = through::<N>("socks5h://me:p%40ss@proxy.test", proxy.address).tls(tls);
    talk::<R, N>(&client, connector("wss://server.test/", 10_000));
    // The proxy resolves the name.
    assert_eq!(proxy.asked(), "server.test 443");
    assert_eq!(proxy.seen().server_name.as_deref(), Some(NAME));

    let proxy = socks(None);
    let address = proxy.address;
    let client = through::<N>("socks5h://me:p%40ss@proxy.test", address);
    talk::<R, N>(&client, connector("ws://[2001:db8::1]:9001/", 10_000));
    assert_eq!(proxy.asked(), "2001:db8::1 9001");
    talk::<R, N>(
        &client.connect_to("b.test", 9002),
        connector("ws://server.test/", 10_000),
    );
    assert_eq!(proxy.asked(), "b.test 9002");

    // This side does.
    let url = Url::new("socks5://me:p%40ss@proxy.test").unwrap();
    let client = Client::<N>::new().proxy(url).resolver(move |name, port| {
        ready(Ok(vec![match &*name {
            NAME => SocketAddr::new([192, 0, 2, 7].into(), port),
            _ => address,
        }]))
    });
    talk::<R, N>(&client, connector("ws://server.test/", 10_000));
    assert_eq!(proxy.asked(), "192.0.2.7 80");

    for url in ["socks5h://me:wrong@proxy.test", "socks5h://proxy.test"] {
        let proxy = socks(None);
        let error = match url.contains("wrong") {
            true => no_tunnel::<R, N>(&through(url, proxy.address), "ws://server.test/"),
            false => {
                let proxy = Proxy::start([None, None], |stream| {
                    stream.read_exact(&mut [0; 3])?;
                    stream.write_all(b"\x05\xff")?;
                    Ok((String::new(), false))
                });
                no_tunnel::<R, N>(&through(url, proxy.address), "ws://server.test/")
            }
        };
        match &error {
            ProxyError::Socks(error) => assert_eq!(error.kind(), ErrorKind::PermissionDenied),
            other => panic!("{other:?}"),
        }
        // Asking again is useless.
        assert_eq!(ConnectError::Proxy(error).end(), None);
    }
}

pub fn a_socks_proxy_gets_the_next_address<R: Runtime, N: Network>() {
    let count = AtomicUsize::new(0);
    let proxy = Proxy::start([None, None], move |stream| {
        let asked = read_socks(stream, "", "")?;
        let mut answer = SOCKS_GRANTED.to_vec();
        let is_first = count.fetch_add(1, Ordering::Relaxed) == 0;
        answer[1] = if is_first { 4 } else { 0 };
        stream.write_all(&answer)?;
        Ok((asked, !is_first))
    });
    let client = to_two_addresses::<N>(proxy.address);
    talk::<R, N>(&client, connector("ws://server.test/", 10_000));
    assert_eq!(
        [proxy.asked(), proxy.asked()],
        ["192.0.2.7 80", "192.0.2.8 80"]
    );
}

pub fn every_answer_of_a_socks_proxy_cut_at_every_byte<R: Runtime, N: Network>() {
    let granted_to_name = [b"\x05\x00\x00\x03\x06b.test", &[0, 80][..]].concat();
    let granted_to_ipv6 = [b"\x05\x00\x00\x04", &[0; 18][..]].concat();
    let denied = b"\x05\x02\x00\x01\x00\x00\x00\x00\x00\x00".to_vec();
    let answers = [
        (SOCKS_GRANTED.to_vec(), true),
        (granted_to_name, true),
        (granted_to_ipv6, true),
        (denied, false),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(), false),
    ];
    let (proxy, script) = scripted(|stream| read_socks(stream, "", ""));
    let client = through::<N>("socks5h://proxy.test", proxy.address);
    for (answer, is_right) in answers {
        for cut in 0..=answer.len() {
            for goes_on in [true, false] {
                let grants = is_right && (goes_on || cut == answer.len());
                *script.lock().unwrap() = Script {
                    grants,
                    ..Script::cut(&answer, cut, goes_on)
                };
                let tried = try_talk::<R, N>(&client, connector("ws://server.test/", 10_000));
                match tried {
                    Ok(()) => assert!(grants),
                    Err(ConnectError::Proxy(ProxyError::Io(_) | ProxyError::Socks(_))) => {
                        assert!(!grants, "{answer:?} cut at {cut}");
                    }
                    Err(other) => panic!("{answer:?} cut at {cut}: {other:?}"),
                }
            }
        }
    }
}

/// A server with two addresses, through a SOCKS proxy.
fn to_two_addresses<N: Network>(proxy: SocketAddr) -> Client<N> {
    let url = Url::new("socks5://proxy.test").expect("a valid URL");
    Client::new().proxy(url).resolver(move |name, port| {
        let of_server = [[192, 0, 2, 7], [192, 0, 2, 8]].map(|ip| SocketAddr::from((ip, port)));
        ready(Ok(match &*name {
            NAME => of_server.to_vec(),
            _ => vec![proxy],
        }))
    })
}

pub fn an_address_without_an_answer_of_a_socks_proxy_leaves_time_to_the_next<
    R: Runtime,
    N: Network,
>() {
    let count = AtomicUsize::new(0);
    let proxy = Proxy::start([None, None], move |stream| {
        let asked = read_socks(stream, "", "")?;
        let is_first = count.fetch_add(1, Ordering::Relaxed) == 0;
        if is_first {
            // As long as the client is there.
            let _ = stream.read_to_end(&mut Vec::new());
        } else {
            stream.write_all(SOCKS_GRANTED)?;
        }
        Ok((asked, !is_first))
    });
    let client = to_two_addresses::<N>(proxy.address);
    // Half of it for each.
    talk::<R, N>(&client, connector("ws://server.test/", 3000));
    assert_eq!(
        [proxy.asked(), proxy.asked()],
        ["192.0.2.7 80", "192.0.2.8 80"]
    );
}

pub fn a_socks_proxy_has_the_whole_time_to_be_connected_to<R: Runtime, N: Network>() {
    let silent = Silent::new();
    let client = to_two_addresses::<N>(silent.address);
    match fails::<R, N>(&client, connector("ws://server.test/", 600)) {
        ConnectError::Proxy(ProxyError::TimedOut(late)) => {
            assert_eq!(late.stage(), Stage::Connect);
            assert!(late.spent() >= Duration::from_millis(500), "{late}");
        }
        other => panic!("{other:?}"),
    }
}

pub fn what_a_socks_proxy_cannot_be_told_is_refused_at_once<R: Runtime, N: Network>() {
    let long = "x".repeat(256);
    for credentials in [
        "me",
        ":secret",
        "me:%ff",
        &format!("me:{long}"),
        &format!("{long}:x"),
    ] {
        // Nothing listens there.
        let client = through::<N>(&format!("socks5h://{credentials}@proxy.test"), refusing());
        let error = no_tunnel::<R, N>(&client, "ws://server.test/");
        assert!(matches!(error, ProxyError::Credentials), "{error:?}");
        let words = error.to_string();
        assert!(words.contains("1 to 255 bytes"), "{words}");
        assert_eq!(ConnectError::Proxy(error).end(), None);
    }
}
