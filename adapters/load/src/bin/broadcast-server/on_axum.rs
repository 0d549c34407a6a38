//! axum's WebSocket with a channel of `tokio::sync::broadcast`, as its examples do.

use anyhow::Result;
use axum::Router;
use axum::body::Bytes;
use axum::extract::ws::{Message, Utf8Bytes, WebSocket};
use axum::extract::{State, WebSocketUpgrade};
use axum::response::Response;
use axum::routing::any;
use axum::serve::ListenerExt as _;
use tokio::net::TcpListener;
use tokio::sync::broadcast;

use crate::BACKLOG;

pub fn serve() -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        println!("listening on {}", listener.local_addr()?);
        let (sender, _) = broadcast::channel::<Bytes>(BACKLOG);
        let router = Router::new()
            .route("/chat/load", any(upgrade))
            .with_state(sender);
        let listener = listener.tap_io(|stream| {
            let _ = stream.set_nodelay(true);
        });
        Ok(axum::serve(listener, router).await?)
    })
}

async fn upgrade(State(sender): State<broadcast::Sender<Bytes>>, to: WebSocketUpgrade) -> Response {
    to.on_upgrade(async move |socket| {
        let _ = chat(socket, sender).await;
    })
}

async fn chat(mut socket: WebSocket, sender: broadcast::Sender<Bytes>) -> Result<()> {
    let mut receiver = sender.subscribe();
    loop {
        tokio::select! {
            message = socket.recv() => match message {
                Some(Ok(Message::Text(text))) => drop(sender.send(text.into())),
                Some(Ok(_)) => {}
                _ => return Ok(()),
            },
            said = receiver.recv() => {
                let text = Utf8Bytes::try_from(said?)?;
                socket.send(Message::Text(text)).await?;
            }
        }
    }
}
