//! A peer that follows a script: expect this, send that, wait, close, misbehave. It knows nothing of the engine that it
//! tests.
//!
//! A [`Peer`] is a list of steps, made by its methods. It does no I/O itself: one of these plays it.
//!
//! | over | by |
//! |---|---|
//! | an [`End`](crate::link::End) of a link, in its time or in tokio's | [`Peer::play`] |
//! | a [`BlockingEnd`](crate::link::BlockingEnd), or a `TcpStream` with the feature `tcp` | [`Peer::play_blocking`] |
//! | any other stream | [`Peer::player`] |
//!
//! The result is a [`Report`].
//!
//! ```
//! use ws_proto_test::link::Link;
//! use ws_proto_test::peer::Peer;
//! # use ws_proto::{CloseCode, CloseReason};
//! # use ws_proto::opening::Connector;
//! # fn chat(mut stream: ws_proto_test::link::BlockingEnd) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
//! #     let connector = Connector::new("ws://localhost/chat")?;
//! #     let (mut client, _) = connector.connect_with(&mut stream, [0; 16], || [1, 2, 3, 4])?;
//! #     client.sender().send_text("hello")?;
//! #     while client.exchange(&mut stream)? {
//! #         while let Some((_, mut sender)) = client.next_message()? {
//! #             sender.close(CloseCode::NORMAL, CloseReason::EMPTY)?;
//! #         }
//! #     }
//! #     Ok(())
//! # }
//!
//! let server = Peer::server()
//!     .accept()
//!     .expect_text("hello")
//!     .send_text("hello yourself")
//!     .expect_close(1000)
//!     .drain();
//! let (chatted, report) = Link::new().run_threads(chat, |end| server.play_blocking(end));
//! chatted.unwrap();
//! report.check().unwrap();
//! ```

mod drive;
mod head;
mod item;
mod player;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

pub use drive::BlockingStream;
pub use head::{Head, KEY, accept_value};
pub(crate) use head::{request, response};
pub use item::{Item, Mismatch, Report};
pub use player::{Player, StreamEnd, Wish};

use crate::Side;
use crate::wire::{self, BINARY, FIN, PING, PONG, TEXT, close_body};

type Answer = Arc<dyn Fn(&Head) -> Vec<u8> + Send + Sync>;
type Serve = Arc<dyn Fn(&Item) -> Vec<Item> + Send + Sync>;
type Check = Arc<dyn Fn(&Item) -> bool + Send + Sync>;

#[derive(Clone)]
enum Step {
    Answer(Answer),
    Expect(String, Check),
    /// Skips everything until this comes.
    Until(String, Check),
    Write(Arc<[u8]>),
    /// These bytes, so often, with that between them.
    Repeat(Arc<[u8]>, u64, Duration),
    /// So many of these bytes at once, with that between them.
    Trickle(Arc<[u8]>, usize, Duration),
    Wait(Duration),
    Read(bool),
    Echo,
    Serve(Serve),
    Drain,
    EndWriting,
    Finish(StreamEnd),
}

impl fmt::Debug for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Answer(_) => f.write_str("answer a request"),
            Self::Expect(what, _) => write!(f, "expect {what}"),
            Self::Until(what, _) => write!(f, "skip until {what}"),
            Self::Write(bytes) => write!(f, "write {} bytes", bytes.len()),
            Self::Repeat(bytes, times, _) => write!(f, "write {} bytes {times} times", bytes.len()),
            Self::Trickle(bytes, ..) => write!(f, "write {} bytes slowly", bytes.len()),
            Self::Wait(time) => write!(f, "wait {time:?}"),
            Self::Read(true) => f.write_str("read again"),
            Self::Read(false) => f.write_str("read no more"),
            Self::Echo => f.write_str("echo"),
            Self::Serve(_) => f.write_str("serve"),
            Self::Drain => f.write_str("read to the end"),
            Self::EndWriting => f.write_str("end writing"),
            Self::Finish(end) => write!(f, "{end:?}"),
        }
    }
}

