//! Clients that connect by themselves, to servers over the loopback.

mod proxies;
pub mod serving;
mod socks;

pub use proxies::*;
pub use socks::*;

use std::future::{pending, ready};
use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serving::{Identity, Kind, NAME, Seen, Server, Silent, refusing};
use ws_proto_async::net::{Client, Network, Tls};
use ws_proto_async::rustls::crypto::ring;
use ws_proto_async::rustls::pki_types::ServerName;
use ws_proto_async::rustls::{CertificateError, ClientConfig, Error as TlsError, RootCertStore};
use ws_proto_async::{
    Attempt, CloseCode, ConnectError, Connector, Options, Response, Stage, UriRules, WebSocket,
};

use super::Runtime;

type Connected<N> = Result<(WebSocket<<N as Network>::Io>, Response), ConnectError>;

/// A client whose resolver finds these addresses for every name.
fn resolving<N: Network>(addresses: &[SocketAddr]) -> Client<N> {
    let addresses = addresses.to_vec();
    Client::new().resolver(move |_, _| ready(Ok(addresses.clone())))
}

fn connector(url: &str, millis: u64) -> Connector {
    let options = Options::new().handshake_time(Duration::from_millis(millis));
    Connector::new(url).unwrap().options(options)
}

/// Connects, says something, and closes.
fn try_talk<R: Runtime, N: Network>(
    client: &Client<N>,
    connector: Connector,
) -> Result<(), ConnectError> {
    R::run(async {
        let (mut socket, response) = client.connect(connector).await?;
        assert_eq!(response.status(), 101);
        for text in ["hello".to_owned(), "long ".repeat(20_000)] {
            socket.send(text.clone()).await.unwrap();
            let echo = socket.next().await.unwrap().unwrap();
            assert_eq!(echo.as_text(), Some(&*text));
        }
        socket.close(CloseCode::NORMAL, "").await.unwrap();
        Ok(())
    })
}

fn talk<R: Runtime, N: Network>(client: &Client<N>, connector: Connector) {
    try_talk::<R, N>(client, connector).unwrap();
}

fn fails<R: Runtime, N: Network>(client: &Client<N>, connector: Connector) -> ConnectError {
    R::run(async {
        let connected: Connected<N> = client.connect(connector).await;
        connected.map(|_| ()).unwrap_err()
    })
}

pub fn an_address_that_does_not_answer_does_not_delay_the_next_one<R: Runtime, N: Network>() {
    let (silent, server) = (Silent::new(), Server::start(None));
    let client = resolving::<N>(&[silent.address, server.address]);
    let started = Instant::now();
    let connected = R::run(async {
        let connected: Connected<N> = client.connect("ws://server.test/").await;
        connected.map(|(_, response)| response.status())
    });
    let took = started.elapsed();
    assert_eq!(connected.unwrap(), 101);
    assert!(took >= Duration::from_millis(250), "{took:?}");
    // 250 ms, on a machine that has something else to do.
    assert!(took < Duration::from_millis(5000), "{took:?}");
    assert_eq!(server.seen().host, NAME);

    // The time between can be set.
    let client = client.attempt_delay(Duration::from_secs(60));
    match fails::<R, N>(&client, connector("ws://server.test/", 300)) {
        ConnectError::TimedOut(late) => assert_eq!(late.get_attempts().len(), 1),
        other => panic!("{other:?}"),
    }
}

pub fn an_address_that_refuses_costs_no_time<R: Runtime, N: Network>() {
    let server = Server::start(None);
    let client = resolving::<N>(&[refusing(), refusing(), server.address]);
    let client = client.attempt_delay(Duration::from_secs(60));
    talk::<R, N>(&client, connector("ws://server.test/", 10_000));
}

