//! What a hub gives to its backplane: a queue with bounds, and the topics to subscribe to.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};
use std::time::Duration;

use tokio::sync::watch;
use ws_proto_tokio::Bytes;

use super::packet;
use super::questions::{self, Question, Questions};
use super::{BackplaneOptions, Command, LinkStatus};
use crate::hub::lock;
use crate::publication::Publication;

/// How long the queue is still sent after the last handle of the hub is dropped.
pub(super) const LAST: Duration = Duration::from_secs(5);

/// What waits for the backplane.
pub(crate) struct Outbox {
    pub(super) node: [u8; 16],
    options: BackplaneOptions,
    pub(super) state: Mutex<State>,
    pub(super) questions: Arc<Questions>,
    pub(super) status: watch::Sender<LinkStatus>,
    /// True once the task has ended.
    pub(super) ended: watch::Sender<bool>,
    /// True once no hub is left.
    pub(super) abandoned: watch::Sender<bool>,
}

#[derive(Default)]
pub(super) struct State {
    packets: VecDeque<(Arc<str>, Bytes)>,
    bytes: usize,
    pub(super) topics: HashMap<Arc<str>, Wish>,
    /// Topics whose subscription differs from the wanted one.
    pub(super) changed: VecDeque<Arc<str>>,
    /// From so many on, those that came and went are dropped from them.
    most_changed: usize,
    pub(super) waker: Option<Waker>,
    pub(super) is_finishing: bool,
    is_given_up: bool,
}

#[derive(Default)]
pub(super) struct Wish {
    is_wanted: bool,
    pub(super) is_subscribed: bool,
    pub(super) is_listed: bool,
}

impl Outbox {
    pub(crate) fn new(options: BackplaneOptions) -> Self {
        let mut node = [0; 16];
        // Without random bytes from the system there is no name that no other process has.
        getrandom::fill(&mut node).expect("the system has random bytes");
        Self {
            node,
            options,
            state: Mutex::default(),
            questions: Arc::default(),
            status: watch::Sender::new(LinkStatus::default()),
            ended: watch::Sender::new(false),
            abandoned: watch::Sender::new(false),
        }
    }

    pub(crate) fn status(&self) -> watch::Receiver<LinkStatus> {
        self.status.subscribe()
    }

    /// Lets a publication wait to be sent. Returns how many were dropped.
    pub(crate) fn publish(&self, topic: &str, publication: &Publication) -> u64 {
        self.send(topic, packet::publication(&self.node, publication), true)
    }

    /// Asks other processes who has subscribed to a topic. Returns the question and how many publications were
    /// dropped for it; `None` while there is no connection.
    pub(crate) fn ask(&self, topic: &str) -> Option<(Question, u64)> {
        if !self.status.borrow().is_up {
            return None;
        }
        self.questions.inbox.get_or_init(|| {
            let inbox = questions::inbox(&self.node);
            self.want(&inbox, true); // before the question: the server has it in this order
            inbox
        });
        let question = self.questions.open();
        let packet = packet::question(&self.node, question.id);
        let dropped = self.send(topic, packet, false);
        Some((question, dropped))
    }

    /// Lets a packet wait to be sent. Without room it takes the place of the oldest ones, or is dropped itself. Returns how
    /// many were dropped.
    pub(super) fn send(&self, topic: &str, packet: Bytes, takes_place: bool) -> u64 {
        if packet.len() > self.options.max_bytes || self.options.max_waiting == 0 {
            return 1;
        }
        let mut dropped = 0;
        let waker = {
            let mut state = lock(&self.state);
            if state.is_finishing {
                return 1;
            }
            while state.packets.len() >= self.options.max_waiting
                || state.bytes + packet.len() > self.options.max_bytes
            {
                if !takes_place {
                    return 1;
                }
                let Some((_, oldest)) = state.packets.pop_front() else {
                    break;
                };
                state.bytes -= oldest.len();
                dropped += 1;
            }
            let topic = match state.topics.get_key_value(topic) {
                Some((topic, _)) => Arc::clone(topic),
                None => topic.into(),
            };
            state.bytes += packet.len();
            state.packets.push_back((topic, packet));
            state.waker.take()
        };
        waker.into_iter().for_each(Waker::wake);
        dropped
    }