/// A script of a peer: its methods add steps, which are played in order.
///
/// ```
/// use ws_proto_test::link::Link;
/// use ws_proto_test::peer::Peer;
/// use ws_proto_test::task::join;
///
/// let client = Peer::client().request("/").expect_accepted().send_binary(b"\0\x01").send_close(1000, "").drain();
/// let server = Peer::server().accept().expect_binary(b"\0\x01").expect_close(1000).drain();
/// let link = Link::new();
/// let (left, right) = link.ends();
/// let (client, server) = link.time().run(join(client.play(left), server.play(right)))?;
/// client.check()?;
/// server.check()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Peer {
    side: Side,
    starts_with_head: bool,
    answers_pings: bool,
    answers_close: bool,
    patience: Duration,
    steps: Vec<Step>,
}

impl Peer {
    /// A server on a new stream: next it should [accept](Self::accept).
    pub fn server() -> Self {
        Self::new(Side::Server, true)
    }

    /// A client on a new stream: next it should [ask](Self::request).
    pub fn client() -> Self {
        Self::new(Side::Client, true)
    }

    /// That end of a connection whose handshake is done already.
    ///
    /// ```
    /// use ws_proto_test::Side;
    /// use ws_proto_test::peer::Peer;
    ///
    /// let peer = Peer::open(Side::Client).send_text("hello").expect_text("hello").send_close(1000, "");
    /// assert_eq!(peer.side(), Side::Client);
    /// ```
    pub fn open(side: Side) -> Self {
        Self::new(side, false)
    }

    fn new(side: Side, starts_with_head: bool) -> Self {
        Self {
            side,
            starts_with_head,
            answers_pings: true,
            answers_close: true,
            patience: Duration::from_secs(600),
            steps: Vec::new(),
        }
    }

    /// Which end it is.
    #[must_use]
    pub const fn side(&self) -> Side {
        self.side
    }

    fn step(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }

    /// Does not answer Pings. Then the script has to expect them.
    ///
    /// ```
    /// use ws_proto_test::peer::Peer;
    ///
    /// // Lets a keepalive time out.
    /// let silent = Peer::server().without_pongs().accept().expect_ping().expect_close(1011);
    /// # let _ = silent;
    /// ```
    pub const fn without_pongs(mut self) -> Self {
        self.answers_pings = false;
        self
    }

    /// Does not answer a Close.
    ///
    /// ```
    /// use ws_proto_test::peer::Peer;
    ///
    /// // The program has to end the stream by itself, after its close timeout.
    /// let rude = Peer::server().without_close().accept().expect_close(1000).expect_end();
    /// # let _ = rude;
    /// ```
    pub const fn without_close(mut self) -> Self {
        self.answers_close = false;
        self
    }

    /// Sets how long it waits for each expected item, in the time of the stream. By default 10 minutes.
    ///
    /// ```
    /// use std::time::Duration;
    /// use ws_proto_test::link::Link;
    /// use ws_proto_test::peer::Peer;
    ///
    /// let server = Peer::server().patience(Duration::from_secs(5)).accept();
    /// let (_, report) = Link::new().run_threads(
    ///     |end| end.sleep(Duration::from_secs(60)), // sends no request
    ///     |end| server.play_blocking(end),
    /// );
    /// assert!(report.mismatch.unwrap().ends_with("nothing came for 5s"));
    /// ```
    pub const fn patience(mut self, time: Duration) -> Self {
        self.patience = time;
        self
    }

    /// Waits for a request and accepts it.
    pub fn accept(self) -> Self {
        self.accept_with(&[])
    }

    /// Waits for a request and accepts it, with these further fields.
    ///
    /// ```
    /// use ws_proto_test::peer::Peer;
    ///
    /// let server = Peer::server().accept_with(&[("Sec-WebSocket-Protocol", "chat.v2")]).echo();
    /// # let _ = server;
    /// ```
    pub fn accept_with(self, fields: &[(&str, &str)]) -> Self {
        let fields: Vec<(String, String)> = fields
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        self.answer(move |head| {
            let fields: Vec<(&str, &str)> = fields.iter().map(|(n, v)| (&**n, &**v)).collect();
            response(head, &fields)
        })
    }

