//! Extended CONNECT: arbitrary fields to a server and to a client, whose results have to be those of HTTP/1.1 for
//! what both have; and a client's request that a server has to read as it was meant.

use ws_proto::handshake::{
    Accept, ClientConnect, ClientHandshake, ClientRequest, ConnectEnabled, Established,
    ExtensionOffer, HandshakeError, HeadError, HttpStream, Limits, OriginPolicy, PlainResponse,
    PseudoFields, Upgrade, accept_key,
};
use ws_proto::{Input, Instant, Transport};

use crate::http::{Head, read_fields, trim};
use crate::support::pieces;

type Fields<'f> = Vec<(&'f str, &'f [u8])>;

/// Lines of a name, a colon and a value. The name can start with a colon.
fn fields<'b>(lines: impl Iterator<Item = &'b [u8]>) -> Fields<'b> {
    lines
        .filter_map(|line| {
            let colon = line.iter().skip(1).position(|&byte| byte == b':')? + 1;
            let name = core::str::from_utf8(&line[..colon]).ok()?;
            Some((name, &line[colon + 1..]))
        })
        .collect()
}

/// As another parser would give them.
fn head(fields: &[(&str, &[u8])]) -> Head {
    Head {
        method: String::new(),
        target: String::new(),
        minor_version: 1,
        status: 0,
        reason: String::new(),
        fields: fields
            .iter()
            .map(|(name, value)| ((*name).to_owned(), trim(value).to_vec()))
            .collect(),
        len: 0,
    }
}

const CONNECTION_FIELDS: [&str; 5] = [
    "connection",
    "keep-alive",
    "proxy-connection",
    "transfer-encoding",
    "upgrade",
];

fn has_connection_field(head: &Head) -> bool {
    let is_trailers = |value: &&[u8]| value.eq_ignore_ascii_case(b"trailers");
    CONNECTION_FIELDS
        .iter()
        .any(|name| !head.all(name).is_empty())
        || !head.all("te").iter().all(is_trailers)
}

/// A request whose lines are fields, to a server.
///
/// # Panics
///
/// If a contract is broken.
pub fn request(bytes: &[u8], decision: u8) {
    let list = fields(bytes.split(|&byte| byte == b'\n'));
    let split = list.iter().position(|(name, _)| !name.starts_with(':'));
    let (front, after) = list.split_at(split.unwrap_or(list.len()));
    let (pseudo, headers) = match PseudoFields::split(&list) {
        Ok(found) => found,
        Err(error) => {
            let known = [":authority", ":method", ":path", ":protocol", ":scheme"];
            let wrong = front.iter().enumerate().any(|(at, (name, value))| {
                !known.contains(name)
                    || core::str::from_utf8(value).is_err()
                    || front[..at].iter().any(|(other, _)| other == name)
            });
            assert!(wrong);
            assert_eq!(error, HandshakeError::PseudoFieldInvalid);
            return;
        }
    };
    assert_eq!(headers, after);
    let text = |name: &str| {
        let found = front.iter().find(|(other, _)| *other == name);
        found.map(|(_, value)| core::str::from_utf8(value).expect("it was taken"))
    };
    let expected = PseudoFields {
        method: text(":method"),
        protocol: text(":protocol"),
        scheme: text(":scheme"),
        authority: text(":authority"),
        path: text(":path"),
    };
    assert_eq!(pseudo, expected);
    let head = head(headers);
    let upgrade = match Upgrade::from_extended_connect(&pseudo, headers) {
        Ok(upgrade) => upgrade,
        Err(error) => {
            for stream in [HttpStream::Http2, HttpStream::Http3] {
                assert_ne!(stream.malformed_code(), stream.cancel_code());
            }
            assert!(
                is_fault(error, &pseudo, &head),
                "{error} in {pseudo:?} {head:?}"
            );
            assert!(matches!(error.status(), Some(400 | 405 | 431 | 501)));
            return;
        }
    };
    let fault = ALL_FAULTS
        .into_iter()
        .find(|&error| is_fault(error, &pseudo, &head));
    assert_eq!(fault, None, "{pseudo:?} {head:?}");
    let _ = format!("{upgrade:?}");
    assert_eq!(
        (
            upgrade.method(),
            upgrade.scheme(),
            upgrade.target(),
            upgrade.host()
        ),
        (
            "CONNECT",
            pseudo.scheme,
            pseudo.path.expect("a path"),
            pseudo.authority.expect("an authority")
        )
    );
    assert_eq!(read_fields(upgrade.headers()), head.fields);

    // HTTP/1.1 takes the same, and decides the same.
    let old: Fields<'_> = headers
        .iter()
        .copied()
        .filter(|(name, _)| {
            !["host", "sec-websocket-key"]
                .iter()
                .any(|other| other.eq_ignore_ascii_case(name))
        })
        .chain([
            ("host", upgrade.host().as_bytes()),
            ("upgrade", b"websocket"),
            ("connection", b"upgrade"),
            ("sec-websocket-key", b"dGhlIHNhbXBsZSBub25jZQ=="),
        ])
        .collect();
    let twin = Upgrade::from_headers("GET", upgrade.target(), &old).expect("it is the same");
    assert!(upgrade.subprotocols().eq(twin.subprotocols()));
    for policy in [
        OriginPolicy::same_host(),
        OriginPolicy::local(),
        OriginPolicy::any().require_origin(true),
    ] {
        assert_eq!(upgrade.check_origin(&policy), twin.check_origin(&policy));
    }
    let name = upgrade
        .extensions()
        .next()
        .map(|extension| extension.name());
    let offer = name.map(|name| ExtensionOffer::new(name, &[("a", Some("b"))]));
    let own: [(&str, &[u8]); 1] = [("x", b"y")];
    let mut accept = Accept::new().headers(&own);
    if decision & 1 != 0 {
        accept = accept.origins(OriginPolicy::any());
    }
    if decision & 2 != 0 {
        accept = accept.maybe_subprotocol(upgrade.subprotocols().last());
    }
    if decision & 4 != 0 {
        accept = accept.extensions(offer.as_slice());
    }
    match (upgrade.answer(&accept), twin.answer(&accept)) {
        (Ok(answer), Ok(other)) => {
            assert_eq!((answer.status(), other.status()), (200, 101));
            assert_eq!(answer.negotiated(), other.negotiated());
            let names = answer
                .fields()
                .map(|(name, value)| (name.to_owned(), value.to_string()));
            let others = other
                .fields()
                .skip(3)
                .map(|(name, value)| (name.to_ascii_lowercase(), value.to_string()));
            assert!(names.eq(others));
        }
        (one, other) => assert_eq!(one.map(drop), other.map(drop)),
    }
    let mut out = Vec::new();
    let result = if decision & 8 == 0 {
        upgrade.accept(&accept, &mut out).map(drop)
    } else {
        upgrade.reject(&PlainResponse::new(404), &mut out)
    };
    assert_eq!((result, out.len()), (Err(HeadError::NotHttp1), 0));
}

