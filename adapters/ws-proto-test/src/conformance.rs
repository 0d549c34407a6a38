//! Byte vectors for tests of any implementation of WebSocket: frames, handshakes, offers and URIs, each with its expected
//! result; and attacks. They come with this crate ([`Vectors::bundled`], [`Attacks::bundled`]), and are JSON, so
//! that implementations in other languages can use them.
//!
//! # The format, version 1
//!
//! `vectors.json` is an object with `"format": "ws-proto-vectors"`, `"version": 1`, and these lists:
//!
//! | list | a case has | and `expect` is |
//! |---|---|---|
//! | `frames` | `chunks`: the received bytes, in these pieces; `to`: by which end; `max`: the longest message it takes; `pmd`: the parameters of permessage-deflate that were agreed on | the events in order: `text HEX`, `bin HEX`, `ping HEX`, `pong HEX`, `close CODE 'REASON'`; `FAIL CODE` at the end if it fails the connection with that code. Of more than 64 bytes there are the first eight and how many, as in `bin 7878787878787878..(65536B)` |
//! | `replies` | `in`: frames to a server | in `out` the frames that it sends, and `+EOF` if it ends the stream, in `state` whether it is `OPEN` or `CLOSING` after that |
//! | `requests` | `hex`: the bytes to a server; `split`: they arrive in two pieces, cut in the end of the head | the status; `400\|426` allows either, `101\|100,101` a response before it |
//! | `responses` | `hex`: the bytes to a client that has sent the key at the top of the file; `protos`: the subprotocols it has offered; `ext`: whether it has offered permessage-deflate | `OPEN` and the agreement, or `FAIL` and the reason; `\|` allows either |
//! | `odd_responses` | the same, and `taken_by`: implementations that take it | `OPEN`, or `FAIL` and where that is written |
//! | `offers` | `offer`: a `Sec-WebSocket-Extensions` of a client; `hex`: the whole request | words for people |
//! | `uris` | `uri` | its parts, or words for people |
//!
//! Every case has an `id` that stays the same, and most a `title` and a `note`. `key` and `accept` at the top are the sample of RFC 6455 1.3.
//! The parameters in `pmd` are `snct`, `cnct` (server and client without context takeover), `sbits`, `cbits` (window bits).
//!
//! `attacks.json` is an object with `"format": "ws-proto-attacks"`, `"version": 1`, and `attacks`. Each has an `id`; a
//! `kind`, `request`, `response` or `frames`; the `role` of the end that is attacked; `bytes_hex`; in `cfg` how that end is set
//! up (`max_message`, `pmd`, `key`, `offer_pmd`, `offer_protocols`), and in `expect`, for frames: `text:N`, `binary:N`,
//! `ping:N`, `pong:N` of N bytes, `closed:CODE`, or the code that it fails with, `1002@N` at the latest after N bytes; for heads:
//! the status and what becomes of the offer, `open`, `fail`, `rejected:STATUS`.
//!
//! All bytes are hexadecimal. A reader ignores members and lists that it does not know; a change that makes a case mean
//! something else raises `version`.
//!
//! ```
//! use ws_proto::{Config, Negotiated, WebSocket};
//! use ws_proto_test::Side;
//! use ws_proto_test::conformance::Vectors;
//!
//! let vectors = Vectors::bundled();
//! let case = vectors.frames.iter().find(|case| case.id == "E6455-2").unwrap();
//! assert_eq!((case.to, &case.expect[..]), (Side::Server, &["text 48656c6c6f".to_owned()][..]));
//! let mut server = WebSocket::server(Negotiated::new(), Config::new());
//! let bytes = case.bytes();
//! server.read_buf(bytes.len())[..bytes.len()].copy_from_slice(&bytes);
//! server.advance(bytes.len());
//! let (message, _) = server.next_message()?.unwrap();
//! assert_eq!(message.as_text(), Some("Hello"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::io;

use serde::de::{DeserializeOwned, Error};
use serde::{Deserialize, Deserializer};

use crate::Side;

/// The version that this crate reads.
pub const VERSION: u32 = 1;

/// The beginning of a file, before its version is known to be right.
#[derive(Deserialize)]
struct Head {
    format: String,
    version: u32,
}

fn read<T: DeserializeOwned>(text: &str, format: &str) -> io::Result<T> {
    let invalid = |error: serde_json::Error| io::Error::new(io::ErrorKind::InvalidData, error);
    let head: Head = serde_json::from_str(text).map_err(invalid)?;
    if head.format != format || head.version > VERSION {
        let words = format!(
            "{} of version {} is not known here",
            head.format, head.version
        );
        return Err(io::Error::new(io::ErrorKind::InvalidData, words));
    }
    serde_json::from_str(text).map_err(invalid)
}

