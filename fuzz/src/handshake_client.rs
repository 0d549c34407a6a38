//! Arbitrary bytes to a client's handshakes with a server and with a proxy; and whatever a caller wants to ask
//! for and to answer, which either cannot be sent, or is read by the other end as it was meant.

use core::time::Duration;

use arbitrary::Arbitrary;
use ws_proto::frame::Rsv;
use ws_proto::handshake::proxy::{ConnectRequest, ProxyHandshake};
use ws_proto::handshake::{
    Accept, AnswerFault, ClientHandshake, ClientRequest, Established, ExtensionOffer,
    HandshakeError, HeadError, Limits, OriginPolicy, Param, PlainResponse, Refusal, RequestError,
    ServerHandshake,
};
use ws_proto::reconnect::End;
use ws_proto::{FixedBuf, Input, Instant, Storage, Transport, Uri};

use crate::extended_connect;
use crate::http::{Fields, Head, read_fields};
use crate::support::pieces;

/// What the fuzzer chooses.
#[derive(Arbitrary, Debug)]
pub struct Answer<'a> {
    /// One bit each: a small storage, the limits below count, the transport ends, time runs out,
    /// subprotocols are offered, one is required, extensions are offered; with the last one the
    /// bytes are the lines of a request to write, or, if `head_bytes` is odd, those of an answer on a stream
    /// of HTTP/2 or HTTP/3.
    pub flags: u8,
    /// The limit of the head, in units of 4 bytes.
    pub head_bytes: u8,
    /// The limit of lines, of the body, and of informational responses.
    pub limits: [u8; 3],
    /// The sizes of the pieces in which the input comes; repeated.
    pub cuts: [u8; 4],
    /// What the server sends.
    pub bytes: &'a [u8],
}

/// Everything that must not depend on how the input is cut.
#[derive(Debug, Default, PartialEq, Eq)]
struct Outcome {
    established: Option<Agreed>,
    error: Option<HandshakeError>,
    refusal: Option<Refused>,
    /// What is for the connection.
    left: Vec<u8>,
}

/// As [`Outcome`], with a proxy.
#[derive(Debug, Default, PartialEq, Eq)]
struct Tunnel {
    /// Status, reason and fields.
    connected: Option<(u16, Vec<u8>, Fields)>,
    error: Option<HandshakeError>,
    refusal: Option<Refused>,
    left: Vec<u8>,
}

#[derive(Debug, PartialEq, Eq)]
struct Agreed {
    subprotocol: Option<String>,
    extensions: String,
    rsv: Rsv,
    fields: Fields,
}

#[derive(Debug, PartialEq, Eq)]
struct Refused {
    status: u16,
    reason: Vec<u8>,
    fields: Fields,
    body: Vec<u8>,
    complete: bool,
}

/// Reads the answer whole, cut as chosen, and byte by byte; or writes a request.
///
/// # Panics
///
/// If a contract is broken.
pub fn check(answer: &Answer<'_>) {
    if answer.flag(7) {
        if answer.head_bytes & 1 == 0 {
            return ask(answer.bytes);
        }
        let (limits, eof) = (answer.limits(), answer.flag(2));
        return extended_connect::answer(answer.bytes, limits, &answer.cuts, eof, &offers());
    }
    let whole = answer.run(&[]);
    assert_eq!(answer.run(&answer.cuts), whole, "cut as chosen");
    assert_eq!(answer.run(&[1]), whole, "byte by byte");
    answer.check_outcome(&whole);

    let tunnel = answer.run_proxy(&[]);
    assert_eq!(answer.run_proxy(&answer.cuts), tunnel, "cut as chosen");
    assert_eq!(answer.run_proxy(&[1]), tunnel, "byte by byte");
    answer.check_tunnel(&tunnel, &whole);
}

