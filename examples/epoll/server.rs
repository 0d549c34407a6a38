//! The loop: who is ready, and who is due.

use core::cmp::Reverse;
use core::time::Duration;
extern crate alloc;

use alloc::collections::{BTreeSet, BinaryHeap};
use std::collections::HashMap;
use std::io::ErrorKind::WouldBlock;
use std::net::TcpListener;

use polling::{Event, Events, PollMode, Poller};
use ws_proto::Instant;

use crate::peer::{Peer, Said};

/// The key of the listener. Peers have the keys after it.
const LISTENER: usize = 0;
/// How long nobody is accepted when that has failed, for instance for lack of file descriptors.
const PAUSE: Duration = Duration::from_millis(100);

pub(crate) struct Server {
    poller: Poller,
    listener: TcpListener,
    peers: HashMap<usize, Peer>,
    deadlines: BinaryHeap<Reverse<(Instant, usize)>>,
    last_key: usize,
    epoch: std::time::Instant,
}

impl Server {
    pub(crate) fn bind(address: &str) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        println!("ws://{}", listener.local_addr()?);
        let poller = Poller::new()?;
        add(&poller, &listener, LISTENER)?;
        Ok(Self {
            poller,
            listener,
            peers: HashMap::new(),
            deadlines: BinaryHeap::new(),
            last_key: LISTENER,
            epoch: std::time::Instant::now(),
        })
    }

    pub(crate) fn run(mut self) -> anyhow::Result<()> {
        let mut buffer = vec![0; 64 * 1024];
        let (mut events, mut said) = (Events::new(), Vec::new());
        loop {
            let next = self.deadlines.peek().map(|Reverse((at, _))| *at);
            let wait = next.map(|at| at.saturating_duration_since(self.now()));
            events.clear();
            self.poller.wait(&mut events, wait)?;
            let mut touched = self.due()?;
            for event in events.iter() {
                if event.key == LISTENER {
                    self.accept(&mut touched)?;
                } else if let Some(peer) = self.peers.get_mut(&event.key) {
                    touched.insert(event.key);
                    if event.readable && !peer.read(&mut buffer, &mut said) {
                        self.remove(event.key)?;
                    }
                    self.deliver(&mut said, &mut touched)?; // `said` holds one read at most
                }
            }
            // A turn can bring more to say: input that had waited for room.
            while !touched.is_empty() {
                for key in core::mem::take(&mut touched) {
                    self.turn(key, &mut said)?;
                    self.deliver(&mut said, &mut touched)?;
                }
            }
        }
    }

    fn now(&self) -> Instant {
        Instant::now_since(self.epoch)
    }

    /// Those whose entry has come up. A deadline that has moved on meanwhile gets a new entry in their turn.
    fn due(&mut self) -> anyhow::Result<BTreeSet<usize>> {
        let (now, mut due) = (self.now(), BTreeSet::new());
        while let Some(&Reverse((at, key))) = self.deadlines.peek() {
            if at > now {
                break;
            }
            self.deadlines.pop();
            if key == LISTENER {
                let interest = Event::readable(LISTENER);
                self.poller
                    .modify_with_mode(&self.listener, interest, PollMode::Level)?;
            } else if let Some(peer) = self.peers.get_mut(&key) {
                if peer.scheduled == Some(at) {
                    peer.scheduled = None;
                    due.insert(key);
                }
            }
        }
        Ok(due)
    }

    /// Takes all who wait to be accepted.
    fn accept(&mut self, touched: &mut BTreeSet<usize>) -> anyhow::Result<()> {
        loop {
            let stream = match self.listener.accept() {
                Ok((stream, _)) => stream,
                Err(error) if error.kind() == WouldBlock => return Ok(()),
                Err(error) => {
                    eprintln!("cannot accept: {error}"); // those who are there are served on
                    let nothing = Event::none(LISTENER);
                    self.poller
                        .modify_with_mode(&self.listener, nothing, PollMode::Level)?;
                    self.deadlines.push(Reverse((self.now() + PAUSE, LISTENER)));
                    return Ok(());
                }
            };
            self.last_key += 1;
            let ready = stream
                .set_nonblocking(true)
                .and_then(|()| stream.set_nodelay(true))
                .and_then(|()| add(&self.poller, &stream, self.last_key));
            if let Err(error) = ready {
                eprintln!("cannot serve a connection: {error}");
                continue;
            }
            self.peers
                .insert(self.last_key, Peer::new(stream, self.now()));
            touched.insert(self.last_key);
        }
    }

    /// Queues what was said for everybody in its room. A peer for which too much waits is dropped.
    fn deliver(
        &mut self,
        said: &mut Vec<Said>,
        touched: &mut BTreeSet<usize>,
    ) -> anyhow::Result<()> {
        for (room, text) in said.drain(..) {
            let mut slow = Vec::new();
            for (&key, peer) in self.peers.iter_mut().filter(|(_, peer)| peer.is_in(&room)) {
                if peer.send(&text) {
                    touched.insert(key);
                } else {
                    slow.push(key);
                }
            }
            slow.into_iter().try_for_each(|key| self.remove(key))?;
        }
        Ok(())
    }

    fn turn(&mut self, key: usize, said: &mut Vec<Said>) -> anyhow::Result<()> {
        let now = self.now();
        let Some(peer) = self.peers.get_mut(&key) else {
            return Ok(());
        };
        if !peer.turn(now, said) {
            return self.remove(key);
        }
        if let Some(at) = peer.deadline {
            if peer.scheduled.is_none_or(|scheduled| at < scheduled) {
                peer.scheduled = Some(at);
                self.deadlines.push(Reverse((at, key)));
            }
        }
        let (read, write) = peer.interest();
        let interest = Event::new(key, read, write);
        Ok(self
            .poller
            .modify_with_mode(&peer.stream, interest, PollMode::Level)?)
    }

    fn remove(&mut self, key: usize) -> anyhow::Result<()> {
        let peer = self.peers.remove(&key);
        peer.map_or(Ok(()), |peer| Ok(self.poller.delete(&peer.stream)?))
    }
}

#[expect(unsafe_code, reason = "the poller keeps the file descriptor")]
fn add(poller: &Poller, source: impl polling::AsRawSource, key: usize) -> std::io::Result<()> {
    // SAFETY: `remove` deletes a peer's socket before it is closed. The listener is never closed.
    unsafe { poller.add_with_mode(source, Event::readable(key), PollMode::Level) }
}
