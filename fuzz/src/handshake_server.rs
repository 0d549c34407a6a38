//! Arbitrary bytes to a server's handshake. What it accepts, another parser has to read in the same
//! way; a request that it refuses has to have a fault, and the refusal to be complete.

use arbitrary::Arbitrary;
use ws_proto::handshake::{
    Accept, AnyRequest, ExtensionOffer, HandshakeError, HeadError, Headers, Limits, MAX_REFUSAL,
    OriginFault, OriginPolicy, OriginRefused, PlainRequest, PlainResponse, RequestError,
    ServerHandshake, Upgrade, accept_key,
};
use ws_proto::{FixedBuf, Input, Instant, Storage, TimedOut, Transport};

use crate::http::{Fields, Head, complete_response, read_fields};
use crate::support::{Sink, pieces};

/// What the fuzzer chooses.
#[derive(Arbitrary, Debug)]
pub struct Request<'a> {
    /// One bit each: a small storage, plain requests are answered, the limits below count, the
    /// output is full before every call, the transport ends, time runs out. With the next one the bytes are the
    /// lines of an Extended CONNECT.
    pub flags: u8,
    /// The limit of the head, in units of 4 bytes.
    pub head_bytes: u8,
    /// The limit of lines.
    pub lines: u8,
    /// What the server decides.
    pub decision: u8,
    /// The sizes of the pieces in which the input comes; repeated.
    pub cuts: [u8; 4],
    /// What the client sends.
    pub bytes: &'a [u8],
}

/// Everything that must not depend on how the input is cut.
#[derive(Debug, Default, PartialEq, Eq)]
struct Outcome {
    upgrade: Option<View>,
    plain: Option<View>,
    error: Option<HandshakeError>,
    output: Vec<u8>,
    /// What is for the connection.
    left: Vec<u8>,
    closes: bool,
}

/// A request as the engine has read it.
#[derive(Debug, PartialEq, Eq)]
struct View {
    method: String,
    target: String,
    path: String,
    host: Option<String>,
    fields: Fields,
}

/// Reads the request whole, cut as chosen, and byte by byte.
///
/// # Panics
///
/// If a contract is broken.
pub fn check(request: &Request<'_>) {
    if request.flag(6) {
        return crate::extended_connect::request(request.bytes, request.decision);
    }
    let whole = request.run(&[]);
    assert_eq!(request.run(&request.cuts), whole, "cut as chosen");
    assert_eq!(request.run(&[1]), whole, "byte by byte");
    request.check_outcome(&whole);
}