impl Answer<'_> {
    fn flag(&self, bit: u8) -> bool {
        self.flags & 1 << bit != 0
    }

    fn limits(&self) -> Limits {
        if self.flag(1) {
            let [lines, body, informational] = self.limits;
            Limits::new()
                .head_bytes(4 * usize::from(self.head_bytes))
                .lines(lines.into())
                .body_bytes(body.into())
                .informational(informational)
        } else {
            Limits::new()
        }
    }

    fn run(&self, cuts: &[u8]) -> Outcome {
        let (mut vec, mut array) = (b"old".to_vec(), FixedBuf::<300>::new());
        let storage: &mut dyn Storage = if self.flag(0) { &mut array } else { &mut vec };
        let mut request = ClientRequest::new("server.example.com", "/chat");
        if self.flag(4) {
            request = request.subprotocols(&["chat", "superchat"]);
        }
        let extensions = offers();
        if self.flag(6) {
            request = request.extensions(&extensions);
        }
        let request = request.require_subprotocol(self.flag(5));
        let nonce = *b"the sample nonce";
        let mut handshake =
            ClientHandshake::start(request, nonce, storage, self.limits(), &mut Vec::new())
                .expect("it can be sent");
        let start = Instant::from_millis(5);
        let deadline = handshake.tick(start);
        assert!(deadline.is_ok_and(|at| at.is_some_and(|at| at > start)));
        let mut outcome = Outcome::default();
        for piece in pieces(&mut self.bytes.to_vec(), cuts) {
            let mut input = Input::new(piece);
            match handshake.receive(&mut input) {
                Ok(None) => {
                    assert!(input.is_empty() && outcome == Outcome::default());
                    assert_eq!(handshake.transport(), Transport::Open);
                }
                Ok(Some(established)) => {
                    let _ = format!("{established:?}");
                    outcome.established = Some(Agreed::of(&established));
                }
                Err(error) => {
                    assert!(input.is_empty() && outcome.established.is_none());
                    assert_eq!(*outcome.error.get_or_insert(error), error, "sticky");
                    assert_eq!(handshake.transport(), Transport::Close);
                }
            }
            outcome.left.extend_from_slice(input.bytes());
            let again = handshake.tick(start);
            assert!(again.is_ok_and(|at| at.is_none_or(|at| Ok(Some(at)) == deadline)));
            let _ = format!("{handshake:?}");
        }
        self.end(&mut handshake, &mut outcome);
        outcome.refusal = handshake.refusal().map(|refusal| Refused::of(&refusal));
        let _: &mut dyn Storage = handshake.into_storage();
        outcome
    }

    fn end(&self, handshake: &mut ClientHandshake<&mut dyn Storage>, outcome: &mut Outcome) {
        let undone = outcome.error.is_none() && outcome.established.is_none();
        if self.flag(2) {
            let ended = handshake.receive_eof();
            if undone {
                outcome.error = ended.err();
                match (outcome.error, handshake.refusal()) {
                    (Some(HandshakeError::Refused { .. }), Some(_))
                    | (Some(HandshakeError::UnexpectedEof), None) => {}
                    (Some(HandshakeError::NothingReceived), None) => {
                        assert!(self.bytes.is_empty());
                    }
                    other => panic!("{other:?}"),
                }
            }
            assert_eq!(handshake.receive_eof().err(), outcome.error);
        } else if self.flag(3) {
            let late = Instant::from_millis(60_000);
            let closing = handshake.transport() == Transport::Close;
            let ticked = handshake.tick(late);
            assert_eq!(ticked.is_err(), undone || closing);
            if ticked.is_err() {
                assert_eq!(handshake.tick(late), ticked);
                assert_eq!(handshake.transport(), Transport::Abort);
            }
        }
    }

    fn run_proxy(&self, cuts: &[u8]) -> Tunnel {
        let (mut vec, mut array) = (b"old".to_vec(), FixedBuf::<300>::new());
        let storage: &mut dyn Storage = if self.flag(0) { &mut array } else { &mut vec };
        let request = ConnectRequest::new("server.example.com", 80);
        let mut handshake = ProxyHandshake::start(request, storage, self.limits(), &mut Vec::new())
            .expect("it can be sent");
        let mut tunnel = Tunnel::default();
        for piece in pieces(&mut self.bytes.to_vec(), cuts) {
            let mut input = Input::new(piece);
            match handshake.receive(&mut input) {
                Ok(None) => {
                    assert!(input.is_empty() && tunnel == Tunnel::default());
                    assert_eq!(handshake.transport(), Transport::Open);
                }
                Ok(Some(connected)) => {
                    let _ = format!("{connected:?}");
                    let reason = connected.reason().to_vec();
                    let fields = read_fields(connected.headers());
                    tunnel.connected = Some((connected.status(), reason, fields));
                }
                Err(error) => {
                    assert!(input.is_empty() && tunnel.connected.is_none());
                    assert_eq!(*tunnel.error.get_or_insert(error), error, "sticky");
                    assert_eq!(handshake.transport(), Transport::Close);
                }
            }
            tunnel.left.extend_from_slice(input.bytes());
            let _ = format!("{handshake:?}");
        }
        if self.flag(2) {
            let ended = handshake.receive_eof().err();
            assert_eq!(ended.is_some(), tunnel.connected.is_none());
            assert!(tunnel.error.is_none_or(|error| ended == Some(error)));
            tunnel.error = ended;
        }
        if self.flag(3) && !self.flag(2) {
            let late = Instant::from_millis(60_000);
            assert!(handshake.tick(Instant::from_millis(5)).is_ok());
            let ticked = handshake.tick(late);
            assert_eq!(ticked.is_err(), tunnel.connected.is_none());
            assert_eq!(handshake.tick(late), ticked);
            assert_eq!(handshake.transport() == Transport::Abort, ticked.is_err());
        }
        tunnel.refusal = handshake.refusal().map(|refusal| Refused::of(&refusal));
        let _: &mut dyn Storage = handshake.into_storage();
        tunnel
    }

    /// Holds what the proxy's answer has led to against what another parser reads, and against what the same
    /// bytes mean from a server.
    fn check_tunnel(&self, tunnel: &Tunnel, server: &Outcome) {
        let Some((status, reason, fields)) = &tunnel.connected else {
            assert!(tunnel.left.is_empty());
            let refused = tunnel.refusal.as_ref().map(|refusal| refusal.status);
            // What only one of them grants.
            let differs = matches!(refused, Some(101))
                || server
                    .refusal
                    .as_ref()
                    .is_some_and(|one| matches!(one.status, 200..=299));
            // The offer takes room in a storage that is too small.
            if !differs && !self.flag(0) {
                assert_eq!(
                    (tunnel.error, &tunnel.refusal),
                    (server.error, &server.refusal)
                );
            }
            return;
        };
        let mut rest = self.bytes;
        let head = loop {
            let head = Head::response(rest).expect("what is taken is a response");
            if !(100..200).contains(&head.status) {
                break head;
            }
            assert_ne!(head.status, 101, "it ends the handshake");
            rest = &rest[head.len..];
        };
        assert_eq!((head.status, &head.fields), (*status, fields));
        assert!(matches!(status, 200..=299));
        assert!(head.reason.is_empty() || head.reason.as_bytes() == reason);
        assert_eq!(
            &rest[head.len..],
            tunnel.left,
            "what follows is the server's"
        );
    }

    /// Holds the outcome against what another parser reads.
    fn check_outcome(&self, outcome: &Outcome) {
        let mut rest = self.bytes;
        let head = loop {
            match Head::response(rest) {
                Some(head) if head.status < 200 && head.status != 101 => rest = &rest[head.len..],
                other => break other,
            }
        };
        if let Some(agreed) = &outcome.established {
            let head = head.expect("what is taken is a response");
            assert_eq!((head.status, head.minor_version), (101, 1));
            assert_eq!(head.fields, agreed.fields);
            assert_eq!(&rest[head.len..], outcome.left, "frames follow the head");
            assert_eq!(
                head.all("Sec-WebSocket-Accept"),
                [b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="]
            );
            let [upgrade] = head.all("Upgrade")[..] else {
                panic!("one Upgrade")
            };
            assert!(upgrade.eq_ignore_ascii_case(b"websocket"));
            assert!(head.lists("Connection", "upgrade"));
            let chosen = head.all("Sec-WebSocket-Protocol");
            match &agreed.subprotocol {
                Some(one) => {
                    assert_eq!(chosen, [one.as_bytes()]);
                    assert!(self.flag(4) && matches!(one.as_str(), "chat" | "superchat"));
                }
                None => assert!(chosen.is_empty() && !(self.flag(4) && self.flag(5))),
            }
            let extended = !head.all("Sec-WebSocket-Extensions").is_empty();
            assert_eq!(extended, agreed.extensions != "[]");
            assert!(!extended || self.flag(6), "only what was offered");
            return;
        }
        assert!(outcome.left.is_empty());
        let Some(refused) = &outcome.refusal else {
            return;
        };
        let head = head.expect("what refuses is a response");
        assert_eq!(head.status, refused.status);
        assert_eq!(head.fields, refused.fields);
        if !head.reason.is_empty() {
            assert_eq!(head.reason.as_bytes(), refused.reason);
        }
        let (body, complete) = body(&head, &rest[head.len..], self.flag(2));
        assert!(body.starts_with(&refused.body));
        if refused.complete {
            assert!(complete && body == refused.body, "all of the body");
        }
    }
}

