//! Arbitrary bytes to a connection, cut and drained in arbitrary ways, against a decoder that is
//! written from RFC 6455 and sees all bytes at once.

use arbitrary::Arbitrary;
use ws_proto::frame::Rsv;
use ws_proto::{
    CloseCode, Config, Connection, Event, Input, Kind, MAX_CONTROL_FRAME, Negotiated,
    ProtocolError, ReceiveError, Role, SendError, Transport,
};

use crate::support::{Keys, Sink, pieces};
use crate::wire::{Frame, Reader};

/// What the fuzzer chooses.
#[derive(Arbitrary, Debug)]
pub struct Stream<'a> {
    /// One bit each: RSV1 is negotiated, the caller answers Pings, the caller answers Close.
    pub flags: u8,
    /// The limit of a message, in bytes.
    pub max_message: u16,
    /// The limit of a frame, in bytes.
    pub max_frame: u16,
    /// The limit of frames in a message.
    pub max_fragments: u8,
    /// The sizes of the pieces in which the input comes; repeated.
    pub cuts: [u8; 4],
    /// What the peer sends.
    pub bytes: &'a [u8],
}

/// Everything that must not depend on how the input is cut and the output drained.
#[derive(Debug, Default, PartialEq, Eq)]
struct Trace {
    messages: Vec<(Kind, u8, Vec<u8>)>,
    /// What has been emitted of a message that is not complete, unless the connection has failed.
    open: Option<(Kind, u8, Vec<u8>)>,
    controls: Vec<(u8, Vec<u8>)>,
    output: Vec<Frame>,
    error: Option<ProtocolError>,
    /// How long a message claims to be that is too long.
    refused: Option<u64>,
    closed: bool,
    /// How much is missing of the current payload.
    remaining: u64,
}

/// A client sends these bytes to a server.
///
/// # Panics
///
/// If a contract is broken.
pub fn check_server(stream: &Stream<'_>) {
    check(stream, false, |negotiated, config, _| {
        Connection::server(negotiated, config)
    });
}

/// A server sends these bytes to a client.
///
/// # Panics
///
/// If a contract is broken.
pub fn check_client(stream: &Stream<'_>) {
    check(stream, true, Connection::client);
}

fn check<R: Role>(
    stream: &Stream<'_>,
    client: bool,
    connect: impl Fn(Negotiated, Config, Keys) -> Connection<R>,
) {
    let expected = expect(stream, client);
    let run = |cuts: &[u8], drain: usize, waits: bool| {
        let rsv = if stream.extended() {
            Rsv::RSV1
        } else {
            Rsv::NONE
        };
        let negotiated = Negotiated::new().with_rsv(rsv);
        let mut run = Run {
            connection: connect(negotiated, stream.config(), Keys::default()),
            out: Sink::new(if drain == 0 {
                usize::MAX
            } else {
                MAX_CONTROL_FRAME
            }),
            drain,
            written: Vec::new(),
            trace: Trace::default(),
            message: None,
        };
        if waits {
            run.feed_whole_frames(stream.bytes, cuts);
        } else {
            run.feed(stream.bytes, cuts);
        }
        run.finish(client)
    };
    assert_eq!(run(&[], 0, false), expected, "whole");
    assert_eq!(run(&stream.cuts, 0, false), expected, "cut as chosen");
    assert_eq!(
        run(&[1], 7, false),
        expected,
        "byte by byte, drained slowly"
    );
    assert_eq!(
        run(&[], MAX_CONTROL_FRAME, false),
        expected,
        "whole, drained when full"
    );
    assert_eq!(run(&stream.cuts, 0, true), expected, "frames waited for");
    assert_eq!(run(&[1], 0, true), expected, "frames waited for, by bytes");
}

impl Stream<'_> {
    fn extended(&self) -> bool {
        self.flags & 1 != 0
    }

    fn manual_pong(&self) -> bool {
        self.flags & 2 != 0
    }

    fn manual_close(&self) -> bool {
        self.flags & 4 != 0
    }

    fn config(&self) -> Config {
        Config::new()
            .max_message(self.max_message.into())
            .max_frame(self.max_frame.into())
            .max_fragments(self.max_fragments.into())
            .manual_pong(self.manual_pong())
            .manual_close(self.manual_close())
    }
}

struct Run<R: Role> {
    connection: Connection<R>,
    out: Sink,
    /// How many bytes are drained when there is no room; 0 for an endless sink.
    drain: usize,
    written: Vec<u8>,
    trace: Trace,
    message: Option<(Kind, u8, Vec<u8>)>,
}

