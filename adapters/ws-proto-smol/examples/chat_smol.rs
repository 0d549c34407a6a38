//! A chat server with rooms, and its page, on one port.
//!
//! ```sh
//! cargo run -p ws-proto-smol --example chat_smol            # http://127.0.0.1:9002/
//! cargo run -p ws-proto-smol --example chat_smol -- 0.0.0.0:8000
//! ```
//!
//! Each connection is split: one task receives and publishes to the room, the other sends what the room
//! says. A message is encoded once for a whole room. Who reads too slowly misses messages; nothing
//! grows.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use async_signal::{Signal, Signals};
use serde_json::json;
use smol::channel::{Receiver, Sender};
use smol::net::{TcpListener, TcpStream};
use smol::stream::StreamExt as _;
use smol::{Timer, future};
use ws_proto_smol::{
    Accept, CloseCode, Config, Message, Options, PlainResponse, PreparedMessage, WebSocket,
    WriteHalf, read_request,
};

const PAGE: &str = include_str!("chat_page.html");
const SUBPROTOCOL: &str = "chat.v1";

/// How long to wait when nobody can be accepted.
const PAUSE: Duration = Duration::from_millis(100);

/// How many messages wait for a slow reader.
const BACKLOG: usize = 64;

fn main() -> Result<()> {
    smol::block_on(async {
        let address = std::env::args().nth(1);
        let address = address.unwrap_or_else(|| "127.0.0.1:9002".to_owned());
        let listener = TcpListener::bind(&address)
            .await
            .with_context(|| format!("cannot listen on {address}"))?;
        println!("http://{}/", listener.local_addr()?);
        let rooms = Arc::new(Rooms::default());
        // Each connection has one of these; nothing is sent, it only ends when all of them have ended.
        let (alive, everybody) = smol::channel::bounded::<Infallible>(1);
        let mut interrupts = Signals::new([Signal::Int])?;
        loop {
            let accepted = async { Some(listener.accept().await) };
            let interrupted = async { interrupts.next().await.and(None) };
            let Some(accepted) = future::or(accepted, interrupted).await else {
                break;
            };
            let (stream, from) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    // Out of file descriptors, for instance. Those who are there are served on.
                    eprintln!("nobody can be accepted: {error}");
                    Timer::after(PAUSE).await;
                    continue;
                }
            };
            let (rooms, alive) = (Arc::clone(&rooms), alive.clone());
            smol::spawn(async move {
                if let Err(error) = serve(stream, from, &rooms).await {
                    eprintln!("{from}: {error:#}");
                }
                drop(alive);
            })
            .detach();
        }
        drop(alive);
        rooms.close();
        // Until everybody has got the Close, or does not listen.
        let told = async { everybody.recv().await.is_ok() };
        let late = async { Timer::after(Duration::from_secs(5)).await < Instant::now() };
        future::or(told, late).await;
        Ok(())
    })
}

/// Looks at a request: the page, a chat, or nothing that there is.
async fn serve(stream: TcpStream, from: SocketAddr, rooms: &Arc<Rooms>) -> Result<()> {
    stream.set_nodelay(true)?;
    let options = Options::new()
        .handshake_time(Duration::from_secs(5))
        .config(Config::new().max_message(2 << 20));
    let incoming = read_request(stream, options).await?;
    let request = incoming.request();
    let reply = match (request.path(), request.is_upgrade(), request.method()) {
        ("/", false, "GET" | "HEAD") => PlainResponse::new(200)
            .headers(&[("Content-Type", b"text/html; charset=utf-8")])
            .body(PAGE.as_bytes()),
        ("/chat", true, _) => {
            let parameter = |name| parameter(request.query(), name);
            match (parameter("room"), parameter("name")) {
                (Some(room), Some(name)) => {
                    let subprotocol = request.choose_subprotocol(&[SUBPROTOCOL]);
                    let accept = Accept::new().maybe_subprotocol(subprotocol);
                    // Refuses a page of another site.
                    let socket = incoming.accept(&accept).await?;
                    println!("{from}: {name} joins {room}");
                    return chat(socket, rooms, &room, &name).await;
                }
                _ => PlainResponse::new(400),
            }
        }
        ("/chat", false, _) => PlainResponse::new(426),
        _ => PlainResponse::new(404),
    };
    incoming.respond(&reply).await?;
    Ok(())
}