impl Agreed {
    fn of(established: &Established<'_>) -> Self {
        Self {
            subprotocol: established.subprotocol().map(str::to_owned),
            extensions: format!("{:?}", established.extensions()),
            rsv: established.negotiated().rsv(),
            fields: read_fields(established.headers()),
        }
    }
}

impl Refused {
    fn of(refusal: &Refusal<'_>) -> Self {
        let _ = format!("{refusal:?}");
        let after = refusal.headers().get("Retry-After");
        let after = after.and_then(|value| core::str::from_utf8(value).ok());
        let is_number =
            |text: &&str| !text.is_empty() && text.bytes().all(|digit| digit.is_ascii_digit());
        let seconds = after
            .filter(is_number)
            .map(|digits| digits.parse().unwrap_or(u64::MAX));
        let retry_after = seconds.map(Duration::from_secs);
        assert_eq!(refusal.retry_after(), retry_after);
        let status = refusal.status();
        let end = End::Refused {
            status,
            retry_after,
        };
        assert_eq!(refusal.end(), end);
        Self {
            status,
            reason: refusal.reason().to_vec(),
            fields: read_fields(refusal.headers()),
            body: refusal.body().to_vec(),
            complete: refusal.is_body_complete(),
        }
    }
}

fn offers() -> [ExtensionOffer<'static>; 4] {
    [
        ExtensionOffer::new("permessage-deflate", &[("client_max_window_bits", None)])
            .with_rsv(Rsv::RSV1)
            .with_check(|_, answer| match answer.params().count() {
                0 | 1 => Ok(()),
                _ => Err(AnswerFault::NotOffered),
            }),
        ExtensionOffer::new("permessage-deflate", &[]).with_rsv(Rsv::RSV1),
        ExtensionOffer::new("x", &[]).with_rsv(Rsv::RSV1 | Rsv::RSV2),
        ExtensionOffer::new("y", &[]).with_check(|_, answer| {
            let is_number = |param: Param<'_>| param.value().is_some_and(|v| v.to_u8().is_some());
            match answer.params().all(is_number) {
                true => Ok(()),
                false => Err(AnswerFault::OutOfRange),
            }
        }),
    ]
}