const ALL_FAULTS: [HandshakeError; 15] = [
    HandshakeError::AuthorityInvalid,
    HandshakeError::BodyPresent,
    HandshakeError::ConnectVersionUnsupported,
    HandshakeError::ConnectionField,
    HandshakeError::HostInvalid,
    HandshakeError::HostMismatch,
    HandshakeError::MethodNotConnect,
    HandshakeError::OriginRepeated,
    HandshakeError::ProtocolInvalid,
    HandshakeError::ProtocolUnsupported,
    HandshakeError::PseudoFieldInvalid,
    HandshakeError::SchemeInvalid,
    HandshakeError::TargetInvalid,
    HandshakeError::VersionRepeated,
    HandshakeError::StatusInvalid,
];

/// Whether a request has this fault; all others count as had.
fn is_fault(error: HandshakeError, pseudo: &PseudoFields<'_>, head: &Head) -> bool {
    use crate::handshake_server::{is_host, is_target};

    let protocol = pseudo.protocol.unwrap_or_default();
    let is_tchar = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    let is_token = !protocol.is_empty() && protocol.chars().all(is_tchar);
    let scheme = pseudo.scheme.map(str::to_ascii_lowercase);
    let authority = pseudo.authority.unwrap_or_default();
    let versions = head.all("sec-websocket-version");
    match error {
        HandshakeError::AuthorityInvalid => !is_host(authority.as_bytes()),
        HandshakeError::BodyPresent => !matches!(head.all("content-length")[..], [] | [b"0"]),
        HandshakeError::ConnectVersionUnsupported => versions.len() < 2 && versions != [b"13"],
        HandshakeError::ConnectionField => has_connection_field(head),
        HandshakeError::HostInvalid => {
            let hosts = head.all("host");
            hosts.len() > 1 || !hosts.iter().all(|host| is_host(host))
        }
        HandshakeError::HostMismatch => match head.all("host")[..] {
            [host] if is_host(host) && is_host(authority.as_bytes()) => {
                let default = if scheme.as_deref() == Some("http") {
                    80
                } else {
                    443
                };
                let host = core::str::from_utf8(host).expect("a host");
                normal(host, default) != normal(authority, default)
            }
            _ => false,
        },
        HandshakeError::MethodNotConnect => pseudo.method != Some("CONNECT"),
        HandshakeError::OriginRepeated => head.all("origin").len() > 1,
        HandshakeError::ProtocolInvalid => !is_token,
        HandshakeError::ProtocolUnsupported => {
            is_token && !protocol.eq_ignore_ascii_case("websocket")
        }
        HandshakeError::PseudoFieldInvalid => {
            head.fields.iter().any(|(name, _)| name.starts_with(':'))
        }
        HandshakeError::SchemeInvalid => !matches!(scheme.as_deref(), Some("http" | "https")),
        HandshakeError::TargetInvalid => !pseudo
            .path
            .is_some_and(|path| path.starts_with('/') && is_target(path)),
        HandshakeError::VersionRepeated => versions.len() > 1,
        // No request has it.
        HandshakeError::StatusInvalid => false,
        _ => true,
    }
}

