//! Ctrl-C and SIGTERM: the first closes in order, the second ends at once.

use std::io;

use tokio::sync::watch;

use crate::failure::Exit;

/// The signals that ask the program to end. Each is seen once, also if it came while nobody waited.
#[derive(Debug)]
pub(crate) struct Signals(watch::Receiver<Exit>);

impl Signals {
    /// From here on they no longer end the process by themselves.
    pub(crate) fn catch() -> io::Result<Self> {
        let (caught, signals) = watch::channel(Exit::Interrupted);
        let mut source = Source::new()?;
        tokio::spawn(async move {
            loop {
                caught.send_replace(source.next().await);
            }
        });
        Ok(Self(signals))
    }

    /// Waits for the next one: the exit code if the program ends by it. Cancel safe.
    pub(crate) async fn next(&mut self) -> Exit {
        if self.0.changed().await.is_err() {
            // The runtime is going.
            return std::future::pending().await;
        }
        *self.0.borrow_and_update()
    }
}

#[cfg(unix)]
struct Source {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Source {
    fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    async fn next(&mut self) -> Exit {
        tokio::select! {
            _ = self.interrupt.recv() => Exit::Interrupted,
            _ = self.terminate.recv() => Exit::Terminated,
        }
    }
}

#[cfg(not(unix))]
struct Source;

#[cfg(not(unix))]
impl Source {
    fn new() -> io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) -> Exit {
        match tokio::signal::ctrl_c().await {
            Ok(()) => Exit::Interrupted,
            Err(_) => std::future::pending().await,
        }
    }
}