pub fn every_address_is_named_when_none_can_be_reached<R: Runtime, N: Network>() {
    let addresses = [refusing(), refusing()];
    let client = resolving::<N>(&addresses);
    let error = fails::<R, N>(&client, connector("ws://server.test/", 10_000));
    let words = error.to_string();
    let ConnectError::Unreachable(unreachable) = error else {
        panic!("{error:?}")
    };
    assert_eq!(unreachable.host(), NAME);
    assert!(
        words.starts_with("server.test cannot be reached: "),
        "{words}"
    );
    let attempts = unreachable.attempts();
    assert_eq!(attempts.len(), 2);
    for (attempt, address) in attempts.iter().zip(addresses) {
        assert_eq!(attempt.address(), address);
        let kind = attempt.error().map(io::Error::kind);
        assert_eq!(kind, Some(ErrorKind::ConnectionRefused));
        assert!(words.contains(&address.to_string()), "{words}");
    }

    let client = resolving::<N>(&[]);
    let error = fails::<R, N>(&client, connector("ws://server.test/", 10_000));
    assert_eq!(error.to_string(), "server.test has no address");
}

pub fn what_was_not_reached_in_time_is_named<R: Runtime, N: Network>() {
    let (silent, other, refusing) = (Silent::new(), Silent::new(), refusing());
    let addresses = [silent.address, refusing, other.address];
    let error = fails::<R, N>(&resolving(&addresses), connector("ws://server.test/", 700));
    let words = error.to_string();
    let ConnectError::TimedOut(late) = error else {
        panic!("{error:?}")
    };
    assert_eq!(late.stage(), Stage::Connect);
    assert_eq!(late.get_host(), Some(NAME));
    assert!(late.spent() >= Duration::from_millis(600), "{words}");
    let [first, second, third] = late.get_attempts() else {
        panic!("{late:?}")
    };
    assert_eq!([first, second, third].map(Attempt::address), addresses);
    assert!(first.error().is_none() && first.spent() >= Duration::from_millis(600));
    assert!(second.error().is_some());
    assert!(third.error().is_none() && third.spent() < first.spent());
    for address in addresses {
        assert!(words.contains(&address.to_string()), "{words}");
    }

    // An address in the URL is named too.
    let url = format!("ws://{}/", silent.address);
    let error = fails::<R, N>(&Client::new(), connector(&url, 100)).to_string();
    assert!(error.contains(&silent.address.to_string()), "{error}");
}

pub fn every_stage_has_its_own_error<R: Runtime, N: Network>() {
    // It connects, and says nothing.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mute = resolving::<N>(&[listener.local_addr().unwrap()]);
    let never = Client::<N>::new().resolver(|_, _| pending());
    for (client, url, stage) in [
        (&never, "ws://server.test/", Stage::Resolve),
        (&mute, "ws://server.test/", Stage::Handshake),
        (&mute, "wss://server.test/", Stage::Tls),
    ] {
        let client = client
            .clone()
            .tls(Tls::empty().trust(Identity::self_signed(Kind::Authority).certificate));
        match fails::<R, N>(&client, connector(url, 150)) {
            ConnectError::TimedOut(late) => {
                assert_eq!((late.stage(), late.get_host()), (stage, Some(NAME)));
                assert!(late.spent() >= Duration::from_millis(100), "{late}");
                assert!(late.to_string().contains("ms"), "{late}");
            }
            other => panic!("{stage:?}: {other:?}"),
        }
    }

    let failing = Client::<N>::new().resolver(|host, port| {
        assert_eq!((&*host, port), (NAME, 80));
        ready(Err(io::Error::other("no such name")))
    });
    let error = fails::<R, N>(&failing, connector("ws://server.test/", 10_000));
    assert!(matches!(&error, ConnectError::Resolve { host, .. } if &**host == NAME));
    assert_eq!(
        error.to_string(),
        "server.test cannot be resolved: no such name"
    );

    // A percent-encoding is no zone.
    let failing = Client::<N>::new().resolver(|host, _| {
        assert_eq!(host, "a%41.test");
        ready(Err(io::Error::other("the program's own")))
    });
    let error = fails::<R, N>(&failing, connector("ws://a%41.test/", 10_000));
    assert!(error.to_string().ends_with("the program's own"), "{error}");

    // That of the system.
    let error = fails::<R, N>(&Client::new(), connector("ws://nothing.invalid/", 10_000));
    assert!(matches!(error, ConnectError::Resolve { .. }), "{error:?}");
}

