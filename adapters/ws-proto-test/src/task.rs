//! Futures polled by hand, and a waker that counts.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

/// A waker that counts how often it is woken, and runs nothing.
///
/// ```
/// use ws_proto_test::task::Wakes;
///
/// let wakes = Wakes::new();
/// wakes.waker().wake();
/// assert_eq!(wakes.count(), 1);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Wakes(Arc<Counter>);

#[derive(Debug, Default)]
struct Counter(AtomicUsize);

impl Wake for Counter {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl Wakes {
    /// A counter that has not been woken.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A waker that this counts.
    #[must_use]
    pub fn waker(&self) -> Waker {
        Waker::from(Arc::clone(&self.0))
    }

    /// How often the wakers were woken.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.0.load(Ordering::SeqCst)
    }
}

/// Polls a future once and drops it: cancels it where it first waits.
pub fn poll_once<F: Future>(future: F) -> Poll<F::Output> {
    poll_pinned(Box::pin(future).as_mut())
}

/// Polls a future once, with a waker that does nothing.
pub fn poll_pinned<F: Future + ?Sized>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// Polls a future until it is ready, without ever waiting: for those that wake themselves.
///
/// # Panics
///
/// If it is not ready after a hundred thousand polls.
pub fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = Box::pin(future);
    for _ in 0..100_000 {
        if let Poll::Ready(output) = poll_pinned(future.as_mut()) {
            return output;
        }
    }
    panic!("it never ends");
}

/// Lets other tasks run once.
pub async fn yield_now() {
    let mut yielded = false;
    std::future::poll_fn(|cx| {
        if yielded {
            return Poll::Ready(());
        }
        yielded = true;
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// Runs a future to its end, but cancels it after every poll that is not ready, lets other tasks run,
/// and starts it again. Returns what the future gives, and how often it was cancelled.
///
/// # Panics
///
/// After a million times.
pub async fn retry<T, A: ?Sized>(
    argument: &mut A,
    start: impl for<'s> Fn(&'s mut A) -> Pin<Box<dyn Future<Output = T> + 's>>,
) -> (T, usize) {
    let mut cancelled = 0;
    loop {
        if let Poll::Ready(output) = poll_once(start(argument)) {
            return (output, cancelled);
        }
        cancelled += 1;
        assert!(cancelled < 1_000_000, "it never ends");
        yield_now().await;
    }
}

/// Polls two futures until both are ready.
///
/// ```
/// use ws_proto_test::task::{block_on, join};
///
/// assert_eq!(block_on(join(async { 1 }, async { "two" })), (1, "two"));
/// ```
pub async fn join<A, B>(one: impl Future<Output = A>, other: impl Future<Output = B>) -> (A, B) {
    let (mut one, mut other) = (Box::pin(one), Box::pin(other));
    let (mut first, mut second) = (None, None);
    std::future::poll_fn(|cx| {
        if first.is_none() {
            if let Poll::Ready(ready) = one.as_mut().poll(cx) {
                first = Some(ready);
            }
        }
        if second.is_none() {
            if let Poll::Ready(ready) = other.as_mut().poll(cx) {
                second = Some(ready);
            }
        }
        match (first.take(), second.take()) {
            (Some(one), Some(other)) => Poll::Ready((one, other)),
            waiting => {
                (first, second) = waiting;
                Poll::Pending
            }
        }
    })
    .await
}