impl<R: Role> Run<R> {
    fn feed(&mut self, bytes: &[u8], cuts: &[u8]) {
        for piece in pieces(&mut bytes.to_vec(), cuts) {
            let mut input = Input::new(piece);
            while self.receive(&mut input) {}
            assert!(input.is_empty());
        }
    }

    /// As `feed`, but frames of some sizes are waited for until they are there as wholes.
    fn feed_whole_frames(&mut self, bytes: &[u8], cuts: &[u8]) {
        let least = usize::from(cuts.first().copied().unwrap_or_default()) / 4;
        let most = 600;
        let mut received = Vec::new();
        for piece in pieces(&mut bytes.to_vec(), cuts) {
            received.extend_from_slice(piece);
            while !received.is_empty() {
                let missing = (self.connection).frame_missing(&received, least, most);
                if missing > 0 {
                    assert!(matches!(received[0], 0x81 | 0x82), "a message");
                    assert!(received.len() + missing <= 14 + most, "of that size");
                    break;
                }
                if !self.receive_from(&mut received) {
                    break;
                }
            }
        }
        // What has not come to its end.
        while self.receive_from(&mut received) {}
        assert!(received.is_empty());
    }

    /// One call of `receive` with the received bytes; the rest is kept.
    fn receive_from(&mut self, received: &mut Vec<u8>) -> bool {
        let mut input = Input::new(received);
        let again = self.receive(&mut input);
        let rest = input.len();
        received.drain(..received.len() - rest);
        again
    }

    /// One call of `receive`; whether another one makes sense.
    fn receive(&mut self, input: &mut Input<'_>) -> bool {
        let before = input.len();
        let waiting = self.out.pending().len();
        match self.connection.receive(input, &mut self.out) {
            Ok(None) => {
                assert_eq!(self.out.pending().len(), waiting, "nothing happened");
                assert!(self.connection.control_payload().len() <= 125);
                assert!(input.is_empty(), "input is left");
                false
            }
            Err(ReceiveError::OutputFull) => {
                assert_eq!(self.out.pending().len(), waiting, "nothing happened");
                assert!(before > 0, "there is input");
                assert!(
                    self.out.limit - waiting < MAX_CONTROL_FRAME,
                    "there is room"
                );
                assert_eq!(input.len(), before, "it waits");
                let drained = self.out.drain(self.drain);
                self.written.extend(drained);
                true
            }
            Ok(Some(event)) => {
                assert!(input.len() < before, "progress");
                self.event(event);
                true
            }
            Err(ReceiveError::Protocol(error)) => {
                assert!(input.is_empty() && self.connection.transport() == Transport::Close);
                if let Some(first) = self.trace.error {
                    assert_eq!(
                        (first, waiting),
                        (error, self.out.pending().len()),
                        "sticky"
                    );
                }
                self.trace.error = Some(error);
                self.trace.refused = self.connection.refused_len();
                false
            }
        }
    }

    fn event(&mut self, event: Event<'_>) {
        assert!(
            self.trace.error.is_none() && !self.trace.closed,
            "nothing comes after the end"
        );
        match event {
            Event::Text(text) => {
                let mut emitted = String::new();
                emitted.extend(text.head);
                emitted.push_str(text.body);
                assert_eq!(text.whole().is_some(), text.first && text.last);
                self.piece(Kind::Text, 0, text.raw, text.first, text.last);
                // `head` and `body` so far are the whole characters of `raw` so far.
                let raw = match &self.message {
                    Some((_, _, raw)) => raw,
                    None => &self.trace.messages.last().expect("just ended").2,
                };
                let whole = raw.utf8_chunks().next().map_or("", |chunk| chunk.valid());
                assert!(whole.ends_with(&emitted), "{whole:?} {emitted:?}");
                if text.last {
                    assert!(core::str::from_utf8(raw).is_ok(), "text is UTF-8");
                }
            }
            Event::Binary(binary) => {
                self.piece(Kind::Binary, 0, binary.data, binary.first, binary.last);
            }
            Event::Extended(piece) => {
                let rsv = piece.rsv.bits();
                self.piece(piece.kind, rsv, piece.data, piece.first, piece.last);
            }
            Event::Ping => self.control(9),
            Event::Pong => self.control(10),
            Event::Close(code) => {
                assert_eq!(code, self.connection.close_code());
                assert!(self.connection.is_close_received());
                let mut body = code.map_or(Vec::new(), |code| code.as_u16().to_be_bytes().to_vec());
                body.extend_from_slice(self.connection.close_reason().as_bytes());
                self.trace.controls.push((8, body));
                self.trace.closed = true;
            }
            _ => unreachable!("there are no other events"),
        }
    }

    fn control(&mut self, opcode: u8) {
        let payload = self.connection.control_payload().to_vec();
        self.trace.controls.push((opcode, payload));
    }

