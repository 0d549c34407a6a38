//! The time of links: it passes when the test says so, or when nobody has anything else to do.

use std::collections::BTreeMap;
use std::fmt;
use std::future::{Future, poll_fn};
#[cfg(feature = "tokio")]
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use ws_proto::Instant;

/// A clock that links share. Clones show the same time.
///
/// [`new`](Self::new) makes one of the test's own: it stands still until somebody [advances](Self::advance) it,
/// or [`run`](Self::run) or [threads](super::Link::run_threads) have nothing else to do. It starts at zero. With the
/// feature `tokio`, `Time::tokio` is the clock of tokio, paused or not.
///
/// ```
/// use std::time::Duration;
/// use ws_proto_test::link::Time;
///
/// let time = Time::new();
/// let slept = time.run(async {
///     time.sleep(Duration::from_secs(3600)).await;
///     time.now()
/// });
/// assert_eq!(slept, Ok(Duration::from_secs(3600))); // at once
/// ```
#[derive(Clone, Debug, Default)]
pub struct Time(Source);

#[derive(Clone, Debug)]
enum Source {
    Own(Arc<Shared>),
    #[cfg(feature = "tokio")]
    Tokio(tokio::time::Instant),
}

impl Default for Source {
    fn default() -> Self {
        Self::Own(Arc::default())
    }
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    now: Duration,
    timers: BTreeMap<(Duration, u64), Waker>,
    timers_made: u64,
    /// Threads that are not waiting, and those that are.
    running: usize,
    parked: usize,
    /// Time has passed, and not everybody who is to be woken by that has been.
    is_passing: bool,
    is_hanging: bool,
}

impl State {
    /// Lets time pass until `then`; who is to be woken by that.
    fn pass(&mut self, then: Duration) -> Vec<Waker> {
        self.now = self.now.max(then);
        let later = self.timers.split_off(&(self.now, u64::MAX));
        std::mem::replace(&mut self.timers, later)
            .into_values()
            .collect()
    }

    fn next(&self) -> Option<Duration> {
        self.timers.keys().next().map(|(time, _)| *time)
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Everybody waits for somebody else, and time alone does not change that: the program hangs.
///
/// ```
/// use std::time::Duration;
/// use ws_proto_test::link::Time;
///
/// let hang = Time::new().run(std::future::pending::<()>()).unwrap_err();
/// assert_eq!(hang.at, Duration::ZERO);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Hang {
    /// The time at which it began.
    pub at: Duration,
}

impl fmt::Display for Hang {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "everybody waits for ever, from {:?} on", self.at)
    }
}

impl std::error::Error for Hang {}

/// A timer of one task. Dropped, it lets no time pass.
#[derive(Debug, Default)]
pub(crate) struct Timer {
    place: Option<(Arc<Shared>, (Duration, u64))>,
    #[cfg(feature = "tokio")]
    sleep: Option<Pin<Box<tokio::time::Sleep>>>,
}

impl Timer {
    /// Nobody waits for it any more.
    pub(crate) fn cancel(&mut self) {
        if let Some((shared, key)) = self.place.take() {
            let waker = shared.lock().timers.remove(&key);
            // Without the lock: it can have a task, and that can have timers.
            drop(waker);
        }
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        self.cancel();
    }
}

impl Time {
    /// A clock of the test's own, which shows zero.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// tokio's clock, which shows zero now. Where it is paused, tokio advances it when no task has anything to do.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> std::io::Result<()> {
    /// use std::time::Duration;
    /// use ws_proto_test::link::{Conditions, Link, Time};
    ///
    /// let time = Time::tokio();
    /// let slow = Conditions::new().latency(Duration::from_secs(60));
    /// let (mut left, mut right) = Link::new().at(&time).both_ways(slow).ends();
    /// left.write_whole(b"hello").await?;
    /// assert_eq!(right.read_some(&mut [0; 8]).await?, 5); // at once: the clock is paused
    /// assert!(time.now() >= Duration::from_secs(60));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Panics
    ///
    /// Outside of a runtime, if that clock is paused there.
    #[cfg(feature = "tokio")]
    #[must_use]
    pub fn tokio() -> Self {
        Self(Source::Tokio(tokio::time::Instant::now()))
    }

    /// The time now.
    #[must_use]
    pub fn now(&self) -> Duration {
        match &self.0 {
            Source::Own(shared) => shared.lock().now,
            #[cfg(feature = "tokio")]
            Source::Tokio(epoch) => epoch.elapsed(),
        }
    }

    /// The time now, in whole milliseconds, for the `tick` of an engine.
    #[must_use]
    pub fn instant(&self) -> Instant {
        Instant::from_millis(self.now().as_millis() as u64)
    }

