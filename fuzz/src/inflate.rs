//! Compressed messages of a hostile peer: the same for every cut and every size of output.

use arbitrary::{Arbitrary, Result, Unstructured};
use ws_proto::extension::deflate::{Deflate, DeflateDecoder, DeflateParams, Inflated};
use ws_proto::frame::{Header, Opcode, Rsv};
use ws_proto::{
    AssembleError, Assembler, CloseCode, Config, Connection, Event, Input, Kind, Message,
};

/// What the fuzzer chooses.
#[derive(Debug)]
pub struct Inflate<'a> {
    /// Whether the window goes on over messages.
    pub takeover: bool,
    /// The window after final blocks, in bits.
    pub window_bits: u8,
    /// The most bytes of a message.
    pub limit: u16,
    /// The most bytes of a piece that is inflated.
    pub max_piece: usize,
    /// The sizes of the pieces in which the input comes; repeated.
    pub cuts: [u8; 2],
    /// The sizes of the frames' payloads; repeated. A frame of an even size ends its message.
    pub frames: [u8; 3],
    /// The compressed bytes.
    pub bytes: &'a [u8],
}

impl<'a> Arbitrary<'a> for Inflate<'a> {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let flags: u8 = u.arbitrary()?;
        Ok(Self {
            takeover: flags & 1 == 0,
            window_bits: 8 + (flags >> 1 & 7),
            limit: u.arbitrary()?,
            max_piece: usize::from(u.arbitrary::<u8>()?).max(1),
            cuts: u.arbitrary()?,
            frames: u.arbitrary()?,
            bytes: u.bytes(u.len())?,
        })
    }
}

/// The output for whole messages, or for messages joined from inflated pieces.
#[derive(Debug, PartialEq, Eq)]
enum Emitted {
    Message(Kind, Vec<u8>),
    Fail(u16),
}

/// Inflates whole, cut as chosen and byte by byte, assembled and piece by piece.
///
/// # Panics
///
/// If that makes a difference, or a limit is exceeded.
pub fn check(case: &Inflate<'_>) {
    let wire = case.wire();
    let whole = case.assembled(&wire, &[wire.len().max(1)]);
    for emitted in &whole {
        assert!(!matches!(emitted, Emitted::Message(_, data) if data.len() > case.limit.into()));
    }
    let cuts = case.cuts.map(|cut| usize::from(cut).max(1));
    assert_eq!(whole, case.assembled(&wire, &cuts), "cut as chosen");
    assert_eq!(whole, case.assembled(&wire, &[1]), "byte by byte");
    assert_eq!(whole, case.streamed(&wire, &cuts), "piece by piece");
}

impl Inflate<'_> {
    /// The bytes in frames, of which the first of each message has RSV1.
    fn wire(&self) -> Vec<u8> {
        let mut wire = Vec::new();
        let mut rest = self.bytes;
        let mut sizes = self.frames.iter().cycle();
        let mut open = false;
        while !rest.is_empty() {
            let size = *sizes.next().expect("a cycle");
            let (payload, after) = rest.split_at(usize::from(size.max(1)).min(rest.len()));
            rest = after;
            let opcode = match (open, size & 2) {
                (true, _) => Opcode::Continuation,
                (false, 0) => Opcode::Binary,
                (false, _) => Opcode::Text,
            };
            let header = Header {
                fin: size & 1 == 0,
                rsv: if open { Rsv::NONE } else { Rsv::RSV1 },
                ..Header::new(opcode, payload.len() as u64)
            };
            wire.extend_from_slice(&header.encode());
            wire.extend_from_slice(payload);
            open = !header.fin;
        }
        wire
    }

    fn decoder(&self) -> (DeflateParams, DeflateDecoder) {
        let params = DeflateParams::new().with_server_window_bits(self.window_bits);
        let mut params = params.expect("in range");
        if !self.takeover {
            params = params.with_server_takeover(false);
        }
        (params, Deflate::new().client(params).1)
    }

    fn config(&self) -> Config {
        Config::new().max_message(self.limit.into())
    }

    fn assembled(&self, wire: &[u8], cuts: &[usize]) -> Vec<Emitted> {
        let (params, decoder) = self.decoder();
        let mut assembler = Assembler::with_extension(Vec::new(), self.limit.into(), decoder);
        let mut emitted = Vec::new();
        let fault = drive(params, self.config(), wire, cuts, |event| {
            if let Some(message) = assembler.push(event)? {
                emitted.push(match message {
                    Message::Text(text) => Emitted::Message(Kind::Text, text.into()),
                    Message::Binary(data) => Emitted::Message(Kind::Binary, data.into()),
                });
            }
            Ok(())
        });
        emitted.extend(fault.map(Emitted::Fail));
        emitted
    }

    fn streamed(&self, wire: &[u8], cuts: &[usize]) -> Vec<Emitted> {
        let (params, decoder) = self.decoder();
        let mut decoder = decoder
            .with_max_message(self.limit.into())
            .with_max_piece(self.max_piece);
        let mut emitted = Vec::new();
        let mut message = Vec::new();
        let fault = drive(params, self.config(), wire, cuts, |event| {
            let Event::Extended(piece) = event else {
                return Ok(());
            };
            let mut inflating = decoder.inflate(piece);
            while let Some(inflated) = inflating.next_piece().map_err(AssembleError::from)? {
                let (kind, bytes, first, last) = match inflated {
                    Inflated::Text(text) => (Kind::Text, text.raw, text.first, text.last),
                    Inflated::Binary { data, first, last } => (Kind::Binary, data, first, last),
                };
                assert!(bytes.len() <= self.max_piece);
                if first {
                    message.clear();
                }
                message.extend_from_slice(bytes);
                if last {
                    emitted.push(Emitted::Message(kind, core::mem::take(&mut message)));
                }
            }
            Ok(())
        });
        emitted.extend(fault.map(Emitted::Fail));
        emitted
    }
}

/// Receives as a client; the close code of the first fault, of the peer's or of `take`'s.
fn drive(
    params: DeflateParams,
    config: Config,
    wire: &[u8],
    cuts: &[usize],
    mut take: impl FnMut(Event<'_>) -> core::result::Result<(), AssembleError>,
) -> Option<u16> {
    let mut client = Connection::client(params.negotiated(), config, || [0; 4]);
    let mut bytes = wire.to_vec();
    let mut rest = bytes.as_mut_slice();
    let mut cuts = cuts.iter().cycle();
    let mut out = Vec::new();
    while !rest.is_empty() {
        let cut = (*cuts.next().expect("a cycle")).min(rest.len());
        let (now, later) = rest.split_at_mut(cut);
        rest = later;
        let mut input = Input::new(now);
        loop {
            match client.receive(&mut input, &mut out) {
                Ok(None) => break,
                Ok(Some(event)) => {
                    if let Err(error) = take(event) {
                        return Some(error.close_code().as_u16());
                    }
                }
                Err(error) => return error.close_code().map(CloseCode::as_u16),
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use crate::support::{read, replay};

    #[test]
    fn seeds() {
        replay("inflate", |bytes| super::check(&read(bytes)));
    }
}
