//! Whom a client trusts, by rustls.

use std::fmt;
use std::io::{self, ErrorKind};
use std::sync::{Arc, LazyLock, OnceLock};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{
    WebPkiServerVerifier, verify_server_cert_signed_by_trust_anchor, verify_server_name,
};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, ClientConfig, ClientConnection, DigitallySignedStruct, Error, RootCertStore,
    SignatureScheme,
};

use super::network::TlsRequest;

/// The protocol inside TLS (RFC 7301): the handshake is one of HTTP/1.1.
const ALPN: &[u8] = b"http/1.1";

/// The servers that a client trusts when it connects to a `wss` URL, and its own certificate.
///
/// By default the certificates of the platform are trusted (feature `rustls-platform-verifier`), or else those that Mozilla
/// trusts (feature `rustls-webpki-roots`). They are loaded at the first connection. Cryptography is `ring`; a provider that
/// the process has installed is neither needed nor used.
///
/// A `ClientConfig` of rustls, or an `Arc` of one, becomes a `Tls` by `into`: it is used as it is, but for ALPN, which is
/// `http/1.1`.
///
/// ```
/// use ws_proto_async::net::Tls;
///
/// # fn tls(ca: &[u8], certificate: &[u8], key: &[u8]) -> std::io::Result<Tls> {
/// // A service inside a company, which identifies its clients.
/// let tls = Tls::empty().trust_pem(ca)?.client_auth_pem(certificate, key)?;
/// tls.config()?; // it can be used: otherwise the first connection fails
/// # Ok(tls)
/// # }
/// // A client that trusts nobody cannot connect.
/// assert!(Tls::empty().config().is_err());
/// ```
#[derive(Clone)]
#[must_use]
pub struct Tls {
    trust: Trust,
    certificates: Vec<CertificateDer<'static>>,
    identity: Option<(Vec<CertificateDer<'static>>, Arc<PrivateKeyDer<'static>>)>,
    server_name: Option<ServerName<'static>>,
    /// Made at the first connection, and shared by clones.
    config: Arc<OnceLock<Arc<ClientConfig>>>,
}

#[derive(Clone)]
enum Trust {
    Config(Arc<ClientConfig>),
    #[cfg(feature = "rustls-platform-verifier")]
    Platform,
    #[cfg(feature = "rustls-webpki-roots")]
    WebPkiRoots,
    /// Nobody but the certificates that are added.
    Added,
}