/// All of `vectors.json`.
///
/// ```
/// use ws_proto_test::conformance::Vectors;
/// use ws_proto_test::peer::{KEY, accept_value};
///
/// let vectors = Vectors::bundled();
/// assert_eq!(vectors.key, KEY);
/// assert_eq!(vectors.accept, accept_value(KEY));
/// assert!(Vectors::read("{}").is_err()); // not in this format
/// ```
#[derive(Clone, Debug, Deserialize)]
#[non_exhaustive]
pub struct Vectors {
    /// The `Sec-WebSocket-Key` of RFC 6455 1.3.
    pub key: String,
    /// The `Sec-WebSocket-Accept` for it.
    pub accept: String,
    /// Frames to one end.
    pub frames: Vec<FrameCase>,
    /// Frames to a server, and its answers.
    pub replies: Vec<ReplyCase>,
    /// Requests to a server.
    pub requests: Vec<RequestCase>,
    /// Responses to a client.
    pub responses: Vec<ResponseCase>,
    /// Responses that some clients take and others do not.
    pub odd_responses: Vec<ResponseCase>,
    /// Offers of permessage-deflate.
    pub offers: Vec<OfferCase>,
    /// URIs.
    pub uris: Vec<UriCase>,
}

impl Vectors {
    /// Reads those that come with this crate.
    #[must_use]
    pub fn bundled() -> Self {
        Self::read(include_str!("../data/vectors.json"))
            .expect("what comes with this crate is right")
    }

    /// Reads the text of a file.
    ///
    /// # Errors
    ///
    /// [`InvalidData`](io::ErrorKind::InvalidData) if the text is not such a file, or has a later version.
    pub fn read(text: &str) -> io::Result<Self> {
        read(text, "ws-proto-vectors")
    }
}

/// All of `attacks.json`.
///
/// ```
/// use ws_proto_test::conformance::Attacks;
///
/// let attacks = Attacks::bundled();
/// assert!(attacks.attacks.iter().any(|attack| attack.kind == "frames"));
/// assert!(Attacks::read("{}").is_err());
/// ```
#[derive(Clone, Debug, Deserialize)]
#[non_exhaustive]
pub struct Attacks {
    /// The attacks.
    pub attacks: Vec<AttackCase>,
}

impl Attacks {
    /// Reads those that come with this crate.
    #[must_use]
    pub fn bundled() -> Self {
        Self::read(include_str!("../data/attacks.json"))
            .expect("what comes with this crate is right")
    }

    /// Reads the text of a file.
    ///
    /// # Errors
    ///
    /// [`InvalidData`](io::ErrorKind::InvalidData) if the text is not such a file, or has a later version.
    pub fn read(text: &str) -> io::Result<Self> {
        read(text, "ws-proto-attacks")
    }
}

/// Frames in, events out.
///
/// ```
/// use ws_proto_test::conformance::Vectors;
///
/// let vectors = Vectors::bundled();
/// let case = vectors.frames.iter().find(|case| case.id == "E6455-3").unwrap();
/// assert_eq!(case.title, "fragmented unmasked text");
/// assert_eq!(case.chunks, [&b"\x01\x03Hel"[..], b"\x80\x02lo"]);
/// assert_eq!(case.bytes(), b"\x01\x03Hel\x80\x02lo");
/// assert_eq!(case.expect, ["text 48656c6c6f"]);
/// ```
#[derive(Clone, Debug, Deserialize)]
#[non_exhaustive]
pub struct FrameCase {
    /// Its name, which stays the same.
    pub id: String,
    /// Its subject, in words.
    pub title: String,
    /// Which end receives it.
    #[serde(deserialize_with = "side")]
    pub to: Side,
    /// The received bytes, in pieces.
    #[serde(deserialize_with = "hex_list")]
    pub chunks: Vec<Vec<u8>>,
    /// The expected result.
    pub expect: Vec<String>,
    /// The longest message that the end accepts.
    pub max: Option<u64>,
    /// The parameters of permessage-deflate that were agreed on, if any.
    pub pmd: Option<Pmd>,
}

impl FrameCase {
    /// The received bytes, in one piece.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        self.chunks.concat()
    }
}

