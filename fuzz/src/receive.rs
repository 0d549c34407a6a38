//! Arbitrary bytes to a connection of either role, cut and drained in arbitrary ways.

use arbitrary::Arbitrary;
use ws_proto::frame::Rsv;
use ws_proto::{
    Config, Connection, Event, FixedBuf, Input, Kind, MAX_CONTROL_FRAME, MaskSource, Negotiated,
    Output, ProtocolError, Role, Transport,
};

/// What the fuzzer chooses.
#[derive(Arbitrary, Debug)]
pub struct Session<'a> {
    /// Which end receives.
    pub role: Side,
    /// Whether an extension has reserved RSV1.
    pub extension: bool,
    /// The limit of a message and of a frame, in bytes.
    pub max_message: u16,
    /// The limit of frames in a message.
    pub max_fragments: u8,
    /// The sizes of the pieces in which the input comes; repeated.
    pub cuts: &'a [u8],
    /// What the peer sends.
    pub bytes: &'a [u8],
}

/// A role.
#[derive(Arbitrary, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Receives unmasked frames.
    Client,
    /// Receives masked frames.
    Server,
}

/// Everything that must not depend on how the input is cut.
#[derive(Debug, Default, PartialEq, Eq)]
struct Trace {
    messages: Vec<(Kind, u8, Vec<u8>)>,
    controls: Vec<(u8, Vec<u8>)>,
    output: Vec<u8>,
    error: Option<ProtocolError>,
}

/// Runs a session whole, cut as chosen, and byte by byte: the traces have to be the same.
///
/// # Panics
///
/// If a contract is broken.
pub fn check(session: &Session<'_>) {
    let whole = run(session, &[]);
    let cuts: Vec<usize> = session.cuts.iter().map(|&cut| usize::from(cut)).collect();
    assert_eq!(whole, run(session, &cuts), "cut as chosen");
    assert_eq!(whole, run(session, &[1]), "byte by byte");
}

fn run(session: &Session<'_>, cuts: &[usize]) -> Trace {
    let config = Config::new()
        .max_message(session.max_message.into())
        .max_frame(session.max_message.into())
        .max_fragments(session.max_fragments.into());
    let rsv = if session.extension {
        Rsv::RSV1
    } else {
        Rsv::NONE
    };
    let negotiated = Negotiated::new().with_rsv(rsv);
    match session.role {
        Side::Client => drive(
            Connection::client(negotiated, config, Keys(0)),
            session,
            cuts,
        ),
        Side::Server => drive(Connection::server(negotiated, config), session, cuts),
    }
}

/// Keys that tell themselves apart.
struct Keys(u32);

impl MaskSource for Keys {
    fn mask_key(&mut self) -> Option<[u8; 4]> {
        self.0 += 1;
        Some(self.0.to_be_bytes())
    }
}

fn drive<R: Role>(mut connection: Connection<R>, session: &Session<'_>, cuts: &[usize]) -> Trace {
    let mut bytes = session.bytes.to_vec();
    let mut rest = bytes.as_mut_slice();
    let mut cuts = cuts.iter().map(|&cut| cut.max(1)).cycle();
    let mut trace = Trace::default();
    let mut message = Vec::new();
    while !rest.is_empty() {
        let cut = cuts.next().unwrap_or(rest.len()).min(rest.len());
        let (now, later) = rest.split_at_mut(cut);
        rest = later;
        let mut input = Input::new(now);
        // A full sink stops the engine; an empty one lets it go on.
        while receive(&mut connection, &mut input, &mut trace, &mut message) {}
        assert!(input.is_empty() || trace.error.is_some());
    }
    trace
}

/// One call of `receive`; whether another one makes sense.
fn receive<R: Role>(
    connection: &mut Connection<R>,
    input: &mut Input<'_>,
    trace: &mut Trace,
    message: &mut Vec<u8>,
) -> bool {
    let mut out = FixedBuf::<MAX_CONTROL_FRAME>::new();
    let before = input.len();
    let event = connection.receive(input, &mut out);
    trace.output.extend_from_slice(out.pending());
    let room = out.room();
    let event = match event {
        Ok(event) => event,
        Err(error) => {
            assert!(
                trace.error.is_none_or(|first| first == error),
                "errors are sticky"
            );
            assert!(input.is_empty() && connection.transport() == Transport::Close);
            trace.error = Some(error);
            return false;
        }
    };
    let Some(event) = event else {
        assert!(input.is_empty() || room < MAX_CONTROL_FRAME);
        return !input.is_empty();
    };
    assert!(input.len() < before || before == 0, "progress");
    match event {
        Event::Text(text) => {
            piece(
                trace,
                message,
                (Kind::Text, 0),
                text.raw,
                text.first,
                text.last,
            );
            if text.last {
                let (_, _, bytes) = trace.messages.last().expect("just pushed");
                core::str::from_utf8(bytes).expect("text is UTF-8");
            }
        }
        Event::Binary(binary) => {
            piece(
                trace,
                message,
                (Kind::Binary, 0),
                binary.data,
                binary.first,
                binary.last,
            );
        }
        Event::Extended(extended) => {
            let kind = (extended.kind, extended.rsv.bits());
            assert_eq!(extended.rsv, Rsv::RSV1, "only what was negotiated");
            piece(
                trace,
                message,
                kind,
                extended.data,
                extended.first,
                extended.last,
            );
        }
        Event::Ping => trace
            .controls
            .push((9, connection.control_payload().to_vec())),
        Event::Pong => trace
            .controls
            .push((10, connection.control_payload().to_vec())),
        Event::Close(code) => {
            assert_eq!(code, connection.close_code());
            trace
                .controls
                .push((8, connection.close_reason().as_bytes().to_vec()));
        }
        _ => {}
    }
    true
}

fn piece(
    trace: &mut Trace,
    message: &mut Vec<u8>,
    kind: (Kind, u8),
    bytes: &[u8],
    first: bool,
    last: bool,
) {
    if first {
        message.clear();
    }
    message.extend_from_slice(bytes);
    if last {
        trace
            .messages
            .push((kind.0, kind.1, core::mem::take(message)));
    }
}

#[cfg(test)]
mod tests {
    use arbitrary::Unstructured;

    use super::*;

    /// The committed seeds, and every one of their prefixes.
    #[test]
    fn seeds_hold_the_contracts() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/seeds/receive");
        let mut runs = 0;
        for seed in std::fs::read_dir(folder).expect("the seeds are there") {
            let bytes = std::fs::read(seed.expect("a seed").path()).expect("a readable seed");
            for end in 0..=bytes.len() {
                let session = Session::arbitrary_take_rest(Unstructured::new(&bytes[..end]));
                check(&session.expect("any bytes make a session"));
                runs += 1;
            }
        }
        assert!(runs > 100, "{runs} runs");
    }
}
