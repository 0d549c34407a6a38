use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use ws_proto::Instant as Time;
use ws_proto::opening::{Attempt, HappyEyeballs, HappyStep};

use super::network::Network;

/// Attempts to connect to the addresses of a host, of which the first that succeeds is taken; the plan is that of
/// [`HappyEyeballs`].
pub(super) struct Race<N: Network, F> {
    plan: HappyEyeballs,
    /// Starts to connect.
    open: F,
    started: Instant,
    running: Vec<Running<N::Stream>>,
    failed: Vec<Attempt>,
    timer: Option<Timer>,
}

struct Running<S> {
    address: SocketAddr,
    started: Instant,
    connecting: Connecting<S>,
}

pub(super) type Connecting<S> = Pin<Box<dyn Future<Output = io::Result<S>> + Send>>;

struct Timer {
    at: Time,
    sleep: Pin<Box<dyn Future<Output = ()> + Send>>,
}

impl<N: Network, F: FnMut(SocketAddr) -> Connecting<N::Stream>> Race<N, F> {
    pub(super) fn new(plan: HappyEyeballs, open: F) -> Self {
        Self {
            plan,
            open,
            started: N::now(),
            running: Vec::new(),
            failed: Vec::new(),
            timer: None,
        }
    }

    /// The first stream that is connected; `None` if every attempt has failed. When it is ready, the others should be
    /// dropped with this.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<N::Stream>> {
        loop {
            if let Poll::Ready(stream) = self.poll_running(cx) {
                return Poll::Ready(Some(stream));
            }
            match self.plan.step(self.now()) {
                HappyStep::Connect(address) => self.running.push(Running {
                    address,
                    started: N::now(),
                    connecting: (self.open)(address),
                }),
                HappyStep::Wait(None) => return Poll::Pending,
                HappyStep::Wait(Some(at)) => {
                    if self.poll_until(at, cx).is_pending() {
                        return Poll::Pending;
                    }
                }
                HappyStep::Failed => return Poll::Ready(None),
            }
        }
    }

    /// What was tried until now, in the order in which it started.
    pub(super) fn attempts(self) -> Vec<Attempt> {
        let now = N::now();
        let mut attempts = self.failed;
        attempts.extend(self.running.into_iter().map(|running| {
            let spent = now.saturating_duration_since(running.started);
            Attempt::new(running.address, spent, None)
        }));
        let order = self.plan.addresses();
        attempts.sort_by_key(|attempt| order.iter().position(|a| *a == attempt.address()));
        attempts
    }

    fn poll_running(&mut self, cx: &mut Context<'_>) -> Poll<N::Stream> {
        let mut index = 0;
        while let Some(running) = self.running.get_mut(index) {
            match running.connecting.as_mut().poll(cx) {
                Poll::Ready(Ok(stream)) => return Poll::Ready(stream),
                Poll::Ready(Err(error)) => {
                    let running = self.running.remove(index);
                    let spent = N::now().saturating_duration_since(running.started);
                    self.failed
                        .push(Attempt::new(running.address, spent, Some(error)));
                    self.plan.note_failure();
                }
                Poll::Pending => index += 1,
            }
        }
        Poll::Pending
    }

    fn poll_until(&mut self, at: Time, cx: &mut Context<'_>) -> Poll<()> {
        if self.timer.as_ref().is_none_or(|timer| timer.at != at) {
            // A time that the clock cannot say never comes: the attempts that run are waited for.
            let Some(instant) = self
                .started
                .checked_add(Duration::from_millis(at.as_millis()))
            else {
                return Poll::Pending;
            };
            let sleep = Box::pin(N::sleep_until(instant));
            self.timer = Some(Timer { at, sleep });
        }
        let Some(timer) = &mut self.timer else {
            return Poll::Pending;
        };
        ready!(timer.sleep.as_mut().poll(cx));
        // It has rung, and would not again.
        self.timer = None;
        Poll::Ready(())
    }

    fn now(&self) -> Time {
        Time::default() + N::now().saturating_duration_since(self.started)
    }
}