impl Request<'_> {
    fn flag(&self, bit: u8) -> bool {
        self.flags & 1 << bit != 0
    }

    fn is_to_head(&self) -> bool {
        self.bytes.trim_ascii_start().starts_with(b"HEAD ")
    }

    fn limits(&self) -> Limits {
        if self.flag(2) {
            let lines = usize::from(self.lines);
            Limits::new()
                .head_bytes(4 * usize::from(self.head_bytes))
                .lines(lines)
        } else {
            Limits::new()
        }
    }

    fn run(&self, cuts: &[u8]) -> Outcome {
        let (mut vec, mut array) = (b"old".to_vec(), FixedBuf::<300>::new());
        let storage: &mut dyn Storage = if self.flag(0) { &mut array } else { &mut vec };
        let mut handshake = ServerHandshake::new(storage, self.limits());
        let mut out = Sink::new(usize::MAX);
        let mut outcome = Outcome::default();
        let start = Instant::from_millis(5);
        let deadline = handshake.tick(start, &mut out);
        assert!(deadline.is_ok_and(|at| at.is_some_and(|at| at > start)));
        for piece in pieces(&mut self.bytes.to_vec(), cuts) {
            let mut input = Input::new(piece);
            // Twice: the bytes after a refusal in the same piece are discarded then.
            self.receive(&mut handshake, &mut input, &mut out, &mut outcome);
            self.receive(&mut handshake, &mut input, &mut out, &mut outcome);
            let mut again = handshake.tick(start, &mut out);
            assert!(again.is_ok_and(|at| at.is_none_or(|at| Ok(Some(at)) == deadline)));
            again = handshake.tick(start, &mut out);
            assert!(again.is_ok());
            if outcome.left.is_empty() && !input.is_empty() {
                assert!(outcome.upgrade.is_some() || outcome.plain.is_some());
            }
            outcome.left.extend_from_slice(input.bytes());
        }
        self.end(&mut handshake, &mut out, &mut outcome);
        outcome.output = out.drain(usize::MAX);
        outcome.closes = handshake.transport() != Transport::Open;
        let head = Head::request(handshake.into_storage().bytes());
        if let Some(view) = &outcome.upgrade {
            let fields = head.map(|head| head.fields);
            assert_eq!(fields.as_ref(), Some(&view.fields), "the head is stored");
        }
        outcome
    }

    fn receive(
        &self,
        handshake: &mut ServerHandshake<&mut dyn Storage>,
        input: &mut Input<'_>,
        out: &mut Sink,
        outcome: &mut Outcome,
    ) {
        let written = out.pending().len();
        let seen = outcome.upgrade.is_some() || outcome.plain.is_some();
        if self.flag(3) && !seen && outcome.error.is_none() {
            let before = input.len();
            out.limit = written + MAX_REFUSAL - 1;
            let full = handshake.receive(input, out).map(|found| found.is_some());
            let expected = if before == 0 {
                Ok(false)
            } else {
                Err(RequestError::OutputFull)
            };
            assert_eq!((full, input.len()), (expected, before), "it waits for room");
            assert_eq!(out.pending().len(), written);
            out.limit = usize::MAX;
        }
        let incoming = if self.flag(1) {
            handshake.receive_any(input, out)
        } else {
            let upgrade = handshake.receive(input, out);
            upgrade.map(|upgrade| upgrade.map(AnyRequest::Upgrade))
        };
        match incoming {
            Ok(None) => assert!(input.is_empty(), "all input is consumed"),
            Err(RequestError::Accepted) => {
                assert!(outcome.upgrade.is_some() && !input.is_empty());
                assert_eq!(handshake.transport(), Transport::Open);
            }
            Err(RequestError::OutputFull) => panic!("there is room"),
            Ok(Some(AnyRequest::Upgrade(upgrade))) => {
                let view = view_upgrade(&upgrade);
                assert!(outcome.upgrade.is_none_or_eq(&view), "the same again");
                outcome.upgrade = Some(view);
                let upgrade = handshake.upgrade().expect("until it is decided");
                self.decide(upgrade, out);
            }
            Ok(Some(AnyRequest::Plain(plain))) => {
                let view = view_plain(&plain);
                assert!(outcome.plain.is_none_or_eq(&view), "the same again");
                outcome.plain = Some(view);
                if let Some(error) = self.answer(plain, out) {
                    outcome.error = Some(error);
                }
            }
            Err(error) => {
                let RequestError::Failed(error) = error else {
                    panic!("an answer unknown here: {error}");
                };
                assert!(input.is_empty(), "what follows is discarded");
                assert!(!seen || outcome.plain.is_some());
                if let Some(first) = outcome.error.replace(error) {
                    assert_eq!((first, written), (error, out.pending().len()), "sticky");
                } else {
                    assert!(out.pending().len() - written <= MAX_REFUSAL);
                }
                assert_eq!(handshake.transport(), Transport::Close);
            }
        }
        let _ = format!("{handshake:?}");
    }

    fn decide(&self, upgrade: Upgrade<'_>, out: &mut Sink) {
        let written = out.pending().len();
        let _ = format!("{upgrade:?}");
        let subprotocols: Vec<&str> = upgrade.subprotocols().collect();
        let first = subprotocols.last().copied();
        let name = upgrade
            .extensions()
            .next()
            .map(|extension| extension.name());
        let any = Accept::new().origins(OriginPolicy::any());
        let result = match self.decision % 8 {
            0 => {
                let allowed = upgrade.check_origin(&OriginPolicy::same_host());
                let fault = allowed.map_err(|error| HeadError::OriginRefused(error.fault()));
                let result = upgrade.accept(&Accept::new(), out).map(|_| ());
                assert_eq!(result, fault);
                assert!(out.pending().len() > written, "a 101 or a 403");
                return;
            }
            1 => {
                let chosen = upgrade.choose_subprotocol(&["x/no", first.unwrap_or("x/no")]);
                assert_eq!(chosen, first);
                let accept = any.maybe_subprotocol(chosen);
                upgrade.accept(&accept, out).map(|_| ())
            }
            2 => {
                let offer = name.map(|name| ExtensionOffer::new(name, &[("a", Some("b"))]));
                let accept = any.extensions(offer.as_slice()).headers(&[("x", b"y")]);
                let _ = format!("{accept:?}");
                upgrade.accept(&accept, out).map(|_| ())
            }
            3 => {
                let response = match self.decision / 8 % 4 {
                    0 => PlainResponse::new(403).headers(&[("X", b"y")]).body(b"no"),
                    1 => PlainResponse::text(404, "There is no such room.\n"),
                    2 => PlainResponse::upgrade_required(),
                    _ => OriginFault::NotListed.response(),
                };
                let result = upgrade.reject(&response, out);
                let (head, body) = complete_response(&out.pending()[written..], false);
                assert_eq!(head.status, response.get_status());
                assert_eq!(body, response.get_body());
                for (name, value) in response.get_headers() {
                    assert_eq!(head.all(name), [*value]);
                }
                result
            }
            4 => {
                let accept = any.subprotocol("x/no");
                let result = upgrade.accept(&accept, out).map(|_| ());
                assert_eq!(result, Err(HeadError::SubprotocolNotOffered));
                result
            }
            5 => {
                let result = upgrade.reject(&PlainResponse::new(101), out);
                assert_eq!(result, Err(HeadError::StatusInvalid));
                result
            }
            6 => {
                let status = 300 + u16::from(self.decision) % 300;
                upgrade.reject(&PlainResponse::new(status), out)
            }
            _ => {
                let limit = std::mem::replace(&mut out.limit, written + 20);
                let result = upgrade.accept(&any, out).map(|_| ());
                assert_eq!(result, Err(HeadError::OutputFull));
                out.limit = limit;
                result
            }
        };
        assert_eq!(
            result.is_err(),
            out.pending().len() == written,
            "all or nothing"
        );
    }

    fn answer(&self, plain: PlainRequest<'_>, out: &mut Sink) -> Option<HandshakeError> {
        let written = out.pending().len();
        let _ = format!("{plain:?}");
        let result = match self.decision % 4 {
            0 => plain.refuse(out).map(Some),
            1 => plain
                .respond(&PlainResponse::new(200).body(b"fine"), out)
                .map(|()| None),
            2 => {
                let response = PlainResponse::new(204)
                    .reason("n\to")
                    .headers(&[("A", b"b")]);
                let _ = format!("{response:?}");
                plain.respond(&response, out).map(|()| None)
            }
            _ => plain
                .respond(&PlainResponse::new(304).body(b"?"), out)
                .map(|()| None),
        };
        assert_eq!(
            result.is_err(),
            out.pending().len() == written,
            "all or nothing"
        );
        result.unwrap_or_default()
    }

    fn end(
        &self,
        handshake: &mut ServerHandshake<&mut dyn Storage>,
        out: &mut Sink,
        outcome: &mut Outcome,
    ) {
        let undone =
            outcome.error.is_none() && outcome.upgrade.is_none() && outcome.plain.is_none();
        if self.flag(4) {
            let ended = handshake.receive_eof();
            if undone {
                let error = match self.bytes {
                    [] => HandshakeError::NothingReceived,
                    _ => HandshakeError::UnexpectedEof,
                };
                assert_eq!(ended, Err(error));
                assert!(out.pending().is_empty());
                assert_eq!(handshake.transport(), Transport::Close);
            } else {
                assert_eq!(ended.err(), outcome.error);
            }
        } else if self.flag(5) {
            let late = Instant::from_millis(60_000);
            let closing = handshake.transport() == Transport::Close;
            let ticked = handshake.tick(late, out);
            assert_eq!(ticked.is_err(), undone || closing);
            if closing {
                assert_eq!(ticked, Err(TimedOut::Drain));
                assert_eq!(handshake.transport(), Transport::Abort);
            }
            if undone {
                if self.bytes.is_empty() {
                    assert!(out.pending().is_empty(), "silence has no answer");
                } else {
                    let (head, _) = complete_response(out.pending(), self.is_to_head());
                    assert_eq!(head.status, 408);
                }
                assert_eq!(handshake.transport(), Transport::Abort);
                assert_eq!(handshake.tick(late, out), ticked);
                out.drain(usize::MAX);
            }
        }
    }

    /// Holds the outcome against what another parser reads.
    fn check_outcome(&self, outcome: &Outcome) {
        let consumed = self.bytes.len() - outcome.left.len();
        let head = Head::request(self.bytes);
        if !outcome.output.is_empty() {
            let (response, _) = complete_response(&outcome.output, self.is_to_head());
            if let Some(error) = outcome.error {
                assert_eq!(error.status(), Some(response.status));
                assert_eq!(
                    error == HandshakeError::MethodNotGet,
                    response.lists("Allow", "GET")
                );
            }
        }
        if let Some(head) = &head {
            if let Some(error) = outcome.error {
                assert!(is_fault(error, head), "{error} in {head:?}");
            }
            self.check_fields(head, outcome);
        }
        let Some(view) = outcome.upgrade.as_ref().or(outcome.plain.as_ref()) else {
            assert!(outcome.left.is_empty());
            return;
        };
        let head = head.expect("what is taken is a request");
        assert_eq!((&head.method, &head.target), (&view.method, &view.target));
        assert_eq!(head.fields, view.fields);
        assert!(head.target.ends_with(&view.path) || view.path == "/");
        if outcome.upgrade.is_none() {
            assert!(!head.lists("Upgrade", "websocket") || head.minor_version == 0);
            return;
        }
        assert_eq!(fault(&head), None);
        assert!(view.host.is_some());
        if matches!(self.decision % 8, 0..=2) {
            let (response, _) = complete_response(&outcome.output, false);
            if response.status == 403 {
                assert!(self.decision.is_multiple_of(8) && !head.all("Origin").is_empty());
                return;
            }
            let key = accept_key(head.all("Sec-WebSocket-Key")[0]);
            assert_eq!(head.len, consumed, "frames follow the head");
            assert_eq!(response.status, 101);
            assert_eq!(response.all("Sec-WebSocket-Accept"), [key.as_bytes()]);
            assert_eq!(key.to_string(), key.as_str());
            let with = |name| usize::from(!response.all(name).is_empty());
            assert!(with("Sec-WebSocket-Protocol") <= with("Sec-WebSocket-Accept"));
        }
    }

    /// The fields as another implementation has read them mean the same.
    fn check_fields(&self, head: &Head, outcome: &Outcome) {
        let list: Vec<(&str, &[u8])> = head
            .fields
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_slice()))
            .collect();
        let headers = Headers::from_slice(&list);
        for (name, _) in &list {
            assert!(headers.get_all(name).eq(values(&list, name)));
        }
        for (name, token) in [("upgrade", "WebSocket"), ("connection", "UPGRADE")] {
            assert_eq!(headers.contains_token(name, token), head.lists(name, token));
        }
        let upgrade = match Upgrade::from_headers(&head.method, &head.target, &list) {
            Ok(upgrade) => upgrade,
            Err(error) => {
                assert!(is_fault(error, head), "{error} in {head:?}");
                return assert!(outcome.upgrade.is_none());
            }
        };
        // The version is checked by who has read it.
        let fault = ALL_FAULTS
            .into_iter()
            .find(|&error| error != HandshakeError::HttpVersion && is_fault(error, head));
        assert_eq!(fault, None, "{head:?}");
        let view = view_upgrade(&upgrade);
        assert!(outcome.upgrade.is_none_or_eq(&view), "the same");
        self.decide(upgrade, &mut Sink::new(usize::MAX));
    }
}

