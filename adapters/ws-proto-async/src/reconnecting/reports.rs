//! Updates that wait to be taken.

use std::collections::VecDeque;

use super::update::{Disconnected, Update};
use crate::message::Message;

/// How many bytes of messages may wait in updates, of those that were received or given back. One more of
/// any size is taken while less than this waits.
const MAX_BYTES: usize = 1 << 20;

/// Updates in their order. Beside messages there are never more than four.
#[derive(Default)]
pub(super) struct Reports {
    updates: VecDeque<Update>,
    bytes: usize,
}

impl Reports {
    pub(super) fn is_empty(&self) -> bool {
        self.updates.is_empty()
    }

    /// Whether so much waits that it has to be taken first.
    pub(super) const fn is_full(&self) -> bool {
        self.bytes >= MAX_BYTES
    }

    pub(super) fn pop(&mut self) -> Option<Update> {
        let update = self.updates.pop_front()?;
        self.bytes -= size(&update);
        Some(update)
    }

    /// Adds an update. Losses that were not taken become one, and so do attempts that failed in a row.
    pub(super) fn push(&mut self, update: Update) {
        let update = match update {
            Update::Disconnected(new) if new.losses == 0 => {
                let last = self.updates.back();
                if matches!(last, Some(Update::Disconnected(last)) if last.losses == 0) {
                    self.updates.pop_back();
                }
                Update::Disconnected(new)
            }
            Update::Disconnected(new) => self.merge(new),
            update => update,
        };
        self.bytes += size(&update);
        self.updates.push_back(update);
    }

    /// A loss, together with an earlier one that was not taken. What was reported between the two goes, but
    /// messages stay.
    fn merge(&mut self, mut new: Disconnected) -> Update {
        let is_loss =
            |update: &Update| matches!(update, Update::Disconnected(old) if old.losses > 0);
        if let Some(at) = self.updates.iter().position(is_loss) {
            for update in self.updates.split_off(at) {
                match update {
                    Update::Message(message) => self.updates.push_back(Update::Message(message)),
                    Update::Disconnected(old) => {
                        new.losses += old.losses;
                        new.unsent.splice(..0, old.unsent);
                    }
                    Update::Connected(_) | Update::Ended(_) => {}
                }
            }
            self.bytes = self.updates.iter().map(size).sum();
        }
        Update::Disconnected(new)
    }
}

/// How many bytes an update keeps, about; of an empty message it is not 0.
fn size(update: &Update) -> usize {
    let messages = match update {
        Update::Message(message) => std::slice::from_ref(message),
        Update::Disconnected(disconnected) => &disconnected.unsent[..],
        Update::Connected(_) | Update::Ended(_) => &[],
    };
    let bytes = messages.iter().map(Message::len).sum::<usize>();
    bytes + messages.len() * size_of::<Update>()
}
