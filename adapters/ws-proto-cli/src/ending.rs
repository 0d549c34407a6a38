//! Whether a connection has ended well, and words about how.

use std::time::Duration;

use ws_proto_tokio::{
    CloseCode, Closed, Error, ProtocolError, TimedOut, WebSocketError, WriteHalf,
};

use crate::args::Args;
use crate::failure::{Exit, Failure, OrExit, failure};
use crate::input::Unsent;
use crate::kit::ClientStream;
use crate::notices::Notices;
use crate::progress::Progress;
use crate::shown::escape;

/// How this end closes: its code and its reason.
pub(crate) type Close = (CloseCode, String);

pub(crate) const fn normal() -> Close {
    (CloseCode::NORMAL, String::new())
}

pub(crate) const fn going_away() -> Close {
    (CloseCode::GOING_AWAY, String::new())
}

/// What this end has done of a client's connection.
#[derive(Debug, Default)]
pub(crate) struct Ending {
    /// Why not everything was sent.
    pub(crate) unsent: Option<Unsent>,
    /// How long answers were waited for in vain or not, with the option for it.
    pub(crate) stayed: Option<(Duration, &'static str)>,
    /// The code that a person or a signal has asked to close with.
    pub(crate) asked: Option<CloseCode>,
}

impl Ending {
    /// That a Ping was not answered, if that is why it has ended.
    pub(crate) fn unanswered(&self) -> Option<String> {
        match self.unsent {
            Some(Unsent::NoPong(time)) => Some(no_pong(time)),
            _ => None,
        }
    }

    /// Whether it has ended well.
    pub(crate) fn check(
        self,
        args: &Args,
        notices: Notices,
        ended: Result<(), Error>,
        write: &WriteHalf<ClientStream>,
        progress: &Progress,
    ) -> Result<(), Failure> {
        match self.unsent {
            Some(Unsent::Input(error)) => return Err(error).or_exit(Exit::Usage),
            Some(Unsent::NoPong(time)) => return Err(failure(Exit::Closed, no_pong(time))),
            Some(Unsent::Connection) | None => {}
        }
        if ended.is_err() {
            return Err(failure(Exit::Closed, loss(&ended, write, args)));
        }
        if let Some(closed) = &write.closed() {
            let words = closing_words(closed);
            if !is_in_order(closed.code) && closed.code != self.asked {
                return Err(failure(Exit::Closed, format_args!("closed with {words}")));
            }
            notices.say(format_args!("closed with {words}"));
        }
        if let Some(Unsent::Connection) = self.unsent {
            let words = "the server has closed before everything was sent";
            return Err(failure(Exit::Missing, words));
        }
        let received = progress.received.get();
        match (args.count, self.stayed) {
            (Some(count), _) if received < count => {
                let words = format!("{received} of {count} messages had come at the end");
                Err(failure(Exit::Missing, words))
            }
            (_, Some((time, option))) if progress.is_unanswered() => {
                let time = time.as_secs_f64();
                let words = format!(
                    "nothing came back within {time} s: {option} SECONDS waits longer, \
                     --wait 0 expects no answer"
                );
                Err(failure(Exit::Missing, words))
            }
            _ => Ok(()),
        }
    }
}

fn no_pong(time: Duration) -> String {
    let time = time.as_secs_f64();
    format!("no answer to a Ping within {time} s: --timeout SECONDS waits longer")
}

/// How a connection was lost that has ended by itself.
pub(crate) fn loss(
    ended: &Result<(), Error>,
    write: &WriteHalf<ClientStream>,
    args: &Args,
) -> String {
    match (ended, write.closed()) {
        (Err(error), _) => {
            let words = breaking_words(error, write.refused_len(), args);
            format!("the connection broke: {words}")
        }
        (Ok(()), Some(closed)) => format!("closed with {}", closing_words(&closed)),
        (Ok(()), None) => "the server has closed".to_owned(),
    }
}

fn is_in_order(code: Option<CloseCode>) -> bool {
    code.is_none_or(|code| code == CloseCode::NORMAL || code == CloseCode::GOING_AWAY)
}

/// Why a connection has ended without its closing handshake, and what to do about that. `refused_len` is how
/// long a message is that was too long; of a compressed one that is not known.
pub(crate) fn breaking_words(error: &Error, refused_len: Option<u64>, args: &Args) -> String {
    let limit = args.max_message;
    match error {
        Error::Receive(error) if is_too_big(*error) => {
            let what = match refused_len {
                Some(len) => format!("of {len} bytes came, which is"),
                None => "came that is".to_owned(),
            };
            format!(
                "a message {what} longer than {limit} bytes: --max-message SIZE takes longer ones"
            )
        }
        Error::TimedOut(TimedOut::Close) => {
            "the peer has not answered our Close in time".to_owned()
        }
        error => escape(&error.to_string()).into_owned(),
    }
}

fn is_too_big(error: WebSocketError) -> bool {
    match error {
        WebSocketError::Protocol(ProtocolError::TooManyFragments) => false,
        error => error.close_code() == Some(CloseCode::MESSAGE_TOO_BIG),
    }
}

/// How the other side has said Close: its code, what that means (RFC 6455 7.4.1), and its reason, in one line.
pub(crate) fn closing_words(closed: &Closed) -> String {
    let code = closed.code.map(CloseCode::as_u16);
    let mut words = code.map_or("no code".to_owned(), |code| code.to_string());
    let meaning = match code {
        Some(1001) => "going away",
        Some(1002) => "protocol error",
        Some(1003) => "not that kind of data",
        Some(1007) => "data that is not valid",
        Some(1008) => "against the policy",
        Some(1009) => "message too big",
        Some(1010) => "an extension is missing",
        Some(1011) => "internal error",
        Some(1012) => "restarting",
        Some(1013) => "try again later",
        Some(1014) => "bad gateway",
        _ => "",
    };
    if !meaning.is_empty() {
        words.push_str(", ");
        words.push_str(meaning);
    }
    if !closed.reason.is_empty() {
        words.push_str(&format!(" ({})", escape(&closed.reason)));
    }
    words
}
