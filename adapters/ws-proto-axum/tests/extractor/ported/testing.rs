//! `testing-websockets`: a handler that is tested over a real connection, and one that is tested without any, because it takes
//! any stream and any sink of messages.

use axum::Router;
use axum::response::Response;
use axum::routing::any;
use futures_util::{Sink, SinkExt as _, Stream, StreamExt as _, sink, stream};
use ws_proto_axum::{Error, Message, WebSocket, WebSocketUpgrade};

use crate::common::{client, serve};

fn app() -> Router {
    async fn whole(upgrade: WebSocketUpgrade) -> Response {
        upgrade.on_upgrade(async |mut socket: WebSocket| {
            while let Some(Ok(Message::Text(text))) = socket.next().await {
                if socket.send(format!("You said {text}")).await.is_err() {
                    return;
                }
            }
        })
    }
    async fn split(upgrade: WebSocketUpgrade) -> Response {
        upgrade.on_upgrade(async |socket: WebSocket| {
            let (read, write) = socket.split();
            answer(write, read).await;
        })
    }
    Router::new()
        .route("/whole", any(whole))
        .route("/split", any(split))
}

async fn answer<W, R>(mut write: W, mut read: R)
where
    W: Sink<Message> + Unpin,
    R: Stream<Item = Result<Message, Error>> + Unpin,
{
    while let Some(Ok(Message::Text(text))) = read.next().await {
        if write
            .send(Message::text(format!("You said {text}")))
            .await
            .is_err()
        {
            return;
        }
    }
}

#[tokio::test]
async fn over_a_connection() {
    let address = serve(app()).await;
    for path in ["/whole", "/split"] {
        let mut socket = client(address, path).await;
        socket.send("foo").await.unwrap();
        let answer = socket.next().await.unwrap().unwrap();
        assert_eq!(answer.as_text(), Some("You said foo"));
    }
}

#[tokio::test]
async fn without_a_connection() {
    let mut written = Vec::new();
    let write = sink::unfold(&mut written, async |written, message: Message| {
        written.push(message);
        Ok::<_, Error>(written)
    });
    let read = stream::iter([Ok(Message::from("foo")), Ok(Message::from(vec![1]))]);
    answer(Box::pin(write), read).await;
    assert_eq!(written, [Message::from("You said foo")]);
}