async fn chat(
    socket: WebSocket<TcpStream>,
    rooms: &Arc<Rooms>,
    room: &str,
    name: &str,
) -> Result<()> {
    let (mut read, write) = socket.split();
    let (member, messages) = rooms.join(room, name);
    let sending = smol::spawn(pass_on(write, messages, Arc::clone(rooms)));
    let received = async {
        while let Some(message) = read.next().await {
            match message? {
                Message::Text(text) if text.trim() == "/quit" => break,
                Message::Text(text) => {
                    let say = json!({ "kind": "say", "from": name, "text": &*text });
                    rooms.tell(room, [say.to_string().into()]);
                }
                picture => {
                    let whose = json!({ "kind": "picture", "from": name });
                    rooms.tell(room, [whose.to_string().into(), picture]);
                }
            }
        }
        Ok::<_, ws_proto_smol::Error>(())
    }
    .await;
    // Without a member there are no more messages, and the other task says Close.
    rooms.leave(room, member);
    // Nobody reads what still comes: it is dropped until the peer's Close.
    drop(read);
    sending.await;
    Ok(received?)
}

async fn pass_on(mut write: WriteHalf<TcpStream>, messages: Receiver<Shared>, rooms: Arc<Rooms>) {
    while let Ok(message) = messages.recv().await {
        if write.send_prepared(&message).await.is_err() {
            return;
        }
    }
    let (code, reason) = if rooms.lock().closed {
        (CloseCode::GOING_AWAY, "the server goes away")
    } else {
        (CloseCode::NORMAL, "see you")
    };
    let _ = write.close(code, reason).await;
}

/// A message that is encoded once for all who get it.
type Shared = Arc<PreparedMessage>;

#[derive(Debug, Default)]
struct Rooms(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    /// Whether the server goes away.
    closed: bool,
    last: u64,
    rooms: BTreeMap<String, BTreeMap<u64, Member>>,
}

#[derive(Debug)]
struct Member {
    name: String,
    send: Sender<Shared>,
}

impl Rooms {
    fn join(&self, room: &str, name: &str) -> (u64, Receiver<Shared>) {
        let (send, messages) = smol::channel::bounded(BACKLOG);
        let mut inner = self.lock();
        if inner.closed {
            return (0, messages); // which end at once
        }
        inner.last += 1;
        let id = inner.last;
        let members = inner.rooms.entry(room.to_owned()).or_default();
        let name = name.to_owned();
        let note = format!("{name} has joined");
        members.insert(id, Member { name, send });
        tell(members, [note_to(members, &note)]);
        (id, messages)
    }

    fn leave(&self, room: &str, id: u64) {
        let mut inner = self.lock();
        let Some(members) = inner.rooms.get_mut(room) else {
            return;
        };
        if let Some(Member { name, .. }) = members.remove(&id) {
            tell(members, [note_to(members, &format!("{name} has left"))]);
        }
        if members.is_empty() {
            inner.rooms.remove(room);
        }
    }

    fn tell<const N: usize>(&self, room: &str, messages: [Message; N]) {
        if let Some(members) = self.lock().rooms.get(room) {
            tell(members, messages);
        }
    }

    /// Sends everybody away.
    fn close(&self) {
        let mut inner = self.lock();
        inner.closed = true;
        inner.rooms.clear();
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Who has no room for all of them gets none.
fn tell<const N: usize>(members: &BTreeMap<u64, Member>, messages: [Message; N]) {
    let messages = messages.map(|message| Shared::new(message.into()));
    for Member { send, .. } in members.values() {
        if send.len() + messages.len() <= BACKLOG {
            for message in &messages {
                let _ = send.try_send(Arc::clone(message));
            }
        }
    }
}

fn note_to(members: &BTreeMap<u64, Member>, text: &str) -> Message {
    let names: Vec<&str> = members.values().map(|member| &*member.name).collect();
    let note = json!({ "kind": "note", "text": text, "members": names });
    note.to_string().into()
}

/// A parameter of a query, decoded; `None` if it is missing, empty or too long, or would steer the terminal of the server.
fn parameter(query: Option<&str>, name: &str) -> Option<String> {
    let mut pairs = query?.split('&').filter_map(|pair| pair.split_once('='));
    let (_, encoded) = pairs.find(|(n, _)| *n == name)?;
    let mut bytes = encoded.bytes();
    let mut decoded = Vec::new();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digits = [bytes.next()?, bytes.next()?];
                u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?
            }
            byte => byte,
        });
    }
    let decoded = String::from_utf8(decoded).ok()?;
    let decoded = decoded.trim();
    let fits =
        !decoded.is_empty() && decoded.chars().count() <= 24 && !decoded.contains(char::is_control);
    fits.then(|| decoded.to_owned())
}