/// The values of the fields of that name, in any case.
fn values<'h>(list: &[(&str, &'h [u8])], name: &str) -> Vec<&'h [u8]> {
    list.iter()
        .filter(|(other, _)| other.eq_ignore_ascii_case(name))
        .map(|(_, value)| *value)
        .collect()
}

/// The first rule of RFC 6455 4.2.1 that a request breaks.
fn fault(head: &Head) -> Option<HandshakeError> {
    ALL_FAULTS.into_iter().find(|&error| is_fault(error, head))
}

const ALL_FAULTS: [HandshakeError; 11] = [
    HandshakeError::BodyPresent,
    HandshakeError::ConnectionInvalid,
    HandshakeError::HostInvalid,
    HandshakeError::HttpVersion,
    HandshakeError::KeyInvalid,
    HandshakeError::MethodNotGet,
    HandshakeError::OriginRepeated,
    HandshakeError::TargetInvalid,
    HandshakeError::UpgradeInvalid,
    HandshakeError::VersionRepeated,
    HandshakeError::VersionUnsupported,
];

/// Whether a request that another parser has read has this fault; all others count as had.
fn is_fault(error: HandshakeError, head: &Head) -> bool {
    match error {
        HandshakeError::BodyPresent => {
            !head.all("Transfer-Encoding").is_empty()
                || !matches!(head.all("Content-Length")[..], [] | [b"0"])
        }
        HandshakeError::ConnectionInvalid => !head.lists("Connection", "upgrade"),
        HandshakeError::HostInvalid => !matches!(&head.all("Host")[..], [host] if is_host(host)),
        HandshakeError::HttpVersion => head.minor_version != 1,
        HandshakeError::KeyInvalid => !matches!(&head.all("Sec-WebSocket-Key")[..], [key]
            if key.len() == 24 && key.ends_with(b"==")
                && key[..22].iter().all(|c| c.is_ascii_alphanumeric() || b"+/".contains(c))),
        HandshakeError::MethodNotGet => head.method != "GET",
        HandshakeError::OriginRepeated => head.all("Origin").len() > 1,
        HandshakeError::TargetInvalid => !is_target(&head.target),
        HandshakeError::UpgradeInvalid => !head.lists("Upgrade", "websocket"),
        HandshakeError::VersionRepeated => head.all("Sec-WebSocket-Version").len() > 1,
        HandshakeError::VersionUnsupported => head.all("Sec-WebSocket-Version") != [b"13"],
        _ => true,
    }
}

