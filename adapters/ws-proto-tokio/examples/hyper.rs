//! A server on hyper that upgrades: HTTP is hyper's, WebSocket is ours. And a client likewise.
//!
//! ```sh
//! cargo run -p ws-proto-tokio --features http --example hyper
//! ```
//!
//! The feature `http` makes the response that accepts a request; after it hyper hands over the stream.

use std::convert::Infallible;
use std::time::Duration;

use anyhow::Result;
use http_body_util::{Empty, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use ws_proto_tokio::ws_proto::OsRandom;
use ws_proto_tokio::ws_proto::handshake::ClientRequest;
use ws_proto_tokio::ws_proto::handshake::http::ClientUpgrade;
use ws_proto_tokio::{Acceptor, CloseCode, Options, Uri, client, open_server};

#[tokio::main]
async fn main() -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("ws://{}/echo", listener.local_addr()?);
    tokio::spawn(async move {
        loop {
            let Ok((stream, _)) = listener.accept().await else {
                // Out of file descriptors, for instance. Those who are there are served on.
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            };
            let connection = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service_fn(serve))
                .with_upgrades();
            tokio::spawn(connection);
        }
    });
    ask(&url).await
}

async fn serve(mut request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    if request.uri().path() != "/echo" {
        return Ok(Response::new("try /echo".into()));
    }
    let (response, opened) = match Acceptor::new().answer_http(&request, None) {
        Ok(answered) => answered,
        // A 403 for a page of another site, too.
        Err(error) => return Ok(error.to_http().map(Into::into)),
    };
    let upgrade = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        // Once the response is written, the stream is ours.
        let stream = TokioIo::new(upgrade.await?);
        let mut socket = open_server(stream, opened);
        while let Some(message) = socket.next().await {
            socket.send(message?).await?;
        }
        Ok::<(), anyhow::Error>(())
    });
    Ok(response.map(|()| Full::default()))
}

async fn ask(url: &str) -> Result<()> {
    let uri = Uri::parse(url)?;
    let nonce = OsRandom::nonce().ok_or_else(|| anyhow::anyhow!("no randomness"))?;
    let (upgrade, request) = ClientUpgrade::start(ClientRequest::from_uri(uri), nonce, Vec::new())?;

    let stream = TcpStream::connect((uri.host(), uri.port())).await?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection.with_upgrades());
    let request = request.map(|()| Empty::<Bytes>::new());
    let response = sender.send_request(request).await?;
    let negotiated = upgrade.finish(&response)?;
    let stream = TokioIo::new(hyper::upgrade::on(response).await?);

    let mut socket = client(stream, negotiated, Options::new());
    socket.send("through hyper, both ways").await?;
    if let Some(message) = socket.next().await {
        println!("{:?}", message?);
    }
    Ok(socket.close(CloseCode::NORMAL, "done").await?)
}
