//! Peers that misbehave, by name: every fault that the protocol names, faults of the network, and attacks. They are [scripts](crate::peer), so they play over a link in virtual time, or over TCP.
//!
//! [`catalogue`] lists them. Each has a [`Peer`] for one side or for both, says what a correct endpoint does about it
//! ([`Expected`]), and [checks](Misbehaviour::verdict) what the endpoint did.
//!
//! [`try_all`] plays all of them against a program, over links in virtual time: a time limit of an hour passes at once.
//! `wsp --hostile NAME` (of `ws-proto-cli`) plays one over TCP, against a program in any language.
//!
//! ```
//! use ws_proto_test::Side;
//! use ws_proto_test::hostile::{Setup, Verdict, find};
//! use ws_proto_test::link::Link;
//! # use ws_proto::opening::Acceptor;
//! # fn echo(mut stream: ws_proto_test::link::BlockingEnd) {
//! #     let Ok(mut server) = Acceptor::new().accept(&mut stream) else { return };
//! #     while server.exchange(&mut stream).unwrap_or(false) {
//! #         while let Ok(Some((message, mut sender))) = server.next_message() { let _ = sender.send(message); }
//! #         let _ = server.flush(&mut stream);
//! #         if server.wants_half_close() { stream.end_writing(); server.half_closed(); }
//! #     }
//! # }
//!
//! let misbehaviour = find("bad-utf8").unwrap();
//! let client = misbehaviour.peer(&Setup::client()).unwrap();
//! let ((), report) = Link::new().run_threads(echo, |end| client.play_blocking(end));
//! assert_eq!(report.close_code(), Some(Some(1007)));
//! assert_eq!(misbehaviour.verdict(Side::Client, &report), Verdict::Passed);
//! ```

mod bomb;
mod frames;
mod handshakes;
mod sessions;
mod trial;

use std::fmt;
use std::sync::LazyLock;

pub use trial::{Trial, Verdict, try_all, try_all_async};

use crate::Side;
use crate::peer::{Peer, Report, response};

/// What a correct endpoint does about a misbehaviour. `Display` is half a sentence: "it ...".
///
/// ```
/// use ws_proto_test::hostile::{Expected, find};
///
/// let expected = find("bad-utf8").unwrap().expected;
/// assert_eq!(expected, Expected::Fails(&[1007]));
/// assert_eq!(expected.to_string(), "fails the connection, with 1007");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Expected {
    /// It fails the connection: it ends the stream, and if it sends Close before, that has one of these codes (RFC 6455
    /// 7.1.7).
    Fails(&'static [u16]),
    /// A server refuses with one of these statuses, or ends the stream without an answer.
    Refuses(&'static [u16]),
    /// A client ends the stream, and has sent nothing after its request.
    GivesUp,
    /// It ends the stream in any way, at a time limit of its own.
    Ends,
    /// It is allowed: the connection goes on.
    Bears,
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |numbers: &[u16]| {
            let numbers: Vec<String> = numbers.iter().map(u16::to_string).collect();
            numbers.join(" or ")
        };
        match self {
            Self::Fails(codes) => write!(f, "fails the connection, with {}", list(codes)),
            Self::Refuses(statuses) => write!(f, "refuses, with {}", list(statuses)),
            Self::GivesUp => f.write_str("ends the stream, without a frame"),
            Self::Ends => f.write_str("ends the stream, in its own time"),
            Self::Bears => f.write_str("goes on"),
        }
    }
}

/// The end that misbehaves, and the request of a client.
///
/// ```
/// use ws_proto_test::hostile::{Setup, find};
///
/// let setup = Setup::client().path("/chat").field("Authorization", "Bearer abc");
/// let peer = find("bad-utf8").unwrap().peer(&setup);
/// assert!(peer.is_some());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Setup {
    pub(crate) side: Side,
    pub(crate) path: String,
    pub(crate) fields: Vec<(String, String)>,
}

impl Setup {
    /// A server that misbehaves.
    pub fn server() -> Self {
        Self {
            side: Side::Server,
            path: "/".to_owned(),
            fields: Vec::new(),
        }
    }

    /// A client that misbehaves, and asks for `/` at `localhost`.
    pub fn client() -> Self {
        Self {
            side: Side::Client,
            ..Self::server()
        }
    }

    /// As [`server`](Self::server) or [`client`](Self::client).
    ///
    /// ```
    /// use ws_proto_test::Side;
    /// use ws_proto_test::hostile::Setup;
    ///
    /// assert_eq!(Setup::side(Side::Server), Setup::server());
    /// ```
    pub fn side(side: Side) -> Self {
        match side {
            Side::Server => Self::server(),
            Side::Client => Self::client(),
        }
    }

    /// Sets the path of a client's request, by default `/`.
    pub fn path(mut self, path: &str) -> Self {
        path.clone_into(&mut self.path);
        self
    }

    /// Adds a field to the head, such as `Host` or `Authorization` of a client.
    pub fn field(mut self, name: &str, value: &str) -> Self {
        self.fields.push((name.to_owned(), value.to_owned()));
        self
    }