/// The body of a refusal as far as it is there, and whether that is all of it (RFC 9112 6.3).
fn body(head: &Head, bytes: &[u8], eof: bool) -> (Vec<u8>, bool) {
    if matches!(head.status, 204 | 304) {
        return (Vec::new(), true);
    }
    if !head.all("Transfer-Encoding").is_empty() {
        let codings: Vec<u8> = head.all("Transfer-Encoding").join(&b","[..]);
        let mut codings = codings.split(|&byte| byte == b',').map(crate::http::trim);
        let mut codings = codings.by_ref().filter(|coding| !coding.is_empty());
        return match (codings.next(), codings.next()) {
            (Some(only), None) if only.eq_ignore_ascii_case(b"chunked") => chunks(bytes),
            _ => (bytes.to_vec(), eof),
        };
    }
    match head.all("Content-Length")[..] {
        [] => (bytes.to_vec(), eof),
        [digits] => {
            let known = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
            let length = core::str::from_utf8(digits).ok().filter(|_| known);
            match length.and_then(|length| length.parse::<u64>().ok()) {
                Some(length) => {
                    let here = bytes
                        .len()
                        .min(usize::try_from(length).unwrap_or(usize::MAX));
                    (bytes[..here].to_vec(), here as u64 == length)
                }
                None => (Vec::new(), false),
            }
        }
        _ => (Vec::new(), false),
    }
}

