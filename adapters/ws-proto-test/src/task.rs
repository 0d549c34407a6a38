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

/// Polls a future once, with a waker that does nothing, and drops it: cancels it where it first waits.
///
/// ```
/// use std::task::Poll;
/// use ws_proto_test::task::poll_once;
///
/// assert_eq!(poll_once(async { 7 }), Poll::Ready(7));
/// assert_eq!(poll_once(std::future::pending::<()>()), Poll::Pending);
/// ```
pub fn poll_once<F: Future>(future: F) -> Poll<F::Output> {
    poll_pinned(Box::pin(future).as_mut())
}

/// Polls a future once, with a waker that does nothing. The future can be polled again.
///
/// ```
/// use std::pin::pin;
/// use std::task::Poll;
/// use ws_proto_test::task::{poll_pinned, yield_now};
///
/// let mut future = pin!(yield_now());
/// assert_eq!(poll_pinned(future.as_mut()), Poll::Pending);
/// assert_eq!(poll_pinned(future), Poll::Ready(()));
/// ```
pub fn poll_pinned<F: Future + ?Sized>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// Polls a future until it is ready, without ever waiting: for futures over streams in memory.
///
/// ```
/// use ws_proto_test::task::{block_on, yield_now};
///
/// assert_eq!(block_on(async { yield_now().await; 7 }), 7);
/// ```
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

/// Lets other tasks run once: pending at the first poll, and ready at the second.
///
/// ```
/// use std::cell::RefCell;
/// use ws_proto_test::task::{block_on, join, yield_now};
///
/// let order = RefCell::new(Vec::new());
/// let one = async {
///     order.borrow_mut().push("one waits");
///     yield_now().await;
///     order.borrow_mut().push("one goes on");
/// };
/// let other = async { order.borrow_mut().push("the other runs") };
/// block_on(join(one, other));
/// assert_eq!(*order.borrow(), ["one waits", "the other runs", "one goes on"]);
/// ```
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
/// and starts it again: for tests of cancel safety. Returns the output of the future, and how often it was cancelled.
///
/// ```
/// use ws_proto_test::stream::pipe;
/// use ws_proto_test::task::{block_on, join, retry, yield_now};
///
/// let (mut left, mut right) = pipe(16);
/// let write = async {
///     yield_now().await;
///     left.put(b"hi");
/// };
/// let read = retry(&mut right, |right| Box::pin(async move { right.read_some(&mut [0; 4]).await.unwrap() }));
/// let ((n, cancelled), ()) = block_on(join(read, write));
/// assert_eq!(n, 2);
/// assert!(cancelled > 0);
/// ```
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
