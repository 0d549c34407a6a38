//! A `wss` server and client in one program, with a certificate that is made on the spot.
//!
//! ```sh
//! cargo run -p ws-proto-tokio --features rustls --example wss
//! ```
//!
//! TLS is a stream like any other: the server accepts over what the TLS acceptor gives. The client does TLS by a feature
//! of the crate.

use std::sync::Arc;

use anyhow::Result;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use ws_proto_tokio::{Client, CloseCode, Tls, accept};

#[tokio::main]
async fn main() -> Result<()> {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
    let certificate = made.cert.der().clone();
    let key = PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());

    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key)?;
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("wss://localhost:{}/echo", listener.local_addr()?.port());
    let server = tokio::spawn(async move {
        let (stream, _) = listener.accept().await?;
        let mut socket = accept(acceptor.accept(stream).await?).await?;
        while let Some(message) = socket.next().await {
            socket.send(message?).await?;
        }
        Ok::<(), anyhow::Error>(())
    });

    // A client of a public server trusts whom the platform trusts: `connect(url)` is enough for it.
    let client = Client::new().tls(Tls::empty().trust(certificate));
    let (mut socket, _) = client.connect(&url).await?;
    println!("connected to {url}");
    for text in ["hello", "over TLS"] {
        socket.send(text).await?;
        if let Some(echo) = socket.next().await {
            println!("{:?}", echo?);
        }
    }
    socket.close(CloseCode::NORMAL, "done").await?;
    server.await?
}
