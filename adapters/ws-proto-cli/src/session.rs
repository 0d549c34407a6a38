//! What a person can type in a terminal besides messages.

use ws_proto_tokio::{CloseCode, Message};

use crate::notices::Notices;

/// Where it is typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Session {
    Client,
    Room,
}

impl Session {
    fn help(self) -> String {
        let (to_whom, end) = match self {
            Self::Client => ("", "closes once everything has come"),
            Self::Room => (
                " that goes to all peers",
                "ends nothing: peers can still come",
            ),
        };
        format!(
            "\
each line is a message{to_whom}, but for these:
  /ping [TEXT]            sends a Ping, and prints how long the answer takes
  /close [CODE [REASON]]  closes, with 1000 if there is no CODE
  /help                   prints this
  //TEXT                  sends /TEXT
Ctrl-D, the end of the input, {end}.
Ctrl-C closes at once, with 1001."
        )
    }
}

/// What a line asks for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Typed {
    Send(Message),
    Ping(Vec<u8>),
    Close(CloseCode, String),
    /// There is nothing to be done but to print these words.
    Words(String),
}

impl Typed {
    /// What it is if `line` was typed by a person. Commands are commands also where messages are binary.
    pub(crate) fn new(line: Message, session: Session) -> Self {
        let text = match &line {
            Message::Text(text) => Some(&**text),
            Message::Binary(data) => std::str::from_utf8(data).ok(),
        };
        let Some(typed) = text.and_then(|text| text.strip_prefix('/')) else {
            return Self::Send(line);
        };
        if typed.starts_with('/') {
            return Self::Send(match &line {
                Message::Text(_) => Message::text(typed.to_owned()),
                Message::Binary(_) => Message::binary(typed.as_bytes().to_vec()),
            });
        }
        let (command, rest) = typed.split_once(' ').unwrap_or((typed, ""));
        let rest = rest.trim();
        match command {
            "help" => Self::Words(session.help()),
            "ping" if rest.len() > 125 => {
                let len = rest.len();
                Self::Words(format!("a Ping has room for 125 bytes, these are {len}"))
            }
            "ping" if rest.is_empty() => Self::Ping(b"wsp".to_vec()),
            "ping" => Self::Ping(rest.into()),
            "close" => close(rest),
            _ => Self::Words(format!(
                "there is no command /{command}: /help lists them, //{command} sends /{command}"
            )),
        }
    }

    /// Prints text for reading; returns commands to do.
    pub(crate) fn or_say(self, notices: Notices) -> Option<Self> {
        match self {
            Self::Words(words) => {
                notices.announce(words);
                None
            }
            typed => Some(typed),
        }
    }
}

fn close(rest: &str) -> Typed {
    let (code, reason) = rest.split_once(' ').unwrap_or((rest, ""));
    let reason = reason.trim();
    let code = match code {
        "" => Some(CloseCode::NORMAL),
        code => code.parse().ok().and_then(CloseCode::new),
    };
    match code {
        None => Typed::Words(format!(
            "{} is not a code that can be sent: there are 1000 to 1003, 1007 to 1014, 3000 to 4999",
            rest.split(' ').next().unwrap_or_default()
        )),
        Some(_) if reason.len() > 123 => {
            let len = reason.len();
            Typed::Words(format!("a reason has room for 123 bytes, these are {len}"))
        }
        Some(code) => Typed::Close(code, reason.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(line: &str) -> Typed {
        Typed::new(Message::text(line.to_owned()), Session::Client)
    }

    #[test]
    fn lines_are_messages_or_commands() {
        let text = |text: &str| Typed::Send(Message::text(text.to_owned()));
        assert_eq!(typed("hello"), text("hello"));
        assert_eq!(typed(" /close"), text(" /close"));
        assert_eq!(typed("//close"), text("/close"));
        assert_eq!(typed("/ping"), Typed::Ping(b"wsp".to_vec()));
        assert_eq!(typed("/ping a b"), Typed::Ping(b"a b".to_vec()));
        let code = |code| CloseCode::new(code).unwrap();
        assert_eq!(typed("/close"), Typed::Close(code(1000), String::new()));
        assert_eq!(
            typed("/close 4000 so it  is "),
            Typed::Close(code(4000), "so it  is".to_owned())
        );
        for line in [
            "/",
            "/help",
            "/clos",
            "/close 1006",
            "/close 70000",
            "/close bye",
        ] {
            assert!(matches!(typed(line), Typed::Words(_)), "{line}");
        }
        let binary = |line: &'static [u8]| Message::binary(line);
        let typed = |line| Typed::new(binary(line), Session::Client);
        assert_eq!(typed(b"/close"), Typed::Close(code(1000), String::new()));
        assert_eq!(typed(b"//close"), Typed::Send(binary(b"/close")));
        assert_eq!(typed(b"/\xff"), Typed::Send(binary(b"/\xff")));
    }
}