/// Parameters of permessage-deflate.
///
/// ```
/// use ws_proto_test::conformance::Vectors;
///
/// let vectors = Vectors::bundled();
/// let case = vectors.frames.iter().find(|case| case.id == "E7692-3").unwrap();
/// // The server keeps no history, so it sends the same message as the same bytes.
/// assert!(case.pmd.unwrap().snct);
/// assert_eq!(case.chunks[0], case.chunks[1]);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Pmd {
    /// `server_no_context_takeover`.
    pub snct: bool,
    /// `client_no_context_takeover`.
    pub cnct: bool,
    /// `server_max_window_bits`.
    pub sbits: Option<u8>,
    /// `client_max_window_bits`.
    pub cbits: Option<u8>,
}

/// Frames to a server, and those that it sends.
///
/// ```
/// use ws_proto::{Config, Negotiated, WebSocket};
/// use ws_proto_test::conformance::{Vectors, unhex};
///
/// let vectors = Vectors::bundled();
/// let case = vectors.replies.iter().find(|case| case.id == "R01").unwrap();
/// let mut server = WebSocket::server(Negotiated::new(), Config::new());
/// server.read_buf(case.input.len())[..case.input.len()].copy_from_slice(&case.input);
/// server.advance(case.input.len());
/// assert!(server.next_message()?.is_none()); // it was a Ping
/// let written: Vec<u8> = server.pending_slices().flatten().copied().collect();
/// assert_eq!((Some(written), &*case.state), (unhex(&case.out), "OPEN"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Deserialize)]
#[non_exhaustive]
pub struct ReplyCase {
    /// Its name, which stays the same.
    pub id: String,
    /// The bytes that it receives.
    #[serde(rename = "in", deserialize_with = "hex")]
    pub input: Vec<u8>,
    /// The bytes that it sends, in hexadecimal; or words for people.
    pub out: String,
    /// `OPEN` or `CLOSING`.
    pub state: String,
}

/// A request to a server.
///
/// ```
/// use ws_proto::opening::Acceptor;
/// use ws_proto_test::conformance::Vectors;
/// use ws_proto_test::peer::Head;
/// use ws_proto_test::stream::Script;
///
/// let vectors = Vectors::bundled();
/// let case = vectors.requests.iter().find(|case| case.id == "HS01").unwrap();
/// let mut stream = Script::new().then_read(&*case.bytes);
/// Acceptor::new().accept(&mut stream)?;
/// let (response, _) = Head::parse(stream.written()).unwrap();
/// assert_eq!((response.status(), &*case.expect), (Some(101), "101"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Deserialize)]
#[non_exhaustive]
pub struct RequestCase {
    /// Its name, which stays the same.
    pub id: String,
    /// Its subject, in words.
    pub title: String,
    /// The bytes that the server receives.
    #[serde(rename = "hex", deserialize_with = "hex")]
    pub bytes: Vec<u8>,
    /// The expected result.
    pub expect: String,
}

/// A response to a client.
///
/// ```
/// use ws_proto::opening::Connector;
/// use ws_proto_test::conformance::Vectors;
/// use ws_proto_test::stream::Script;
///
/// let vectors = Vectors::bundled();
/// let case = vectors.responses.iter().find(|case| case.id == "CR02").unwrap();
/// let protocols: Vec<&str> = case.protos.iter().map(String::as_str).collect();
/// let connector = Connector::new("ws://server.example.com/chat")?.subprotocols(&protocols);
/// let mut stream = Script::new().then_read(&*case.bytes);
/// let nonce = *b"the sample nonce"; // the key at the top of the file
/// let (_, response) = connector.connect_with(&mut stream, nonce, || [1, 2, 3, 4])?;
/// assert_eq!((response.subprotocol(), &*case.expect), (Some("chat"), "OPEN chat"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Deserialize)]
#[non_exhaustive]
pub struct ResponseCase {
    /// Its name, which stays the same.
    pub id: String,
    /// Its subject, in words.
    pub title: String,
    /// The bytes that the client receives.
    #[serde(rename = "hex", deserialize_with = "hex")]
    pub bytes: Vec<u8>,
    /// The expected result.
    pub expect: String,
    /// The subprotocols that the client has offered.
    pub protos: Vec<String>,
    /// Whether it has offered permessage-deflate.
    pub ext: bool,
    /// Implementations that accept it.
    #[serde(default)]
    pub taken_by: Vec<String>,
}

/// An offer of a client.
///
/// ```
/// use ws_proto_test::conformance::Vectors;
/// use ws_proto_test::peer::Head;
///
/// let vectors = Vectors::bundled();
/// let case = vectors.offers.iter().find(|case| case.id == "NE06").unwrap();
/// assert_eq!(case.offer, "permessage-deflate; server_max_window_bits"); // without a value
/// let (request, _) = Head::parse(&case.bytes).unwrap();
/// assert_eq!(request.field("Sec-WebSocket-Extensions"), Some(&*case.offer));
/// assert_eq!(case.expect, "decline");
/// ```
#[derive(Clone, Debug, Deserialize)]
#[non_exhaustive]
pub struct OfferCase {
    /// Its name, which stays the same.
    pub id: String,
    /// The value of `Sec-WebSocket-Extensions`.
    pub offer: String,
    /// The whole request.
    #[serde(rename = "hex", deserialize_with = "hex")]
    pub bytes: Vec<u8>,
    /// The expected result.
    pub expect: String,
}

