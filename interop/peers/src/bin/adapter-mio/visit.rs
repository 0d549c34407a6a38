//! A client that checks that a server echoes, with messages of 0 to 16 MiB.

use std::collections::VecDeque;
use std::net::Shutdown;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use mio::net::TcpStream;
use rustls::pki_types::ServerName;
use rustls::{ClientConnection, StreamOwned};
use serde_json::{Map, Value, json};
use ws_proto_mio::{
    CloseCode, Connector, Error, Event, Message, Response, Sender, Stream, WebSocket, Wrapped,
};

use ws_proto_interop::probe::{PARTS, PING, SIZES, binary, text, trusting, values_of};

use crate::alone::{self, TOKEN, Task};
use crate::options;

/// Prints one object: `status`, `subprotocol`, `location` and `body` of the answer, or the `error`;
/// then what the echoes were: `right` and `wrong`, and how it was `closed`.
pub(crate) fn visit(url: &str, given: &[&str]) -> Result<()> {
    let offered: Vec<&str> = values_of("--offer", given).collect();
    let connector = Connector::new(url)?.subprotocols(&offered);
    let mut look = Look::default();
    let ended = if connector.uri().is_secure() {
        let pem = values_of("--ca", given).next();
        over_tls(connector, pem.context("--ca PEM is needed")?, &mut look)
    } else {
        over_tcp(connector, &mut look)
    };
    if let Err(error) = ended {
        look.see("error", json!(format!("{error:#}")));
    }
    println!("{}", Value::Object(look.seen));
    Ok(())
}

fn over_tcp(connector: Connector, look: &mut Look) -> Result<()> {
    let socket = ws_proto_mio::connect(connector, TOKEN, &options(None))?;
    let socket = alone::run(socket, look)?;
    look.end(&socket)
}

fn over_tls(connector: Connector, pem: &str, look: &mut Look) -> Result<()> {
    let uri = connector.uri();
    let stream = std::net::TcpStream::connect((uri.host(), uri.port()))?;
    stream.set_nonblocking(true)?;
    let mut stream = TcpStream::from_std(stream);
    let mut poll = alone::register(&mut stream)?;
    let name = ServerName::try_from(uri.host().to_owned())?;
    let tls = ClientConnection::new(Arc::new(trusting(pem)?), name)?;
    let stream = Wrapped::new(StreamOwned::new(tls, stream), |tls| {
        tls.conn.send_close_notify();
        std::io::Write::flush(tls)?;
        tls.sock.shutdown(Shutdown::Write)
    });
    let socket = WebSocket::connect_over(stream, TOKEN, connector, &options(None))?;
    let socket = alone::run_registered(&mut poll, socket, look)?;
    look.end(&socket)
}

/// What is sent one after the other, each once the echoes of the one before are there.
#[derive(Default)]
struct Look {
    seen: Map<String, Value>,
    /// Where in all of it this is.
    at: usize,
    /// What has to come, in any order: a server answers a Ping when it likes.
    expected: VecDeque<Echo>,
    right: usize,
    wrong: Vec<String>,
}

#[derive(Debug, PartialEq, Eq)]
enum Echo {
    Text(String),
    Binary(Vec<u8>),
    Pong(Vec<u8>),
}

impl Look {
    fn see(&mut self, name: &str, value: Value) {
        self.seen.insert(name.into(), value);
    }

    fn describe(&mut self, response: &Response) {
        let location = response.headers().get("Location");
        self.see("status", json!(response.status()));
        self.see("subprotocol", json!(response.subprotocol()));
        self.see("location", json!(location.map(String::from_utf8_lossy)));
        self.see("body", json!(String::from_utf8_lossy(response.body())));
    }

    fn came(&mut self, echo: &Echo) {
        match self.expected.iter().position(|expected| expected == echo) {
            Some(at) => {
                self.right += 1;
                self.expected.remove(at);
            }
            None => {
                let at = self.at;
                self.wrong.push(format!("after {at} messages"));
                self.expected.clear();
            }
        }
    }

    fn send_next<S: Stream>(&mut self, sender: &mut Sender<'_, S>) -> Result<()> {
        let size = SIZES.get(self.at / 2).copied();
        match (size, self.at % 2) {
            (Some(size), 0) => {
                sender.send_text(&text(size))?;
                self.expected.push_back(Echo::Text(text(size)));
            }
            (Some(size), _) => {
                sender.send_binary(&binary(size))?;
                self.expected.push_back(Echo::Binary(binary(size)));
            }
            (None, 0) => {
                for (part, fin) in PARTS {
                    sender.send_text_part(part, fin)?;
                }
                sender.ping(PING)?;
                let whole = PARTS.map(|(part, _)| part).concat();
                self.expected.push_back(Echo::Text(whole));
                self.expected.push_back(Echo::Pong(PING.to_vec()));
            }
            (None, _) => sender.close(CloseCode::NORMAL, "seen")?,
        }
        self.at += 1;
        Ok(())
    }

    /// How it was closed, if there was a connection.
    fn end<S: Stream>(&mut self, socket: &WebSocket<S>) -> Result<()> {
        if self.at > 0 {
            let (code, _) = socket.closed().context("no Close")?;
            self.see("right", json!(self.right));
            self.see("wrong", json!(self.wrong));
            self.see("closed", json!(code.map(CloseCode::as_u16)));
        }
        Ok(())
    }
}

impl<S: Stream> Task<S> for Look {
    fn event(&mut self, event: Event<'_, S>) -> Result<()> {
        match event {
            Event::Connected(response) => self.describe(&response),
            Event::Message(Message::Text(text), _) => self.came(&Echo::Text(text.to_owned())),
            Event::Message(Message::Binary(data), _) => self.came(&Echo::Binary(data.to_owned())),
            Event::Pong(payload) => self.came(&Echo::Pong(payload.to_owned())),
            _ => {}
        }
        Ok(())
    }

    fn failed(&mut self, error: Error) -> Result<()> {
        match error {
            Error::Refused(response) => self.describe(&response),
            error => self.see("error", json!(format!("{error:#}"))),
        }
        Ok(())
    }

    fn after(&mut self, socket: &mut WebSocket<S>) -> Result<bool> {
        match socket.sender() {
            Some(mut sender) if self.expected.is_empty() && self.at < 2 * SIZES.len() + 2 => {
                self.send_next(&mut sender)?;
                Ok(true)
            }
            _ => Ok(false),
        }
    }
}