    fn fields<'s>(&'s self, more: &[(&'s str, &'s str)]) -> Vec<(&'s str, &'s str)> {
        let own = self.fields.iter().map(|(name, value)| (&**name, &**value));
        own.chain(more.iter().copied()).collect()
    }

    /// A peer after a correct handshake.
    fn open(&self) -> Peer {
        match self.side {
            Side::Server => Peer::server().accept_with(&self.fields(&[])),
            Side::Client => Peer::client()
                .request_with(&self.path, &self.fields(&[]))
                .expect_accepted(),
        }
    }

    /// A peer after a handshake that has agreed on permessage-deflate, if the other end speaks it.
    fn open_compressing(&self) -> Peer {
        const NAME: &str = "Sec-WebSocket-Extensions";
        match self.side {
            Side::Server => Peer::server().answer(|request| {
                let offer = request.field(NAME).unwrap_or_default();
                let agreed: &[_] = if offer.contains("permessage-deflate") {
                    &[(NAME, "permessage-deflate")]
                } else {
                    &[]
                };
                response(request, agreed)
            }),
            Side::Client => Peer::client()
                .request_with(&self.path, &self.fields(&[(NAME, "permessage-deflate")]))
                .expect_accepted(),
        }
    }
}

/// How the script of a misbehaviour is made.
#[derive(Clone, Copy)]
enum Script {
    /// In place of a handshake.
    Handshake(fn(&Setup) -> Peer),
    /// After one.
    Open(fn(Peer) -> Peer),
    /// After one that may have agreed on compression.
    Compressing(fn(Peer) -> Peer),
}

/// A way to misbehave.
///
/// ```
/// use ws_proto::opening::Connector;
/// use ws_proto_test::Side;
/// use ws_proto_test::hostile::{Setup, Verdict, find};
/// use ws_proto_test::link::{BlockingEnd, Link};
///
/// /// The program under test.
/// fn connect(mut stream: BlockingEnd) {
///     let connector = Connector::new("ws://localhost/").unwrap();
///     let refused = connector.connect_with(&mut stream, [7; 16], || [1, 2, 3, 4]);
///     assert!(refused.is_err());
/// }
///
/// let misbehaviour = find("wrong-accept").unwrap();
/// assert!(misbehaviour.is_of(Side::Server) && !misbehaviour.is_of(Side::Client));
/// assert!(misbehaviour.peer(&Setup::client()).is_none());
/// let server = misbehaviour.peer(&Setup::server()).unwrap();
/// let ((), report) = Link::new().run_threads(connect, |end| server.play_blocking(end));
/// assert_eq!(misbehaviour.verdict(Side::Server, &report), Verdict::Passed);
/// ```
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct Misbehaviour {
    /// Its name: lower case, with hyphens.
    pub name: &'static str,
    /// What the peer does, in words.
    pub what: &'static str,
    /// The section that forbids it, or the harm that the endpoint has to prevent.
    pub source: &'static str,
    /// What a correct endpoint does.
    pub expected: Expected,
    server: bool,
    client: bool,
    script: Script,
}

impl fmt::Debug for Misbehaviour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Misbehaviour").field(&self.name).finish()
    }
}

impl Misbehaviour {
    const fn new(
        name: &'static str,
        what: &'static str,
        source: &'static str,
        expected: Expected,
        script: Script,
    ) -> Self {
        Self {
            name,
            what,
            source,
            expected,
            server: true,
            client: true,
            script,
        }
    }

    const fn of_servers(mut self) -> Self {
        self.client = false;
        self
    }

    const fn of_clients(mut self) -> Self {
        self.server = false;
        self
    }

    /// Whether that side can do it.
    #[must_use]
    pub const fn is_of(&self, side: Side) -> bool {
        match side {
            Side::Server => self.server,
            Side::Client => self.client,
        }
    }

    /// The script; `None` if that side cannot do it.
    #[must_use]
    pub fn peer(&self, setup: &Setup) -> Option<Peer> {
        self.is_of(setup.side).then(|| match self.script {
            Script::Handshake(script) => script(setup),
            Script::Open(script) => script(setup.open()),
            Script::Compressing(script) => script(setup.open_compressing()),
        })
    }

    /// Whether the endpoint did as expected, when `side` misbehaved.
    #[must_use]
    pub fn verdict(&self, side: Side, report: &Report) -> Verdict {
        trial::verdict(self, side, report)
    }
}

/// All ways to misbehave.
///
/// ```
/// use ws_proto_test::Side;
/// use ws_proto_test::hostile::catalogue;
///
/// for one in catalogue().iter().filter(|one| one.is_of(Side::Client)) {
///     println!("{}: {} ({})", one.name, one.what, one.source);
/// }
/// ```
#[must_use]
pub fn catalogue() -> &'static [Misbehaviour] {
    static ALL: LazyLock<Vec<Misbehaviour>> = LazyLock::new(|| {
        [
            handshakes::of_both(),
            handshakes::of_servers(),
            handshakes::of_clients(),
            frames::all(),
            sessions::all(),
        ]
        .concat()
    });
    &ALL
}

/// The way to misbehave with this name, if there is one.
///
/// ```
/// assert!(ws_proto_test::hostile::find("bad-utf8").is_some());
/// assert!(ws_proto_test::hostile::find("no-such-way").is_none());
/// ```
#[must_use]
pub fn find(name: &str) -> Option<&'static Misbehaviour> {
    catalogue().iter().find(|one| one.name == name)
}