/// Host and port of a valid `host[:port]`.
fn normal(authority: &str, default: u16) -> (String, u16) {
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, port),
        _ => (authority, ""),
    };
    let address = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    let address = address.and_then(|inner| inner.parse::<core::net::Ipv6Addr>().ok());
    let host = address.map_or_else(|| host.to_ascii_lowercase(), |address| address.to_string());
    (host, port.parse().unwrap_or(default))
}

/// An answer on a stream to a client: a line with the status, lines of fields, an empty line, and the body.
///
/// # Panics
///
/// If a contract is broken.
pub fn answer(bytes: &[u8], limits: Limits, cuts: &[u8], eof: bool, offers: &[ExtensionOffer<'_>]) {
    let end = bytes.windows(2).position(|end| end == b"\n\n");
    let (top, body) = match end {
        Some(end) => (&bytes[..end], &bytes[end + 2..]),
        None => (bytes, &[][..]),
    };
    let mut lines = top.split(|&byte| byte == b'\n');
    let status = lines
        .next()
        .and_then(|line| core::str::from_utf8(line).ok());
    let status = status.and_then(|line| line.parse().ok()).unwrap_or(200);
    let list = fields(lines);
    let head = head(&list);
    let request = ClientRequest::new("server.example.com", "/chat")
        .secure(true)
        .subprotocols(&["chat", "superchat"])
        .extensions(offers);
    assert_eq!(ConnectEnabled::from_setting(0), None);
    let enabled = ConnectEnabled::from_setting(1).expect("it is on");
    let start = || {
        ClientConnect::start(request, enabled, Vec::new(), limits, |_, _| {})
            .expect("it can be sent")
    };
    let mut early = start();
    let result = early.receive(&mut Input::new(&mut [0])).map(drop);
    assert_eq!(result, Err(HandshakeError::StatusInvalid), "no head yet");
    assert!(!early.into_storage().is_empty(), "what was offered");
    let mut handshake = start();
    assert!(
        handshake
            .tick(Instant::from_millis(5))
            .is_ok_and(|at| at.is_some())
    );
    let found = handshake
        .receive_head(status, &list)
        .map(|found| found.map(Agreed::of));
    let _ = format!("{handshake:?}");
    match found {
        Ok(Some(agreed)) => {
            assert!((200..300).contains(&status) && !has_connection_field(&head));
            assert_eq!(agreed.fields, head.fields);
            let again = handshake.receive(&mut Input::default());
            assert_eq!(
                again.map(|found| found.map(Agreed::of)),
                Ok(Some(agreed.clone()))
            );
            if let Some(other) = as_http1(request, &list) {
                assert_eq!(other, Ok(agreed), "as in HTTP/1.1");
            }
            assert_eq!(handshake.receive_eof(), Ok(()));
        }
        Ok(None) if status < 200 => {
            assert!(status >= 100 && status != 101);
            assert_eq!(
                handshake.receive_eof(),
                Err(HandshakeError::NothingReceived)
            );
        }
        Ok(None) | Err(HandshakeError::Refused { .. }) => {
            assert!((300..1000).contains(&status) && !has_connection_field(&head));
            let refused = HandshakeError::Refused { status };
            for piece in pieces(&mut body.to_vec(), cuts) {
                let mut input = Input::new(piece);
                let result = handshake.receive(&mut input).map(drop);
                assert!(input.is_empty() && matches!(result, Ok(()) | Err(_)));
                assert!(result.is_ok() || result == Err(refused));
            }
            if eof {
                assert_eq!(handshake.receive_eof(), Err(refused));
                assert_eq!(handshake.transport(), Transport::Close);
            }
            let refusal = handshake.refusal().expect("a response");
            assert_eq!((refusal.status(), refusal.reason()), (status, &b""[..]));
            assert_eq!(read_fields(refusal.headers()), head.fields);
            assert!(body.starts_with(refusal.body()));
        }
        Err(error) => {
            assert_eq!(handshake.transport(), Transport::Close);
            let is_there = match error {
                HandshakeError::StatusInvalid => status == 101 || !(100..1000).contains(&status),
                HandshakeError::ConnectionField => has_connection_field(&head),
                HandshakeError::PseudoFieldInvalid => {
                    list.iter().any(|(name, _)| name.starts_with(':'))
                }
                // What a head of HTTP/1.1 cannot have, or a limit.
                HandshakeError::HeaderInvalid
                | HandshakeError::HeadTooLarge
                | HandshakeError::TooManyLines
                | HandshakeError::TooManyInformational => true,
                error => as_http1(request, &list).is_none_or(|other| other == Err(error)),
            };
            assert!(is_there, "{error} in {status} {head:?}");
        }
    }
}

/// What a handshake has agreed on.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Agreed {
    subprotocol: Option<String>,
    extensions: String,
    rsv: u8,
    fields: crate::http::Fields,
}

