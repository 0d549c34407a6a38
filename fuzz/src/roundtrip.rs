//! Messages of all kinds, sent in any parts and received in any pieces, come out as they were.

use arbitrary::{Arbitrary, Result, Unstructured};
use ws_proto::extension::{Decode, DecodeError};
use ws_proto::frame::Rsv;
use ws_proto::{
    Assembler, CapacityError, Client, Config, Connection, Event, Extended, Fin, FixedBuf, Input,
    Kind, Message, MessageStorage, Negotiated, Role, SendError, Server, Storage,
};

use crate::support::{Keys, Sink, binary, pieces, text};
use crate::wire::Reader;

/// What the fuzzer chooses.
#[derive(Debug)]
pub struct Roundtrip {
    /// Who sends.
    pub from_client: bool,
    /// Whether the receiver has an array to collect in.
    pub array: bool,
    /// The sizes of the pieces in which it arrives; repeated. All at once if the first is zero.
    pub cuts: [u8; 3],
    /// What is sent.
    pub messages: Vec<Parts>,
}

/// A message, in parts.
#[derive(Debug)]
pub struct Parts {
    kind: Kind,
    way: u8,
    ping_between: bool,
    lengths: Vec<usize>,
}

impl<'a> Arbitrary<'a> for Roundtrip {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let flags: u8 = u.arbitrary()?;
        let cuts = u.arbitrary()?;
        let mut messages = Vec::new();
        // An array has no room for long ones.
        let mut big = if flags & 2 == 0 { 3 } else { 0 };
        while !u.is_empty() && messages.len() < 20 {
            let first: u8 = u.arbitrary()?;
            let count = 1 + usize::from(first >> 4 & 3);
            let lengths = (0..count).map(|_| match u.arbitrary().unwrap_or(0_u8) {
                short @ 0..240 => usize::from(short),
                // Long ones take time: not too many of them.
                edge => {
                    big = i32::max(big - 1, 0);
                    [1000, 65_535, 65_536, 70_000][if big > 0 { usize::from(edge) % 4 } else { 0 }]
                }
            });
            messages.push(Parts {
                lengths: lengths.collect(),
                kind: if first & 1 == 0 {
                    Kind::Text
                } else {
                    Kind::Binary
                },
                way: first >> 1 & 3,
                ping_between: first & 8 != 0,
            });
        }
        Ok(Self {
            from_client: flags & 1 != 0,
            array: flags & 2 != 0,
            cuts,
            messages,
        })
    }
}

/// Sends, receives, compares.
///
/// # Panics
///
/// If a message arrives changed.
pub fn check(roundtrip: &Roundtrip) {
    let negotiated = Negotiated::new().with_rsv(Rsv::RSV1);
    let server = Connection::server(negotiated, Config::new());
    let client = Connection::client(negotiated, Config::new(), Keys::default());
    if roundtrip.from_client {
        transfer(roundtrip, client, server);
    } else {
        transfer(roundtrip, server, client);
    }
}

fn transfer<S: Framed, R: Role>(
    roundtrip: &Roundtrip,
    mut sender: Connection<S>,
    mut receiver: Connection<R>,
) {
    let mut out = Sink::new(usize::MAX);
    let mut messages = Vec::new();
    let mut pings = Vec::new();
    let mut invert = Invert { key: 0x55 };
    for (index, parts) in roundtrip.messages.iter().enumerate() {
        let mut whole = Vec::new();
        let last = parts.lengths.len() - 1;
        for (at, &len) in parts.lengths.iter().enumerate() {
            let seed = (index * 7 + at) as u8;
            let part = match parts.kind {
                Kind::Text => text(len, seed).into_bytes(),
                Kind::Binary => binary(len, seed),
            };
            let fin = if at == last { Fin::Yes } else { Fin::No };
            let whole_message = last == 0;
            send(
                &mut sender,
                parts,
                &part,
                fin,
                whole_message,
                &mut invert,
                &mut out,
            )
            .expect("it can be sent");
            whole.extend_from_slice(&part);
            if parts.ping_between {
                sender.ping(&[seed; 2], &mut out).expect("it can be sent");
                pings.push([seed; 2]);
            }
        }
        messages.push((parts.kind, whole));
    }
    Reader::new(roundtrip.from_client).read(out.pending());

    let mut bytes = out.drain(usize::MAX);
    let cuts = if roundtrip.cuts[0] == 0 {
        &[]
    } else {
        &roundtrip.cuts[..]
    };
    let config = (&mut bytes[..], cuts, &pings[..]);
    let invert = Invert { key: 0x55 };
    if roundtrip.array {
        let storage = Box::new(FixedBuf::<{ 4 * 1003 }>::new());
        receive(
            &mut receiver,
            Assembler::with_extension(Boxed(storage), 1 << 20, invert),
            config,
            &messages,
        );
    } else {
        receive(
            &mut receiver,
            Assembler::with_extension(Vec::new(), 1 << 20, invert),
            config,
            &messages,
        );
    }
}

