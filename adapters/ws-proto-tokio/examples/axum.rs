//! An extractor for axum: a handler takes an `Upgrade` and gets a `WebSocket`.
//!
//! ```sh
//! cargo run -p ws-proto-tokio --example axum
//! ```
//!
//! Copy `Upgrade` into a program of yours; it is all there is to it.

use anyhow::Result;
use axum::Router;
use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;
use axum::http::{Request, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use tokio::net::TcpListener;
use ws_proto::handshake::Accept;
use ws_proto::handshake::http::{AcceptError, accept, refusal};
use ws_proto_tokio::{CloseCode, Options, WebSocket, connect, server};

/// A request that can be upgraded.
struct Upgrade {
    request: Request<()>,
    on_upgrade: OnUpgrade,
    options: Options,
}

type Socket = WebSocket<TokioIo<Upgraded>>;

impl<S: Sync> FromRequestParts<S> for Upgrade {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Response> {
        let on_upgrade = parts.extensions.remove::<OnUpgrade>();
        let mut request = Request::new(());
        *request.method_mut() = parts.method.clone();
        *request.uri_mut() = parts.uri.clone();
        *request.version_mut() = parts.version;
        *request.headers_mut() = parts.headers.clone();
        // Refuses requests that are no handshake, and pages of other sites, before the handler runs.
        if let Err(error) = accept(&request, &Accept::new()) {
            return Err(rejection(error));
        }
        Ok(Self {
            request,
            on_upgrade: on_upgrade.ok_or(StatusCode::UPGRADE_REQUIRED.into_response())?,
            options: Options::new(),
        })
    }
}

impl Upgrade {
    /// Accepts, and runs `serve` on the connection in a task of its own.
    fn on<F>(
        self,
        subprotocols: &[&str],
        serve: impl FnOnce(Socket) -> F + Send + 'static,
    ) -> Response
    where
        F: Future<Output = ()> + Send,
    {
        let offered = ws_proto::handshake::http::fields(self.request.headers());
        let offered = ws_proto::handshake::Headers::from_slice(&offered);
        let chosen = subprotocols.iter().copied().find(|wanted| {
            offered
                .list("Sec-WebSocket-Protocol")
                .any(|offered| offered == wanted.as_bytes())
        });
        let how = Accept::new().maybe_subprotocol(chosen);
        let (response, negotiated) = match accept(&self.request, &how) {
            Ok(accepted) => accepted,
            Err(error) => return rejection(error),
        };
        tokio::spawn(async move {
            match self.on_upgrade.await {
                Ok(stream) => {
                    serve(server(TokioIo::new(stream), negotiated, self.options)).await;
                }
                Err(error) => eprintln!("no upgrade: {error}"),
            }
        });
        response.map(|()| axum::body::Body::empty())
    }
}

fn rejection(error: AcceptError) -> Response {
    refusal(error).map(axum::body::Body::from)
}

#[derive(Deserialize)]
struct Greeting {
    name: String,
}

/// A handler: extractors for what the request says, and one for the connection.
async fn greet(Query(Greeting { name }): Query<Greeting>, upgrade: Upgrade) -> Response {
    upgrade.on(&["greeting"], async move |mut socket: Socket| {
        let _ = socket.send(format!("hello {name}")).await;
        while let Some(Ok(message)) = socket.next().await {
            if socket.send(message).await.is_err() {
                break;
            }
        }
    })
}

#[tokio::main]
async fn main() -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("ws://{}/greet?name=axum", listener.local_addr()?);
    let router = Router::new().route("/greet", get(greet));
    tokio::spawn(async move { axum::serve(listener, router).await });

    let connector = ws_proto_tokio::Connector::new(&url)?.subprotocols(&["greeting"]);
    let (mut socket, response) = connect(connector).await?;
    println!("subprotocol {:?}", response.subprotocol());
    socket.send("and back").await?;
    for _ in 0..2 {
        if let Some(message) = socket.next().await {
            println!("{:?}", message?);
        }
    }
    socket.close(CloseCode::NORMAL, "done").await?;

    let refused = connect(format!("{url}&").replace("/greet", "/none").as_str()).await;
    println!("elsewhere: {}", refused.unwrap_err());
    Ok(())
}