impl Tls {
    /// Trusts the certificates of the features.
    ///
    /// ```
    /// use ws_proto_async::net::Tls;
    ///
    /// # fn tls(ca: &[u8]) -> std::io::Result<Tls> {
    /// let tls = Tls::new().trust_pem(ca)?; // the usual authorities, and one more
    /// # Ok(tls)
    /// # }
    /// ```
    pub fn new() -> Self {
        #[cfg(feature = "rustls-platform-verifier")]
        return Self::platform();
        #[cfg(all(
            feature = "rustls-webpki-roots",
            not(feature = "rustls-platform-verifier")
        ))]
        return Self::webpki_roots();
        #[cfg(not(any(feature = "rustls-webpki-roots", feature = "rustls-platform-verifier")))]
        Self::empty()
    }

    /// Trusts nobody but the certificates that are added.
    ///
    /// ```
    /// use ws_proto_async::net::Tls;
    ///
    /// let error = Tls::empty().config().unwrap_err(); // nothing was added
    /// assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput);
    /// ```
    pub fn empty() -> Self {
        Self::with(Trust::Added)
    }

    /// Trusts whom the platform trusts: by its own verifier on Windows, macOS, iOS and Android, by the certificates that are
    /// installed elsewhere. On Android a program initialises the crate `rustls-platform-verifier` first.
    ///
    /// ```
    /// use ws_proto_async::net::{Client, Network, Tls};
    ///
    /// fn client<N: Network>() -> Client<N> {
    ///     Client::new().tls(Tls::platform())
    /// }
    /// ```
    #[cfg(feature = "rustls-platform-verifier")]
    #[cfg_attr(docsrs, doc(cfg(feature = "rustls-platform-verifier")))]
    pub fn platform() -> Self {
        Self::with(Trust::Platform)
    }

    /// Trusts whom Mozilla trusts, by certificates that are a part of the program.
    ///
    /// ```
    /// use ws_proto_async::net::Tls;
    ///
    /// let config = Tls::webpki_roots().config()?; // reads nothing of the system
    /// # drop(config);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[cfg(feature = "rustls-webpki-roots")]
    #[cfg_attr(docsrs, doc(cfg(feature = "rustls-webpki-roots")))]
    pub fn webpki_roots() -> Self {
        Self::with(Trust::WebPkiRoots)
    }

    /// The one that clients have by default: they share its certificates and its sessions.
    pub(super) fn shared() -> Self {
        static SHARED: LazyLock<Tls> = LazyLock::new(Tls::new);
        SHARED.clone()
    }

    fn with(trust: Trust) -> Self {
        Self {
            trust,
            certificates: Vec::new(),
            identity: None,
            server_name: None,
            config: Arc::default(),
        }
    }

    /// Trusts one more certificate: that of an authority, or exactly that of a server, such as one that is self-signed. The
    /// name and the time of what the server shows are checked all the same.
    ///
    /// ```
    /// use ws_proto_async::net::Tls;
    /// use ws_proto_async::rustls::pki_types::CertificateDer;
    ///
    /// /// For a device that shows a certificate of its own.
    /// fn of_device(der: Vec<u8>) -> Tls {
    ///     Tls::empty().trust(CertificateDer::from(der))
    /// }
    /// ```
    pub fn trust(mut self, certificate: CertificateDer<'static>) -> Self {
        self.certificates.push(certificate);
        self.changed()
    }

    /// As [`trust`](Self::trust), for every certificate of a text in PEM.
    ///
    /// ```
    /// use ws_proto_async::net::Tls;
    ///
    /// # fn tls() -> std::io::Result<Tls> {
    /// let tls = Tls::empty().trust_pem(&std::fs::read("ca.pem")?)?;
    /// # Ok(tls)
    /// # }
    /// assert!(Tls::empty().trust_pem(b"no certificate").is_err());
    /// ```
    ///
    /// # Errors
    ///
    /// `InvalidData` if it is not PEM, or has no certificate.
    pub fn trust_pem(mut self, pem: &[u8]) -> io::Result<Self> {
        self.certificates.extend(certificates(pem)?);
        Ok(self.changed())
    }

    /// Shows this certificate, with those that lead from it to an authority, to servers that ask for one. The key is that of
    /// the first one.
    ///
    /// ```
    /// use ws_proto_async::net::Tls;
    /// use ws_proto_async::rustls::pki_types::{CertificateDer, PrivateKeyDer};
    ///
    /// /// For servers that identify their clients.
    /// fn identified(certificate: CertificateDer<'static>, key: PrivateKeyDer<'static>) -> Tls {
    ///     Tls::new().client_auth(vec![certificate], key)
    /// }
    /// ```
    pub fn client_auth(
        mut self,
        chain: Vec<CertificateDer<'static>>,
        key: PrivateKeyDer<'static>,
    ) -> Self {
        self.identity = Some((chain, Arc::new(key)));
        self.changed()
    }

    /// As [`client_auth`](Self::client_auth), from texts in PEM; the key is PKCS #8, PKCS #1 or SEC1.
    ///
    /// ```
    /// use ws_proto_async::net::Tls;
    ///
    /// # fn tls() -> std::io::Result<Tls> {
    /// let (chain, key) = (std::fs::read("client.pem")?, std::fs::read("client.key")?);
    /// let tls = Tls::new().client_auth_pem(&chain, &key)?;
    /// # Ok(tls)
    /// # }
    /// assert!(Tls::new().client_auth_pem(b"", b"no key").is_err());
    /// ```
    ///
    /// # Errors
    ///
    /// `InvalidData` if they are not PEM, or have no certificate or no key.
    pub fn client_auth_pem(self, chain: &[u8], key: &[u8]) -> io::Result<Self> {
        let key = PrivateKeyDer::from_pem_slice(key).map_err(invalid)?;
        Ok(self.client_auth(certificates(chain)?, key))
    }

    /// Sets the name that is asked for (SNI) and that the certificate has to have, in place of the host of the URL.
    ///
    /// ```
    /// use ws_proto_async::net::Tls;
    /// use ws_proto_async::rustls::pki_types::ServerName;
    ///
    /// let tls = Tls::new().server_name(ServerName::try_from("chat.example")?);
    /// # drop(tls);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn server_name(mut self, name: ServerName<'static>) -> Self {
        self.server_name = Some(name);
        self
    }

    /// The configuration of rustls that connections get.
    ///
    /// ```
    /// use ws_proto_async::net::Tls;
    ///
    /// /// At the start of a program, so that a mistake is seen before the first connection.
    /// fn checked(ca: &[u8]) -> std::io::Result<Tls> {
    ///     let tls = Tls::empty().trust_pem(ca)?;
    ///     tls.config()?;
    ///     Ok(tls)
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// It cannot be made: nobody is trusted, a certificate or key cannot be used, or certificates were added to a
    /// `ClientConfig`, which has its own.
    pub fn config(&self) -> io::Result<Arc<ClientConfig>> {
        if let Some(config) = self.config.get() {
            return Ok(Arc::clone(config));
        }
        let config = Arc::new(self.build()?);
        Ok(Arc::clone(self.config.get_or_init(|| config)))
    }

    pub(super) fn request(&self, host: &str) -> io::Result<TlsRequest> {
        let server_name = match &self.server_name {
            Some(name) => name.clone(),
            None => ServerName::try_from(host.to_owned()).map_err(|_| {
                let words = "no certificate can have such a name";
                io::Error::new(ErrorKind::InvalidInput, words)
            })?,
        };
        let config = self.config()?;
        Ok(TlsRequest {
            config,
            server_name,
        })
    }

    fn changed(mut self) -> Self {
        self.config = Arc::default();
        self
    }

    fn build(&self) -> io::Result<ClientConfig> {
        let mut config = match &self.trust {
            Trust::Config(_) if !self.certificates.is_empty() || self.identity.is_some() => {
                let words = "a ClientConfig has its own certificates: add them there";
                return Err(io::Error::new(ErrorKind::InvalidInput, words));
            }
            Trust::Config(config) => ClientConfig::clone(config),
            _ => self.build_config()?,
        };
        config.alpn_protocols = vec![ALPN.to_vec()];
        Ok(config)
    }

    fn build_config(&self) -> io::Result<ClientConfig> {
        let provider = Arc::new(ring::default_provider());
        let verifier = Arc::new(self.verifier(&provider)?);
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(invalid)?
            .dangerous()
            .with_custom_certificate_verifier(verifier);
        match &self.identity {
            None => Ok(builder.with_no_client_auth()),
            Some((chain, key)) => builder
                .with_client_auth_cert(chain.clone(), key.clone_key())
                .map_err(invalid),
        }
    }

    fn verifier(&self, provider: &Arc<CryptoProvider>) -> io::Result<Verifier> {
        let others: Option<Arc<dyn ServerCertVerifier>> = match &self.trust {
            #[cfg(feature = "rustls-platform-verifier")]
            Trust::Platform => {
                match rustls_platform_verifier::Verifier::new(Arc::clone(provider)) {
                    Ok(verifier) => Some(Arc::new(verifier)),
                    // A system without certificates: those that were added are enough.
                    Err(_) if !self.certificates.is_empty() => None,
                    Err(error) => return Err(invalid(error)),
                }
            }
            #[cfg(feature = "rustls-webpki-roots")]
            Trust::WebPkiRoots => {
                let mut roots = RootCertStore::empty();
                roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
                Some(webpki_verifier(roots, provider)?)
            }
            Trust::Config(_) | Trust::Added => None,
        };
        let added = Added::new(&self.certificates, provider)?;
        if others.is_none() && added.is_none() {
            let words = "no certificate is trusted: switch on the feature `rustls-platform-verifier` or \
                 `rustls-webpki-roots`, or add certificates by `Tls::trust`";
            return Err(io::Error::new(ErrorKind::InvalidInput, words));
        }
        Ok(Verifier {
            added,
            others,
            provider: Arc::clone(provider),
        })
    }
}