    /// Lets time pass, and wakes the tasks that wait for that. Does nothing with tokio's clock: `tokio::time::advance` does
    /// it there.
    ///
    /// ```
    /// use std::time::Duration;
    /// use ws_proto_test::link::Time;
    ///
    /// let time = Time::new();
    /// time.advance(Duration::from_millis(1500));
    /// assert_eq!(time.now(), Duration::from_millis(1500));
    /// assert_eq!(time.instant(), ws_proto::Instant::from_millis(1500));
    /// ```
    pub fn advance(&self, by: Duration) {
        let then = self.now().saturating_add(by);
        self.pass(|_| Some(then));
    }

    /// Lets time pass until the next timer that a pending stream or [`sleep`](Self::sleep) waits for. Returns whether there
    /// is one. With tokio's clock there is none.
    ///
    /// ```
    /// use std::pin::pin;
    /// use std::task::Poll;
    /// use std::time::Duration;
    /// use ws_proto_test::link::Time;
    /// use ws_proto_test::task::poll_pinned;
    ///
    /// let time = Time::new();
    /// let mut sleep = pin!(time.sleep(Duration::from_secs(60)));
    /// assert!(!time.advance_to_next()); // nothing waits yet
    /// assert_eq!(poll_pinned(sleep.as_mut()), Poll::Pending);
    /// assert!(time.advance_to_next());
    /// assert_eq!(poll_pinned(sleep), Poll::Ready(()));
    /// assert_eq!(time.now(), Duration::from_secs(60));
    /// ```
    pub fn advance_to_next(&self) -> bool {
        self.pass(State::next)
    }

    fn pass(&self, until: impl Fn(&State) -> Option<Duration>) -> bool {
        match &self.0 {
            Source::Own(shared) => {
                let mut state = shared.lock();
                let Some(then) = until(&state) else {
                    return false;
                };
                let woken = state.pass(then);
                drop(state);
                woken.into_iter().for_each(Waker::wake);
                true
            }
            #[cfg(feature = "tokio")]
            Source::Tokio(_) => false,
        }
    }

    /// Waits for this time; [`Duration::MAX`] never ends.
    pub async fn sleep(&self, time: Duration) {
        self.sleep_until(self.now().saturating_add(time)).await;
    }

    /// Waits until then.
    ///
    /// ```
    /// use std::time::Duration;
    /// use ws_proto_test::link::Time;
    ///
    /// let time = Time::new();
    /// let now = time.run(async {
    ///     time.sleep_until(Duration::from_secs(5)).await;
    ///     time.sleep_until(Duration::from_secs(3)).await; // that time has passed
    ///     time.now()
    /// });
    /// assert_eq!(now, Ok(Duration::from_secs(5)));
    /// ```
    pub async fn sleep_until(&self, deadline: Duration) {
        let mut timer = Timer::default();
        poll_fn(|cx| self.poll_until(cx, deadline, &mut timer)).await;
    }

    pub(crate) fn poll_until(
        &self,
        cx: &mut Context<'_>,
        deadline: Duration,
        timer: &mut Timer,
    ) -> Poll<()> {
        match &self.0 {
            Source::Own(shared) => {
                timer.cancel();
                let mut state = shared.lock();
                if state.now >= deadline {
                    return Poll::Ready(());
                }
                if deadline == Duration::MAX {
                    return Poll::Pending; // never
                }
                state.timers_made += 1;
                let key = (deadline, state.timers_made);
                state.timers.insert(key, cx.waker().clone());
                timer.place = Some((Arc::clone(shared), key));
                Poll::Pending
            }
            #[cfg(feature = "tokio")]
            Source::Tokio(epoch) => {
                // What tokio's clock cannot show is never.
                let Some(deadline) = epoch.checked_add(deadline) else {
                    return Poll::Pending;
                };
                let sleep = timer
                    .sleep
                    .get_or_insert_with(|| Box::pin(tokio::time::sleep_until(deadline)));
                if sleep.deadline() != deadline {
                    sleep.as_mut().reset(deadline);
                }
                sleep.as_mut().poll(cx)
            }
        }
    }

