//! An end whose caller compresses and inflates messages.

use ws_proto::extension::deflate::{Deflate, DeflateDecoder, DeflateEncoder, Inflated};
use ws_proto::frame::{Header, Rsv};
use ws_proto::{AssembleError, Config, Connection, Extended, Fin, Kind, Output, Role, SendError};

use super::{End, Side, Way};
use crate::compression::Compression;
use crate::cuts::{self, Emitted};
use crate::session::{MAX_MESSAGE, Setup};
use crate::support::{Sink, prepared};
use crate::wire::Frame;

/// The codecs of one end.
pub struct Codec {
    compression: Compression,
    takeover: bool,
    encoder: DeflateEncoder,
    decoder: DeflateDecoder,
    /// For data that is compressed elsewhere.
    deflate: Deflate,
    is_client: bool,
}

impl Codec {
    pub fn new(compression: Compression, deflate: &Deflate, setup: Setup, client: bool) -> Self {
        let params = compression.params();
        let (encoder, decoder) = if client {
            deflate.client(params)
        } else {
            deflate.server(params)
        };
        Self {
            compression,
            takeover: compression.takeover(client),
            encoder,
            deflate: deflate.clone(),
            is_client: client,
            decoder: decoder
                .with_max_message(setup.config(client).get_max_message())
                .with_max_piece(compression.max_piece()),
        }
    }

    /// Frees the compressor, in the middle of a message too.
    pub fn release(&mut self) {
        self.encoder.release();
    }

    fn send<R: Role>(
        &mut self,
        connection: &mut Connection<R>,
        part: &Part<'_>,
        out: &mut Sink,
    ) -> Result<(), SendError> {
        let (data, fin, encoder) = (part.data, part.fin, &mut self.encoder);
        let text = || core::str::from_utf8(data).expect("made as text");
        match (part.way, part.kind) {
            (Way::Whole, Kind::Text) => encoder.send_text(connection, text(), out),
            (Way::Whole, Kind::Binary) => encoder.send_binary(connection, data, out),
            (Way::Part, Kind::Text) => encoder.send_text_part(connection, text(), fin, out),
            (Way::Part, Kind::Binary) => encoder.send_binary_part(connection, data, fin, out),
            (Way::Utf8Part, _) => encoder.send_utf8_part(connection, data, fin, out),
            (Way::Prepared, kind) => encoder.send_prepared(connection, &prepared(kind, data), out),
            (_, kind) => {
                let encoded = self.compress_elsewhere(data, fin);
                connection.send_extended(kind, part.rsv, &encoded, fin, out)
            }
        }
    }

    /// Compressed and flushed by another encoder: that of this end knows nothing of it.
    fn compress_elsewhere(&self, data: &[u8], fin: Fin) -> Vec<u8> {
        let params = self.compression.params();
        let deflate = self.deflate.clone().threshold(0);
        let mut encoder = if self.is_client {
            deflate.client(params).0
        } else {
            deflate.server(params).0
        };
        let mut elsewhere = Connection::server(params.negotiated(), Config::new());
        let mut wire = Vec::new();
        // A part, since without takeover a whole message may be sent as it is.
        encoder
            .send_binary_part(&mut elsewhere, data, Fin::No, &mut wire)
            .expect("a `Vec` grows");
        let (_, header) = Header::parse(&wire).expect("valid").expect("whole");
        let mut encoded = wire.split_off(header);
        if fin == Fin::Yes {
            match encoded.strip_suffix(&[0, 0, 0xff, 0xff]).map(<[u8]>::len) {
                Some(len) => encoded.truncate(len),
                None => encoded = vec![0], // of an empty part nothing is flushed
            }
        }
        encoded
    }
}

/// What is to be sent.
pub struct Part<'d> {
    pub kind: Kind,
    pub data: &'d [u8],
    pub fin: Fin,
    /// What the caller of `send_extended` says.
    pub rsv: Rsv,
    pub way: Way,
}