fn chunks(bytes: &[u8]) -> (Vec<u8>, bool) {
    let mut body = Vec::new();
    let mut rest = bytes;
    loop {
        let Some(end) = rest.windows(2).position(|end| end == b"\r\n") else {
            return (body, false);
        };
        let line = String::from_utf8_lossy(&rest[..end]).into_owned();
        let digits = line.split([';', ' ', '\t']).next().unwrap_or_default();
        let Ok(size) = u64::from_str_radix(digits, 16) else {
            return (body, false);
        };
        rest = &rest[end + 2..];
        if size == 0 {
            return (body, true);
        }
        let here = rest.len().min(usize::try_from(size).unwrap_or(usize::MAX));
        body.extend_from_slice(&rest[..here]);
        match rest[here..].strip_prefix(b"\r\n") {
            Some(behind) if here as u64 == size => rest = behind,
            _ => return (body, false),
        }
    }
}

/// A request made of lines, to a server that answers with what the other lines are.
fn ask(bytes: &[u8]) {
    let lines: Vec<&[u8]> = bytes.split(|&byte| byte == b'\n').collect();
    let raw = |at: usize| lines.get(at).copied().unwrap_or_default();
    let text = |at: usize| core::str::from_utf8(raw(at)).unwrap_or("\u{e9}");
    let (host, target, origin) = (text(0), text(1), text(2));
    let subprotocols: Vec<&str> = text(3).split(',').filter(|one| !one.is_empty()).collect();
    let own = [(text(4), raw(5)), ("X-Other", raw(6))];
    let own = if raw(4).is_empty() {
        &own[1..]
    } else {
        &own[..]
    };

    ask_proxy(host, target, raw(5), raw(6));
    let uri = Uri::parse(host);
    let request = match uri {
        Ok(uri) => ClientRequest::from_uri(uri),
        Err(_) => ClientRequest::new(host, target),
    };
    let mut request = request.subprotocols(&subprotocols).headers(own);
    if !origin.is_empty() {
        request = request.origin(origin);
    }
    let _ = format!("{request:?}");
    let mut written = Vec::new();
    let started = ClientHandshake::start(request, [7; 16], Vec::new(), Limits::new(), &mut written);
    let mut client = match started {
        Ok(client) => client,
        Err(error) => {
            assert!(written.is_empty(), "{error}: nothing is written");
            assert!(error.to_string().is_ascii());
            return;
        }
    };

    // As another parser reads it.
    let head = Head::request(&written).expect("it can be read");
    let (host, target) = match uri {
        Ok(uri) => (uri.host_header().to_string(), uri.target().to_string()),
        Err(_) => (host.to_owned(), target.to_owned()),
    };
    assert_eq!((head.len, &head.target), (written.len(), &target));
    assert_eq!(head.all("Host"), [host.as_bytes()]);
    for (name, value) in own {
        assert!(head.all(name).contains(value), "{name}");
    }
    extended_connect::ask(request, &host, &target, own);
    let fields = 5 + own.len() + usize::from(!origin.is_empty()) + subprotocols.len().min(1);
    assert_eq!(head.fields.len(), fields, "and no other field");

    // As our server reads it.
    let mut server = ServerHandshake::new(Vec::new(), Limits::new().head_bytes(1 << 20));
    let mut out = Vec::new();
    let mut input = Input::new(&mut written);
    let upgrade = match server.receive(&mut input, &mut out) {
        Ok(upgrade) => upgrade.expect("the request is complete"),
        Err(RequestError::Failed(HandshakeError::TooManyElements)) => {
            return assert!(subprotocols.len() > 64);
        }
        Err(error) => panic!("our own request is refused: {error}"),
    };
    assert_eq!(
        (upgrade.target(), upgrade.host()),
        (target.as_str(), host.as_str())
    );
    assert_eq!(read_fields(upgrade.headers()), head.fields);
    assert!(upgrade.subprotocols().eq(subprotocols.iter().copied()));

    // And its answer.
    let theirs = [(text(7), raw(8))];
    let theirs = if raw(7).is_empty() { &[] } else { &theirs[..] };
    if raw(9).is_empty() {
        let accept = Accept::new()
            .origins(OriginPolicy::any())
            .maybe_subprotocol(subprotocols.first().copied())
            .headers(theirs);
        match upgrade.accept(&accept, &mut out) {
            Ok(negotiated) => assert!(negotiated.rsv().is_none()),
            Err(error) => return nothing_written(error, &out),
        }
        let established = client
            .receive(&mut Input::new(&mut out))
            .expect("it agrees");
        let established = established.expect("the answer is complete");
        assert_eq!(established.subprotocol(), subprotocols.first().copied());
        assert!(
            theirs
                .iter()
                .all(|(name, value)| established.headers().get(name) == Some(value))
        );
    } else {
        let status = 300 + u16::from(raw(9)[0]);
        let (reason, body) = (text(10), raw(11));
        let response = PlainResponse::new(status)
            .reason(reason)
            .headers(theirs)
            .body(body);
        if let Err(error) = upgrade.reject(&response, &mut out) {
            return nothing_written(error, &out);
        }
        let refused = client.receive(&mut Input::new(&mut out)).map(|_| ());
        assert_eq!(refused, Err(HandshakeError::Refused { status }));
        let refusal = client.refusal().expect("there is a response");
        assert!(refusal.is_body_complete() || body.len() > 4096);
        assert!(body.starts_with(refusal.body()));
        assert_eq!(refusal.reason(), reason.as_bytes());
        assert!(
            theirs
                .iter()
                .all(|(name, value)| refusal.headers().get(name) == Some(value))
        );
    }
}

