//! A server that looks at ALPN, or at the first bytes, and then speaks HTTP/1.1 or HTTP/2.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use ws_proto_tokio::{
    Acceptor, CloseCode, Deflate, Options, PlainResponse, WebSocket,
    http2::{self, h2},
    open_server, read_request,
};

use super::{CONNECTION_WINDOW, Settings};

const PAGE: &str = include_str!("page.html");
/// How long a client has for TLS, and for the first bytes of its protocol.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long to wait when nobody can be accepted.
const PAUSE: Duration = Duration::from_millis(100);
const HTML: &str = "text/html; charset=utf-8";

pub(crate) struct Server {
    listener: TcpListener,
    address: SocketAddr,
    shared: Shared,
}

/// What every connection needs.
#[derive(Clone)]
struct Shared {
    tls: Option<TlsAcceptor>,
    deflate: Option<Deflate>,
    builder: h2::server::Builder,
    by_hyper: bool,
    window: u32,
    /// `true` once the server ends.
    ending: watch::Receiver<bool>,
}

impl Server {
    pub(crate) async fn bind(address: SocketAddr, settings: &Settings) -> Result<Self> {
        let listener = TcpListener::bind(address).await?;
        Ok(Self {
            address: listener.local_addr()?,
            listener,
            shared: Shared {
                tls: (!settings.is_plain).then(|| tls(settings)).transpose()?,
                deflate: settings.deflate.clone(),
                builder: settings.server_builder(),
                by_hyper: settings.by_hyper,
                window: settings.window(),
                ending: watch::channel(false).1,
            },
        })
    }

    pub(crate) fn url(&self) -> String {
        let scheme = if self.shared.tls.is_some() {
            "https"
        } else {
            "http"
        };
        format!("{scheme}://localhost:{}/", self.address.port())
    }

    pub(crate) async fn run(mut self, end: impl Future<Output = ()>) -> Result<()> {
        let (going_away, ending) = watch::channel(false);
        self.shared.ending = ending;
        tokio::pin!(end);
        let mut number = 0;
        loop {
            let accepted = tokio::select! {
                accepted = self.listener.accept() => accepted,
                () = &mut end => break,
            };
            let stream = match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    // Out of file descriptors, for instance. Those who are there are served on.
                    println!("nobody can be accepted: {error}");
                    sleep(PAUSE).await;
                    continue;
                }
            };
            number += 1;
            let shared = self.shared.clone();
            tokio::spawn(async move {
                if let Err(error) = shared.serve(stream, number).await {
                    println!("connection {number}: {error:#}");
                }
            });
        }
        drop(self.shared);
        going_away.send_replace(true);
        // Until all have ended, or do not answer.
        let _ = timeout(Duration::from_secs(5), going_away.closed()).await;
        Ok(())
    }
}

/// Waits until the server ends.
async fn ended(ending: &mut watch::Receiver<bool>) {
    let _ = ending.wait_for(|ending| *ending).await;
}

