use std::future::{Future, poll_fn};
use std::marker::PhantomData;
use std::pin::pin;
use std::task::Poll;
use std::time::{Duration, Instant};

use super::network::Network;

/// The stages of one connect under one time limit.
pub(super) struct Stages<N> {
    /// `None`: the limit is beyond what the clock can say.
    deadline: Option<Instant>,
    limit: Duration,
    network: PhantomData<fn() -> N>,
}

/// A stage was not finished in time, and had this long.
pub(super) struct Late(pub(super) Duration);

impl<N: Network> Stages<N> {
    pub(super) fn begin(limit: Duration) -> Self {
        Self {
            deadline: N::now().checked_add(limit),
            limit,
            network: PhantomData,
        }
    }

    /// The time that is left.
    pub(super) fn left(&self) -> Duration {
        match self.deadline {
            Some(deadline) => deadline.saturating_duration_since(N::now()),
            None => self.limit,
        }
    }

    /// The result of a stage, if it is there in time.
    pub(super) async fn run<T>(&self, stage: impl Future<Output = T>) -> Result<T, Late> {
        let Some(deadline) = self.deadline else {
            return Ok(stage.await);
        };
        let started = N::now();
        let mut stage = pin!(stage);
        let mut late = pin!(N::sleep_until(deadline));
        poll_fn(|cx| {
            // What is there wins over the time that is over.
            if let Poll::Ready(done) = stage.as_mut().poll(cx) {
                return Poll::Ready(Ok(done));
            }
            let late = late.as_mut().poll(cx);
            late.map(|()| Err(Late(N::now().saturating_duration_since(started))))
        })
        .await
    }
}