impl<R: Side> End<R> {
    /// Sends with the encoder: it decides what to compress.
    pub(super) fn send_encoded(&mut self, part: &Part<'_>) {
        let mut codec = self.codec.take().expect("agreed on");
        let compresses = self.compresses(&codec, part);
        let refusal = self.refusal(compresses, part);
        let (room, obstacle) = (
            self.out.room(),
            self.obstacle(part.data.len(), part.data.len()),
        );
        let (result, frames) = self.call(|connection, out| codec.send(connection, part, out));
        match result {
            Err(SendError::OutputFull) if compresses && refusal.is_none() => {
                assert!(room < longest(part.data.len()), "there was room");
            }
            _ if compresses && refusal.is_none() => {
                assert_eq!(result.err(), self.dry.then_some(SendError::NoMaskKey));
            }
            _ => assert_eq!(result.err(), refusal.or(obstacle)),
        }
        if result.is_err() {
            assert!(frames.is_empty(), "nothing was written");
        } else {
            let [frame] = &frames[..] else {
                panic!("one frame");
            };
            let starts = self.open.is_none();
            let rsv = self.open.map_or(frame.first & 0x70, |(_, rsv)| rsv);
            assert_eq!(frame.first, self.first_byte(part.kind, rsv, part.fin));
            let whole = starts && part.fin == Fin::Yes && part.way != Way::Extended;
            let has_no_window = !codec.takeover || part.way == Way::Prepared;
            let may_be_plain = !compresses || whole && has_no_window;
            if rsv == 0 {
                assert!(may_be_plain && frame.payload == part.data);
            } else {
                assert!(compresses && rsv == Rsv::RSV1.bits());
                assert!(!may_be_plain || frame.payload.len() < part.data.len());
            }
            self.sent_part(part.kind, rsv, part.data, part.fin);
        }
        self.codec = Some(codec);
    }

    fn compresses(&self, codec: &Codec, part: &Part<'_>) -> bool {
        let long = part.data.len() >= codec.compression.threshold();
        match (part.way, self.open) {
            (Way::Whole | Way::Prepared, open) => long && open.is_none(),
            (Way::Part | Way::Utf8Part, Some((_, rsv))) => rsv != 0,
            (Way::Part | Way::Utf8Part, None) => long || part.fin == Fin::No,
            _ => true,
        }
    }

    /// Why the part cannot be sent, however much room there is.
    fn refusal(&self, compresses: bool, part: &Part<'_>) -> Option<SendError> {
        let rsv = if compresses { Rsv::RSV1 } else { Rsv::NONE };
        let other = |open| part.way.is_whole() || open != (part.kind, rsv.bits());
        if part.way == Way::Extended && part.rsv != Rsv::RSV1 {
            Some(SendError::ReservedBits)
        } else if !self.can_send() {
            Some(SendError::Closed)
        } else {
            self.open
                .is_some_and(other)
                .then_some(SendError::MessageOpen)
        }
    }

    /// Inflates a piece. After the first fault every other one gives the same.
    pub(super) fn inflate(&mut self, piece: Extended<'_>) {
        let mut codec = self.codec.take().expect("agreed on");
        let (kind, rsv) = (piece.kind, piece.rsv.bits());
        let mut inflating = codec.decoder.inflate(piece);
        let fault = loop {
            match inflating.next_piece() {
                Ok(Some(Inflated::Text(text))) => {
                    assert_eq!(kind, Kind::Text);
                    assert!(text.raw.len() <= codec.compression.max_piece());
                    self.text_piece(rsv, text);
                }
                Ok(Some(Inflated::Binary { data, first, last })) => {
                    assert_eq!(kind, Kind::Binary);
                    assert!(data.len() <= codec.compression.max_piece());
                    self.piece((kind, rsv), data, first, last);
                }
                Ok(None) => break None,
                Err(error) => break Some(AssembleError::from(error)),
            }
        };
        drop(inflating);
        if self.refused.is_some() {
            assert_eq!(fault, self.refused, "sticky");
        }
        self.refused = fault;
        self.codec = Some(codec);
    }

    /// The caller closes because of data that could not be inflated, and drops everything after it.
    pub(super) fn refuse(&mut self, error: AssembleError) {
        let too_big = self.setup.limited() && error == AssembleError::TooBig;
        assert!(self.tampered || too_big, "{error} for what was sent");
        self.getting = None;
        let code = error.close_code().as_u16();
        self.fault.get_or_insert(code);
        let fails = error.close_code();
        let ((), frames) = self.call(|connection, out| connection.fail(fails, out));
        self.failed = true;
        self.closed_itself(true, Frame::new(0x88, code.to_be_bytes()), &frames);
    }

    /// Of the messages sent as they are, only too big ones were refused.
    pub(super) fn compare_refused(&self, sending: Option<&(Kind, u8, Vec<u8>)>) {
        let (_, _, bytes) = sending.expect("something that was sent was refused");
        assert!(bytes.len() > MAX_MESSAGE, "within the limit");
    }

    /// What came is the same for every cut.
    pub(super) fn check_cuts(&self) {
        if self.codec.is_none() {
            return;
        }
        let messages = self.got.iter();
        let emitted = Emitted {
            messages: messages
                .map(|(kind, _, got)| (*kind, got.clone()))
                .collect(),
            fault: self.fault,
        };
        cuts::check(self.setup, R::CLIENT, &self.received, &emitted, false);
    }
}

/// More than any frame of so many bytes takes, compressed in the worst way.
const fn longest(len: usize) -> usize {
    len + len / 4 + 64
}