    /// Notes whether a topic has members here.
    pub(crate) fn want(&self, topic: &Arc<str>, is_wanted: bool) {
        let waker = {
            let mut state = lock(&self.state);
            let wish = state.topics.entry(Arc::clone(topic)).or_default();
            wish.is_wanted = is_wanted;
            if !std::mem::replace(&mut wish.is_listed, true) {
                state.changed.push_back(Arc::clone(topic));
                state.drop_forgotten();
            }
            state.waker.take()
        };
        waker.into_iter().for_each(Waker::wake);
    }

    /// Lets the task end once the queue is sent.
    pub(crate) fn finish(&self) {
        self.end(|state| state.is_finishing = true);
    }

    /// As [`finish`](Self::finish), within [`LAST`].
    pub(crate) fn abandon(&self) {
        self.finish();
        self.abandoned.send_replace(true);
    }

    /// Lets the task end at once. Returns how many packets were dropped.
    pub(crate) fn give_up(&self) -> u64 {
        let dropped = self.end(|state| {
            state.is_finishing = true;
            state.is_given_up = true;
            state.bytes = 0;
            std::mem::take(&mut state.packets)
        });
        self.ended.send_replace(true);
        dropped.len() as u64
    }

    fn end<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let mut state = lock(&self.state);
        let changed = change(&mut state);
        let waker = state.waker.take();
        drop(state);
        waker.into_iter().for_each(Waker::wake);
        changed
    }

    pub(crate) async fn finished(&self) {
        let mut ended = self.ended.subscribe();
        let _ = ended.wait_for(|ended| *ended).await;
    }

    /// Until the task has ended, or there is no connection by which the queue could leave. One that has not been
    /// made yet, and has not failed, is waited for.
    pub(crate) async fn finished_or_down(&self) {
        let mut status = self.status();
        tokio::select! {
            () = self.finished() => {}
            _ = status.wait_for(|status| !status.is_up && status.reason.is_some()) => {}
        }
    }
}

impl State {
    /// Drops the topics of which the server has not heard and need not hear. Clients choose topics, and a server that is
    /// away takes none of them.
    fn drop_forgotten(&mut self) {
        if self.changed.len() < self.most_changed {
            return;
        }
        let topics = &mut self.topics;
        self.changed.retain(|topic| {
            let wish = topics.get(topic);
            let is_needed = wish.is_some_and(|wish| wish.is_wanted || wish.is_subscribed);
            if !is_needed {
                topics.remove(topic);
            }
            is_needed
        });
        self.most_changed = (2 * self.changed.len()).max(64);
    }

    pub(super) fn next(&mut self) -> Poll<Option<Command>> {
        if self.is_given_up {
            return Poll::Ready(None);
        }
        while let Some(topic) = self.changed.pop_front() {
            let Some(wish) = self.topics.get_mut(&topic) else {
                continue;
            };
            wish.is_listed = false;
            let (was, is) = (wish.is_subscribed, wish.is_wanted);
            wish.is_subscribed = is;
            if !is {
                self.topics.remove(&topic);
            }
            match (was, is) {
                (false, true) => return Poll::Ready(Some(Command::Subscribe(topic))),
                (true, false) => return Poll::Ready(Some(Command::Unsubscribe(topic))),
                _ => {}
            }
        }
        if let Some((topic, packet)) = self.packets.pop_front() {
            self.bytes -= packet.len();
            return Poll::Ready(Some(Command::Publish(topic, packet)));
        }
        if self.is_finishing {
            Poll::Ready(None)
        } else {
            Poll::Pending
        }
    }
}
