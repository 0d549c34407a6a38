//! Streams of frames, received as a server and as a client.

use tungstenite::protocol::{Role, WebSocket as TheirSocket, WebSocketConfig};
use tungstenite::{
    Error as TheirError, Message as TheirMessage, error::ProtocolError as TheirRule,
};
use ws_proto::{
    Assembler, CloseCode, CloseReason, Config, Connection, Event, Input, Message, Negotiated,
    ProtocolError, WebSocket,
};

use crate::naive::{self, Frame};
use crate::shrink::{hex, shrink};
use crate::tally::{Listed, Tally};
use ws_proto_test::random::Random;
use ws_proto_test::stream::Script;

/// Where the two are known to differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Known {
    LengthNotMinimal,
    HeaderBeforeSize,
    JudgedEarly,
    CloseCodeReplaced,
    CloseCode1014,
    CodeBeforeReason,
    ReasonEchoed,
    AfterClose,
    PongAfterOwnClose,
}

impl Listed for Known {
    fn reason(self) -> &'static str {
        match self {
            Self::LengthNotMinimal => "a length in a longer form than needed: 1002, they take it",
            Self::HeaderBeforeSize => {
                "a header that breaks a rule (the top bit of a length, too) and claims too much: \
                 1002, they look at the size first"
            }
            Self::JudgedEarly => {
                "a fault in a frame that never ends: judged at once, they wait for the rest"
            }
            Self::CloseCodeReplaced => {
                "a Close with a code that must not be sent: an error, they tell it as a Close, \
                 with code 1002 unless they closed first"
            }
            Self::CloseCode1014 => "1014 is in the IANA registry, they take it for invalid",
            Self::CodeBeforeReason => {
                "a Close with an invalid code and a reason that is not UTF-8: 1002, they say 1007"
            }
            Self::ReasonEchoed => "the answer to a Close has its code, theirs its reason as well",
            Self::AfterClose => {
                "a client drops what comes behind a Close, theirs complains (RFC 6455 1.4)"
            }
            Self::PongAfterOwnClose => {
                "a Ping between our Close and the peer's is answered, they do not (RFC 6455 5.5.2)"
            }
        }
    }
}

const EITHER: [Known; 8] = [
    Known::LengthNotMinimal,
    Known::HeaderBeforeSize,
    Known::JudgedEarly,
    Known::CloseCodeReplaced,
    Known::CloseCode1014,
    Known::CodeBeforeReason,
    Known::ReasonEchoed,
    Known::PongAfterOwnClose,
];

/// A server of theirs is done with the transport once Closes are exchanged.
const CLIENT: [Known; 9] = {
    let [a, b, c, d, e, f, g, h] = EITHER;
    [a, b, c, d, e, f, g, h, Known::AfterClose]
};

/// Something that was received.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Emitted {
    Text(String),
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(Option<(u16, String)>),
}

