//! The ends of a pipe as asynchronous streams, in a thread each.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Duration;

use ws_proto_test::stream::pipe;

struct Unpark {
    thread: Thread,
    is_woken: AtomicBool,
}

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.is_woken.store(true, Ordering::SeqCst);
        self.thread.unpark();
    }
}

/// Runs it in this thread. Half a minute without being woken is a waker that was forgotten.
fn block_on<F: Future>(future: F) -> F::Output {
    let unpark = Arc::new(Unpark {
        thread: thread::current(),
        is_woken: AtomicBool::new(false),
    });
    let waker = Waker::from(Arc::clone(&unpark));
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return output;
        }
        let mut waited = 0;
        while !unpark.is_woken.swap(false, Ordering::SeqCst) {
            assert!(waited < 30, "not woken");
            thread::park_timeout(Duration::from_secs(1));
            waited += 1;
        }
    }
}

#[test]
fn whoever_waits_is_woken_by_another_thread() {
    const BYTES: usize = 200_000;
    let (mut left, mut right) = pipe(1);
    let writer = thread::spawn(move || block_on(left.write_whole(&[7; BYTES])));
    let mut read = 0;
    block_on(async {
        loop {
            match right.read_some(&mut [0; 2]).await.unwrap() {
                0 => break,
                n => read += n,
            }
        }
    });
    writer.join().unwrap().unwrap();
    assert_eq!(read, BYTES);
}
