//! Rooms, and who is in them.

use std::collections::HashMap;
use std::future::ready;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::{self, poll_fn};
use serde_json::json;
use tokio::sync::mpsc;
use tokio::time::sleep;
use ws_proto_hub::{Hub, Member, MemberOptions, Presence, Publication, WhenFull};
use ws_proto_tokio::{Bytes, Message};

/// The longest message, in bytes.
pub(crate) const PICTURE: u64 = 2 << 20;

/// How many notes wait for a slow reader, and how many bytes of them.
const BACKLOG: usize = 64;
const BYTES: usize = 8 << 20;

/// How long other processes have to report who is in a room.
const ANSWERS: Duration = Duration::from_millis(200);

/// How many questions are on their way at once.
const QUESTIONS: usize = 256;

/// How often a process asks without a reason: the members of one that has stopped are still in the lists of the others.
const REFRESH: Duration = Duration::from_secs(5);

#[derive(Clone, Debug)]
pub(crate) struct Rooms {
    hub: Hub,
    /// Who came and went.
    news: mpsc::Sender<(String, String)>,
}

/// One connection in one room.
#[derive(Debug)]
pub(crate) struct Seat {
    rooms: Rooms,
    room: String,
    name: String,
    member: Member,
}

impl Rooms {
    pub(crate) fn new(hub: Hub) -> Self {
        let (news, waiting) = mpsc::channel(QUESTIONS);
        tokio::spawn(announce(hub.clone(), waiting));
        if hub.link().is_some() {
            tokio::spawn(refresh(hub.clone()));
        }
        Self { hub, news }
    }

    pub(crate) async fn join(&self, room: &str, name: &str) -> Seat {
        let options = MemberOptions::new()
            .name(name)
            .max_waiting(BACKLOG)
            .max_bytes(BYTES)
            .when_full(WhenFull::DropOldest);
        let member = self.hub.join(options);
        member.subscribe(room);
        let text = format!("{name} has joined");
        let _ = self.news.send((room.to_owned(), text)).await;
        Seat {
            rooms: self.clone(),
            room: room.to_owned(),
            name: name.to_owned(),
            member,
        }
    }
}

/// Publishes who came and went, in this order, with the names of all who are in the room.
async fn announce(hub: Hub, mut news: mpsc::Receiver<(String, String)>) {
    let news = poll_fn(move |cx| news.poll_recv(cx));
    let asked = news.map(|(room, text)| async {
        let presence = hub.presence_everywhere(&room, ANSWERS).await;
        (room, text, presence)
    });
    let published = asked
        .buffered(QUESTIONS)
        .for_each(|(room, text, presence)| {
            let note = json!({ "kind": "note", "text": text, "members": names(&presence) });
            hub.publish(&room, note.to_string());
            ready(())
        });
    published.await;
}

/// Publishes who is in each room of this process, when that has changed.
async fn refresh(hub: Hub) {
    let mut before = HashMap::new();
    loop {
        sleep(REFRESH).await;
        let asked = stream::iter(hub.topics()).map(|room| async {
            let presence = hub.presence_everywhere(&room, ANSWERS).await;
            (room, presence)
        });
        let now: HashMap<_, _> = asked.buffer_unordered(QUESTIONS).collect().await;
        for (room, presence) in &now {
            if before.get(room) != Some(presence) {
                let members = json!({ "kind": "members", "members": names(presence) });
                hub.publish(room, members.to_string());
            }
        }
        before = now;
    }
}

fn names(presence: &Presence) -> Vec<&str> {
    presence.names.iter().map(|name| &**name).collect()
}

impl Seat {
    pub(crate) const fn member(&mut self) -> &mut Member {
        &mut self.member
    }

    pub(crate) fn say(&self, text: &str) {
        let note = json!({ "kind": "say", "from": self.name, "text": text });
        self.publish(note.to_string());
    }

    /// The picture comes after the text that says whose it is, with nothing in between.
    pub(crate) fn show(&self, picture: Bytes) {
        let note = json!({ "kind": "picture", "from": self.name });
        let messages = [Message::from(note.to_string()), Message::Binary(picture)];
        self.publish(Publication::group(messages));
    }

    fn publish(&self, publication: impl Into<Publication>) {
        self.rooms.hub.publish(&self.room, publication);
    }

    pub(crate) async fn leave(self) {
        drop(self.member);
        let text = format!("{} has left", self.name);
        let _ = self.rooms.news.send((self.room, text)).await;
    }
}

pub(crate) fn missed(count: u64) -> String {
    let text = format!("You were too slow and missed {count} messages");
    json!({ "kind": "note", "text": text }).to_string()
}

/// A parameter of a query, decoded; `None` if it is missing, empty or too long, or would steer the terminal of the server.
pub(crate) fn parameter(query: Option<&str>, name: &str) -> Option<String> {
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