pub fn a_place_under_another_name<R: Runtime, N: Network>() {
    let server = Server::start(None);
    let port = server.address.port();
    let client = Client::<N>::new().connect_to("127.0.0.1", port);
    talk::<R, N>(&client, connector("ws://chat.example.com:8080/", 10_000));
    assert_eq!(server.seen().host, "chat.example.com:8080");
    let client = Client::<N>::new().connect_to("localhost", port);
    talk::<R, N>(&client, connector("ws://chat.example.com/", 10_000));
    assert_eq!(server.seen().host, "chat.example.com");

    let identity = Identity::self_signed(Kind::Leaf);
    let server = Server::start(Some(identity.server(None)));
    let trusting = Tls::empty().trust(identity.certificate);
    let client = Client::<N>::new().connect_to("127.0.0.1", server.address.port());
    let client = client.tls(trusting.clone());
    talk::<R, N>(&client, connector("wss://server.test/", 10_000));
    let seen = server.seen();
    assert_eq!(seen.server_name.as_deref(), Some(NAME));
    assert_eq!(seen.host, NAME);
    // The name of the certificate apart from the URL.
    let client = client.tls(trusting.server_name(ServerName::try_from(NAME).unwrap()));
    talk::<R, N>(&client, connector("wss://chat.example.com/", 10_000));
    let seen = server.seen();
    assert_eq!(seen.server_name.as_deref(), Some(NAME));
    assert_eq!(seen.host, "chat.example.com");
}

/// Not on machines without IPv6.
pub fn a_zone_is_connected_to<R: Runtime, N: Network>() {
    let Some(server) = Server::start_on("[::1]:0", None) else {
        return;
    };
    let url = format!("ws://{}/", server.address);
    let connector = connector(&url, 10_000).zone("1").unwrap();
    // Another resolver does not know the interfaces of this machine.
    let client = resolving::<N>(&[refusing()]);
    talk::<R, N>(&client, connector);
    assert_eq!(server.seen().host, server.address.to_string());
}

/// Not on systems without them.
#[cfg_attr(not(unix), expect(clippy::extra_unused_type_parameters))]
pub fn a_unix_socket<R: Runtime, N: Network>() {
    #[cfg(unix)]
    {
        use std::os::unix::net::UnixListener;
        let name = format!("ws-proto-test-{}.sock", std::process::id());
        let path = std::env::temp_dir().join(name);
        let client = Client::<N>::new().connect_to_unix(&path);
        let error = fails::<R, N>(&client, connector("ws://localhost/", 10_000));
        assert!(
            matches!(&error, ConnectError::Io(error) if error.kind() == ErrorKind::NotFound),
            "{error:?}"
        );
        assert!(
            error.to_string().contains(&*path.to_string_lossy()),
            "{error}"
        );

        let listener = UnixListener::bind(&path).unwrap();
        let (sender, seen) = std::sync::mpsc::channel();
        let serving = std::thread::spawn(move || {
            let (stream, _) = listener.accept().unwrap();
            serving::echo(stream, Seen::default(), &sender);
        });
        talk::<R, N>(&client, connector("ws://localhost/events", 10_000));
        serving.join().unwrap();
        assert_eq!(seen.recv().unwrap().host, "localhost");
        std::fs::remove_file(path).unwrap();
    }
}