    fn piece(&mut self, kind: Kind, rsv: u8, bytes: &[u8], first: bool, last: bool) {
        assert_eq!(first, self.message.is_none(), "one first piece");
        assert!(!bytes.is_empty() || last, "a piece says something");
        let message = self.message.get_or_insert((kind, rsv, Vec::new()));
        assert_eq!((kind, rsv), (message.0, message.1));
        message.2.extend_from_slice(bytes);
        if last {
            self.trace.messages.extend(self.message.take());
        }
    }

    /// What is left to see once all input is consumed.
    fn finish(mut self, client: bool) -> Trace {
        let over = self.trace.error.is_some() || self.trace.closed;
        if over {
            // Whatever comes now is discarded.
            self.feed(&[0x89, 0x80, 0, 0, 0, 0, 0x83, 0x00, 0xff], &[]);
            assert_eq!(self.connection.frame_remaining(), 0);
        } else {
            self.trace.open = self.message.take();
            self.trace.remaining = self.connection.frame_remaining();
        }
        self.written.extend(self.out.drain(usize::MAX));
        self.trace.output = Reader::new(client).read(&self.written);
        let closed_by_us = self.trace.output.iter().any(Frame::is_close);
        assert_eq!(self.connection.can_send(), !closed_by_us);
        if closed_by_us {
            let sent = self.connection.send_text("late", &mut self.out);
            assert_eq!(
                (sent, self.out.pending().len()),
                (Err(SendError::Closed), 0)
            );
        }
        let done = self.trace.closed && closed_by_us;
        assert_eq!(self.connection.receive_eof().is_ok(), done);
        assert_eq!(self.connection.transport(), Transport::Close);
        self.trace
    }
}

/// What RFC 6455 says that these bytes are.
fn expect(stream: &Stream<'_>, client: bool) -> Trace {
    let mut decoder = Decoder {
        stream,
        client,
        rest: stream.bytes,
        message: None,
        fragments: 0,
        claimed: 0,
        trace: Trace::default(),
    };
    match decoder.frames() {
        Ok(()) | Err(Stop::End) => {
            let emitted = decoder.message.filter(|(_, _, bytes)| !bytes.is_empty());
            decoder.trace.open = emitted.filter(|_| !decoder.trace.closed);
        }
        Err(Stop::Error(error)) => {
            let close = error.close_code().as_u16().to_be_bytes();
            decoder.trace.output.push(Frame::new(0x88, close));
            decoder.trace.error = Some(error);
            let too_big = [ProtocolError::FrameTooBig, ProtocolError::MessageTooBig];
            decoder.trace.refused = too_big.contains(&error).then_some(decoder.claimed);
        }
    }
    decoder.trace
}

struct Decoder<'s> {
    stream: &'s Stream<'s>,
    client: bool,
    rest: &'s [u8],
    message: Option<(Kind, u8, Vec<u8>)>,
    fragments: u64,
    claimed: u64,
    trace: Trace,
}

enum Stop {
    /// There are no more bytes.
    End,
    Error(ProtocolError),
}

impl From<ProtocolError> for Stop {
    fn from(error: ProtocolError) -> Self {
        Self::Error(error)
    }
}

