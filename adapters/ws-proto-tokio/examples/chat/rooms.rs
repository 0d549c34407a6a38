//! Rooms, and who is in them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::json;
use tokio::sync::broadcast::{self, error::RecvError};
use ws_proto_tokio::{Bytes, PreparedMessage};

/// How many notes wait for a slow reader.
const BACKLOG: usize = 64;

#[derive(Debug, Default)]
pub(crate) struct Rooms(Mutex<BTreeMap<String, Room>>);

#[derive(Debug)]
struct Room {
    notes: broadcast::Sender<Arc<Note>>,
    members: Vec<String>,
}

/// What everybody in a room gets, encoded once.
#[derive(Debug)]
pub(crate) struct Note {
    pub(crate) text: PreparedMessage,
    /// Comes after the text that says whose it is.
    pub(crate) picture: Option<PreparedMessage>,
}

impl Note {
    fn new(text: String, picture: Option<Bytes>) -> Arc<Self> {
        Arc::new(Self {
            text: PreparedMessage::text(text),
            picture: picture.map(PreparedMessage::binary),
        })
    }
}

/// One connection in one room.
#[derive(Debug)]
pub(crate) struct Member<'r> {
    rooms: &'r Rooms,
    room: String,
    name: String,
    send: broadcast::Sender<Arc<Note>>,
    notes: broadcast::Receiver<Arc<Note>>,
}

impl Rooms {
    pub(crate) fn join(&self, room: &str, name: &str) -> Member<'_> {
        let mut rooms = self.lock();
        let entry = rooms.entry(room.to_owned()).or_insert_with(|| Room {
            notes: broadcast::channel(BACKLOG).0,
            members: Vec::new(),
        });
        entry.members.push(name.to_owned());
        let (send, notes) = (entry.notes.clone(), entry.notes.subscribe());
        entry.tell_members(&format!("{name} has joined"));
        Member {
            rooms: self,
            room: room.to_owned(),
            name: name.to_owned(),
            send,
            notes,
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Room>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Room {
    fn tell_members(&self, text: &str) {
        let note = json!({ "kind": "note", "text": text, "members": self.members });
        let _ = self.notes.send(Note::new(note.to_string(), None));
    }
}

impl Member<'_> {
    pub(crate) fn say(&self, text: &str) {
        let note = json!({ "kind": "say", "from": self.name, "text": text });
        self.send(note.to_string(), None);
    }

    pub(crate) fn show(&self, picture: Bytes) {
        let note = json!({ "kind": "picture", "from": self.name });
        self.send(note.to_string(), Some(picture));
    }

    /// The next note; cancel safe.
    pub(crate) async fn heard(&mut self) -> Result<Arc<Note>, RecvError> {
        self.notes.recv().await
    }

    fn send(&self, text: String, picture: Option<Bytes>) {
        let _ = self.send.send(Note::new(text, picture));
    }
}

impl Drop for Member<'_> {
    fn drop(&mut self) {
        let mut rooms = self.rooms.lock();
        let Some(room) = rooms.get_mut(&self.room) else {
            return;
        };
        if let Some(at) = room.members.iter().position(|name| *name == self.name) {
            room.members.remove(at);
        }
        if room.members.is_empty() {
            rooms.remove(&self.room);
        } else {
            room.tell_members(&format!("{} has left", self.name));
        }
    }
}

pub(crate) fn missed(count: u64) -> String {
    let text = format!("You were too slow and missed {count} messages");
    json!({ "kind": "note", "text": text }).to_string()
}

/// A parameter of a query, decoded; `None` if it is missing, empty or too long.
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
    let fits = !decoded.is_empty() && decoded.chars().count() <= 24;
    fits.then(|| decoded.to_owned())
}
