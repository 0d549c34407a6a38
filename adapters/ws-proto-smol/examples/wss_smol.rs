//! A `wss` server and client in one program, with a certificate that is made on the spot.
//!
//! ```sh
//! cargo run -p ws-proto-smol --example wss_smol
//! ```
//!
//! TLS is a stream like any other: the server accepts over what the TLS acceptor gives, the client
//! connects over what the TLS connector gives.

use std::sync::Arc;

use anyhow::Result;
use futures_rustls::rustls::pki_types::{PrivateKeyDer, ServerName};
use futures_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig};
use futures_rustls::{TlsAcceptor, TlsConnector};
use smol::net::{TcpListener, TcpStream};
use ws_proto_smol::{CloseCode, Connector, accept, connect_over};

fn main() -> Result<()> {
    smol::block_on(run())
}

async fn run() -> Result<()> {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
    let certificate = made.cert.der().clone();
    let key = PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());

    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key)?;
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("wss://localhost:{}/echo", listener.local_addr()?.port());
    let server = smol::spawn(async move {
        let (stream, _) = listener.accept().await?;
        let mut socket = accept(acceptor.accept(stream).await?).await?;
        while let Some(message) = socket.next().await {
            socket.send(message?).await?;
        }
        Ok::<(), anyhow::Error>(())
    });

    // A client of a public server takes its roots from `webpki-roots` or the system instead.
    let mut roots = RootCertStore::empty();
    roots.add(certificate)?;
    let config = ClientConfig::builder()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let connector = Connector::new(&url)?;
    let uri = connector.uri();
    let stream = TcpStream::connect((uri.host(), uri.port())).await?;
    let name = ServerName::try_from(uri.host().to_owned())?;
    let stream = TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await?;
    let (mut socket, _) = connect_over(stream, connector).await?;
    println!("connected to {url}");
    for text in ["hello", "over TLS"] {
        socket.send(text).await?;
        if let Some(echo) = socket.next().await {
            println!("{:?}", echo?);
        }
    }
    socket.close(CloseCode::NORMAL, "done").await?;
    server.await
}