pub(crate) fn is_target(target: &str) -> bool {
    let lower = target.to_ascii_lowercase();
    let absolute = ["http://", "https://", "ws://", "wss://"]
        .into_iter()
        .find_map(|scheme| lower.strip_prefix(scheme))
        .is_some_and(|rest| is_host(rest.split(['/', '?']).next().unwrap_or_default().as_bytes()));
    (target.starts_with('/') || absolute)
        && target
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && byte != b'#')
}

/// `host[:port]` of RFC 3986, user information left out.
pub(crate) fn is_host(text: &[u8]) -> bool {
    let Ok(text) = core::str::from_utf8(text) else {
        return false;
    };
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, port),
        _ => (text, ""),
    };
    let number = port.trim_start_matches('0');
    let known_port = port.bytes().all(|digit| digit.is_ascii_digit())
        && (number.is_empty() || number.parse::<u16>().is_ok());
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-._~!$&'()*+,;=".contains(c);
    let known_host = match host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
    {
        Some(inner) => !inner.is_empty() && inner.chars().all(|c| c == ':' || is_plain(c)),
        None => {
            let mut parts = host.split('%');
            !host.is_empty()
                && parts.next().is_some_and(|part| part.chars().all(is_plain))
                && parts.all(|part| {
                    part.len() >= 2
                        && part.bytes().take(2).all(|digit| digit.is_ascii_hexdigit())
                        && part.chars().all(is_plain)
                })
        }
    };
    known_host && known_port
}