impl Agreed {
    fn of(established: Established<'_>) -> Self {
        Self {
            subprotocol: established.subprotocol().map(str::to_owned),
            extensions: format!("{:?}", established.extensions()),
            rsv: established.negotiated().rsv().bits(),
            fields: read_fields(established.headers()),
        }
    }
}

/// What a client of HTTP/1.1 makes of these fields in a 101; `None` if they have one of its own.
fn as_http1(
    request: ClientRequest<'_>,
    list: &[(&str, &[u8])],
) -> Option<Result<Agreed, HandshakeError>> {
    let own = ["upgrade", "connection", "sec-websocket-accept"];
    if list
        .iter()
        .any(|(name, _)| own.iter().any(|own| own.eq_ignore_ascii_case(name)))
    {
        return None;
    }
    let accept = accept_key(b"dGhlIHNhbXBsZSBub25jZQ==");
    let mut bytes = format!(
        "HTTP/1.1 101 \r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
        Sec-WebSocket-Accept: {accept}\r\n"
    )
    .into_bytes();
    for (name, value) in list {
        bytes.extend_from_slice(&[name.as_bytes(), b": ", value, b"\r\n"].concat());
    }
    bytes.extend_from_slice(b"\r\n");
    let limits = Limits::new().head_bytes(1 << 20).lines(1 << 20);
    let nonce = *b"the sample nonce";
    let mut handshake = ClientHandshake::start(request, nonce, Vec::new(), limits, &mut Vec::new())
        .expect("it can be sent");
    let found = handshake.receive(&mut Input::new(&mut bytes));
    Some(found.map(|found| {
        let mut agreed = Agreed::of(found.expect("the head is complete"));
        agreed.fields.drain(..3);
        agreed
    }))
}

/// A client's request, and what a server reads.
///
/// # Panics
///
/// If a contract is broken.
pub fn ask(request: ClientRequest<'_>, host: &str, target: &str, own: &[(&str, &[u8])]) {
    let mut sent: Vec<(String, Vec<u8>)> = Vec::new();
    let enabled = ConnectEnabled::from_setting(1).expect("it is on");
    // A URI says whether it is; the parts of one do not.
    for request in [request, request.secure(false)] {
        let limits = Limits::new();
        let started = ClientConnect::start(request, enabled, Vec::new(), limits, |_, _| {});
        let known = [HeadError::SchemeMissing, HeadError::HeaderNameReserved];
        assert!(started.err().is_none_or(|error| known.contains(&error)));
    }
    let request = request.secure(true);
    let started = ClientConnect::start(
        request,
        enabled,
        Vec::new(),
        Limits::new(),
        |name, value| {
            sent.push((name.to_owned(), value.to_vec()));
        },
    );
    let list: Fields<'_> = sent
        .iter()
        .map(|(name, value)| (&**name, &**value))
        .collect();
    if let Err(error) = started {
        // All else has been sent with HTTP/1.1.
        assert_eq!((error, list.len()), (HeadError::HeaderNameReserved, 0));
        assert!(has_connection_field(&head(own)));
        return;
    }
    let (pseudo, headers) = PseudoFields::split(&list).expect("it can be read");
    assert_eq!((pseudo.path, pseudo.authority), (Some(target), Some(host)));
    for (name, value) in own {
        let lower = name.to_ascii_lowercase();
        assert!(headers.contains(&(&*lower, *value)), "{name}");
    }
    match Upgrade::from_extended_connect(&pseudo, headers) {
        Ok(_) => {}
        Err(HandshakeError::TooManyElements) => {}
        Err(error) => panic!("our own request is refused: {error}"),
    }
}
