//! The members of a topic, counted and named.

use std::sync::Arc;

/// How many bytes of names each process reports at most.
pub(crate) const NAMES: usize = 64 * 1024;

/// The members that have subscribed to a topic, in all processes: see
/// [`Hub::presence_everywhere`](crate::Hub::presence_everywhere).
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// use std::time::Duration;
/// use ws_proto_hub::{Hub, MemberOptions};
///
/// let hub = Hub::new();
/// let members = [
///     hub.join(MemberOptions::new().name("Bob")),
///     hub.join(MemberOptions::new().name("Ann")),
///     hub.join(MemberOptions::new()),
/// ];
/// for member in &members {
///     member.subscribe("room");
/// }
/// let presence = hub.presence_everywhere("room", Duration::from_millis(200)).await;
/// assert_eq!((presence.members, presence.processes), (3, 1));
/// assert_eq!(presence.names.join(", "), "Ann, Bob");
/// # }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Presence {
    /// The number of members.
    pub members: usize,
    /// The number of processes that have such members.
    pub processes: usize,
    /// The names of those that [have one](crate::MemberOptions::name), sorted; the same name of several members is there
    /// as often. Each process reports 64 KiB of names at most; `members` counts all.
    pub names: Vec<Arc<str>>,
}

impl Presence {
    /// The members of one process; it takes as many names as it may have.
    pub(crate) fn of_process(members: usize, names: impl Iterator<Item = Arc<str>>) -> Self {
        let mut room = NAMES;
        let fitting = names.take_while(|name| {
            let rest = room.checked_sub(name.len() + 4);
            room = rest.unwrap_or(0);
            rest.is_some()
        });
        Self {
            members,
            processes: usize::from(members > 0),
            names: fitting.collect(),
        }
    }

    /// Adds the members of another process; the names are not sorted.
    pub(crate) fn add(&mut self, other: Self) {
        self.members = self.members.saturating_add(other.members);
        self.processes += other.processes;
        self.names.extend(other.names);
    }
}