fn view_upgrade(upgrade: &Upgrade<'_>) -> View {
    let headers = upgrade.headers();
    let fields = read_fields(headers);
    assert_eq!(upgrade.origin(), headers.get("origin"));
    assert_eq!((upgrade.method(), upgrade.scheme()), ("GET", None));
    assert!(OriginPolicy::any().allows(upgrade));
    let same = OriginPolicy::same_host();
    if let Some(origin) = upgrade.origin() {
        if let Ok(text) = core::str::from_utf8(origin) {
            let listed = [text];
            match OriginPolicy::list(&listed) {
                Ok(list) => assert!(list.allows(upgrade), "{text:?} is itself"),
                Err(error) => assert!(error.to_string().is_ascii()),
            }
        }
        check_entries(&String::from_utf8_lossy(origin));
        let local = OriginPolicy::local().allows(upgrade);
        assert!(same.allows(upgrade) || !local);
        for policy in [
            OriginPolicy::default(),
            OriginPolicy::local(),
            list_of_one(),
        ] {
            if let Err(error) = upgrade.check_origin(&policy) {
                let text = error.to_string();
                assert!(text.is_ascii() && text.starts_with(&error.fault().to_string()));
                assert_eq!(
                    (error.origin(), error.host()),
                    (Some(origin), upgrade.host())
                );
                let owned = OriginRefused::from(error);
                assert_eq!((owned.to_string(), owned.fault()), (text, error.fault()));
            }
        }
    } else {
        assert!(same.allows(upgrade));
        let error = upgrade.check_origin(&same.require_origin(true));
        let error = error.expect_err("it is required");
        assert_eq!(
            (error.fault(), error.origin()),
            (OriginFault::Missing, None)
        );
        assert!(error.to_string().is_ascii());
        assert!(!error.fault().response().get_body().is_empty());
    }
    View {
        method: "GET".into(),
        target: upgrade.raw_target().into(),
        path: upgrade.target().into(),
        host: Some(upgrade.host().into()),
        fields,
    }
}