    /// Waits for a request and writes the bytes that `answer` returns for it.
    ///
    /// ```
    /// use ws_proto_test::peer::Peer;
    ///
    /// let busy = Peer::server().answer(|request| {
    ///     println!("{}", request.line);
    ///     b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n".to_vec()
    /// });
    /// # let _ = busy;
    /// ```
    pub fn answer(self, answer: impl Fn(&Head) -> Vec<u8> + Send + Sync + 'static) -> Self {
        self.step(Step::Answer(Arc::new(answer)))
    }

    /// Sends a request for a connection at `localhost`, with this path.
    pub fn request(self, path: &str) -> Self {
        self.request_with(path, &[])
    }

    /// As [`request`](Self::request), with these further fields; a `Host` among them replaces `localhost`.
    ///
    /// ```
    /// use ws_proto_test::peer::Peer;
    ///
    /// let client = Peer::client()
    ///     .request_with("/chat", &[("Host", "example.com"), ("Origin", "https://example.com")])
    ///     .expect_accepted();
    /// # let _ = client;
    /// ```
    pub fn request_with(self, path: &str, fields: &[(&str, &str)]) -> Self {
        self.send_raw(request(path, fields))
    }

    /// Adds the steps of another script for the same end of the same connection. If both scripts answer a request, that step
    /// of the other one is left out.
    ///
    /// ```
    /// use ws_proto_test::peer::Peer;
    ///
    /// let login = || Peer::server().accept().expect_text("login").send_text("welcome");
    /// let ends = login().then(Peer::server().accept().send_close(1001, ""));
    /// # let _ = ends;
    /// ```
    pub fn then(mut self, other: Self) -> Self {
        let is_of_handshake = |step: &Step| matches!(step, Step::Answer(_));
        let has_head = self.steps.iter().any(is_of_handshake);
        let steps = other.steps.into_iter();
        self.steps
            .extend(steps.filter(|step| !(has_head && is_of_handshake(step))));
        self
    }

    /// Expects a 101 with the right accept value.
    pub fn expect_accepted(self) -> Self {
        let is_right = |head: &Head| {
            head.status() == Some(101)
                && head.field("Sec-WebSocket-Accept") == Some(&accept_value(KEY))
        };
        self.expect(
            "a 101 for the request",
            move |item| matches!(item, Item::Head(head) if is_right(head)),
        )
    }

    /// Expects an item for which `check` returns true. The report calls it `what` if another item comes.
    ///
    /// ```
    /// use ws_proto_test::peer::{Item, Peer};
    ///
    /// let server = Peer::server()
    ///     .accept()
    ///     .expect("some JSON", |item| matches!(item, Item::Text(text) if text.starts_with('{')));
    /// # let _ = server;
    /// ```
    pub fn expect(self, what: &str, check: impl Fn(&Item) -> bool + Send + Sync + 'static) -> Self {
        self.step(Step::Expect(what.to_owned(), Arc::new(check)))
    }

    /// Skips items until `check` returns true for one. The end of the stream before that is a mismatch, which calls the item
    /// `what`.
    ///
    /// ```
    /// use ws_proto_test::peer::{Item, Peer};
    ///
    /// let patient = Peer::server().accept().until("a Close", |item| matches!(item, Item::Close(..)));
    /// # let _ = patient;
    /// ```
    pub fn until(self, what: &str, check: impl Fn(&Item) -> bool + Send + Sync + 'static) -> Self {
        self.step(Step::Until(what.to_owned(), Arc::new(check)))
    }

    /// Expects exactly this item.
    pub fn expect_item(self, item: Item) -> Self {
        let what = item.to_string();
        self.expect(&what, move |other| *other == item)
    }

    /// Expects this text, in one frame or in several: the [module](self) has an example.
    pub fn expect_text(self, text: &str) -> Self {
        self.expect_item(Item::Text(text.to_owned()))
    }

    /// Expects these bytes as a message.
    pub fn expect_binary(self, data: &[u8]) -> Self {
        self.expect_item(Item::Binary(data.to_vec()))
    }

    /// Expects a Ping with any payload.
    pub fn expect_ping(self) -> Self {
        self.expect("a Ping", |item| matches!(item, Item::Ping(_)))
    }

