//! Feeds an endpoint and brings its output into a normal form that does not depend on how the
//! input was cut. Checks on the way what holds for every input.

use ws_proto::frame::Rsv;
use ws_proto::{Event, Input, Kind, MAX_CONTROL_FRAME, ProtocolError, ReceiveError, Transport};

use super::{Endpoint, Sink};

/// A whole message, or a control frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    Text(String),
    Binary(Vec<u8>),
    Extended(Kind, Rsv, Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(Option<u16>, String),
}

/// All that can be observed of an endpoint that was fed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    pub items: Vec<Item>,
    pub error: Option<ProtocolError>,
    pub output: Vec<u8>,
    pub transport: Transport,
    pub close: (Option<u16>, String),
    pub can_send: bool,
}

/// The message whose pieces are coming in.
#[derive(Debug, Default)]
pub struct Pieces {
    open: Option<OpenMessage>,
}

#[derive(Debug)]
struct OpenMessage {
    extended: Option<(Kind, Rsv)>,
    raw: Vec<u8>,
    text: String,
}

impl Pieces {
    /// Adds a piece; the message if that was the last one.
    fn add(
        &mut self,
        extended: Option<(Kind, Rsv)>,
        (raw, head, body): (&[u8], Option<char>, &str),
        (first, last): (bool, bool),
    ) -> Option<(Vec<u8>, String)> {
        assert_eq!(
            first,
            self.open.is_none(),
            "exactly the first piece is marked as first"
        );
        let new = OpenMessage {
            extended,
            raw: Vec::new(),
            text: String::new(),
        };
        let message = self.open.get_or_insert(new);
        assert_eq!(
            message.extended, extended,
            "all pieces have the same kind and bits"
        );
        message.raw.extend_from_slice(raw);
        message.text.extend(head);
        message.text.push_str(body);
        if !last {
            return None;
        }
        self.open.take().map(|message| (message.raw, message.text))
    }
}

/// Feeds `chunks` and drains `out` step bytes at a time whenever the endpoint waits for room.
pub fn drive_with<S: Sink>(
    endpoint: &mut Endpoint,
    chunks: &[Vec<u8>],
    out: &mut S,
    step: usize,
) -> Trace {
    let mut output = Vec::new();
    let mut items = Vec::new();
    let mut error = None;
    for chunk in chunks {
        let mut chunk = chunk.clone();
        let mut input = Input::new(&mut chunk);
        loop {
            let (left, written) = (input.len(), out.pending().len());
            match endpoint.receive(&mut input, out) {
                Ok(Some(event)) => {
                    assert!(items_allowed(&items), "an event after Close: {event:?}");
                    assert!(input.len() < left, "an event takes input");
                    let item = to_item(&event, endpoint);
                    items.extend(item);
                }
                Ok(None) => {
                    assert!(input.is_empty(), "nothing more, and input is left");
                    break;
                }
                Err(ReceiveError::OutputFull) => {
                    assert!(
                        out.room() < MAX_CONTROL_FRAME,
                        "no room is reported although there is some"
                    );
                    assert!(!input.is_empty(), "no room is needed without input");
                    assert_eq!(
                        (input.len(), out.pending().len()),
                        (left, written),
                        "a full output changes nothing"
                    );
                    let n = step.min(out.pending().len());
                    assert!(n > 0, "a sink without room and without bytes");
                    output.extend_from_slice(&out.pending()[..n]);
                    out.consume(n);
                }
                Err(ReceiveError::Protocol(now)) => {
                    assert!(input.is_empty(), "a failed connection discards its input");
                    if error.is_some() {
                        assert_eq!(out.pending().len(), written, "only the first error writes");
                    }
                    assert_eq!(*error.get_or_insert(now), now, "an error stays the same");
                    break;
                }
            }
        }
    }
    while !out.pending().is_empty() {
        let n = step.min(out.pending().len());
        output.extend_from_slice(&out.pending()[..n]);
        out.consume(n);
    }
    check_the_end(endpoint, error, out);
    Trace {
        items,
        error,
        output,
        transport: endpoint.transport(),
        close: (endpoint.close_code(), endpoint.close_reason().to_owned()),
        can_send: endpoint.can_send(),
    }
}