/// A list of which the compiler checks the entry.
const fn list_of_one() -> OriginPolicy<'static> {
    OriginPolicy::const_list(&["https://example.com"])
}

/// What an operator may list for this origin: only what a browser can send is taken.
fn check_entries(origin: &str) {
    let after = origin.split_once("://").map_or(origin, |(_, host)| host);
    for scheme in ["https://", "file://", "wss://", "1://", "https:"] {
        for end in ["", "/", ":80", ":x", ":65536", "@h", "*"] {
            for host in ["", "[::1]", "[::x]", "[1]", "a^", after] {
                let entry = format!("{scheme}{host}{end}");
                let wrong = matches!(scheme, "wss://" | "1://" | "https:")
                    || matches!(end, "/" | ":x" | ":65536" | "@h" | "*")
                    || matches!(host, "[::x]" | "[1]" | "a^");
                match OriginPolicy::list(&[&entry]) {
                    Ok(_) => assert!(!wrong, "{entry:?}"),
                    Err(error) => {
                        assert!(error.index() == 0 && error.to_string().is_ascii());
                    }
                }
            }
        }
    }
}

fn view_plain(plain: &PlainRequest<'_>) -> View {
    View {
        method: plain.method().into(),
        target: plain.raw_target().into(),
        path: plain.target().into(),
        host: plain.host().map(str::to_owned),
        fields: read_fields(plain.headers()),
    }
}

trait NoneOrEq<T> {
    fn is_none_or_eq(&self, other: &T) -> bool;
}

impl<T: PartialEq> NoneOrEq<T> for Option<T> {
    fn is_none_or_eq(&self, other: &T) -> bool {
        self.as_ref().is_none_or(|this| this == other)
    }
}

#[cfg(test)]
mod tests {
    use crate::support::{read, replay};

    #[test]
    fn seeds() {
        replay("handshake_server", |bytes| super::check(&read(bytes)));
    }
}