    /// Expects this Pong.
    ///
    /// ```
    /// use ws_proto_test::Side;
    /// use ws_proto_test::link::Link;
    /// use ws_proto_test::peer::Peer;
    ///
    /// let client = Peer::open(Side::Client).send_ping(b"there?").expect_pong(b"there?");
    /// let server = Peer::open(Side::Server).drain(); // answers Pings
    /// let (report, _) = Link::new().run_threads(|end| client.play_blocking(end), |end| server.play_blocking(end));
    /// report.check().unwrap();
    /// ```
    pub fn expect_pong(self, payload: &[u8]) -> Self {
        self.expect_item(Item::Pong(payload.to_vec()))
    }

    /// Expects a Close with this code. The peer answers it, unless [`without_close`](Self::without_close) was called.
    pub fn expect_close(self, code: u16) -> Self {
        self.expect(
            &format!("a Close with {code}"),
            move |item| matches!(item, Item::Close(Some(other), _) if *other == code),
        )
    }

    /// Expects the end of the stream, or a reset.
    pub fn expect_end(self) -> Self {
        self.expect("the end of the stream", |item| {
            matches!(item, Item::End | Item::Reset)
        })
    }

    /// Sends a text.
    pub fn send_text(self, text: &str) -> Self {
        self.send_frame(FIN | TEXT, text.as_bytes())
    }

    /// Sends a binary message.
    pub fn send_binary(self, data: &[u8]) -> Self {
        self.send_frame(FIN | BINARY, data)
    }

    /// Sends a Ping.
    pub fn send_ping(self, payload: &[u8]) -> Self {
        self.send_frame(PING, payload)
    }

    /// Sends a Pong.
    ///
    /// ```
    /// use ws_proto_test::Side;
    /// use ws_proto_test::peer::Peer;
    ///
    /// // A heartbeat that nobody has to answer (RFC 6455 5.5.3).
    /// let client = Peer::open(Side::Client).send_pong(b"alive");
    /// # let _ = client;
    /// ```
    pub fn send_pong(self, payload: &[u8]) -> Self {
        self.send_frame(PONG, payload)
    }

    /// Sends a Close.
    pub fn send_close(self, code: u16, reason: &str) -> Self {
        self.send_frame(wire::CLOSE, &close_body(code, reason.as_bytes()))
    }

    /// Sends a frame with this first byte (FIN, reserved bits and opcode), valid or not.
    ///
    /// ```
    /// use ws_proto_test::peer::Peer;
    /// use ws_proto_test::wire::{CONTINUATION, FIN, TEXT};
    ///
    /// let fragments = Peer::server()
    ///     .accept()
    ///     .send_frame(TEXT, b"hel")
    ///     .send_ping(b"in between")
    ///     .send_frame(FIN | CONTINUATION, b"lo");
    /// # let _ = fragments;
    /// ```
    pub fn send_frame(self, first: u8, payload: &[u8]) -> Self {
        let frame = wire::frame(self.side.peer(), first, payload);
        self.send_raw(frame)
    }

    /// Sends these bytes as they are.
    ///
    /// ```
    /// use ws_proto_test::Side;
    /// use ws_proto_test::link::Link;
    /// use ws_proto_test::peer::Peer;
    ///
    /// // A whole frame, the beginning of another one, and the end of the stream.
    /// let server = Peer::open(Side::Server).send_raw(b"\x81\x02hi\x81\x05hel").finish();
    /// let client = Peer::open(Side::Client).expect_text("hi").expect_end();
    /// let (_, report) = Link::new().run_threads(|end| server.play_blocking(end), |end| client.play_blocking(end));
    /// report.check().unwrap();
    /// ```
    pub fn send_raw(self, bytes: impl Into<Vec<u8>>) -> Self {
        self.step(Step::Write(bytes.into().into()))
    }

    /// Sends these bytes `times` times, with a pause of `every` in between. With `u64::MAX` it goes on until the other end is
    /// gone, or has taken 48 MiB.
    ///
    /// ```
    /// use std::time::Duration;
    /// use ws_proto_test::peer::Peer;
    ///
    /// let flood = Peer::server().accept().repeat(b"\x89\x00", u64::MAX, Duration::ZERO); // Pings
    /// # let _ = flood;
    /// ```
    pub fn repeat(self, bytes: impl Into<Vec<u8>>, times: u64, every: Duration) -> Self {
        self.step(Step::Repeat(bytes.into().into(), times, every))
    }