fn send<S: Framed>(
    sender: &mut Connection<S>,
    parts: &Parts,
    part: &[u8],
    fin: Fin,
    whole: bool,
    invert: &mut Invert,
    out: &mut Sink,
) -> core::result::Result<(), SendError> {
    let text = core::str::from_utf8(part);
    match (parts.way, parts.kind, text) {
        (0, Kind::Text, Ok(text)) if whole => sender.send_text(text, out),
        (0, Kind::Binary, _) if whole => sender.send_binary(part, out),
        (0 | 1, Kind::Text, Ok(text)) => sender.send_text_part(text, fin, out),
        (0 | 1, Kind::Binary, _) => sender.send_binary_part(part, fin, out),
        (2, kind, _) => {
            let mut encoded = Vec::new();
            invert.encode(part, fin, &mut encoded);
            sender.send_extended(kind, Rsv::RSV1, &encoded, fin, out)
        }
        _ => S::frame(sender, parts.kind, part, whole, fin, out),
    }
}

fn receive<R: Role, S: MessageStorage>(
    receiver: &mut Connection<R>,
    mut assembler: Assembler<S, Invert>,
    (bytes, cuts, pings): (&mut [u8], &[u8], &[[u8; 2]]),
    expected: &[(Kind, Vec<u8>)],
) {
    let mut expected = expected.iter();
    let mut pings = pings.iter();
    let mut pongs = Sink::new(usize::MAX);
    for piece in pieces(bytes, cuts) {
        let mut input = Input::new(piece);
        while let Some(event) = receiver
            .receive(&mut input, &mut pongs)
            .expect("it is legal")
        {
            if matches!(event, Event::Ping) {
                let ping = pings.next().expect("it was sent");
                assert_eq!(receiver.control_payload(), ping);
            }
            if let Some(message) = assembler.push(event).expect("it fits") {
                let (kind, whole) = expected.next().expect("it was sent");
                assert_eq!((message.kind(), message.as_bytes()), (*kind, &whole[..]));
                assert_eq!(matches!(message, Message::Text(_)), *kind == Kind::Text);
            }
        }
        assert!(input.is_empty());
    }
    assert!(
        expected.next().is_none() && pings.next().is_none(),
        "all of it"
    );
}

/// The zero-copy calls, which differ between the roles.
trait Framed: Role + Sized {
    fn frame(
        connection: &mut Connection<Self>,
        kind: Kind,
        part: &[u8],
        whole: bool,
        fin: Fin,
        out: &mut Sink,
    ) -> core::result::Result<(), SendError>;
}

impl Framed for Server {
    fn frame(
        connection: &mut Connection<Self>,
        kind: Kind,
        part: &[u8],
        whole: bool,
        fin: Fin,
        out: &mut Sink,
    ) -> core::result::Result<(), SendError> {
        let payload = match core::str::from_utf8(part) {
            Ok(text) if kind == Kind::Text && whole => connection.frame_text(text, out)?,
            _ if whole => connection.frame_binary(part, out)?,
            Ok(text) if kind == Kind::Text => connection.frame_text_part(text, fin, out)?,
            _ => connection.frame_binary_part(part, fin, out)?,
        };
        out.write_behind(payload);
        Ok(())
    }
}

impl Framed for Client<Keys> {
    fn frame(
        connection: &mut Connection<Self>,
        kind: Kind,
        part: &[u8],
        whole: bool,
        fin: Fin,
        out: &mut Sink,
    ) -> core::result::Result<(), SendError> {
        let mut part = part.to_vec();
        let payload = match kind {
            Kind::Text if whole => connection.frame_text(&mut part, out)?,
            Kind::Binary if whole => connection.frame_binary(&mut part, out)?,
            Kind::Text => connection.frame_text_part(&mut part, fin, out)?,
            Kind::Binary => connection.frame_binary_part(&mut part, fin, out)?,
        };
        out.write_behind(payload);
        Ok(())
    }
}

/// An extension: every byte XORed with a key that changes from byte to byte, and doubled.
struct Invert {
    key: u8,
}

impl Invert {
    fn encode(&mut self, part: &[u8], fin: Fin, to: &mut Vec<u8>) {
        for &byte in part {
            to.push(byte ^ self.key);
            self.key = self.key.rotate_left(1);
        }
        if fin == Fin::Yes {
            self.key = 0x55;
        }
    }
}

impl Decode for Invert {
    fn decode<S: MessageStorage>(
        &mut self,
        piece: Extended<'_>,
        room: u64,
        to: &mut S,
    ) -> core::result::Result<(), DecodeError> {
        if piece.data.len() as u64 > room {
            return Err(DecodeError::TooBig);
        }
        for byte in piece.data.iter() {
            to.store(&[byte ^ self.key])?;
            self.key = self.key.rotate_left(1);
        }
        if piece.last {
            self.key = 0x55;
        }
        Ok(())
    }
}

/// A big array on the heap.
struct Boxed<const N: usize>(Box<FixedBuf<N>>);

impl<const N: usize> Storage for Boxed<N> {
    fn bytes(&self) -> &[u8] {
        self.0.bytes()
    }

    fn store(&mut self, bytes: &[u8]) -> core::result::Result<(), CapacityError> {
        self.0.store(bytes)
    }

    fn truncate(&mut self, len: usize) {
        self.0.truncate(len);
    }

    fn clear(&mut self) {
        Storage::clear(&mut *self.0);
    }
}

impl<const N: usize> MessageStorage for Boxed<N> {}

#[cfg(test)]
mod tests {
    use crate::support::{read, replay};

    #[test]
    fn seeds() {
        replay("roundtrip", |bytes| super::check(&read(bytes)));
    }
}
