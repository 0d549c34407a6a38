//! The loop: who is ready, and who is due.

mod peer;

use std::collections::{BTreeSet, HashMap};
use std::net::TcpListener;

use peer::{MESSAGE, Peer, WAITING};
use polling::{Event, Events, PollMode, Poller};
use ws_proto::{Instant, Limited};

// SAFETY of the sockets that it adds to the poller: it deletes a peer's socket there before it closes it, and drops the
// poller before all others.
#[expect(unsafe_code, reason = "the poller keeps file descriptors")]
pub(crate) fn run(address: &str) -> anyhow::Result<()> {
    let mut peers: HashMap<usize, Peer> = HashMap::new();
    let listener = TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    println!("ws://{}", listener.local_addr()?);
    let poller = Poller::new()?;
    // Once for all who wait, not for as long as one does: one that cannot be accepted would keep us busy.
    // SAFETY: see above.
    unsafe { poller.add_with_mode(&listener, Event::readable(0), PollMode::Edge)? };
    let mut deadlines = BTreeSet::new(); // one for each peer that has one
    let (mut last, mut buffer, mut events) = (0, vec![0; MESSAGE], Events::new());
    let (epoch, mut output) = (std::time::Instant::now(), Limited::new(WAITING)); // lent to each peer
    loop {
        let next: Option<&(Instant, usize)> = deadlines.first();
        let wait = next.map(|(at, _)| at.saturating_duration_since(Instant::now_since(epoch)));
        events.clear();
        poller.wait(&mut events, wait)?;
        let mut touched: Vec<_> = events.iter().map(|event| event.key).collect();
        for event in events.iter().filter(|event| event.readable) {
            // Not the listener: all who wait are accepted below.
            if let Some(peer) = peers.get_mut(&event.key) {
                let (said, room) = (peer.read(&mut buffer), peer.room.clone());
                let everybody = peers.iter_mut().filter(|(_, peer)| peer.room == room);
                for (&key, peer) in everybody.filter(|_| !said.is_empty()) {
                    peer.swap_output(&mut output);
                    said.iter().for_each(|text| peer.send(text));
                    peer.write();
                    peer.swap_output(&mut output);
                    touched.push(key);
                }
            }
        }
        let now = Instant::now_since(epoch);
        // Who has no file descriptor waits on, and is tried again in each turn: one begins when somebody leaves.
        while let Ok((stream, _)) = listener.accept() {
            stream.set_nonblocking(true)?;
            let _ = stream.set_nodelay(true);
            last += 1;
            // SAFETY: see above.
            let added =
                unsafe { poller.add_with_mode(&stream, Event::readable(last), PollMode::Level) };
            if added.is_ok() {
                peers.insert(last, Peer::new(stream, now));
                touched.push(last);
            }
        }
        touched.extend(deadlines.range(..=(now, usize::MAX)).map(|(_, key)| *key));
        touched.sort_unstable();
        touched.dedup();
        for key in touched {
            if let Some(peer) = peers.get_mut(&key) {
                let (before, goes_on) = (peer.deadline, peer.turn(now));
                if peer.deadline != before {
                    before.map(|at| deadlines.remove(&(at, key)));
                    peer.deadline.map(|at| deadlines.insert((at, key)));
                }
                if goes_on {
                    // A call of the kernel: most turns change nothing of it.
                    let interest = peer.interest(key);
                    if peer.waits_for.replace(interest) != Some(interest) {
                        poller.modify_with_mode(&peer.stream, interest, PollMode::Level)?;
                    }
                } else {
                    peer.deadline.map(|at| deadlines.remove(&(at, key)));
                    // Another turn follows, for those who wait for a file descriptor.
                    poller.delete(&peer.stream).and_then(|()| poller.notify())?;
                    peers.remove(&key);
                }
            }
        }
    }
}
