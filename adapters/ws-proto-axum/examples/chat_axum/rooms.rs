//! Rooms, and who is in them. For topics, slow readers and several processes there is `ws-proto-hub`, whose members drive
//! connections of axum too.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::json;
use tokio::sync::broadcast::{self, error::RecvError};
use ws_proto_axum::PreparedMessage;

/// How many notes wait for a slow reader.
const BACKLOG: usize = 64;

/// What everybody in a room gets, encoded once.
type Note = Arc<PreparedMessage>;

#[derive(Debug, Default)]
pub(crate) struct Rooms(Mutex<HashMap<String, Room>>);

#[derive(Debug)]
struct Room {
    notes: broadcast::Sender<Note>,
    members: Vec<String>,
}

impl Room {
    fn note_members(&self, text: &str) {
        let note = json!({ "kind": "note", "text": text, "members": self.members });
        // It is an error only that nobody is there.
        let _ = self.notes.send(note_of(&note));
    }
}

fn note_of(note: &serde_json::Value) -> Note {
    Arc::new(PreparedMessage::text(note.to_string()))
}

impl Rooms {
    pub(crate) fn join(self: &Arc<Self>, room: &str, name: &str) -> Member {
        let mut rooms = self.lock();
        let entry = rooms.entry(room.to_owned()).or_insert_with(|| Room {
            notes: broadcast::channel(BACKLOG).0,
            members: Vec::new(),
        });
        let notes = entry.notes.subscribe();
        entry.members.push(name.to_owned());
        entry.note_members(&format!("{name} has joined"));
        Member {
            rooms: Arc::clone(self),
            room: room.to_owned(),
            name: name.to_owned(),
            put: entry.notes.clone(),
            notes,
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Room>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One connection in one room.
#[derive(Debug)]
pub(crate) struct Member {
    rooms: Arc<Rooms>,
    room: String,
    name: String,
    put: broadcast::Sender<Note>,
    notes: broadcast::Receiver<Note>,
}

impl Member {
    /// Says a text to all in the room.
    pub(crate) fn say(&self, text: &str) {
        let note = json!({ "kind": "say", "from": self.name, "text": text });
        let _ = self.put.send(note_of(&note));
    }

    /// The next note, or how many were missed.
    pub(crate) async fn next(&mut self) -> Result<Note, RecvError> {
        self.notes.recv().await
    }
}

/// Leaves the room.
impl Drop for Member {
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
            room.note_members(&format!("{} has left", self.name));
        }
    }
}

/// What a reader gets that was too slow.
pub(crate) fn missed(count: u64) -> String {
    json!({ "kind": "note", "text": format!("You were too slow and missed {count} messages.") })
        .to_string()
}
