//! TLS for `wss`: which servers are trusted.

use std::sync::Arc;

use anyhow::{Context, Result};
use ws_proto_tokio::Tls;
use ws_proto_tokio::rustls::client::danger::{
    HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier,
};
use ws_proto_tokio::rustls::crypto::{
    CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature,
};
use ws_proto_tokio::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use ws_proto_tokio::rustls::{ClientConfig, DigitallySignedStruct, Error, SignatureScheme};

use crate::args::Args;

pub(crate) fn tls(args: &Args) -> Result<Tls> {
    let tls = match &args.ca {
        Some(path) => {
            let unread = || format!("{} cannot be read", path.display());
            let pem = std::fs::read(path).with_context(unread)?;
            Tls::empty().trust_pem(&pem).with_context(unread)?
        }
        None if args.insecure => take_any()?.into(),
        None => Tls::platform(),
    };
    match tls.config() {
        // Those of the browsers on systems without certificates.
        Err(_) if args.ca.is_none() => Ok(Tls::webpki_roots()),
        config => {
            config?;
            Ok(tls)
        }
    }
}

fn take_any() -> Result<ClientConfig> {
    let provider = Arc::new(ring::default_provider());
    let verifier = Arc::new(TakeAny(Arc::clone(&provider)));
    Ok(ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth())
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