impl Default for Tls {
    fn default() -> Self {
        Self::new()
    }
}

impl From<ClientConfig> for Tls {
    fn from(config: ClientConfig) -> Self {
        Arc::new(config).into()
    }
}

impl From<Arc<ClientConfig>> for Tls {
    fn from(config: Arc<ClientConfig>) -> Self {
        Self::with(Trust::Config(config))
    }
}

/// Leaves out the key.
impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls")
            .field("certificates", &self.certificates.len())
            .field("server_name", &self.server_name)
            .finish_non_exhaustive()
    }
}

/// Gives a connection bytes that were read before it was there.
///
/// ```
/// use ws_proto_async::net::receive;
/// use ws_proto_async::rustls::ClientConnection;
///
/// /// `received` came after the answer of a proxy, and is the server's.
/// fn after_tunnel(connection: &mut ClientConnection, received: &[u8]) -> std::io::Result<()> {
///     receive(connection, received)
/// }
/// ```
///
/// # Errors
///
/// `InvalidData` if they are not what a server sends; the error of rustls is inside.
pub fn receive(connection: &mut ClientConnection, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        if connection.read_tls(&mut bytes)? == 0 {
            break;
        }
        connection.process_new_packets().map_err(invalid)?;
    }
    Ok(())
}

fn certificates(pem: &[u8]) -> io::Result<Vec<CertificateDer<'static>>> {
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let certificates = certificates.map_err(invalid)?;
    if certificates.is_empty() {
        return Err(invalid("there is no certificate in it"));
    }
    Ok(certificates)
}

fn invalid(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, error)
}

fn webpki_verifier(
    roots: RootCertStore,
    provider: &Arc<CryptoProvider>,
) -> io::Result<Arc<WebPkiServerVerifier>> {
    WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider))
        .build()
        .map_err(invalid)
}

