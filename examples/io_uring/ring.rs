//! The ring: what is submitted, and what has completed.

extern crate alloc;

use alloc::collections::BinaryHeap;
use core::cmp::Reverse;
use core::mem::ManuallyDrop;
use core::time::Duration;
use std::collections::HashMap;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::fd::{AsRawFd, FromRawFd};

use io_uring::types::{Fd, SubmitArgs, Timespec};
use io_uring::{IoUring, opcode, squeue};
use ws_proto::Instant;

use crate::peer::{Peer, Wish};

/// The key of the listener. Peers have the keys after it.
const LISTENER: u64 = 0;
/// The key of what cancels a read. Nobody waits for its end.
const CANCEL: u64 = u64::MAX;
/// How long nobody is accepted when that has failed, for instance for lack of file descriptors.
const PAUSE: Duration = Duration::from_millis(100);

/// A peer that is gone is an error of the write, not a signal.
const MSG_NOSIGNAL: i32 = 0x4000;
/// Why waiting ends without a completion: a signal, completions to be taken first, the deadline.
const NOTHING: [i32; 3] = [4, 16, 62]; // EINTR, EBUSY, ETIME

/// A connection and what of it is in the ring.
struct Entry {
    stream: TcpStream,
    peer: Peer,
    is_writing: bool,
}

pub(crate) fn serve(address: &str) -> anyhow::Result<()> {
    let listener = TcpListener::bind(address)?;
    let mut ring = IoUring::new(256)
        .map_err(|error| anyhow::anyhow!("the kernel refuses io_uring: {error}"))?;
    println!("ws://{}", listener.local_addr()?);
    let epoch = std::time::Instant::now();
    // An error ends the loop while operations are in the ring: their buffers are not freed then.
    let mut entries: ManuallyDrop<HashMap<u64, Entry>> = ManuallyDrop::new(HashMap::new());
    let mut deadlines = BinaryHeap::new();
    let mut last_key = LISTENER;
    let fd = Fd(listener.as_raw_fd());
    let accept = opcode::Accept::new(fd, core::ptr::null_mut(), core::ptr::null_mut()).build();
    let accept = accept.user_data(LISTENER);
    submit(&mut ring, &accept)?;
    loop {
        wait(&ring, deadlines.peek().map(|Reverse((at, _))| *at), epoch)?;
        let completed: Vec<_> = ring
            .completion()
            .map(|done| (done.user_data(), done.result()))
            .collect();
        let now = Instant::now_since(epoch);
        let mut idle = Vec::new();
        for (key, result) in completed {
            if key == LISTENER && result < 0 {
                eprintln!(
                    "cannot accept: {}",
                    std::io::Error::from_raw_os_error(-result)
                );
                deadlines.push(Reverse((now + PAUSE, LISTENER)));
            } else if key == LISTENER {
                last_key += 1;
                entries.insert(
                    last_key,
                    Entry {
                        stream: accepted(result),
                        peer: Peer::new(now),
                        is_writing: false,
                    },
                );
                submit(&mut ring, &accept)?;
                idle.push(last_key);
            } else if let Some(entry) = entries.get_mut(&key) {
                if entry.is_writing {
                    entry.peer.has_written(result);
                } else {
                    entry.peer.has_read(result);
                }
                idle.push(key);
            }
        }
        while let Some(&Reverse((at, key))) = deadlines.peek() {
            if at > now {
                break;
            }
            deadlines.pop();
            if key == LISTENER {
                submit(&mut ring, &accept)?;
            } else if let Some(entry) = entries
                .get_mut(&key)
                .filter(|entry| entry.peer.scheduled == Some(at))
            {
                entry.peer.scheduled = None;
                entry.peer.is_stalled |= entry.is_writing;
                if !tick(entry, key, now, &mut deadlines) {
                    // What is in the ring ends with an error then, or with what had come.
                    let _ = entry.stream.shutdown(Shutdown::Both);
                } else if entry.peer.has_output() && !entry.is_writing {
                    // A Ping was due while the peer is read. The read ends at once, and the Ping is written.
                    let cancel = opcode::AsyncCancel::new(key).build();
                    submit(&mut ring, &cancel.user_data(CANCEL))?;
                }
            }
        }
        for key in idle {
            let Some(entry) = entries.get_mut(&key) else {
                continue;
            };
            if !tick(entry, key, now, &mut deadlines) || !advance(&mut ring, entry, key)? {
                entries.remove(&key); // nothing of it is in the ring: closed
            }
        }
    }
}