pub fn sockets_are_set_up_before_they_connect<R: Runtime, N: Network>() {
    let server = Server::start(None);
    let address = server.address;
    for nodelay in [true, false] {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let hook = Arc::clone(&seen);
        let mut client = resolving::<N>(&[address]).before_connect(move |socket, to| {
            let is_connected = socket.peer_addr().is_ok();
            hook.lock()
                .unwrap()
                .push((socket.tcp_nodelay()?, to, is_connected));
            Ok(())
        });
        if !nodelay {
            client = client.nodelay(false);
        }
        talk::<R, N>(&client, connector("ws://server.test/", 10_000));
        assert_eq!(*seen.lock().unwrap(), [(nodelay, address, false)]);
    }

    let client = resolving::<N>(&[address, address]);
    let client = client.before_connect(|_, _| Err(io::Error::other("no such interface")));
    let error = fails::<R, N>(&client, connector("ws://server.test/", 10_000));
    assert_eq!(
        error.to_string(),
        format!("server.test cannot be reached: {address}: no such interface")
    );
}

pub fn user_info_is_sent_by_choice<R: Runtime, N: Network>() {
    let server = Server::start(None);
    let client = resolving::<N>(&[server.address]);
    let rules = UriRules::new().http(true).user_info(true);
    let connector = Connector::with_rules("http://me:secret@server.test/", rules).unwrap();
    talk::<R, N>(&client, connector.clone());
    assert_eq!(server.seen().authorization, None);
    talk::<R, N>(&client, connector.send_user_info(true));
    let seen = server.seen();
    assert_eq!(seen.authorization.as_deref(), Some("Basic bWU6c2VjcmV0"));
    assert_eq!(seen.host, NAME);
}

pub fn redirects_are_given_to_the_program<R: Runtime, N: Network>() {
    let server = Server::start(None);
    let client = resolving::<N>(&[server.address]);
    match fails::<R, N>(&client, connector("ws://server.test/moved", 10_000)) {
        ConnectError::Refused(response) => {
            assert_eq!(response.status(), 302);
            assert_eq!(response.headers().get("Location"), Some(&b"/"[..]));
        }
        other => panic!("{other:?}"),
    }
}

fn wss() -> Connector {
    connector("wss://server.test/", 10_000)
}

/// What rustls has against the server.
fn refused<R: Runtime, N: Network>(client: &Client<N>) -> TlsError {
    let error = match fails::<R, N>(client, wss()) {
        ConnectError::Tls { error, .. } => error,
        other => panic!("{other:?}"),
    };
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref());
    TlsError::clone(inner.unwrap_or_else(|| panic!("{error:?}")))
}

const UNKNOWN: TlsError = TlsError::InvalidCertificate(CertificateError::UnknownIssuer);

pub fn a_further_authority<R: Runtime, N: Network>() {
    let authority = Identity::self_signed(Kind::Authority);
    let identity = Identity::issued_by(&authority, Kind::Leaf);
    let server = Server::start(Some(identity.server(None)));
    let client = resolving::<N>(&[server.address]);
    for tls in [Tls::new(), Tls::empty()] {
        let trusting = tls.trust_pem(authority.pem.as_bytes()).unwrap();
        talk::<R, N>(&client.clone().tls(trusting), wss());
        assert_eq!(server.seen().alpn.as_deref(), Some("http/1.1"));
    }
    let other = Identity::self_signed(Kind::Authority);
    let trusting = Tls::empty().trust(other.certificate);
    assert_eq!(refused::<R, N>(&client.clone().tls(trusting)), UNKNOWN);

    let expired = Identity::issued_by(&authority, Kind::Expired);
    let server = Server::start(Some(expired.server(None)));
    let client = resolving::<N>(&[server.address]);
    for tls in [Tls::new(), Tls::empty()] {
        let trusting = tls.trust(authority.certificate.clone());
        let error = refused::<R, N>(&client.clone().tls(trusting));
        assert!(error.to_string().contains("expired"), "{error}");
    }
    assert!(Tls::empty().trust_pem(b"nothing").is_err());
}

