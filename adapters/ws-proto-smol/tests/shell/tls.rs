//! Over TLS, where flushing, closing and the end of streams are different.

use std::sync::Arc;

use crate::common::{run, spawn};
use futures_rustls::rustls::pki_types::{PrivateKeyDer, ServerName};
use futures_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig};
use futures_rustls::{TlsAcceptor, TlsConnector, client, server};
use futures_util::join;
use ws_proto_smol::{CloseCode, Error, WebSocket, accept, connect_over};
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