/// A URI.
///
/// ```
/// use ws_proto::Uri;
/// use ws_proto_test::conformance::Vectors;
///
/// let vectors = Vectors::bundled();
/// let case = vectors.uris.iter().find(|case| case.uri == "wss://example.com").unwrap();
/// let uri = Uri::parse(&case.uri)?;
/// assert!(case.expect.contains(&format!("host={} port={}", uri.host(), uri.port())));
/// # Ok::<(), ws_proto::UriError>(())
/// ```
#[derive(Clone, Debug, Deserialize)]
#[non_exhaustive]
pub struct UriCase {
    /// The URI.
    pub uri: String,
    /// The expected result.
    pub expect: String,
}

/// An attack on one end.
///
/// ```
/// use ws_proto_test::Side;
/// use ws_proto_test::conformance::Attacks;
///
/// let attacks = Attacks::bundled();
/// let attack = attacks.attacks.iter().find(|attack| attack.id == "fr.op-13").unwrap();
/// assert_eq!((attack.to, &*attack.kind), (Side::Server, "frames"));
/// assert_eq!(attack.bytes, [0x8d]); // a reserved opcode
/// assert_eq!(attack.expect, "1002@1"); // the server fails with 1002 at the first byte
/// ```
#[derive(Clone, Debug, Deserialize)]
#[non_exhaustive]
pub struct AttackCase {
    /// Its name, which stays the same.
    pub id: String,
    /// `request`, `response` or `frames`.
    pub kind: String,
    /// Which end is attacked.
    #[serde(rename = "role", deserialize_with = "side")]
    pub to: Side,
    /// The bytes that it receives.
    #[serde(rename = "bytes_hex", deserialize_with = "hex")]
    pub bytes: Vec<u8>,
    /// The expected result.
    pub expect: String,
    /// How the end is set up.
    #[serde(default)]
    pub cfg: AttackSetup,
}

/// How the end under attack is set up.
///
/// ```
/// use ws_proto::{Config, Negotiated, WebSocket};
/// use ws_proto_test::conformance::Attacks;
///
/// let attacks = Attacks::bundled();
/// let attack = attacks.attacks.iter().find(|attack| attack.id == "fr.claim-ffffffff").unwrap();
/// let config = Config::new().max_message(attack.cfg.max_message.unwrap());
/// let mut server = WebSocket::server(Negotiated::new(), config);
/// server.read_buf(attack.bytes.len())[..attack.bytes.len()].copy_from_slice(&attack.bytes);
/// server.advance(attack.bytes.len());
/// assert!(server.next_message().is_err()); // a frame of 4 GiB
/// ```
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct AttackSetup {
    /// The longest message that it accepts.
    pub max_message: Option<u64>,
    /// Whether it has agreed on permessage-deflate.
    pub pmd: bool,
    /// Whether it has offered that.
    pub offer_pmd: bool,
    /// The subprotocols that it has offered.
    pub offer_protocols: Vec<String>,
}

fn side<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Side, D::Error> {
    match String::deserialize(deserializer)?.as_str() {
        "server" => Ok(Side::Server),
        "client" => Ok(Side::Client),
        other => Err(Error::custom(format!("there is no side {other:?}"))),
    }
}

fn hex<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    let text = String::deserialize(deserializer)?;
    unhex(&text).ok_or_else(|| Error::custom(format!("{text:?} is not hexadecimal")))
}

fn hex_list<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Vec<u8>>, D::Error> {
    let texts = Vec::<String>::deserialize(deserializer)?;
    let bytes = texts.iter().map(|text| {
        unhex(text).ok_or_else(|| Error::custom(format!("{text:?} is not hexadecimal")))
    });
    bytes.collect()
}

/// The bytes of a hexadecimal text, if it is one.
///
/// ```
/// assert_eq!(ws_proto_test::conformance::unhex("48690a"), Some(b"Hi\n".to_vec()));
/// ```
#[must_use]
pub fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let pairs = text.as_bytes().chunks(2).map(|pair| match pair {
        [high, low] => u8::try_from(digit(*high)? * 16 + digit(*low)?).ok(),
        _ => None,
    });
    pairs.collect()
}