/// Reports the time to a peer and notes its deadline. `false`: it is over for that peer.
fn tick(
    entry: &mut Entry,
    key: u64,
    now: Instant,
    deadlines: &mut BinaryHeap<Reverse<(Instant, u64)>>,
) -> bool {
    let goes_on = entry.peer.tick(now);
    if let Some(at) = entry.peer.deadline.filter(|_| goes_on) {
        if entry.peer.scheduled.is_none_or(|scheduled| at < scheduled) {
            entry.peer.scheduled = Some(at);
            deadlines.push(Reverse((at, key)));
        }
    }
    goes_on
}

/// Submits what an idle peer wants. `false`: to be closed.
fn advance(ring: &mut IoUring, entry: &mut Entry, key: u64) -> anyhow::Result<bool> {
    let fd = Fd(entry.stream.as_raw_fd());
    let mut wish = entry.peer.wish();
    if let Wish::EndWriting = wish {
        let _ = entry.stream.shutdown(Shutdown::Write); // then its end is read
        wish = Wish::Read;
    }
    let operation = match wish {
        Wish::Write(from) => {
            let bytes = &entry.peer.sending[from..];
            opcode::Send::new(fd, bytes.as_ptr(), bytes.len() as u32)
                .flags(MSG_NOSIGNAL)
                .build()
        }
        Wish::Close => return Ok(false),
        Wish::Read | Wish::EndWriting => {
            let buffer = &mut entry.peer.read;
            opcode::Recv::new(fd, buffer.as_mut_ptr(), buffer.len() as u32).build()
        }
    };
    entry.is_writing = matches!(wish, Wish::Write(_));
    submit(ring, &operation.user_data(key))?;
    Ok(true)
}

/// Waits for a completion, until a deadline at most.
fn wait(ring: &IoUring, until: Option<Instant>, epoch: std::time::Instant) -> anyhow::Result<()> {
    let submitter = ring.submitter();
    let waited = match until {
        None => submitter.submit_and_wait(1),
        Some(at) => {
            let time = at.saturating_duration_since(Instant::now_since(epoch));
            let time = Timespec::from(time);
            submitter.submit_with_args(1, &SubmitArgs::new().timespec(&time))
        }
    };
    match waited {
        Ok(_) => Ok(()),
        Err(error) if error.raw_os_error().is_some_and(|n| NOTHING.contains(&n)) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

#[expect(
    unsafe_code,
    reason = "the kernel uses the buffers until the operation has completed"
)]
fn submit(ring: &mut IoUring, operation: &squeue::Entry) -> anyhow::Result<()> {
    // SAFETY: each peer has one operation in the ring at most. Its buffers are neither touched nor freed
    // until that has completed: `Peer` is used, and removed, only then, and not dropped when `serve` ends
    // with an error. `tick` leaves both buffers alone. What cancels a read has no buffer.
    while unsafe { ring.submission().push(operation) }.is_err() {
        ring.submit()?; // the queue is full
    }
    Ok(())
}

#[expect(unsafe_code, reason = "the kernel gives a number")]
fn accepted(fd: i32) -> TcpStream {
    // SAFETY: the kernel has just opened it for this program, and nothing else has it.
    unsafe { TcpStream::from_raw_fd(fd) }
}