/// Feeds `chunks` with an endless output.
pub fn drive(endpoint: &mut Endpoint, chunks: &[Vec<u8>]) -> Trace {
    drive_with(endpoint, chunks, &mut Vec::new(), usize::MAX)
}

/// Feeds `bytes` in one piece.
pub fn run(endpoint: &mut Endpoint, bytes: &[u8]) -> Trace {
    drive(endpoint, &[bytes.to_vec()])
}

/// What is emitted about `bytes`, fed in one piece; they must be valid.
pub fn event_items(endpoint: &mut Endpoint, bytes: &[u8]) -> Vec<Item> {
    let trace = run(endpoint, bytes);
    assert_eq!(trace.error, None);
    trace.items
}

pub fn one_byte_at_a_time(bytes: &[u8]) -> Vec<Vec<u8>> {
    bytes.iter().map(|byte| vec![*byte]).collect()
}

fn items_allowed(items: &[Item]) -> bool {
    !matches!(items.last(), Some(Item::Close(..)))
}

fn to_item(event: &Event<'_>, endpoint: &mut Endpoint) -> Option<Item> {
    match event {
        Event::Text(text) => {
            let ends = (text.first, text.last);
            if text.first && text.last {
                assert_eq!(text.whole(), Some(text.body));
            } else {
                assert_eq!(text.whole(), None);
            }
            let done = endpoint
                .pieces
                .add(None, (text.raw, text.head, text.body), ends);
            done.map(|(raw, text)| {
                assert_eq!(
                    core::str::from_utf8(&raw),
                    Ok(&text[..]),
                    "heads and bodies are the text"
                );
                Item::Text(text)
            })
        }
        Event::Binary(binary) => {
            let done =
                endpoint
                    .pieces
                    .add(None, (binary.data, None, ""), (binary.first, binary.last));
            done.map(|(data, _)| Item::Binary(data))
        }
        Event::Extended(piece) => {
            let extended = Some((piece.kind, piece.rsv));
            let done =
                endpoint
                    .pieces
                    .add(extended, (piece.data, None, ""), (piece.first, piece.last));
            done.map(|(data, _)| Item::Extended(piece.kind, piece.rsv, data))
        }
        Event::Ping => Some(Item::Ping(endpoint.control_payload().to_vec())),
        Event::Pong => Some(Item::Pong(endpoint.control_payload().to_vec())),
        Event::Close(code) => {
            let code = code.map(u16::from);
            assert_eq!(code, endpoint.close_code());
            Some(Item::Close(code, endpoint.close_reason().to_owned()))
        }
        other => panic!("an event that the tests do not know: {other:?}"),
    }
}

/// Nothing happens without input; a failed or closed connection swallows all of it.
fn check_the_end<S: Sink>(endpoint: &mut Endpoint, error: Option<ProtocolError>, out: &mut S) {
    let nothing = endpoint
        .receive(&mut Input::default(), out)
        .map(|event| event.is_none());
    let expected = error.map_or(Ok(true), |error| Err(ReceiveError::Protocol(error)));
    assert_eq!(nothing, expected, "no input, no event");
    if error.is_some() || endpoint.is_close_received() {
        let mut garbage = [0xff, 0x89, 0x00, 0x88, 0x00];
        let mut input = Input::new(&mut garbage);
        let nothing = endpoint
            .receive(&mut input, out)
            .map(|event| event.is_none());
        assert_eq!(nothing, expected, "nothing more is interpreted");
        assert!(input.is_empty());
    }
    assert!(
        out.pending().is_empty(),
        "nothing is written without a cause"
    );
}