/// A request for a tunnel: it cannot be sent, or another parser reads it as it was meant.
fn ask_proxy(host: &str, port: &str, user: &[u8], password: &[u8]) {
    let request = match Uri::parse(host) {
        Ok(uri) => ConnectRequest::from_uri(uri),
        Err(_) => ConnectRequest::new(host, port.parse().unwrap_or(8080)),
    };
    let request = request.basic(user, password);
    let reserved: [(&str, &[u8]); 1] = [("proxy-authorization", b"x")];
    let mut written = Vec::new();
    let twice = request.headers(&reserved);
    let twice = ProxyHandshake::start(twice, Vec::new(), Limits::new(), &mut written);
    nothing_written(twice.expect_err("one field at most"), &written);
    let _ = format!("{request:?}");
    let mut written = Vec::new();
    if let Err(error) = ProxyHandshake::start(request, Vec::new(), Limits::new(), &mut written) {
        return nothing_written(error, &written);
    }
    let head = Head::request(&written).expect("it can be read");
    assert_eq!((head.len, head.method.as_str()), (written.len(), "CONNECT"));
    assert_eq!(head.all("Host"), [head.target.as_bytes()]);
    assert_eq!(head.fields.len(), 2, "and no other field");
    let [field] = head.all("Proxy-Authorization")[..] else {
        panic!("one field")
    };
    assert!(field.starts_with(b"Basic ") && field.is_ascii());
    assert_eq!(
        field.len(),
        6 + (user.len() + 1 + password.len()).div_ceil(3) * 4
    );
    // A URI with that place has the same.
    let uri = format!("ws://{}/", head.target);
    let uri = Uri::parse(&uri).expect("host and port");
    assert_eq!(
        head.target,
        match uri.host_is_ipv6() {
            true => format!("[{}]:{}", uri.host(), uri.port()),
            false => format!("{}:{}", uri.host(), uri.port()),
        }
    );
}

fn nothing_written(error: HeadError, out: &[u8]) {
    assert!(out.is_empty(), "{error}: nothing is written");
    assert!(error.to_string().is_ascii());
}

#[cfg(test)]
mod tests {
    use crate::support::{read, replay};

    #[test]
    fn seeds() {
        replay("handshake_client", |bytes| super::check(&read(bytes)));
    }
}
