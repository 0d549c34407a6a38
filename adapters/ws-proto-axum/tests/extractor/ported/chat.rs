//! `chat`: the first text is a name that nobody else has, all further ones go to everybody.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::any;
use tokio::sync::broadcast;
use ws_proto_axum::{CloseCode, Message, WebSocket, WebSocketUpgrade};

use crate::common::{client, serve};

struct Shared {
    names: Mutex<HashSet<String>>,
    said: broadcast::Sender<String>,
}

fn app() -> Router {
    let shared = Shared {
        names: Mutex::default(),
        said: broadcast::channel(100).0,
    };
    Router::new()
        .route("/websocket", any(handler))
        .with_state(Arc::new(shared))
}

async fn handler(State(shared): State<Arc<Shared>>, upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(|socket| chat(socket, shared))
}

async fn chat(mut socket: WebSocket, shared: Arc<Shared>) {
    let Some(Ok(Message::Text(name))) = socket.next().await else {
        return;
    };
    if !shared.names.lock().unwrap().insert(name.to_string()) {
        let _ = socket.send("This name is taken.").await;
        let _ = socket
            .close(CloseCode::POLICY_VIOLATION, "the name is taken")
            .await;
        return;
    }
    let mut said = shared.said.subscribe();
    let _ = shared.said.send(format!("{name} is here."));

    let (mut receiver, mut sender) = socket.split();
    let mut sending = tokio::spawn(async move {
        while let Ok(text) = said.recv().await {
            if sender.send(text).await.is_err() {
                break;
            }
        }
    });
    let (everybody, who) = (shared.said.clone(), name.clone());
    let mut receiving = tokio::spawn(async move {
        while let Some(Ok(Message::Text(text))) = receiver.next().await {
            let _ = everybody.send(format!("{who}: {text}"));
        }
    });
    tokio::select! {
        _ = &mut sending => receiving.abort(),
        _ = &mut receiving => sending.abort(),
    }
    let _ = shared.said.send(format!("{name} has left."));
    shared.names.lock().unwrap().remove(name.as_str());
}

#[tokio::test]
async fn names_are_taken_once_and_texts_go_to_all() {
    let address = serve(app()).await;
    macro_rules! expect {
        ($socket:expr, $text:expr) => {
            let message = $socket.next().await.unwrap().unwrap();
            assert_eq!(message.as_text(), Some($text));
        };
    }
    let mut ann = client(address, "/websocket").await;
    ann.send("ann").await.unwrap();
    expect!(ann, "ann is here.");
    let mut other = client(address, "/websocket").await;
    other.send("ann").await.unwrap();
    expect!(other, "This name is taken.");
    assert!(other.next().await.is_none());
    assert_eq!(
        other.closed().unwrap().code,
        Some(CloseCode::POLICY_VIOLATION)
    );

    let mut bob = client(address, "/websocket").await;
    bob.send("bob").await.unwrap();
    expect!(ann, "bob is here.");
    expect!(bob, "bob is here.");
    bob.send("hello").await.unwrap();
    expect!(ann, "bob: hello");
    expect!(bob, "bob: hello");
    bob.close(CloseCode::NORMAL, "").await.unwrap();
    expect!(ann, "bob has left.");
    // The name is free again.
    let mut bob = client(address, "/websocket").await;
    bob.send("bob").await.unwrap();
    expect!(ann, "bob is here.");
}
