//! A chat server with rooms, and its page, on one port.
//!
//! ```sh
//! cargo run -p ws-proto-tokio --example chat            # http://127.0.0.1:9001/
//! cargo run -p ws-proto-tokio --example chat -- 0.0.0.0:8000
//! ```
//!
//! One task for each connection waits for messages of its browser, for messages in the room, and
//! for the end, in one `select!`: all of these waits can be cancelled without losing anything. A
//! message is encoded once for a whole room. Who reads too slowly misses messages and gets a note;
//! nothing grows.

mod rooms;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::watch;
use ws_proto_tokio::{
    Accept, CloseCode, Config, Incoming, Message, Options, Reply, WebSocket, read_request,
};

use rooms::{Member, Rooms};

const PAGE: &str = include_str!("page.html");
const SUBPROTOCOL: &str = "chat.v1";

/// How long to wait when nobody can be accepted.
const PAUSE: Duration = Duration::from_millis(100);

#[tokio::main]
async fn main() -> Result<()> {
    let address = std::env::args().nth(1);
    let address = address.unwrap_or_else(|| "127.0.0.1:9001".to_owned());
    let listener = TcpListener::bind(&address)
        .await
        .with_context(|| format!("cannot listen on {address}"))?;
    println!("http://{}/", listener.local_addr()?);

    let rooms = Arc::new(Rooms::default());
    let (going_away, watch) = watch::channel(false);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = tokio::signal::ctrl_c() => break,
        };
        let (stream, from) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of file descriptors, for instance. Those who are there are served on.
                eprintln!("nobody can be accepted: {error}");
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        let (rooms, watch) = (Arc::clone(&rooms), watch.clone());
        tokio::spawn(async move {
            if let Err(error) = serve(stream, from, &rooms, watch).await {
                eprintln!("{from}: {error:#}");
            }
        });
    }
    drop(watch);
    going_away.send_replace(true);
    // Until everybody has got the Close, or does not listen.
    let _ = tokio::time::timeout(Duration::from_secs(5), going_away.closed()).await;
    Ok(())
}

/// Looks at a request: the page, a chat, or nothing that there is.
async fn serve(
    stream: TcpStream,
    from: SocketAddr,
    rooms: &Rooms,
    going_away: watch::Receiver<bool>,
) -> Result<()> {
    stream.set_nodelay(true)?;
    let options = Options::new()
        .handshake_time(Duration::from_secs(5))
        .config(Config::new().max_message(2 << 20));
    let incoming = read_request(stream, options).await?;
    let request = incoming.request();
    let status = match (request.path(), request.is_upgrade(), request.method()) {
        ("/", false, "GET" | "HEAD") => return page(incoming).await,
        ("/chat", true, _) => {
            let parameter = |name| rooms::parameter(request.query(), name);
            match (parameter("room"), parameter("name")) {
                (Some(room), Some(name)) => {
                    let subprotocol = request.choose_subprotocol(&[SUBPROTOCOL]);
                    let accept = Accept::new().maybe_subprotocol(subprotocol);
                    // Refuses a page of another site.
                    let socket = incoming.accept(&accept).await?;
                    println!("{from}: {name} joins {room}");
                    return chat(socket, rooms.join(&room, &name), going_away).await;
                }
                _ => 400,
            }
        }
        ("/chat", false, _) => 426,
        _ => 404,
    };
    incoming.respond(&Reply::new(status)).await?;
    Ok(())
}

async fn page(incoming: Incoming<TcpStream>) -> Result<()> {
    let headers: &[(&str, &[u8])] = &[
        ("Content-Type", b"text/html; charset=utf-8"),
        ("Cache-Control", b"no-cache"),
        ("X-Content-Type-Options", b"nosniff"),
    ];
    let page = Reply::new(200).headers(headers).body(PAGE.as_bytes());
    Ok(incoming.respond(&page).await?)
}

async fn chat(
    mut socket: WebSocket<TcpStream>,
    mut member: Member<'_>,
    mut going_away: watch::Receiver<bool>,
) -> Result<()> {
    loop {
        tokio::select! {
            message = socket.next() => match message {
                Some(Ok(Message::Text(text))) if text.trim() == "/quit" => {
                    drop(member);
                    return Ok(socket.close(CloseCode::NORMAL, "see you").await?);
                }
                Some(Ok(Message::Text(text))) => member.say(&text),
                Some(Ok(Message::Binary(picture))) => member.show(picture),
                Some(Err(error)) => return Err(error.into()),
                None => return Ok(()),
            },
            note = member.heard() => match note {
                Ok(note) => {
                    socket.feed_prepared(&note.text).await?;
                    if let Some(picture) = &note.picture {
                        socket.feed_prepared(picture).await?;
                    }
                    socket.flush().await?;
                }
                Err(RecvError::Lagged(count)) => socket.send(rooms::missed(count)).await?,
                Err(RecvError::Closed) => return Ok(()),
            },
            _ = going_away.changed() => {
                return Ok(socket.close(CloseCode::GOING_AWAY, "the server goes away").await?);
            }
        }
    }
}