fn tls(settings: &Settings) -> Result<TlsAcceptor> {
    let names = ["localhost", "127.0.0.1"].map(str::to_owned);
    let made = rcgen::generate_simple_self_signed(names)?;
    if let Some(path) = &settings.certificate {
        std::fs::write(path, made.cert.pem())?;
    }
    let key = PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
    let mut config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

impl Shared {
    async fn serve(self, stream: TcpStream, number: u32) -> Result<()> {
        stream.set_nodelay(true)?;
        match &self.tls {
            Some(tls) => {
                let stream = timeout(PATIENCE, tls.accept(stream)).await??;
                let is_h2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
                self.dispatch(stream, is_h2, number).await
            }
            None => {
                // The preface of HTTP/2 begins with PRI (RFC 9113 3.4), which is no method of HTTP/1.1.
                let mut first = [0; 3];
                let come = async {
                    while let 1..3 = stream.peek(&mut first).await? {
                        sleep(Duration::from_millis(5)).await;
                    }
                    io::Result::Ok(())
                };
                timeout(PATIENCE, come).await??;
                self.dispatch(stream, first == *b"PRI", number).await
            }
        }
    }

    async fn dispatch<S>(self, stream: S, is_h2: bool, number: u32) -> Result<()>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        println!(
            "connection {number}: {}",
            if is_h2 { "h2" } else { "http/1.1" }
        );
        match is_h2 {
            true if self.by_hyper => self.serve_by_hyper(stream, number).await,
            true => self.serve_h2(stream, number).await,
            false => self.serve_http1(stream, number).await,
        }
    }

    fn acceptor(&self) -> Acceptor<'_> {
        let acceptor = Acceptor::new().path("/echo");
        match &self.deflate {
            Some(deflate) => acceptor.deflate(deflate),
            None => acceptor,
        }
    }

    async fn serve_http1<S>(self, stream: S, number: u32) -> Result<()>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let incoming = read_request(stream, Options::new()).await?;
        if !incoming.request().is_upgrade() {
            let fields: &[(&str, &[u8])] = &[("Content-Type", HTML.as_bytes())];
            let reply = PlainResponse::new(200)
                .headers(fields)
                .body(PAGE.as_bytes());
            return Ok(incoming.respond(&reply).await?);
        }
        let socket = incoming.accept_with(self.acceptor()).await?;
        self.echo(socket, number).await;
        Ok(())
    }

    async fn serve_h2<S>(mut self, stream: S, number: u32) -> Result<()>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let handshake = self.builder.handshake(stream);
        let mut connection = timeout(PATIENCE, handshake).await??;
        let mut is_ending = false;
        loop {
            let next = tokio::select! {
                next = connection.accept() => next,
                () = ended(&mut self.ending), if !is_ending => {
                    is_ending = true;
                    connection.graceful_shutdown();
                    continue;
                }
            };
            let Some(next) = next else {
                return Ok(());
            };
            let (request, mut respond) = next?;
            if !http2::is_websocket(&request) {
                println!(
                    "connection {number}: {} {}",
                    request.method(),
                    request.uri().path()
                );
                let response = http::Response::builder()
                    .header("content-type", HTML)
                    .body(())?;
                // It fails if the client has reset the stream. The others go on.
                let _ = respond
                    .send_response(response, false)
                    .and_then(|mut send| send.send_data(PAGE.into(), true));
                continue;
            }
            match http2::accept(request, respond, self.acceptor()) {
                Ok(socket) => {
                    let shared = self.clone();
                    tokio::spawn(async move { shared.echo(socket, number).await });
                }
                Err(error) => println!("connection {number}: {error}"),
            }
        }
    }

    /// The same by hyper.
    async fn serve_by_hyper<S>(self, stream: S, number: u32) -> Result<()>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let mut ending = self.ending.clone();
        let window = self.window;
        let service = service_fn(move |request| {
            let shared = self.clone();
            async move { Ok::<_, Infallible>(shared.answer(request, number)) }
        });
        let connection = hyper::server::conn::http2::Builder::new(TokioExecutor::new())
            .enable_connect_protocol()
            .initial_stream_window_size(window)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .serve_connection(TokioIo::new(stream), service);
        tokio::pin!(connection);
        tokio::select! {
            ended = &mut connection => return Ok(ended?),
            () = ended(&mut ending) => connection.as_mut().graceful_shutdown(),
        }
        Ok(connection.await?)
    }

    fn answer(
        self,
        mut request: hyper::Request<Incoming>,
        number: u32,
    ) -> hyper::Response<Full<Bytes>> {
        let protocol = request.extensions().get::<hyper::ext::Protocol>().cloned();
        let Some(protocol) = protocol else {
            println!(
                "connection {number}: {} {}",
                request.method(),
                request.uri().path()
            );
            let mut response = hyper::Response::new(PAGE.into());
            let html = http::HeaderValue::from_static(HTML);
            response.headers_mut().insert("content-type", html);
            return response;
        };
        let answered = self
            .acceptor()
            .answer_http(&request, Some(protocol.as_str()));
        match answered {
            Ok((response, opened)) => {
                let upgrade = hyper::upgrade::on(&mut request);
                tokio::spawn(async move {
                    if let Ok(stream) = upgrade.await {
                        let socket = open_server(TokioIo::new(stream), opened);
                        self.echo(socket, number).await;
                    }
                });
                response.map(|()| Full::default())
            }
            Err(error) => {
                println!("connection {number}: {error}");
                error.to_http().map(Into::into)
            }
        }
    }

    async fn echo<S>(mut self, mut socket: WebSocket<S>, number: u32)
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let deflate = if socket.deflate().is_some() {
            ", deflate"
        } else {
            ""
        };
        println!("connection {number}: websocket{deflate}");
        match self.echo_all(&mut socket).await {
            Ok(()) => {
                let code = socket.closed().and_then(|closed| closed.code);
                println!("connection {number}: closed, {:?}", code.map(u16::from));
            }
            Err(error) => println!("connection {number}: {error}"),
        }
    }

    async fn echo_all<S>(&mut self, socket: &mut WebSocket<S>) -> io::Result<()>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        loop {
            let message = tokio::select! {
                message = socket.next() => message,
                () = ended(&mut self.ending) => {
                    return Ok(socket.close(CloseCode::GOING_AWAY, "the server ends").await?);
                }
            };
            let Some(message) = message.transpose()? else {
                return Ok(());
            };
            match message.as_text().and_then(close_asked_for) {
                Some((code, reason)) => return Ok(socket.close(code, reason).await?),
                None => socket.send(message).await?,
            }
        }
    }
}

/// What `/close CODE REASON` asks for.
fn close_asked_for(text: &str) -> Option<(CloseCode, &str)> {
    let rest = text.strip_prefix("/close ")?;
    let (code, reason) = rest.split_once(' ').unwrap_or((rest, ""));
    Some((CloseCode::new(code.parse().ok()?)?, reason))
}