pub fn a_self_signed_certificate_that_is_trusted_itself<R: Runtime, N: Network>() {
    for kind in [Kind::Leaf, Kind::ServingAuthority] {
        let identity = Identity::self_signed(kind);
        let server = Server::start(Some(identity.server(None)));
        let client = resolving::<N>(&[server.address]);
        for tls in [Tls::new(), Tls::empty()] {
            let trusting = tls.trust(identity.certificate.clone());
            let client = client.clone().tls(trusting);
            talk::<R, N>(&client, wss());
            // The name is checked.
            let error = fails::<R, N>(&client, connector("wss://other.test/", 10_000));
            assert!(error.to_string().contains("not valid for name"), "{error}");
        }
        // Another certificate with the same name is another one.
        let other = Identity::self_signed(kind);
        let trusting = Tls::empty().trust(other.certificate);
        refused::<R, N>(&client.tls(trusting));
    }
    // One that an unknown authority has issued.
    let authority = Identity::self_signed(Kind::Authority);
    let identity = Identity::issued_by(&authority, Kind::Leaf);
    let server = Server::start(Some(identity.server(None)));
    let trusting = Tls::empty().trust(identity.certificate.clone());
    talk::<R, N>(&resolving(&[server.address]).tls(trusting), wss());

    for kind in [Kind::Expired, Kind::ExpiredAuthority] {
        let identity = Identity::self_signed(kind);
        let server = Server::start(Some(identity.server(None)));
        let trusting = Tls::empty().trust(identity.certificate.clone());
        let error = refused::<R, N>(&resolving(&[server.address]).tls(trusting));
        assert!(error.to_string().contains("expired"), "{error}");
    }
}

/// Whoever has the key of a server that is trusted could be every server otherwise.
pub fn a_trusted_certificate_of_a_server_issues_no_others<R: Runtime, N: Network>() {
    let leaf = Identity::self_signed(Kind::Leaf);
    let forged = Identity::issued_by(&leaf, Kind::Leaf);
    let server = Server::start(Some(forged.server(None)));
    let trusting = Tls::empty().trust(leaf.certificate);
    let client = resolving::<N>(&[server.address]).tls(trusting);
    assert_eq!(refused::<R, N>(&client), UNKNOWN);
    // One of version 1 does not say whether it may, and one that cannot be read says nothing.
    let unreadable = "-----BEGIN CERTIFICATE-----\nAQID\n-----END CERTIFICATE-----\n";
    for pem in [VERSION_1, unreadable] {
        let config = Tls::empty().trust_pem(pem.as_bytes());
        let error = config.and_then(|tls| tls.config()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidData, "{error}");
    }
}

/// A certificate of a server that has signed itself, for a hundred years: `openssl x509 -req -signkey` of OpenSSL 3.0 makes it
/// of version 1.
const VERSION_1: &str = "\
-----BEGIN CERTIFICATE-----
MIIBMDCB1wIUOhNaO/3wz9kjobcZMxR4tBdPkx8wCgYIKoZIzj0EAwIwGjEYMBYG
A1UEAwwPcHJpbnRlci5leGFtcGxlMCAXDTI2MTEyOTE2NTY0NVoYDzIxMjYxMTA1
MTY1NjQ1WjAaMRgwFgYDVQQDDA9wcmludGVyLmV4YW1wbGUwWTATBgcqhkjOPQIB
BggqhkjOPQMBBwNCAASzXq8lzchTW4XOEtEJfa0aeiBjk9sg0jK2PBeEAruZ4+09
ddzQHk9+BSctks9YrN+oAW/BvH7npAEa19srQtu5MAoGCCqGSM49BAMCA0gAMEUC
IQDFrjVnljcywrQ7cRBfWXq9mX3NY2HbBxawNEOCVcKiigIgMykBQCvXfy3v8bI0
G9vKG4cQrliGZTfBxRRTjwWA9zI=
-----END CERTIFICATE-----
";

