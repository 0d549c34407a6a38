//! The ring: submissions and completions.

mod peer;

use core::{mem::ManuallyDrop, ptr::null_mut, time::Duration};
use std::collections::{BTreeSet, HashMap};
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsRawFd, FromRawFd};

use io_uring::{IoUring, opcode, squeue, types};
use ws_proto::Instant;

/// Why waiting ends without a completion: a signal, completions to be taken first, the deadline.
const NOTHING: [i32; 3] = [4, 16, 62]; // EINTR, EBUSY, ETIME

/// The key of the listener is 0. A peer has two keys after it: an even one for reads, and the next for writes.
#[expect(unsafe_code, reason = "the kernel gives a number")]
pub(crate) fn serve(address: &str) -> anyhow::Result<()> {
    let listener = TcpListener::bind(address)?;
    let mut ring = IoUring::new(256)
        .map_err(|error| anyhow::anyhow!("the kernel refuses io_uring: {error}"))?;
    println!("ws://{}", listener.local_addr()?);
    let epoch = std::time::Instant::now();
    // An error ends the loop while operations are in the ring: their buffers are not freed then.
    let mut peers: ManuallyDrop<HashMap<u64, peer::Peer>> = ManuallyDrop::new(HashMap::new());
    let (mut deadlines, mut last) = (BTreeSet::new(), 0); // one for each peer that has one
    let fd = types::Fd(listener.as_raw_fd());
    let accept = opcode::Accept::new(fd, null_mut(), null_mut()).build();
    submit(&mut ring, &accept)?;
    loop {
        let next: Option<&(Instant, u64)> = deadlines.first();
        let wait = next.map(|(at, _)| at.saturating_duration_since(Instant::now_since(epoch)));
        let time = types::Timespec::from(wait.unwrap_or(Duration::from_secs(60)));
        let until = types::SubmitArgs::new().timespec(&time);
        match ring.submitter().submit_with_args(1, &until) {
            Err(e) if !NOTHING.contains(&e.raw_os_error().unwrap_or_default()) => Err(e)?,
            _ => {}
        }
        let now = Instant::now_since(epoch);
        let mut touched = BTreeSet::new();
        for done in ring.completion().collect::<Vec<_>>() {
            let (key, result) = (done.user_data() & !1, done.result());
            if let Some(peer) = peers.get_mut(&key) {
                peer.completed(done.user_data() != key, result);
                touched.insert(key);
            } else if result < 0 {
                eprintln!("cannot accept: error {}", -result); // who is there is served on
                deadlines.insert((now + Duration::from_millis(100), 0));
            } else {
                last += 2;
                // SAFETY: the kernel has just opened it for this program, and nothing else has it.
                let stream = unsafe { TcpStream::from_raw_fd(result) };
                peers.insert(last, peer::Peer::new(stream, now));
                touched.insert(last);
                submit(&mut ring, &accept)?;
            }
        }
        touched.extend(deadlines.range(..=(now, u64::MAX)).map(|(_, key)| *key));
        for key in touched {
            let Some(peer) = peers.get_mut(&key) else {
                deadlines.retain(|(_, key)| *key != 0);
                submit(&mut ring, &accept)?; // once more
                continue;
            };
            peer.deadline.map(|at| deadlines.remove(&(at, key)));
            if !peer.turn(now) && peer.is_idle() {
                peers.remove(&key); // closed
                continue;
            }
            peer.deadline.map(|at| deadlines.insert((at, key)));
            let fd = types::Fd(peer.stream.as_raw_fd());
            if let Some(bytes) = peer.next_write() {
                // MSG_NOSIGNAL: a peer that is gone is an error of the write, not a signal.
                let send = opcode::Send::new(fd, bytes.as_ptr(), bytes.len() as u32).flags(0x4000);
                submit(&mut ring, &send.build().user_data(key + 1))?;
            }
            if let Some(buffer) = peer.next_read() {
                let read = opcode::Recv::new(fd, buffer.as_mut_ptr(), buffer.len() as u32);
                submit(&mut ring, &read.build().user_data(key))?;
            }
        }
    }
}

#[expect(
    unsafe_code,
    reason = "the kernel uses the buffers until the operation has completed"
)]
fn submit(ring: &mut IoUring, operation: &squeue::Entry) -> anyhow::Result<()> {
    // SAFETY: each peer has one read and one write in the ring at most, each with a buffer of its own. `Peer`
    // leaves that alone until `completed`, is removed only when it is idle, and not dropped when `serve` ends
    // with an error.
    while unsafe { ring.submission().push(operation) }.is_err() {
        ring.submit()?; // the queue is full
    }
    Ok(())
}
