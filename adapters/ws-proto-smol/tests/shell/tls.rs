//! Over TLS, where flushing, closing and the end of streams are different.

use std::future::ready;
use std::io::IoSliceMut;
use std::sync::Arc;
use std::time::Duration;

use crate::common::{run, spawn};
use futures_rustls::rustls::pki_types::{PrivateKeyDer, ServerName};
use futures_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig};
use futures_rustls::{TlsAcceptor, TlsConnector, client, server};
use futures_util::join;
use smol::Timer;
use smol::future::or;
use smol::io::{AsyncReadExt, AsyncWriteExt};
use ws_proto_smol::{CloseCode, Error, Tls, WebSocket, accept, connect_over};
use ws_proto_suite::shells::network::serving::{self, Identity, Kind};
use ws_proto_test::stream::{End, pipe};

type Client = WebSocket<client::TlsStream<End>>;
type Server = WebSocket<server::TlsStream<End>>;

async fn pair(capacity: usize) -> (Client, Server) {
    let made = rcgen::generate_simple_self_signed(["example.com".to_owned()]).unwrap();
    let certificate = made.cert.der().clone();
    let key = PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let mut roots = RootCertStore::empty();
    roots.add(certificate).unwrap();
    let config = ClientConfig::builder()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let connector = TlsConnector::from(Arc::new(config));

    let (client, server) = pipe(capacity);
    let name = ServerName::try_from("example.com").unwrap();
    let (client, server) = join!(
        async {
            let stream = connector.connect(name, client).await.unwrap();
            connect_over(stream, "wss://example.com/").await.unwrap().0
        },
        async {
            accept(acceptor.accept(server).await.unwrap())
                .await
                .unwrap()
        }
    );
    (client, server)
}

#[test]
fn messages_of_every_size_and_a_clean_end() {
    run(async {
        for pipe in [100, 1 << 16] {
            let (mut client, mut server) = pair(pipe).await;
            let echo = spawn(async move {
                while let Some(message) = server.next().await {
                    server.send(message.unwrap()).await.unwrap();
                }
                server.closed().unwrap()
            });
            for len in [0, 1, 100, 4096, 20_000, 300_000] {
                let data: Vec<u8> = (0..len).map(|i| i as u8).collect();
                client.send(data.clone()).await.unwrap();
                let message = client.next().await.unwrap().unwrap();
                assert!(message.as_bytes() == data);
            }
            client.close(CloseCode::NORMAL, "done").await.unwrap();
            assert_eq!(echo.await.reason, "done");
        }
    });
}

#[test]
fn halves() {
    run(async {
        let (client, server) = pair(1000).await;
        let (mut server_read, mut server_write) = server.split();
        let (mut client_read, mut client_write) = client.split();
        let echo = spawn(async move {
            while let Some(message) = server_read.next().await {
                server_write.send(message.unwrap()).await.unwrap();
            }
        });
        let sending = spawn(async move {
            for i in 0..500 {
                client_write.send(format!("{i}")).await.unwrap();
            }
            client_write
        });
        for i in 0..500 {
            let message = client_read.next().await.unwrap().unwrap();
            assert_eq!(message.as_text(), Some(format!("{i}").as_str()));
        }
        let mut client_write = sending.await;
        client_write.close(CloseCode::NORMAL, "").await.unwrap();
        assert!(client_read.next().await.is_none());
        echo.await;
    });
}

/// Without TLS's close_notify somebody may have cut the stream: that is reported. After a closing
/// handshake nothing can be missing, and it is not.
#[test]
fn a_stream_without_close_notify() {
    run(async {
        let (client, mut server) = pair(1 << 16).await;
        drop(client.into_inner());
        match server.next().await {
            Some(Err(Error::Io(error))) => {
                assert_eq!(error.kind(), std::io::ErrorKind::UnexpectedEof);
            }
            other => panic!("{other:?}"),
        }

        let (mut client, mut server) = pair(1 << 16).await;
        let leaving = spawn(async move {
            assert!(server.next().await.is_none());
            // The stream is dropped here, whatever TLS has said.
        });
        client.close(CloseCode::NORMAL, "").await.unwrap();
        leaving.await;
    });
}

/// The stream of a client that has connected by itself says whether it is one of TLS, and its side can be ended.
#[test]
fn the_stream_of_a_client() {
    let identity = Identity::self_signed(Kind::Leaf);
    for (url, is_tls) in [("ws://server.test/", false), ("wss://server.test/", true)] {
        let server = serving::Server::start(is_tls.then(|| identity.server(None)));
        let address = server.address;
        let client = ws_proto_smol::Client::new()
            .resolver(move |_, _| ready(Ok(vec![address])))
            .tls(Tls::empty().trust(identity.certificate.clone()));
        run(async {
            let (socket, _) = client.connect(url).await.unwrap();
            let mut stream = socket.into_inner();
            assert_eq!(stream.tls().is_some(), is_tls);
            stream.close().await.unwrap();
            // Then the server ends its side too.
            let (mut some, mut more) = ([0; 10], [0; 10]);
            let mut slices = [IoSliceMut::new(&mut some), IoSliceMut::new(&mut more)];
            let read = async { Some(stream.read_vectored(&mut slices).await) };
            let late = async {
                Timer::after(Duration::from_secs(20)).await;
                None
            };
            let read = or(read, late).await;
            assert!(!matches!(read, None | Some(Ok(1..))), "{read:?}");
        });
    }
}
