//! `websockets-http2`: what one page sends goes to all, over HTTP/2 on TLS. One port serves HTTP/1.1 too.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::any;
use http::Version;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::broadcast;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio_rustls::{TlsAcceptor, TlsConnector, client::TlsStream};
use ws_proto_axum::ws_proto_tokio::{Connector, connect_over, http2};
use ws_proto_axum::{CloseCode, Message, Utf8Bytes, WebSocket, WebSocketUpgrade};

fn app() -> Router {
    let handler = async |version: Version,
                         State(all): State<broadcast::Sender<Utf8Bytes>>,
                         upgrade: WebSocketUpgrade|
           -> Response {
        let news = all.subscribe();
        upgrade.on_upgrade(move |socket| share(socket, version, all, news))
    };
    Router::new()
        .route("/ws", any(handler))
        .with_state(broadcast::channel(16).0)
}

async fn share(
    mut socket: WebSocket,
    version: Version,
    all: broadcast::Sender<Utf8Bytes>,
    mut news: broadcast::Receiver<Utf8Bytes>,
) {
    if socket.send(format!("{version:?}")).await.is_err() {
        return;
    }
    loop {
        // Both can be cancelled, and nothing is lost.
        tokio::select! {
            message = socket.next() => match message {
                Some(Ok(Message::Text(text))) => drop(all.send(text)),
                Some(Ok(Message::Binary(_))) => {}
                Some(Err(_)) | None => return,
            },
            text = news.recv() => match text {
                Ok(text) => if socket.send(Message::Text(text)).await.is_err() { return },
                Err(broadcast::error::RecvError::Lagged(_)) => {}
                Err(broadcast::error::RecvError::Closed) => return,
            },
        }
    }
}

/// A server over TLS, and its certificate.
async fn serve_tls() -> (SocketAddr, CertificateDer<'static>) {
    let made = rcgen::generate_simple_self_signed([String::from("localhost")]).unwrap();
    let key = PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
    let certificate = made.cert.der().clone();
    let mut config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key)
        .unwrap();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let service = TowerToHyperService::new(app());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (acceptor, service) = (acceptor.clone(), service.clone());
            tokio::spawn(async move {
                let stream = TokioIo::new(acceptor.accept(stream).await.unwrap());
                let mut builder = auto::Builder::new(TokioExecutor::new());
                builder.http2().enable_connect_protocol();
                let _ = builder
                    .serve_connection_with_upgrades(stream, service)
                    .await;
            });
        }
    });
    (address, certificate)
}

async fn tls(
    address: SocketAddr,
    certificate: &CertificateDer<'static>,
    alpn: &[u8],
) -> TlsStream<TcpStream> {
    let mut roots = RootCertStore::empty();
    roots.add(certificate.clone()).unwrap();
    let mut config = ClientConfig::builder()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![alpn.to_vec()];
    let stream = TcpStream::connect(address).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await
        .unwrap()
}

#[tokio::test]
async fn pages_over_both_versions_share_what_they_send() {
    let (address, certificate) = serve_tls().await;
    let connector = || {
        let url = format!("wss://localhost:{}/ws", address.port());
        Connector::new(&url)
            .unwrap()
            .origin(&format!("https://localhost:{}", address.port()))
    };
    let stream = tls(address, &certificate, b"h2").await;
    let (sender, connection) = http2::handshake(stream, &http2::h2::client::Builder::new())
        .await
        .unwrap();
    tokio::spawn(connection);
    let (mut two, _) = http2::connect(&sender, connector()).await.unwrap();
    let stream = tls(address, &certificate, b"http/1.1").await;
    let (mut one, _) = connect_over(stream, connector()).await.unwrap();
    assert_eq!(
        two.next().await.unwrap().unwrap(),
        Message::from("HTTP/2.0")
    );
    assert_eq!(
        one.next().await.unwrap().unwrap(),
        Message::from("HTTP/1.1")
    );
    two.send("from a stream").await.unwrap();
    one.send("from a connection").await.unwrap();
    for _ in 0..2 {
        let (a, b) = (
            one.next().await.unwrap().unwrap(),
            two.next().await.unwrap().unwrap(),
        );
        assert_eq!(a, b);
    }
    one.close(CloseCode::NORMAL, "").await.unwrap();
    two.close(CloseCode::NORMAL, "").await.unwrap();
}
