//! Streams other than pipes of the tests: TLS, Unix sockets.

use std::io::Write as _;
use std::sync::Arc;

use crate::common::{Seen, at, echo, turn};
use mio::Token;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::pki_types::{PrivatePkcs8KeyDer, ServerName};
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection, StreamOwned,
};
use ws_proto_mio::{Buffers, CloseCode, Connector, Error, Options, Stream, WebSocket, Wrapped};
use ws_proto_test::stream::{End, pipe};

type Tls<C> = Wrapped<StreamOwned<C, End>>;

/// TLS for both ends of a pipe of that size.
fn tls(capacity: usize, host: &str) -> (Tls<ServerConnection>, Tls<ClientConnection>) {
    let names = ["example.com".to_owned()];
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(names).unwrap();
    let key = PrivatePkcs8KeyDer::from(signing_key.serialize_der());
    let server = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key.into())
        .unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(cert.der().clone()).unwrap();
    let client = ClientConfig::builder()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from(host.to_owned()).unwrap();
    let (left, right) = pipe(capacity);
    let server = ServerConnection::new(Arc::new(server)).unwrap();
    let client = ClientConnection::new(Arc::new(client), name).unwrap();
    (
        Wrapped::new(StreamOwned::new(server, left), |tls| {
            tls.conn.send_close_notify();
            tls.flush()?;
            tls.sock.shutdown()
        }),
        Wrapped::new(StreamOwned::new(client, right), |tls| {
            tls.conn.send_close_notify();
            tls.flush()?;
            tls.sock.shutdown()
        }),
    )
}

fn client<S: Stream>(stream: S) -> WebSocket<S> {
    let connector = Connector::new("wss://example.com/").unwrap();
    WebSocket::connect_over(stream, Token(1), connector, &Options::new()).unwrap()
}

/// Turns of both ends, until both are done: the client says `messages`, then Close.
fn play<S: Stream, C: Stream>(
    mut server: WebSocket<S>,
    mut client: WebSocket<C>,
    messages: &[String],
) -> Vec<Seen> {
    let mut buffers = Buffers::new();
    let mut came = Vec::new();
    let mut sent = false;
    for _ in 0..10_000 {
        let (seen, result) = turn(&mut client, &mut buffers, at(0));
        result.unwrap();
        came.extend(seen);
        if let Some(mut sender) = client.sender().filter(|_| !sent) {
            for message in messages {
                sender.send_text(message).unwrap();
            }
            sent = true;
        }
        if came.len() == messages.len() + 1 {
            if let Some(mut sender) = client.sender() {
                let _ = sender.close(CloseCode::NORMAL, "");
            }
        }
        echo(&mut server, &mut buffers, at(0)).1.unwrap();
        if client.is_over() && server.is_over() {
            assert_eq!(client.closed(), Some((Some(CloseCode::NORMAL), "")));
            assert_eq!(came.remove(0), Seen::Connected(101));
            return came;
        }
    }
    panic!("they do not come to the end: {came:?}");
}

fn messages() -> Vec<String> {
    let sizes = [0, 1, 5000, 60_000];
    sizes.iter().map(|size| "x".repeat(*size)).collect()
}

#[test]
fn a_connection_works_over_tls() {
    for capacity in [100, 4000, 1 << 20] {
        let (server, client_end) = tls(capacity, "example.com");
        let server = WebSocket::accept(server, Token(0), &Options::new());
        let seen = play(server, client(client_end), &messages());
        assert_eq!(
            seen,
            messages().into_iter().map(Seen::Text).collect::<Vec<_>>()
        );
    }
}

#[test]
fn what_is_wrong_with_a_certificate_is_told() {
    let (server, client_end) = tls(4000, "example.org");
    let mut server = WebSocket::accept(server, Token(0), &Options::new());
    let mut client = client(client_end);
    let mut buffers = Buffers::new();
    for _ in 0..100 {
        let (_, result) = turn(&mut client, &mut buffers, at(0));
        let _ = turn(&mut server, &mut buffers, at(0));
        if let Err(error) = result {
            let Error::Io(error) = error else {
                panic!("{error:?}");
            };
            assert!(error.to_string().contains("certificate"), "{error}");
            return;
        }
    }
    panic!("it does not fail");
}

#[cfg(all(feature = "net", unix))]
#[test]
fn a_connection_works_over_a_unix_socket() {
    let (left, right) = mio::net::UnixStream::pair().unwrap();
    let server = WebSocket::accept(left, Token(0), &Options::new());
    let seen = play(server, client(right), &messages());
    assert_eq!(
        seen,
        messages().into_iter().map(Seen::Text).collect::<Vec<_>>()
    );
}
