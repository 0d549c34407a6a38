//! Servers in threads of their own, for clients that connect by themselves.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, date_time_ymd,
};
use ws_proto::handshake::{Accept, PlainResponse};
use ws_proto::io::read_request;
use ws_proto::opening::Options;
use ws_proto_async::rustls::crypto::ring;
use ws_proto_async::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use ws_proto_async::rustls::server::WebPkiClientVerifier;
use ws_proto_async::rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};
use ws_proto_async::socket2::{Domain, Socket, Type};

/// What a server has seen of a client.
#[derive(Debug, Default)]
pub struct Seen {
    pub host: String,
    pub authorization: Option<String>,
    pub server_name: Option<String>,
    pub alpn: Option<String>,
    pub client_certificates: usize,
    pub resumed: bool,
}

/// An echo server.
#[derive(Debug)]
pub struct Server {
    pub address: SocketAddr,
    seen: Receiver<Seen>,
}

impl Server {
    pub fn start(tls: Option<ServerConfig>) -> Self {
        Self::start_on("127.0.0.1:0", tls).expect("an address of the loopback")
    }

    /// `None` if the machine does not have the address.
    pub fn start_on(address: &str, tls: Option<ServerConfig>) -> Option<Self> {
        let listener = TcpListener::bind(address).ok()?;
        let address = listener.local_addr().ok()?;
        let (sender, seen) = channel();
        let tls = tls.map(Arc::new);
        thread::spawn(move || {
            while let Ok((stream, _)) = listener.accept() {
                let (tls, sender) = (tls.clone(), sender.clone());
                thread::spawn(move || serve(stream, tls, &sender));
            }
        });
        Some(Self { address, seen })
    }

    /// What it has seen of the next client.
    pub fn seen(&self) -> Seen {
        let seen = self.seen.recv_timeout(Duration::from_secs(10));
        seen.expect("a client has asked")
    }
}

fn serve<S: Read + Write>(stream: S, tls: Option<Arc<ServerConfig>>, seen: &Sender<Seen>) {
    let Some(config) = tls else {
        return echo(stream, Seen::default(), seen);
    };
    // A client that refuses the certificate is none.
    let Some(stream) = secure(stream, config) else {
        return;
    };
    let connection = &stream.conn;
    let of_tls = Seen {
        server_name: connection.server_name().map(Into::into),
        alpn: connection
            .alpn_protocol()
            .map(|name| String::from_utf8_lossy(name).into_owned()),
        client_certificates: connection.peer_certificates().map_or(0, <[_]>::len),
        resumed: connection.handshake_kind()
            == Some(ws_proto_async::rustls::HandshakeKind::Resumed),
        ..Seen::default()
    };
    echo(stream, of_tls, seen);
}

fn secure<S: Read + Write>(
    stream: S,
    config: Arc<ServerConfig>,
) -> Option<StreamOwned<ServerConnection, S>> {
    let connection = ServerConnection::new(config).ok()?;
    let mut stream = StreamOwned::new(connection, stream);
    while stream.conn.is_handshaking() {
        stream.conn.complete_io(&mut stream.sock).ok()?;
    }
    Some(stream)
}

/// A proxy, and the echo server that its tunnels lead to.
#[derive(Debug)]
pub struct Proxy {
    pub address: SocketAddr,
    asked: Receiver<String>,
    seen: Receiver<Seen>,
}

/// A stream of a proxy's client.
pub trait Both: Read + Write {}

impl<S: Read + Write> Both for S {}

impl Proxy {
    /// `answer` reads a client's request and writes the answer; it returns the request, and whether there is
    /// a tunnel then. Clients speak to it in TLS if there is a first configuration, to the server if there is a second.
    pub fn start(
        [proxy, server]: [Option<ServerConfig>; 2],
        answer: impl Fn(&mut dyn Both) -> io::Result<(String, bool)> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("it is bound");
        let (requests, asked) = channel();
        let (sender, seen) = channel();
        let (proxy, server) = (proxy.map(Arc::new), server.map(Arc::new));
        thread::spawn(move || {
            while let Ok((stream, _)) = listener.accept() {
                let _ = stream.set_nodelay(true);
                let Some(config) = &proxy else {
                    tunnel(stream, server.clone(), &answer, &requests, &sender);
                    continue;
                };
                if let Some(stream) = secure(stream, Arc::clone(config)) {
                    tunnel(stream, server.clone(), &answer, &requests, &sender);
                }
            }
        });
        Self {
            address,
            asked,
            seen,
        }
    }

    /// What the next client has asked it for.
    pub fn asked(&self) -> String {
        let asked = self.asked.recv_timeout(Duration::from_secs(10));
        asked.expect("a client has asked")
    }

    /// The request of the next client to the server after it.
    pub fn seen(&self) -> Seen {
        let seen = self.seen.recv_timeout(Duration::from_secs(10));
        seen.expect("a client has asked")
    }
}

fn tunnel<S: Read + Write>(
    mut stream: S,
    server: Option<Arc<ServerConfig>>,
    answer: impl Fn(&mut dyn Both) -> io::Result<(String, bool)>,
    asked: &Sender<String>,
    seen: &Sender<Seen>,
) {
    // A client that goes away in the middle is none.
    if let Ok((request, goes_on)) = answer(&mut stream) {
        let _ = asked.send(request);
        if goes_on {
            serve(stream, server, seen);
        }
    }
}

