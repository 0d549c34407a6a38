//! A client that speaks HTTP/2 only.

use std::sync::Arc;

use anyhow::{Context, Result, bail, ensure};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use ws_proto_tokio::http2::{self, h2};
use ws_proto_tokio::{CloseCode, ConnectError, Connector, UriRules};

use super::{CONNECTION_WINDOW, Settings};

/// Connects, sends the texts one by one and prints the answer to each.
pub(crate) async fn talk(url: &str, settings: &Settings) -> Result<()> {
    let rules = UriRules::new().http(true);
    let mut connector = Connector::with_rules(url, rules)?;
    if let Some(deflate) = &settings.deflate {
        connector = connector.deflate(deflate);
    }
    let (host, port) = (connector.uri().host().to_owned(), connector.uri().port());
    let stream = TcpStream::connect((host.as_str(), port)).await?;
    stream.set_nodelay(true)?;
    if !connector.uri().is_secure() {
        return talk_over(stream, connector, settings).await;
    }
    let mut config = ClientConfig::builder()
        .with_root_certificates(roots(settings)?)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let name = ServerName::try_from(host)?;
    let stream = TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await?;
    let protocol = stream.get_ref().1.alpn_protocol();
    ensure!(protocol == Some(b"h2"), "the server does not speak HTTP/2");
    talk_over(stream, connector, settings).await
}

fn roots(settings: &Settings) -> Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    let path = settings.trusted.as_ref().context("--ca is missing")?;
    for certificate in CertificateDer::pem_file_iter(path)? {
        roots.add(certificate?)?;
    }
    Ok(roots)
}

async fn talk_over<S>(stream: S, connector: Connector, settings: &Settings) -> Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut builder = h2::client::Builder::new();
    builder
        .initial_window_size(settings.window())
        .initial_connection_window_size(CONNECTION_WINDOW)
        .enable_push(false);
    let (sender, connection) = http2::handshake(stream, &builder).await?;
    let connection = tokio::spawn(connection);
    let mut socket = match http2::connect(&sender, connector).await {
        Ok((socket, _)) => socket,
        Err(ConnectError::Refused(response)) => {
            let body = String::from_utf8_lossy(response.body());
            bail!("refused with status {}: {body}", response.status());
        }
        Err(error) => return Err(error.into()),
    };
    for text in &settings.texts {
        socket.send(text.as_str()).await?;
        let echo = socket.next().await.context("closed without an answer")??;
        println!("{}", String::from_utf8_lossy(echo.as_bytes()));
    }
    socket.close(CloseCode::NORMAL, "done").await?;
    let code = socket.closed().and_then(|closed| closed.code);
    println!("closed: {:?}", code.map(u16::from));
    // The connection ends when nothing uses it any more.
    drop((socket, sender));
    Ok(connection.await??)
}
