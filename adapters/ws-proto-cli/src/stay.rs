//! How long a client waits for answers before it closes.

use std::time::Duration;

use ws_proto_tokio::WriteHalf;

use crate::args::Args;
use crate::input::Unsent;
use crate::kit::ClientStream;
use crate::progress::Progress;

/// How long a client stays once everything is sent.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Stay {
    For(Duration),
    /// Until nothing has come for so long.
    Silence(Duration),
    Ever,
}

impl Stay {
    const DEFAULT: Duration = Duration::from_secs(1);

    pub(crate) fn new<T>(args: &Args, progress: &Progress, sent: &Result<T, Unsent>) -> Self {
        let only_pings = args.ping.is_some() && progress.sent.get() == 0;
        match (args.exit_after, args.wait) {
            // What was sent before the input failed may still be answered.
            (None, wait) if matches!(sent, Err(Unsent::Input(_))) && progress.sent.get() > 0 => {
                Self::Silence(wait.unwrap_or(Self::DEFAULT))
            }
            _ if sent.is_err() => Self::For(Duration::ZERO),
            (Some(time), _) => Self::For(time),
            (None, Some(time)) => Self::Silence(time),
            (None, None) if args.count.is_some() || args.no_input => Self::Ever,
            // Their answers have come.
            (None, None) if only_pings => Self::For(Duration::ZERO),
            (None, None) => Self::Silence(Self::DEFAULT),
        }
    }

    pub(crate) async fn pass(
        self,
        args: &Args,
        progress: &Progress,
        write: &mut WriteHalf<ClientStream>,
    ) {
        match self {
            Self::For(time) => tokio::time::sleep(time).await,
            Self::Silence(time) if args.takes_whole_messages() && !time.is_zero() => {
                progress
                    .silence_between_messages(time, args.timeout, write)
                    .await;
            }
            Self::Silence(time) => progress.silence(time).await,
            Self::Ever => std::future::pending().await,
        }
    }

    /// How long answers were waited for, with the option for it; `None` if nobody waits for any.
    pub(crate) fn expects_answers(self) -> Option<(Duration, &'static str)> {
        match self {
            Self::For(time) if !time.is_zero() => Some((time, "--exit-after")),
            Self::Silence(time) if !time.is_zero() => Some((time, "--wait")),
            _ => None,
        }
    }
}