impl Decoder<'_> {
    fn byte(&mut self) -> Result<u8, Stop> {
        let (&byte, rest) = self.rest.split_first().ok_or(Stop::End)?;
        self.rest = rest;
        Ok(byte)
    }

    fn number(&mut self, bytes: u32) -> Result<u64, Stop> {
        (0..bytes).try_fold(0, |number, _| Ok(number << 8 | u64::from(self.byte()?)))
    }

    fn frames(&mut self) -> Result<(), Stop> {
        while !self.trace.closed {
            self.frame()?;
        }
        Ok(())
    }

    fn frame(&mut self) -> Result<(), Stop> {
        let first = self.byte()?;
        let (fin, rsv, opcode) = (first & 0x80 != 0, first & 0x70, first & 0x0f);
        if !matches!(opcode, 0..=2 | 8..=10) {
            return Err(ProtocolError::OpcodeReserved.into());
        }
        let allowed = if matches!(opcode, 1 | 2) && self.stream.extended() {
            0x40
        } else {
            0
        };
        if rsv & !allowed != 0 {
            return Err(ProtocolError::ReservedBitSet.into());
        }
        match (opcode, &self.message) {
            (8.., _) if !fin => return Err(ProtocolError::ControlFragmented.into()),
            (0, None) => return Err(ProtocolError::ContinuationUnexpected.into()),
            (1 | 2, Some(_)) => return Err(ProtocolError::MessageInterleaved.into()),
            _ => {}
        }
        let second = self.byte()?;
        let (masked, len) = (second & 0x80 != 0, u64::from(second & 0x7f));
        if opcode >= 8 && len > 125 {
            return Err(ProtocolError::ControlTooLong.into());
        }
        match (masked, self.client) {
            (true, true) => return Err(ProtocolError::MaskUnexpected.into()),
            (false, false) => return Err(ProtocolError::MaskMissing.into()),
            _ => {}
        }
        if opcode == 8 && len == 1 {
            return Err(ProtocolError::CloseBodyTooShort.into());
        }
        let (len, least) = match len {
            126 => (self.number(2)?, 126),
            127 => (self.number(8)?, 65_536),
            _ => (len, 0),
        };
        if len >> 63 != 0 {
            return Err(ProtocolError::LengthTopBit.into());
        }
        if len < least {
            return Err(ProtocolError::LengthNotMinimal.into());
        }
        if opcode < 8 {
            self.begin_data(opcode, rsv, len)?;
        }
        let key = if masked { self.number(4)? as u32 } else { 0 };
        if opcode < 8 && opcode != 0 {
            let kind = if opcode == 1 {
                Kind::Text
            } else {
                Kind::Binary
            };
            self.message = Some((kind, rsv, Vec::new()));
        }
        let here = self
            .rest
            .len()
            .min(usize::try_from(len).unwrap_or(usize::MAX));
        let (payload, rest) = self.rest.split_at(here);
        self.rest = rest;
        let key = key.to_be_bytes();
        let payload: Vec<u8> = payload
            .iter()
            .zip(key.iter().cycle())
            .map(|(b, k)| b ^ k)
            .collect();
        let missing = len - here as u64;
        if opcode < 8 {
            self.data(&payload, fin && missing == 0)?;
        } else {
            self.control(opcode, &payload, missing == 0)?;
        }
        if missing > 0 {
            self.trace.remaining = missing;
            return Err(Stop::End);
        }
        Ok(())
    }

    fn begin_data(&mut self, opcode: u8, rsv: u8, len: u64) -> Result<(), ProtocolError> {
        let extended = match &self.message {
            Some((_, rsv, _)) => *rsv != 0,
            None => rsv != 0,
        };
        if opcode != 0 {
            (self.fragments, self.claimed) = (0, 0);
        }
        self.fragments += 1;
        self.claimed += len;
        if self.fragments > u64::from(self.stream.max_fragments.max(1)) {
            return Err(ProtocolError::TooManyFragments);
        }
        if len > self.stream.max_frame.into() {
            return Err(ProtocolError::FrameTooBig);
        }
        if !extended && self.claimed > self.stream.max_message.into() {
            return Err(ProtocolError::MessageTooBig);
        }
        Ok(())
    }

    fn data(&mut self, payload: &[u8], end: bool) -> Result<(), ProtocolError> {
        let message = self.message.as_mut().expect("a message is open");
        message.2.extend_from_slice(payload);
        if message.0 == Kind::Text && message.1 == 0 && !may_be_text(&message.2, end) {
            return Err(ProtocolError::TextNotUtf8);
        }
        if end {
            self.trace.messages.extend(self.message.take());
        }
        Ok(())
    }

    fn control(&mut self, opcode: u8, payload: &[u8], end: bool) -> Result<(), ProtocolError> {
        if opcode == 8 && payload.len() >= 2 {
            let code = u16::from_be_bytes([payload[0], payload[1]]);
            let known = matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999);
            assert_eq!(CloseCode::new(code).is_some(), known);
            if !known {
                return Err(ProtocolError::CloseCodeInvalid);
            }
            if !may_be_text(&payload[2..], end) {
                return Err(ProtocolError::CloseReasonNotUtf8);
            }
        }
        if !end {
            return Ok(());
        }
        self.trace.controls.push((opcode, payload.to_vec()));
        if opcode == 8 {
            self.trace.closed = true;
            if !self.stream.manual_close() {
                let code = payload.get(..2).unwrap_or_default();
                self.trace.output.push(Frame::new(0x88, code));
            }
        }
        if opcode == 9 && !self.stream.manual_pong() {
            self.trace.output.push(Frame::new(0x8a, payload));
        }
        Ok(())
    }
}

/// Whether these bytes are text, or if it is not the end the start of one.
fn may_be_text(bytes: &[u8], end: bool) -> bool {
    match core::str::from_utf8(bytes) {
        Ok(_) => true,
        Err(error) => error.error_len().is_none() && !end,
    }
}

#[cfg(test)]
mod tests {
    use crate::support::{read, replay};

    #[test]
    fn seeds_server() {
        replay("frames_server", |bytes| super::check_server(&read(bytes)));
    }

    #[test]
    fn seeds_client() {
        replay("frames_client", |bytes| super::check_client(&read(bytes)));
    }
}
