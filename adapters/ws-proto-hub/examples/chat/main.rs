//! A chat server with rooms, and its page, on one port; with NATS or Redis any number of them is one chat.
//!
//! ```sh
//! cargo run -p ws-proto-hub --example chat            # alone: http://127.0.0.1:9001/
//! cargo run -p ws-proto-hub --features nats --example chat -- 127.0.0.1:9001 --nats nats://127.0.0.1:4222
//! cargo run -p ws-proto-hub --features nats --example chat -- 127.0.0.1:9002 --nats nats://127.0.0.1:4222
//! ```
//!
//! `--redis redis://127.0.0.1:6379/` with the feature `redis` does the same. A room is a topic of the hub. One task for each
//! connection drives it: a message is encoded once for a whole room, who reads too slowly misses messages and gets a
//! note about it, and nothing grows.

mod rooms;

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use tokio::net::{TcpListener, TcpStream};
use ws_proto_hub::{DriveEvent, Hub};
use ws_proto_tokio::{
    Accept, CloseCode, Config, Incoming, Message, Options, PlainResponse, WebSocket, read_request,
};

use rooms::{Rooms, Seat};

const PAGE: &str = include_str!("page.html");
const SUBPROTOCOL: &str = "chat.v1";

/// How long to wait when nobody can be accepted.
const PAUSE: Duration = Duration::from_millis(100);

#[tokio::main]
async fn main() -> Result<()> {
    let mut address = "127.0.0.1:9001".to_owned();
    let mut hub = None;
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        if argument.starts_with("--") {
            let url = arguments.next();
            let url = url.with_context(|| format!("{argument} needs a URL"))?;
            ensure!(hub.is_none(), "one backplane is enough");
            hub = Some(cluster(&argument, &url)?);
        } else {
            address = argument;
        }
    }
    let hub = hub.unwrap_or_default();
    let listener = TcpListener::bind(&address)
        .await
        .with_context(|| format!("cannot listen on {address}"))?;
    println!("http://{}/", listener.local_addr()?);
    report(&hub);

    let rooms = Rooms::new(hub.clone());
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
        let rooms = rooms.clone();
        tokio::spawn(async move {
            if let Err(error) = serve(stream, from, &rooms).await {
                eprintln!("{from}: {error:#}");
            }
        });
    }
    // Until everybody has the Close frame, or does not read.
    hub.shutdown("the server goes away", Duration::from_secs(5))
        .await;
    Ok(())
}

/// A hub that is one with those of other processes.
fn cluster(option: &str, url: &str) -> Result<Hub> {
    match option {
        #[cfg(feature = "nats")]
        "--nats" => Ok(Hub::with_backplane(
            ws_proto_hub::backplane::Nats::new(url),
            ws_proto_hub::backplane::BackplaneOptions::new(),
        )),
        #[cfg(feature = "redis")]
        "--redis" => Ok(Hub::with_backplane(
            ws_proto_hub::backplane::Redis::new(url)?,
            ws_proto_hub::backplane::BackplaneOptions::new(),
        )),
        _ => bail!(
            "{option} {url}: there is no such option, or the feature of its name is not built"
        ),
    }
}

/// Prints each loss and each return of the backplane.
fn report(hub: &Hub) {
    if let Some(mut link) = hub.link() {
        tokio::spawn(async move {
            loop {
                // The first look too: it can be there by now.
                let status = link.borrow_and_update().clone();
                if status.is_up {
                    println!("connected to the other processes");
                } else if let Some(reason) = status.reason {
                    println!("not connected to the other processes: {reason}");
                }
                if link.changed().await.is_err() {
                    break;
                }
            }
        });
    }
}

/// Looks at a request: the page, a chat, or nothing that there is.
async fn serve(stream: TcpStream, from: SocketAddr, rooms: &Rooms) -> Result<()> {
    stream.set_nodelay(true)?;
    let options = Options::new()
        .handshake_time(Duration::from_secs(5))
        .config(Config::new().max_message(rooms::PICTURE));
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
                    let mut socket = incoming.accept(&accept).await?;
                    println!("{from}: {name} joins {room}");
                    let mut seat = rooms.join(&room, &name).await;
                    let talked = talk(&mut socket, &mut seat).await;
                    seat.leave().await;
                    if talked? == Talk::Quit {
                        socket.close(CloseCode::NORMAL, "see you").await?;
                    }
                    return Ok(());
                }
                _ => 400,
            }
        }
        ("/chat", false, _) => 426,
        _ => 404,
    };
    incoming.respond(&PlainResponse::new(status)).await?;
    Ok(())
}

async fn page(incoming: Incoming<TcpStream>) -> Result<()> {
    let headers: &[(&str, &[u8])] = &[
        ("Content-Type", b"text/html; charset=utf-8"),
        ("Cache-Control", b"no-cache"),
        ("X-Content-Type-Options", b"nosniff"),
    ];
    let page = PlainResponse::new(200)
        .headers(headers)
        .body(PAGE.as_bytes());
    Ok(incoming.respond(&page).await?)
}

/// How the connection was left.
#[derive(PartialEq)]
enum Talk {
    /// The peer wants it closed.
    Quit,
    Over,
}

async fn talk(socket: &mut WebSocket<TcpStream>, seat: &mut Seat) -> Result<Talk> {
    while let Some(event) = seat.member().drive(socket).await {
        match event? {
            DriveEvent::Message(Message::Text(text)) if text.trim() == "/quit" => {
                return Ok(Talk::Quit);
            }
            DriveEvent::Message(Message::Text(text)) => seat.say(&text),
            DriveEvent::Message(Message::Binary(picture)) => seat.show(picture),
            DriveEvent::Missed(count) => socket.feed(rooms::missed(count)).await?,
            _ => {}
        }
    }
    Ok(Talk::Over)
}
