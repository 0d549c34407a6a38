//! How it ends: errors with the exit code that they lead to.

use std::fmt;

use anyhow::Error;

/// The exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    Usage = 1,
    Connect = 2,
    Closed = 3,
    Missing = 4,
    Interrupted = 130,
    Terminated = 143,
}

/// Why it has not ended well.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) exit: Exit,
    error: Error,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The alternate form has the causes after it.
        write!(f, "{:#}", self.error)
    }
}

/// Gives an error its exit code.
pub(crate) trait OrExit<T> {
    fn or_exit(self, exit: Exit) -> Result<T, Failure>;
}

impl<T, E: Into<Error>> OrExit<T> for Result<T, E> {
    fn or_exit(self, exit: Exit) -> Result<T, Failure> {
        self.map_err(|error| Failure {
            exit,
            error: error.into(),
        })
    }
}

/// A failure that is said in words.
pub(crate) fn failure(exit: Exit, words: impl fmt::Display) -> Failure {
    Failure {
        exit,
        error: anyhow::anyhow!("{words}"),
    }
}

/// What a signal has ended.
pub(crate) fn stopped(exit: Exit) -> Failure {
    let words = match exit {
        Exit::Terminated => "terminated",
        _ => "interrupted",
    };
    failure(exit, words)
}
