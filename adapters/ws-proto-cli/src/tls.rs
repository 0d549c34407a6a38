//! TLS: whom a client trusts, its own certificate, and the server's side.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use ws_proto_tokio::Tls;
use ws_proto_tokio::rustls::client::danger::{
    HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier,
};
use ws_proto_tokio::rustls::crypto::{
    CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature,
};
use ws_proto_tokio::rustls::pki_types::pem::PemObject;
use ws_proto_tokio::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use ws_proto_tokio::rustls::{
    ClientConfig, DigitallySignedStruct, Error, ServerConfig, SignatureScheme,
};

use crate::args::Args;

/// For a client.
pub(crate) fn client(args: &Args) -> Result<Tls> {
    let identity = identity(args)?;
    if args.insecure {
        return Ok(take_any(identity)?.into());
    }
    let tls = match &args.ca {
        None => system()?,
        Some(path) => {
            let tls = Tls::empty().trust_pem(&read(path, "--ca")?);
            let tls = tls.map_err(anyhow::Error::from).and_then(usable);
            tls.with_context(|| format!("--ca {} cannot be used", path.display()))?
        }
    };
    match identity {
        None => Ok(tls),
        Some((chain, key)) => usable(tls.client_auth(chain, key)).context(UNUSABLE),
    }
}

/// For a proxy: `--ca` and `--cert` are about servers.
pub(crate) fn proxy() -> Result<Tls> {
    system()
}

/// Trusts the certificates of the system; where it has none, those of the browsers.
fn system() -> Result<Tls> {
    usable(Tls::platform()).or_else(|_| usable(Tls::webpki_roots()))
}

/// What is wrong with an identity that can be read.
const UNUSABLE: &str = "--cert and --key cannot be used";

/// An error now, not at the first connection.
fn usable(tls: Tls) -> Result<Tls> {
    tls.config()?;
    Ok(tls)
}

/// For a server, if it has a certificate.
pub(crate) fn server(args: &Args) -> Result<Option<Arc<ServerConfig>>> {
    let Some((chain, key)) = identity(args)? else {
        return Ok(None);
    };
    let provider = Arc::new(ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .context(UNUSABLE)?;
    // The handshake inside is one of HTTP/1.1.
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Some(Arc::new(config)))
}

type Identity = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

/// What this end shows of itself, by `--cert` and `--key`.
fn identity(args: &Args) -> Result<Option<Identity>> {
    let Some(cert) = &args.cert else {
        return Ok(None);
    };
    let pem = read(cert, "--cert")?;
    let shown = cert.display();
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    let chain = chain.with_context(|| format!("--cert {shown} is not PEM"))?;
    ensure!(
        !chain.is_empty(),
        "--cert {shown} has no certificate in PEM"
    );
    let key = match &args.key {
        Some(key) => PrivateKeyDer::from_pem_slice(&read(key, "--key")?)
            .with_context(|| format!("--key {} has no private key in PEM", key.display()))?,
        None => PrivateKeyDer::from_pem_slice(&pem).with_context(|| {
            format!("--cert {shown} has no private key in PEM, and there is no --key FILE")
        })?,
    };
    Ok(Some((chain, key)))
}

fn read(path: &Path, option: &str) -> Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("{option} {} cannot be read", path.display()))
}

fn take_any(identity: Option<Identity>) -> Result<ClientConfig> {
    let provider = Arc::new(ring::default_provider());
    let verifier = Arc::new(TakeAny(Arc::clone(&provider)));
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    match identity {
        None => Ok(builder.with_no_client_auth()),
        Some((chain, key)) => builder.with_client_auth_cert(chain, key).context(UNUSABLE),
    }
}

/// Looks at no certificate, as `--insecure` says.
#[derive(Debug)]
struct TakeAny(Arc<CryptoProvider>);

impl ServerCertVerifier for TakeAny {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