/// Trusts the certificates that were added, and whom `others` trusts.
#[derive(Debug)]
struct Verifier {
    added: Option<Added>,
    others: Option<Arc<dyn ServerCertVerifier>>,
    provider: Arc<CryptoProvider>,
}

/// Certificates that were added by the program.
#[derive(Debug)]
struct Added {
    certificates: Vec<CertificateDer<'static>>,
    /// Trusts those of authorities as such. The certificate of a server is trusted as it is, and issues no others.
    authorities: Option<Arc<WebPkiServerVerifier>>,
}

impl Added {
    fn new(
        certificates: &[CertificateDer<'static>],
        provider: &Arc<CryptoProvider>,
    ) -> io::Result<Option<Self>> {
        if certificates.is_empty() {
            return Ok(None);
        }
        let mut roots = RootCertStore::empty();
        for certificate in certificates {
            if is_authority(certificate, provider) {
                roots.add(certificate.clone()).map_err(invalid)?;
            } else {
                // One that cannot be read, or is of version 1, would never be accepted.
                ParsedCertificate::try_from(certificate).map_err(invalid)?;
            }
        }
        let authorities = match roots.is_empty() {
            true => None,
            false => Some(webpki_verifier(roots, provider)?),
        };
        Ok(Some(Self {
            certificates: certificates.to_vec(),
            authorities,
        }))
    }
}

/// Checks name and time of a certificate that is trusted itself.
fn verify_itself(
    certificate: &CertificateDer<'_>,
    server_name: &ServerName<'_>,
    now: UnixTime,
    provider: &CryptoProvider,
) -> Result<ServerCertVerified, Error> {
    let parsed = ParsedCertificate::try_from(certificate)?;
    match fault(certificate, now, provider) {
        // All that webpki has against it is who has issued it, which it finds after the time: the certificate of an
        // authority, as `openssl req -x509` makes them, or one of an unknown authority.
        Some(webpki::Error::CaUsedAsEndEntity | webpki::Error::UnknownIssuer) => {}
        _ => {
            let algorithms = provider.signature_verification_algorithms.all;
            let roots = RootCertStore::empty();
            verify_server_cert_signed_by_trust_anchor(&parsed, &roots, &[], now, algorithms)?;
        }
    }
    verify_server_name(&parsed, server_name)?;
    Ok(ServerCertVerified::assertion())
}

/// Whether a certificate is that of an authority. One of version 1 does not say: it can be that of a server, whose key would
/// make every other server then.
fn is_authority(certificate: &CertificateDer<'_>, provider: &CryptoProvider) -> bool {
    let fault = match fault(certificate, UnixTime::now(), provider) {
        Some(webpki::Error::CertExpired { not_after, .. }) => {
            fault(certificate, not_after, provider)
        }
        Some(webpki::Error::CertNotValidYet { not_before, .. }) => {
            fault(certificate, not_before, provider)
        }
        fault => fault,
    };
    matches!(fault, Some(webpki::Error::CaUsedAsEndEntity))
}

/// What webpki has against a certificate of a server that nobody has issued. There is always something.
fn fault(
    certificate: &CertificateDer<'_>,
    now: UnixTime,
    provider: &CryptoProvider,
) -> Option<webpki::Error> {
    let algorithms = provider.signature_verification_algorithms.all;
    let usage = webpki::KeyUsage::server_auth();
    match webpki::EndEntityCert::try_from(certificate) {
        Ok(parsed) => {
            let verified = parsed.verify_for_usage(algorithms, &[], &[], now, usage, None, None);
            verified.err()
        }
        Err(error) => Some(error),
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let is_added = |added: &Added| added.certificates.iter().any(|one| one == end_entity);
        if self.added.as_ref().is_some_and(is_added) {
            return verify_itself(end_entity, server_name, now, &self.provider);
        }
        let verify = |verifier: &dyn ServerCertVerifier| {
            verifier.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
        };
        let authorities = self
            .added
            .as_ref()
            .and_then(|added| added.authorities.as_ref());
        let added = authorities.map(|authorities| verify(&**authorities));
        match (added, &self.others) {
            (Some(Ok(verified)), _) => Ok(verified),
            (Some(Err(error)), None) => Err(error),
            (None, None) => Err(CertificateError::UnknownIssuer.into()),
            (added, Some(others)) => {
                let unknown = Error::InvalidCertificate(CertificateError::UnknownIssuer);
                match (verify(&**others), added) {
                    // What is wrong with a certificate whose issuer was added.
                    (Err(_), Some(Err(error))) if error != unknown => Err(error),
                    (verified, _) => verified,
                }
            }
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}
