//! How far the two directions of a client's connection are.

use std::cell::Cell;
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep, sleep_until, timeout};
use ws_proto_tokio::WriteHalf;

use crate::kit::ClientStream;

/// The payload of a Ping that asks whether a message is on its way.
pub(crate) const PROBE: &[u8; 12] = b"wsp: silent?";

/// What the sending and the receiving side know of each other.
#[derive(Debug)]
pub(crate) struct Progress {
    /// Messages.
    pub(crate) sent: Cell<u64>,
    /// Messages, to their end.
    pub(crate) received: Cell<u64>,
    /// When something of a message has come, or was printed.
    last: Cell<Option<Instant>>,
    /// What has come is being printed: nothing more is received until then.
    is_printing: Cell<bool>,
    /// The [`PROBE`] has been answered.
    pub(crate) probed: Notify,
    /// That nothing is left unsent if sending is given up now.
    pub(crate) is_idle: watch::Sender<bool>,
}

impl Progress {
    pub(crate) fn new() -> Self {
        Self {
            sent: Cell::new(0),
            received: Cell::new(0),
            last: Cell::new(None),
            is_printing: Cell::new(false),
            probed: Notify::new(),
            is_idle: watch::Sender::new(false),
        }
    }

    /// Something of a message has come, and is printed from now on.
    pub(crate) fn begin_printing(&self) {
        self.is_printing.set(true);
    }

    pub(crate) fn end_printing(&self) {
        self.is_printing.set(false);
        self.last.set(Some(Instant::now()));
    }

    /// Whether nothing has come though something was sent.
    pub(crate) fn is_unanswered(&self) -> bool {
        self.sent.get() > 0 && self.last.get().is_none()
    }

    /// As [`silence`](Self::silence), for messages that come as a whole only: one may be on its way. A Ping is
    /// answered after it, and after all that was sent before. The answer has `within`, for servers that give none.
    pub(crate) async fn silence_between_messages(
        &self,
        time: Duration,
        within: Duration,
        write: &mut WriteHalf<ClientStream>,
    ) {
        loop {
            self.silence(time).await;
            let last = self.last.get();
            if write.ping(PROBE).await.is_err() {
                return;
            }
            let _ = timeout(within, self.probed.notified()).await;
            if self.last.get() == last {
                return;
            }
        }
    }

    /// Waits until nothing has come for so long, counted from now.
    pub(crate) async fn silence(&self, time: Duration) {
        let start = Instant::now();
        loop {
            if self.is_printing.get() {
                // Who reads our output is slow, not the server.
                sleep(time.min(Duration::from_millis(50))).await;
                continue;
            }
            let last = self.last.get().map_or(start, |last| last.max(start));
            let Some(until) = last.checked_add(time) else {
                return std::future::pending().await;
            };
            if until <= Instant::now() {
                return;
            }
            sleep_until(until).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_begins_anew_with_what_comes_and_not_while_it_is_printed() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build();
        runtime.unwrap().block_on(async {
            let progress = Progress::new();
            let start = Instant::now();
            let coming = async {
                sleep(Duration::from_millis(60)).await;
                progress.begin_printing();
                sleep(Duration::from_millis(200)).await;
                progress.end_printing();
                std::future::pending::<()>().await;
            };
            tokio::select! {
                () = progress.silence(Duration::from_millis(100)) => {}
                () = coming => {}
            }
            assert!(start.elapsed() >= Duration::from_millis(360));
        });
    }
}
