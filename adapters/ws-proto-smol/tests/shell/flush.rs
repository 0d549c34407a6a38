//! Streams that keep one waker for writing and flushing, as those of `async-net` do.

use std::io;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

use smol::io::{AsyncRead, AsyncWrite};
use ws_proto_smol::{Negotiated, Options, server};

/// How many bytes there is room for at a time.
const ROOM: usize = 1000;

#[derive(Default)]
struct State {
    room: usize,
    written: usize,
    /// Who waits for room.
    writer: Option<Waker>,
}

/// A stream that is drained while nobody looks: a task that has just begun to wait finds room. What
/// succeeds forgets who waits.
#[derive(Clone, Default)]
struct Narrow(Arc<Mutex<State>>);

impl AsyncRead for Narrow {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        _: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        Poll::Pending
    }
}

impl AsyncWrite for Narrow {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let mut state = self.0.lock().unwrap();
        if state.room == 0 {
            state.room = ROOM;
            state.writer = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let n = state.room.min(bytes.len());
        state.room -= n;
        state.written += n;
        state.writer = None;
        Poll::Ready(Ok(n))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.lock().unwrap().writer = None;
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[derive(Default)]
struct Woken(AtomicUsize);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn whoever_waits_for_room_is_not_forgotten_by_a_flush() {
    let stream = Narrow::default();
    let mut socket = server(stream.clone(), Negotiated::new(), Options::new());
    let woken = Arc::new(Woken::default());
    let waker = Waker::from(Arc::clone(&woken));
    let mut sending = pin!(socket.send(vec![7; 100 * ROOM]));
    let mut turns = 0;
    while sending
        .as_mut()
        .poll(&mut Context::from_waker(&waker))
        .is_pending()
    {
        turns += 1;
        let writer = stream.0.lock().unwrap().writer.take();
        let written = stream.0.lock().unwrap().written;
        writer
            .unwrap_or_else(|| panic!("nobody waits for room after {written} bytes"))
            .wake();
        assert_eq!(woken.0.load(Ordering::Relaxed), turns);
    }
    let written = stream.0.lock().unwrap().written;
    assert_eq!(written, 100 * ROOM + 10); // and a header
    println!("{written} bytes in {turns} turns");
}