    /// Runs a future to its end, and lets time pass whenever it waits. For several futures, give it one that
    /// [joins](crate::task::join) them.
    ///
    /// ```
    /// use ws_proto_test::link::Link;
    /// use ws_proto_test::task::join;
    ///
    /// let link = Link::random(7);
    /// let (mut left, mut right) = link.ends();
    /// let mut buffer = [0; 1];
    /// let both = join(left.write_whole(b"x"), right.read_some(&mut buffer));
    /// let (written, read) = link.time().run(both)?;
    /// assert_eq!((written.is_ok(), read.unwrap()), (true, 1));
    /// # Ok::<(), ws_proto_test::link::Hang>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Hang`] when it waits and no timer would wake it.
    ///
    /// # Panics
    ///
    /// With tokio's clock: use tokio's runtime. And if it still goes on after ten million turns.
    pub fn run<F: Future>(&self, future: F) -> Result<F::Output, Hang> {
        assert!(
            matches!(self.0, Source::Own(_)),
            "tokio's clock belongs to tokio's runtime"
        );
        let woken = Arc::new(Woken(AtomicBool::new(true)));
        let waker = Waker::from(Arc::clone(&woken));
        let mut future = Box::pin(future);
        for _ in 0..10_000_000 {
            if woken.0.swap(false, Ordering::SeqCst) {
                let polled = future.as_mut().poll(&mut Context::from_waker(&waker));
                if let Poll::Ready(output) = polled {
                    return Ok(output);
                }
            } else if !self.advance_to_next() {
                return Err(Hang { at: self.now() });
            }
        }
        panic!("it goes on and on, at {:?}", self.now())
    }

    /// A thread begins that waits by [`block_on`](Self::block_on) only.
    pub(super) fn begin_thread(&self) {
        let mut state = self.own().lock();
        if state.running == 0 && state.parked == 0 {
            // Those that hung have ended.
            state.is_hanging = false;
        }
        state.running += 1;
    }

    /// That thread has ended.
    pub(super) fn end_thread(&self) {
        let shared = self.own();
        shared.lock().running -= 1;
        shared.changed.notify_all();
        self.advance_if_all_wait();
    }

    /// Blocks the thread until the future is ready. Time passes when all threads that have begun do that.
    pub(super) fn block_on<F: Future>(&self, future: F) -> Result<F::Output, Hang> {
        let parker = Arc::new(Parker {
            shared: Arc::clone(self.own()),
            is_parked: AtomicBool::new(false),
            is_woken: AtomicBool::new(false),
        });
        let waker = Waker::from(Arc::clone(&parker));
        let mut future = std::pin::pin!(future);
        loop {
            let polled = future.as_mut().poll(&mut Context::from_waker(&waker));
            if let Poll::Ready(output) = polled {
                return Ok(output);
            }
            self.park(&parker)?;
        }
    }

    fn park(&self, parker: &Parker) -> Result<(), Hang> {
        let shared = self.own();
        let mut state = shared.lock();
        if !parker.is_woken.swap(false, Ordering::SeqCst) {
            parker.is_parked.store(true, Ordering::SeqCst);
            state.running -= 1;
            state.parked += 1;
            loop {
                drop(state);
                self.advance_if_all_wait();
                state = shared.lock();
                if state.is_hanging && parker.is_parked.swap(false, Ordering::SeqCst) {
                    state.running += 1;
                    state.parked -= 1;
                }
                if !parker.is_parked.load(Ordering::SeqCst) {
                    parker.is_woken.store(false, Ordering::SeqCst);
                    break;
                }
                state = shared
                    .changed
                    .wait(state)
                    .unwrap_or_else(PoisonError::into_inner);
            }
        }
        if state.is_hanging {
            return Err(Hang { at: state.now });
        }
        Ok(())
    }

    fn advance_if_all_wait(&self) {
        let shared = self.own();
        let mut state = shared.lock();
        while state.running == 0 && state.parked > 0 && !state.is_hanging && !state.is_passing {
            match state.next() {
                Some(next) => {
                    let woken = state.pass(next);
                    state.is_passing = true;
                    drop(state);
                    woken.into_iter().for_each(Waker::wake);
                    state = shared.lock();
                    state.is_passing = false;
                }
                None => state.is_hanging = true,
            }
        }
        drop(state);
        shared.changed.notify_all();
    }

    fn own(&self) -> &Arc<Shared> {
        match &self.0 {
            Source::Own(shared) => shared,
            #[cfg(feature = "tokio")]
            Source::Tokio(_) => panic!("threads cannot wait for tokio's clock"),
        }
    }
}

struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

struct Parker {
    shared: Arc<Shared>,
    is_parked: AtomicBool,
    is_woken: AtomicBool,
}

impl Wake for Parker {
    fn wake(self: Arc<Self>) {
        let mut state = self.shared.lock();
        self.is_woken.store(true, Ordering::SeqCst);
        if self.is_parked.swap(false, Ordering::SeqCst) {
            state.running += 1;
            state.parked -= 1;
        }
        drop(state);
        self.shared.changed.notify_all();
    }
}