pub fn what_is_not_trusted_is_refused<R: Runtime, N: Network>() {
    let identity = Identity::self_signed(Kind::Leaf);
    let server = Server::start(Some(identity.server(None)));
    let client = resolving::<N>(&[server.address]);
    let error = fails::<R, N>(&client.clone().tls(Tls::empty()), wss());
    assert!(
        matches!(&error, ConnectError::Tls { error, .. } if error.to_string().contains("feature `rustls-")),
        "{error:?}"
    );
    // Another attempt would end alike.
    assert_eq!(error.end(), None);
    let error = fails::<R, N>(&client, connector("wss://server_test..x/", 10_000));
    assert!(error.to_string().contains("server_test..x"), "{error}");
    assert_eq!(error.end(), None);
    // No TLS at all.
    let plain = Server::start(None);
    let trusting = Tls::empty().trust(identity.certificate);
    let client = resolving::<N>(&[plain.address]).tls(trusting);
    let error = fails::<R, N>(&client, wss());
    assert!(
        error
            .to_string()
            .starts_with("TLS with server.test failed: "),
        "{error}"
    );
}

pub fn a_client_certificate<R: Runtime, N: Network>() {
    let authority = Identity::self_signed(Kind::Authority);
    let identity = Identity::issued_by(&authority, Kind::Leaf);
    let me = Identity::issued_by(&authority, Kind::Client);
    let server = Server::start(Some(identity.server(Some(&authority))));
    let trusting = Tls::empty().trust(authority.certificate.clone());
    let client = resolving::<N>(&[server.address]);
    let anonymous = client.clone().tls(trusting.clone());
    // With TLS 1.3 the server says so after the handshake.
    let error = fails::<R, N>(&anonymous, wss());
    assert!(matches!(error, ConnectError::Tls { .. }), "{error:?}");

    let chain = vec![me.certificate.clone()];
    let by_der = trusting.clone().client_auth(chain, me.key());
    let by_pem = trusting.client_auth_pem(me.pem.as_bytes(), me.key_pem.as_bytes());
    for tls in [by_der, by_pem.unwrap()] {
        talk::<R, N>(&client.clone().tls(tls), wss());
        assert_eq!(server.seen().client_certificates, 1);
    }
    let stranger = Identity::self_signed(Kind::Client);
    let chain = vec![me.certificate.clone()];
    let mismatched = Tls::empty()
        .trust(authority.certificate)
        .client_auth(chain, stranger.key());
    let error = fails::<R, N>(&client.tls(mismatched), wss());
    assert!(matches!(error, ConnectError::Tls { .. }), "{error:?}");
}

/// What the program has set stays, and ALPN is right.
pub fn a_configuration_of_rustls<R: Runtime, N: Network>() {
    let authority = Identity::self_signed(Kind::Authority);
    let identity = Identity::issued_by(&authority, Kind::Leaf);
    let server = Server::start(Some(identity.server(None)));
    let mut roots = RootCertStore::empty();
    roots.add(authority.certificate.clone()).unwrap();
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec()];
    config.enable_sni = false;
    let config = Arc::new(config);
    let client = resolving::<N>(&[server.address]).tls(Arc::clone(&config));
    talk::<R, N>(&client, wss());
    let seen = server.seen();
    assert_eq!(seen.alpn.as_deref(), Some("http/1.1"));
    assert_eq!(seen.server_name, None);
    assert_eq!(config.alpn_protocols, [b"h2".to_vec()]);

    let both = Tls::from(config).trust(authority.certificate);
    let error = fails::<R, N>(&client.tls(both), wss());
    assert!(matches!(error, ConnectError::Tls { .. }), "{error:?}");
}

pub fn clients_share_tls_sessions<R: Runtime, N: Network>() {
    let identity = Identity::self_signed(Kind::Leaf);
    let server = Server::start(Some(identity.server(None)));
    let trusting = Tls::empty().trust(identity.certificate);
    let client = resolving::<N>(&[server.address]).tls(trusting);
    talk::<R, N>(&client, wss());
    assert!(!server.seen().resumed);
    talk::<R, N>(&client.clone(), wss());
    assert!(server.seen().resumed);
}