/// How a stream ended.
#[derive(Clone, Debug, PartialEq, Eq)]
enum End<E> {
    /// After the closing handshake.
    Clean,
    /// The transport ended before it.
    Reset,
    Fault(E),
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Outcome<E> {
    emitted: Vec<Emitted>,
    sent: Vec<Frame>,
    end: End<E>,
}

type Ours = Outcome<ProtocolError>;

/// An error of theirs: the code it stands for, and its text.
type Theirs = Outcome<(u16, String)>;

/// One input.
#[derive(Clone, Copy, Debug)]
struct Case {
    role: Role,
    limit: usize,
    /// Whether a Close is sent before anything is received.
    close_first: bool,
    /// How the input is cut for us.
    cuts: Cuts,
}

#[derive(Clone, Copy, Debug)]
enum Cuts {
    None,
    Bytes,
    Random(u64),
    /// Through the easy type.
    Socket,
}

#[test]
fn a_server_makes_the_same_of_frames() {
    compare(Role::Server);
}

#[test]
fn a_client_makes_the_same_of_frames() {
    compare(Role::Client);
}

fn compare(role: Role) {
    let seed = crate::seed() ^ if role == Role::Server { 1 } else { 2 };
    let (what, known): (_, &[_]) = match role {
        Role::Server => ("frames to a server", &EITHER),
        Role::Client => ("frames to a client", &CLIENT),
    };
    let mut tally = Tally::new(what, known);
    for index in 0..crate::streams() {
        let mut rng = Random::nth(seed, index);
        let case = Case {
            role,
            limit: rng.pick(&[200, 200, 1000, 70_000]),
            close_first: rng.percent(10),
            cuts: match rng.below(4) {
                0 => Cuts::None,
                1 => Cuts::Bytes,
                2 => Cuts::Random(rng.next()),
                _ => Cuts::Socket,
            },
        };
        let stream = crate::generate::stream(&mut rng, role == Role::Server, case.limit);
        match judge(case, &stream) {
            Ok(known) => tally.add(&known),
            Err(difference) => {
                let small = shrink(stream, 0, |less| judge(case, less).is_err());
                let difference = judge(case, &small).err().unwrap_or(difference);
                panic!(
                    "stream {index} of seed {:#x}, {case:?}: {difference}\nsmallest: {}\n\
                     ours:   {:?}\ntheirs: {:?}",
                    crate::seed(),
                    hex(&small),
                    ours(case, &small),
                    theirs(case, &small)
                );
            }
        }
    }
    tally.finish();
}

/// Runs both; the known differences they show, or what else is different.
fn judge(case: Case, stream: &[u8]) -> Result<Vec<Known>, String> {
    let ours = ours(case, stream);
    check_sent(case, &ours)?;
    let mut known = Vec::new();
    let mut theirs = theirs(case, stream);
    if matches!((&ours.end, &theirs.end), (End::Fault(_), End::Reset)) {
        // Ours has checked a frame that is not complete. Theirs has to come to the same once it is.
        let stream = naive::completed(stream, case.limit);
        if self::ours(case, &stream) != ours {
            return Err("the rest of a frame that was judged changes the verdict".to_owned());
        }
        theirs = self::theirs(case, &stream);
        known.push(Known::JudgedEarly);
    }
    explain(case, &ours, &theirs, &mut known)?;
    Ok(known)
}

fn explain(case: Case, ours: &Ours, theirs: &Theirs, known: &mut Vec<Known>) -> Result<(), String> {
    use ProtocolError as Rule;

    let is_prefix = |emitted: &[Emitted]| theirs.emitted.starts_with(emitted);
    let emitted = ours.emitted.len();
    match (&ours.end, &theirs.end) {
        (End::Fault(Rule::LengthNotMinimal), _) if is_prefix(&ours.emitted) => {
            known.push(Known::LengthNotMinimal);
            return Ok(()); // they go on after it
        }
        // The same in a control frame, where no long form is right.
        (End::Fault(Rule::ControlTooLong), end)
            if is_prefix(&ours.emitted)
                && (theirs.emitted.len() > emitted || matches!(end, End::Fault((1007, _)))) =>
        {
            known.push(Known::LengthNotMinimal);
            return Ok(());
        }
        (End::Fault(error), End::Fault((1009, _)))
            if error.close_code() == CloseCode::PROTOCOL_ERROR
                && ours.emitted == theirs.emitted =>
        {
            known.push(Known::HeaderBeforeSize);
        }
        (End::Fault(Rule::CloseCodeInvalid), End::Fault((1007, _)))
            if ours.emitted == theirs.emitted =>
        {
            known.push(Known::CodeBeforeReason);
        }
        (End::Fault(Rule::CloseCodeInvalid), _)
            if is_prefix(&ours.emitted) && emitted + 1 == theirs.emitted.len() =>
        {
            let replaced = match &theirs.emitted[emitted] {
                Emitted::Close(Some((code, _))) if case.close_first => {
                    CloseCode::new(*code).is_none()
                }
                Emitted::Close(Some((code, reason))) => {
                    *code == 1002 && reason == "Protocol violation"
                }
                _ => false,
            };
            if !replaced {
                return Err("ours fails for a close code, theirs tells something else".to_owned());
            }
            known.push(Known::CloseCodeReplaced);
        }
        (End::Clean, End::Fault(_))
            if case.role == Role::Client
                && matches!(ours.emitted.last(), Some(Emitted::Close(_))) =>
        {
            known.push(Known::AfterClose);
            same_emitted(case, ours, theirs, known)?;
        }
        (End::Clean, End::Clean) | (End::Reset, End::Reset) => {
            same_emitted(case, ours, theirs, known)?;
        }
        (End::Fault(error), End::Fault((code, text))) => {
            if error.close_code().as_u16() != *code {
                return Err(format!("{error:?} is not {code}, {text}"));
            }
            if ours.emitted != theirs.emitted {
                return Err("different messages before the same fault".to_owned());
            }
        }
        _ => return Err("different ends".to_owned()),
    }
    same_sent(case, ours, theirs, known)
}

fn same_emitted(
    case: Case,
    ours: &Ours,
    theirs: &Theirs,
    known: &mut Vec<Known>,
) -> Result<(), String> {
    if ours.emitted == theirs.emitted {
        return Ok(());
    }
    if let (
        Some((Emitted::Close(Some((1014, _))), before)),
        Some((Emitted::Close(Some(_)), same)),
    ) = (ours.emitted.split_last(), theirs.emitted.split_last())
    {
        if before == same && !case.close_first {
            known.push(Known::CloseCode1014);
            return Ok(());
        }
    }
    Err("different messages".to_owned())
}

/// Whether the answers are the same: Pongs, and the answer to a Close.
fn same_sent(
    case: Case,
    ours: &Ours,
    theirs: &Theirs,
    known: &mut Vec<Known>,
) -> Result<(), String> {
    const CLOSE: u8 = 0x88;
    let (our_closes, our_pongs) = split(&ours.sent, |frame| frame.first == CLOSE);
    let (their_closes, their_pongs) = split(&theirs.sent, |frame| frame.first == CLOSE);
    if case.close_first && their_pongs.is_empty() && !our_pongs.is_empty() {
        known.push(Known::PongAfterOwnClose);
    } else if our_pongs != their_pongs {
        return Err("different Pongs".to_owned());
    }
    if known.contains(&Known::CloseCode1014) {
        return Ok(());
    }
    match (our_closes.as_slice(), their_closes.as_slice()) {
        // Theirs leaves it to the caller to send a Close for an error.
        (_, []) if matches!(theirs.end, End::Fault(_)) => Ok(()),
        ([ours], [theirs]) if ours.payload == theirs.payload => Ok(()),
        ([ours], [theirs]) if theirs.payload.get(..2) == Some(&ours.payload) => {
            if !known.contains(&Known::CloseCodeReplaced) {
                known.push(Known::ReasonEchoed);
            }
            Ok(())
        }
        ([], []) => Ok(()),
        _ => Err("different Closes".to_owned()),
    }
}

fn split(frames: &[Frame], by: impl Fn(&Frame) -> bool) -> (Vec<Frame>, Vec<Frame>) {
    frames.iter().cloned().partition(by)
}

/// What we send has to be right by itself: each Ping answered in order, one Close with the code
/// of the error or of the peer's Close.
fn check_sent(case: Case, ours: &Ours) -> Result<(), String> {
    let mut expected = Vec::new();
    let mut answer = |first, payload: &[u8]| {
        expected.push(Frame {
            first,
            masked: case.role == Role::Client,
            payload: payload.to_vec(),
        });
    };
    if case.close_first {
        answer(0x88, &OUR_CLOSE);
    }
    for emitted in &ours.emitted {
        match emitted {
            Emitted::Ping(payload) => answer(0x8a, payload),
            Emitted::Close(Some((code, _))) if !case.close_first => {
                answer(0x88, &code.to_be_bytes());
            }
            Emitted::Close(None) if !case.close_first => answer(0x88, &[]),
            _ => {}
        }
    }
    if let (End::Fault(error), false) = (&ours.end, case.close_first) {
        answer(0x88, &error.close_code().as_u16().to_be_bytes());
    }
    if ours.sent == expected {
        Ok(())
    } else {
        Err(format!("ours should have sent {expected:?}"))
    }
}

/// The Close that is sent first: 1001, without a reason.
const OUR_CLOSE: [u8; 2] = [0x03, 0xe9];

fn ours(case: Case, stream: &[u8]) -> Ours {
    let config = Config::new()
        .max_frame(case.limit as u64)
        .max_message(case.limit as u64);
    match (case.role, case.cuts) {
        (Role::Server, Cuts::Socket) => {
            through_socket(case, stream, WebSocket::server(Negotiated::new(), config))
        }
        (Role::Client, Cuts::Socket) => {
            let keys = || [1, 2, 3, 4];
            through_socket(
                case,
                stream,
                WebSocket::client(Negotiated::new(), config, keys),
            )
        }
        (Role::Server, _) => {
            through_connection(case, stream, Connection::server(Negotiated::new(), config))
        }
        (Role::Client, _) => {
            let keys = || [1, 2, 3, 4];
            through_connection(
                case,
                stream,
                Connection::client(Negotiated::new(), config, keys),
            )
        }
    }
}

fn through_connection<R: ws_proto::Role>(
    case: Case,
    stream: &[u8],
    mut connection: Connection<R>,
) -> Ours {
    let mut assembler = Assembler::new(Vec::new(), case.limit as u64);
    let (mut emitted, mut out) = (Vec::new(), Vec::new());
    if case.close_first {
        connection
            .close(CloseCode::GOING_AWAY, CloseReason::EMPTY, &mut out)
            .expect("open");
    }
    let mut stream = stream.to_vec();
    let mut rest = stream.as_mut_slice();
    let mut cutter = Random::nth(
        if let Cuts::Random(seed) = case.cuts {
            seed
        } else {
            0
        },
        0,
    );
    let mut end = None;
    while !rest.is_empty() && end.is_none() {
        let n = match case.cuts {
            Cuts::Bytes => 1,
            Cuts::Random(_) => cutter.between(1, rest.len().min(40)),
            Cuts::None | Cuts::Socket => rest.len(),
        };
        let (piece, behind) = rest.split_at_mut(n);
        rest = behind;
        let mut input = Input::new(piece);
        loop {
            match connection.receive(&mut input, &mut out) {
                Ok(Some(Event::Ping)) => {
                    emitted.push(Emitted::Ping(connection.control_payload().to_vec()));
                }
                Ok(Some(Event::Pong)) => {
                    emitted.push(Emitted::Pong(connection.control_payload().to_vec()));
                }
                Ok(Some(Event::Close(_))) => emitted.push(close_of(&connection)),
                Ok(Some(event)) => match assembler.push(event) {
                    Ok(message) => emitted.extend(message.map(message_of)),
                    Err(error) => panic!("the limits are the same, but {error}"),
                },
                Ok(None) => break,
                Err(error) => {
                    end = error.protocol().map(End::Fault);
                    break;
                }
            }
        }
    }
    Outcome {
        emitted,
        sent: naive::frames(&out),
        end: end.unwrap_or_else(|| end_of(connection.receive_eof().is_ok())),
    }
}

/// The easy type reports no Pings and Pongs: they are put in from the Pongs it sends, and left out.
fn through_socket<R: ws_proto::Role>(case: Case, stream: &[u8], mut socket: WebSocket<R>) -> Ours {
    if case.close_first {
        let closed = socket
            .sender()
            .close(CloseCode::GOING_AWAY, CloseReason::EMPTY);
        closed.expect("open");
    }
    socket.read_buf(stream.len())[..stream.len()].copy_from_slice(stream);
    socket.advance(stream.len());
    let mut messages = Vec::new();
    let end = loop {
        match socket.next_message() {
            Ok(Some((message, _))) => messages.push(message_of(message)),
            Ok(None) => {
                if socket.connection().is_close_received() {
                    messages.push(close_of(socket.connection()));
                }
                break end_of(socket.receive_eof().is_ok());
            }
            Err(ws_proto::WebSocketError::Protocol(error)) => break End::Fault(error),
            Err(error) => panic!("the limits are the same, but {error}"),
        }
    };
    let sent = naive::frames(socket.pending());
    // The core type says where between the messages they stood.
    let whole = Case {
        cuts: Cuts::None,
        ..case
    };
    let core = ours(whole, stream);
    let without_control: Vec<Emitted> = core
        .emitted
        .iter()
        .filter(|emitted| !matches!(emitted, Emitted::Ping(_) | Emitted::Pong(_)))
        .cloned()
        .collect();
    assert_eq!(
        messages, without_control,
        "the easy type against the core type"
    );
    Outcome {
        emitted: core.emitted,
        sent,
        end,
    }
}

fn message_of(message: Message<'_>) -> Emitted {
    match message {
        Message::Text(text) => Emitted::Text(text.to_owned()),
        Message::Binary(data) => Emitted::Binary(data.to_vec()),
    }
}

fn close_of<R: ws_proto::Role>(connection: &Connection<R>) -> Emitted {
    let reason = connection.close_reason().to_owned();
    Emitted::Close(connection.close_code().map(|code| (code.as_u16(), reason)))
}

fn end_of(clean: bool) -> End<ProtocolError> {
    if clean { End::Clean } else { End::Reset }
}

fn theirs(case: Case, stream: &[u8]) -> Theirs {
    use tungstenite::protocol::frame::{CloseFrame, coding::CloseCode};

    let config = WebSocketConfig::default()
        .read_buffer_size(4096)
        .max_frame_size(Some(case.limit))
        .max_message_size(Some(case.limit));
    let mut socket =
        TheirSocket::from_raw_socket(Script::new().then_read(stream), case.role, Some(config));
    if case.close_first {
        let close = CloseFrame {
            code: CloseCode::Away,
            reason: "".into(),
        };
        socket.close(Some(close)).expect("open");
    }
    let mut emitted = Vec::new();
    let end = loop {
        match socket.read() {
            Ok(TheirMessage::Text(text)) => emitted.push(Emitted::Text(text.to_string())),
            Ok(TheirMessage::Binary(data)) => emitted.push(Emitted::Binary(data.to_vec())),
            Ok(TheirMessage::Ping(data)) => emitted.push(Emitted::Ping(data.to_vec())),
            Ok(TheirMessage::Pong(data)) => emitted.push(Emitted::Pong(data.to_vec())),
            Ok(TheirMessage::Close(close)) => emitted.push(Emitted::Close(
                close.map(|close| (close.code.into(), close.reason.to_string())),
            )),
            Ok(TheirMessage::Frame(frame)) => panic!("never read: {frame:?}"),
            Err(TheirError::ConnectionClosed) => break End::Clean,
            Err(TheirError::Protocol(TheirRule::ResetWithoutClosingHandshake)) => break End::Reset,
            Err(error @ TheirError::Protocol(_)) => break End::Fault((1002, error.to_string())),
            Err(error @ TheirError::Utf8(_)) => break End::Fault((1007, error.to_string())),
            Err(error @ TheirError::Capacity(_)) => break End::Fault((1009, error.to_string())),
            Err(error) => panic!("not for frames: {error}"),
        }
    };
    Outcome {
        emitted,
        sent: naive::frames(socket.get_ref().written()),
        end,
    }
}