/// The head of a request.
pub fn read_head(stream: &mut dyn Both) -> io::Result<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        head.extend(byte);
    }
    Ok(String::from_utf8_lossy(&head).into_owned())
}

pub fn echo<S: Read + Write>(mut stream: S, of_tls: Seen, seen: &Sender<Seen>) {
    let Ok(incoming) = read_request(&mut stream, Options::new()) else {
        return;
    };
    let request = incoming.request();
    let field = |name: &str| {
        let value = request.headers().get(name)?;
        Some(String::from_utf8_lossy(value).into_owned())
    };
    let _ = seen.send(Seen {
        host: field("Host").unwrap_or_default(),
        authorization: field("Authorization"),
        ..of_tls
    });
    if request.path() == "/moved" {
        let location: &[(&str, &[u8])] = &[("Location", b"/")];
        let _ = incoming.respond(&PlainResponse::new(302).headers(location));
        return;
    }
    let Ok(mut server) = incoming.accept(&Accept::new()) else {
        return;
    };
    while let Ok(true) = server.exchange(&mut stream) {
        while let Ok(Some((message, mut reply))) = server.next_message() {
            let _ = reply.send(message);
        }
    }
}

/// A TCP port that drops what asks for a connection, as a firewall does.
#[derive(Debug)]
pub struct Silent {
    pub address: SocketAddr,
    /// The listener, and the connections that fill its queue.
    _sockets: Vec<Socket>,
}

impl Silent {
    pub fn new() -> Self {
        let open = || Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
        let listener = open();
        let any: SocketAddr = ([127, 0, 0, 1], 0).into();
        listener.bind(&any.into()).expect("a port");
        listener.listen(0).expect("a queue of one");
        let address = listener.local_addr().expect("it is bound");
        let mut sockets = vec![listener];
        for _ in 0..4 {
            let filling = open();
            filling.set_nonblocking(true).expect("a socket can be");
            let _ = filling.connect(&address); // it goes on
            sockets.push(filling);
        }
        let address = address.as_socket().expect("it is an IP address");
        Self {
            address,
            _sockets: sockets,
        }
    }
}

impl Default for Silent {
    fn default() -> Self {
        Self::new()
    }
}

/// A port that nobody listens on.
pub fn refusing() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("it is bound")
}

/// What is wrong with a certificate, or special about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Authority,
    Leaf,
    /// A leaf whose time is over.
    Expired,
    /// As `openssl req -x509` makes them: an authority with the name of the server.
    ServingAuthority,
    /// One whose time is over.
    ExpiredAuthority,
    /// For the name `localhost`.
    Local,
    /// For a client.
    Client,
}

/// A certificate with its key.
#[expect(missing_debug_implementations, reason = "it has a key")]
pub struct Identity {
    pub certificate: CertificateDer<'static>,
    pub pem: String,
    pub key_pem: String,
    issuer: Issuer<'static, KeyPair>,
}

/// The name of the server in its certificates.
pub const NAME: &str = "server.test";

impl Identity {
    pub fn self_signed(kind: Kind) -> Self {
        Self::new(kind, None)
    }

    pub fn issued_by(issuer: &Self, kind: Kind) -> Self {
        Self::new(kind, Some(issuer))
    }

    fn new(kind: Kind, issuer: Option<&Self>) -> Self {
        let names = match kind {
            Kind::Authority => vec![],
            Kind::Local => vec!["localhost".to_owned()],
            _ => vec![NAME.to_owned()],
        };
        let mut params = CertificateParams::new(names).expect("a valid name");
        // Names that differ: an issuer is looked for by its name.
        let key = KeyPair::generate().expect("a key");
        let serial = format!("{kind:?} {:?}", &key.public_key_raw());
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, serial);
        if matches!(
            kind,
            Kind::Authority | Kind::ServingAuthority | Kind::ExpiredAuthority
        ) {
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        }
        if matches!(kind, Kind::Expired | Kind::ExpiredAuthority) {
            params.not_before = date_time_ymd(2019, 1, 1);
            params.not_after = date_time_ymd(2020, 1, 1);
        }
        if kind == Kind::Client {
            params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        }
        let certificate = match issuer {
            None => params.self_signed(&key),
            Some(issuer) => params.signed_by(&key, &issuer.issuer),
        };
        let certificate = certificate.expect("it can be signed");
        Self {
            certificate: certificate.der().clone(),
            pem: certificate.pem(),
            key_pem: key.serialize_pem(),
            issuer: Issuer::new(params, key),
        }
    }

    pub fn key(&self) -> PrivateKeyDer<'static> {
        PrivateKeyDer::Pkcs8(self.issuer.key().serialize_der().into())
    }

    /// A server that shows this. It speaks HTTP/2 too, and asks for certificates of `clients`, if there are any.
    pub fn server(&self, clients: Option<&Self>) -> ServerConfig {
        let provider = Arc::new(ring::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .expect("versions");
        let builder = match clients {
            None => builder.with_no_client_auth(),
            Some(authority) => {
                let mut roots = RootCertStore::empty();
                roots.add(authority.certificate.clone()).expect("valid");
                let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider);
                builder.with_client_cert_verifier(verifier.build().expect("there is a root"))
            }
        };
        let mut config = builder
            .with_single_cert(vec![self.certificate.clone()], self.key())
            .expect("the key belongs to it");
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        config
    }
}
