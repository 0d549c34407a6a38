//! A chat with a login, on axum: rooms, a page, one port for HTTP/1.1 and HTTP/2, with TLS and without.
//!
//! ```sh
//! cargo run -p ws-proto-axum --features deflate,http2 --example chat_axum    # http://127.0.0.1:9001/
//! cargo run -p ws-proto-axum --features deflate,http2 --example chat_axum -- 0.0.0.0:8000 --certificate cert.pem
//! ```
//!
//! Who logs in gets a session in a cookie, and with it into rooms. A browser sends that cookie whatever page opens the
//! connection: it is the extractor's check of `Origin` that keeps pages of other sites out. At Ctrl-C every client gets a
//! Close frame with 1001, and those that do not answer are left after a while.

mod port;
mod rooms;
mod sessions;

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use axum::Router;
use axum::extract::{ConnectInfo, FromRef, Path, State};
use axum::http::{HeaderName, StatusCode, Version, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{any, get, post};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::watch;
use tokio::time::timeout;
use ws_proto_axum::{
    CloseCode, Deflate, Message, WebSocket, WebSocketUpgrade, WebSocketUpgradeRejection,
};

use port::{Peer, Port};
use rooms::{Member, Rooms};
use sessions::{Sessions, User};

const SUBPROTOCOL: &str = "chat.v1";
/// The longest text, in bytes.
const LONGEST: u64 = 1 << 20;

/// What the handlers share.
#[derive(Clone)]
struct App {
    rooms: Arc<Rooms>,
    sessions: Arc<Sessions>,
    deflate: Deflate,
    /// `true` once the server ends.
    ending: watch::Receiver<bool>,
}

impl FromRef<App> for Arc<Sessions> {
    fn from_ref(app: &App) -> Self {
        Self::clone(&app.sessions)
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let mut address = "127.0.0.1:9001".to_owned();
    let mut certificate = None;
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match &*argument {
            "--certificate" => certificate = Some(arguments.next().context("FILE is missing")?),
            _ => address = argument,
        }
    }
    let port = Port::bind(&address, certificate.as_deref()).await?;
    println!("http://{}/", port.address());
    println!("https://localhost:{}/", port.address().port());

    let (end, mut ending) = watch::channel(false);
    let app = App {
        rooms: Arc::default(),
        sessions: Arc::default(),
        deflate: Deflate::new(),
        ending: ending.clone(),
    };
    let router = Router::new()
        .route("/", get(page))
        .route("/login", post(sessions::log_in))
        .route("/logout", post(sessions::log_out))
        .route("/rooms/{room}", any(join))
        .with_state(app);
    let serving = axum::serve(port, router.into_make_service_with_connect_info::<Peer>())
        .with_graceful_shutdown(async move { ended(&mut ending).await });
    let serving = tokio::spawn(async move { serving.await });

    tokio::signal::ctrl_c().await?;
    end.send_replace(true);
    // Until all connections have ended, of HTTP and of WebSocket, or do not answer.
    let all = async { tokio::join!(serving, end.closed()) };
    if timeout(Duration::from_secs(5), all).await.is_err() {
        println!("{} connections did not answer", end.receiver_count());
    }
    Ok(())
}

/// Waits until the server ends.
async fn ended(ending: &mut watch::Receiver<bool>) {
    let _ = ending.wait_for(|ending| *ending).await;
}

/// The chat for those who have logged in, a form for others.
async fn page(user: Result<User, StatusCode>) -> impl IntoResponse {
    let page = match user {
        Ok(_) => include_str!("chat.html"),
        Err(_) => include_str!("login.html"),
    };
    let fields: [(HeaderName, &str); 2] = [
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (fields, Html(page))
}

/// A session, a room, a WebSocket: the one that is missing is refused with its status, before this runs.
async fn join(
    user: User,
    Path(room): Path<String>,
    version: Version,
    ConnectInfo(peer): ConnectInfo<Peer>,
    State(app): State<App>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, WebSocketUpgradeRejection> {
    let upgrade = upgrade.inspect_err(|rejection| println!("{peer}: {rejection}"))?;
    println!("{peer}: {} joins {room} over {version:?}", user.name);
    let upgrade = upgrade
        .protocols([SUBPROTOCOL])
        .max_message(LONGEST)
        .deflate(&app.deflate)
        .on_failed_upgrade(move |error| println!("{peer}: {error}"));
    Ok(upgrade.on_upgrade(async move |socket| {
        let member = app.rooms.join(&room, &user.name);
        let name = user.name.clone();
        match talk(socket, member, user, app.ending).await {
            Ok(()) => println!("{peer}: {name} has left {room}"),
            Err(error) => println!("{peer}: {name} has left {room}: {error}"),
        }
    }))
}

async fn talk(
    mut socket: WebSocket,
    mut member: Member,
    mut user: User,
    mut ending: watch::Receiver<bool>,
) -> Result<(), ws_proto_axum::Error> {
    let (code, reason) = loop {
        // Each of these can be cancelled, and nothing is lost.
        tokio::select! {
            message = socket.next() => match message {
                Some(Ok(Message::Text(text))) => member.say(&text),
                Some(Ok(Message::Binary(_))) => break (CloseCode::UNSUPPORTED_DATA, "texts only"),
                Some(Err(error)) => return Err(error),
                None => return Ok(()),
            },
            // Encoded once for the room. Several leave in one write, when there is nothing more to take.
            note = member.next() => match note {
                Ok(note) => socket.feed_prepared(&note).await?,
                Err(RecvError::Lagged(count)) => socket.feed(rooms::missed(count)).await?,
                Err(RecvError::Closed) => return Ok(()),
            },
            () = user.logged_out() => break (CloseCode::UNAUTHORIZED, "logged out"),
            () = ended(&mut ending) => break (CloseCode::GOING_AWAY, "the server goes away"),
        }
    };
    drop(member);
    socket.close(code, reason).await
}