    /// Sends these bytes one by one, with a pause of `every` in between.
    ///
    /// ```
    /// use std::time::Duration;
    /// use ws_proto_test::peer::Peer;
    ///
    /// let slow = Peer::client().trickle(b"GET / HTTP/1.1\r\n", Duration::from_secs(1));
    /// # let _ = slow;
    /// ```
    pub fn trickle(self, bytes: impl Into<Vec<u8>>, every: Duration) -> Self {
        self.step(Step::Trickle(bytes.into().into(), 1, every))
    }

    /// Waits for this time, and reads in the meantime.
    pub fn wait(self, time: Duration) -> Self {
        self.step(Step::Wait(time))
    }

    /// Reads nothing from now on.
    ///
    /// ```
    /// use std::time::Duration;
    /// use ws_proto_test::peer::Peer;
    ///
    /// let slow_reader = Peer::client()
    ///     .request("/")
    ///     .expect_accepted()
    ///     .stop_reading()
    ///     .wait(Duration::from_secs(60))
    ///     .read_again()
    ///     .drain();
    /// # let _ = slow_reader;
    /// ```
    pub fn stop_reading(self) -> Self {
        self.step(Step::Read(false))
    }

    /// Reads again.
    pub fn read_again(self) -> Self {
        self.step(Step::Read(true))
    }

    /// Sends every message back, until a Close or the end.
    pub fn echo(self) -> Self {
        self.step(Step::Echo)
    }

    /// Answers each message, Ping and Pong with the items that `answer` returns, until a Close or the end. Of these items,
    /// only messages and control frames are sent.
    ///
    /// ```
    /// use ws_proto_test::peer::{Item, Peer};
    ///
    /// let server = Peer::server().accept().serve(|item| match item {
    ///     Item::Text(text) => vec![Item::Text(text.to_uppercase())],
    ///     _ => Vec::new(),
    /// });
    /// # let _ = server;
    /// ```
    pub fn serve(self, answer: impl Fn(&Item) -> Vec<Item> + Send + Sync + 'static) -> Self {
        self.step(Step::Serve(Arc::new(answer)))
    }

    /// Reads to the end of the stream. A server ends the stream when both Close frames are through.
    pub fn drain(self) -> Self {
        self.step(Step::Drain)
    }

    /// Ends its side of the stream, and goes on reading.
    ///
    /// ```
    /// use ws_proto_test::Side;
    /// use ws_proto_test::link::Link;
    /// use ws_proto_test::peer::Peer;
    ///
    /// let server = Peer::open(Side::Server).send_text("bye").end_writing().expect_text("wait");
    /// let client = Peer::open(Side::Client).expect_text("bye").expect_end().send_text("wait");
    /// let (report, _) = Link::new().run_threads(|end| server.play_blocking(end), |end| client.play_blocking(end));
    /// report.check().unwrap();
    /// ```
    pub fn end_writing(self) -> Self {
        self.step(Step::EndWriting)
    }

    /// Closes the stream now, whether or not it has unread bytes. The same happens after the last step.
    pub fn finish(self) -> Self {
        self.step(Step::Finish(StreamEnd::Close))
    }

    /// Resets the stream.
    ///
    /// ```
    /// use ws_proto_test::Side;
    /// use ws_proto_test::link::Link;
    /// use ws_proto_test::peer::{Item, Peer};
    ///
    /// let server = Peer::open(Side::Server).expect_text("hello").reset();
    /// let client = Peer::open(Side::Client).send_text("hello").expect_item(Item::Reset);
    /// let (_, report) = Link::new().run_threads(|end| server.play_blocking(end), |end| client.play_blocking(end));
    /// report.check().unwrap();
    /// ```
    pub fn reset(self) -> Self {
        self.step(Step::Finish(StreamEnd::Reset))
    }

    /// Makes a [`Player`], for streams of another kind.
    ///
    /// ```
    /// use std::time::Duration;
    /// use ws_proto_test::peer::Peer;
    ///
    /// let mut player = Peer::client().request("/chat").player();
    /// player.poll(Duration::ZERO);
    /// assert!(player.pending().starts_with(b"GET /chat HTTP/1.1\r\n"));
    /// ```
    #[must_use]
    pub fn player(self) -> Player {
        Player::new(self)
    }
}
