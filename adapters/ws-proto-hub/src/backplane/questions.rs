//! Questions to other processes, and their answers.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, OnceLock};

use crate::hub::lock;
use crate::presence::Presence;

/// The questions of this process that wait for answers.
#[derive(Default)]
pub(crate) struct Questions {
    last: AtomicU64,
    open: Mutex<HashMap<u64, Answers>>,
    /// The topic of the answers, once it is subscribed to.
    pub(super) inbox: OnceLock<Arc<str>>,
}

#[derive(Default)]
struct Answers {
    presence: Presence,
    /// Who has answered: each process counts once.
    nodes: HashSet<[u8; 16]>,
}

impl Questions {
    pub(super) fn open(self: &Arc<Self>) -> Question {
        let id = self.last.fetch_add(1, Relaxed);
        lock(&self.open).insert(id, Answers::default());
        Question {
            questions: Arc::clone(self),
            id,
        }
    }

    /// Takes an answer, unless nobody waits for it any more.
    pub(super) fn answered(&self, node: [u8; 16], id: u64, presence: Presence) {
        if let Some(answers) = lock(&self.open).get_mut(&id)
            && answers.nodes.insert(node)
        {
            answers.presence.add(presence);
        }
    }
}

/// A question. Dropping it ends it.
pub(crate) struct Question {
    questions: Arc<Questions>,
    pub(super) id: u64,
}

impl Question {
    /// The answers that have come.
    pub(crate) fn answers(self) -> Presence {
        let mut open = lock(&self.questions.open);
        open.get_mut(&self.id)
            .map(|answers| std::mem::take(&mut answers.presence))
            .unwrap_or_default()
    }
}

impl Drop for Question {
    fn drop(&mut self) {
        lock(&self.questions.open).remove(&self.id);
    }
}

/// Where a process receives answers: a topic that no program names.
pub(super) fn inbox(node: &[u8; 16]) -> Arc<str> {
    let mut topic = String::from("\0");
    for byte in node {
        topic.push_str(&format!("{byte:02x}"));
    }
    topic.into()
}
