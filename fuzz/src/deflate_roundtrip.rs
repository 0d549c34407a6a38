//! Messages that are compressed in any way come out as they were, and within the window.

use arbitrary::Arbitrary;
use ws_proto::extension::deflate::{Deflate, DeflateParams, DeflatePool};
use ws_proto::{
    Assembler, Config, Connection, Fin, FixedBuf, Input, Limited, Message, PreparedMessage,
};

/// What the fuzzer chooses.
#[derive(Arbitrary, Debug)]
pub struct DeflateRoundtrip<'a> {
    takeover: bool,
    pooled: bool,
    window: u8,
    level: u8,
    mem_level: u8,
    threshold: u8,
    cuts: [u8; 2],
    messages: Vec<Step>,
    /// What the messages are made of.
    source: &'a [u8],
}

/// What is done next.
#[derive(Arbitrary, Debug)]
enum Step {
    /// A message in parts of these lengths, from these places of the source, repeated.
    Send {
        parts: Vec<(u16, u8, u8)>,
        compressed: bool,
    },
    /// A message that has no room: it must leave no trace.
    Lose { from: u16, len: u8 },
    /// The compressor gives its memory back.
    Release,
    /// A message from this place of the source, repeated, that was prepared for a connection of another window.
    Prepared {
        from: u16,
        len: u8,
        times: u8,
        window: u8,
    },
}

/// Sends all messages as a server, receives them as a client, compares.
///
/// # Panics
///
/// If a message arrives changed.
pub fn check(case: &DeflateRoundtrip<'_>) {
    let mut params = DeflateParams::new()
        .with_server_window_bits(8 + case.window % 8)
        .expect("in range");
    if !case.takeover {
        params = params.with_server_takeover(false);
    }
    let mut deflate = Deflate::new()
        .level(case.level % 10)
        .mem_level(1 + case.mem_level % 9)
        .threshold(case.threshold.into());
    if case.pooled {
        deflate = deflate.pool(&DeflatePool::new(2));
    }
    let (mut encoder, _) = deflate.server(params);
    let mut server = Connection::server(params.negotiated(), Config::new());
    let mut out = Limited::new(64 << 20);
    let mut sent = Vec::new();
    for step in case.messages.iter().take(20) {
        match step {
            Step::Release => encoder.release(),
            Step::Lose { from, len } => {
                let lost = case.part(*from, *len, 3);
                let mut full = FixedBuf::<3>::new();
                let result = encoder.send_binary(&mut server, &lost, &mut full);
                if result.is_ok() {
                    // It was short enough to get through.
                    assert!(lost.len() <= 3);
                    ws_proto::Output::put(&mut out, full.pending());
                    sent.push(lost);
                }
            }
            Step::Send { parts, compressed } => {
                let mut message = Vec::new();
                let count = parts.len().clamp(1, 6);
                for i in 0..count {
                    let (from, len, times) = parts.get(i).copied().unwrap_or_default();
                    let part = case.part(from, len, times);
                    let fin = if i + 1 == count { Fin::Yes } else { Fin::No };
                    let result = if *compressed {
                        encoder.send_binary_part(&mut server, &part, fin, &mut out)
                    } else {
                        server.send_binary_part(&part, fin, &mut out)
                    };
                    result.expect("room");
                    message.extend(part);
                }
                sent.push(message);
            }
            Step::Prepared {
                from,
                len,
                times,
                window,
            } => {
                let data = case.part(*from, *len, *times);
                let message = PreparedMessage::<Vec<u8>>::binary(data.clone());
                let others = DeflateParams::new()
                    .with_server_window_bits(8 + window % 8)
                    .expect("in range");
                let (other_encoder, _) = deflate.server(others);
                let mut other = Connection::server(others.negotiated(), Config::new());
                other_encoder
                    .frame_prepared(&mut other, &message)
                    .expect("no message is open");
                encoder
                    .send_prepared(&mut server, &message, &mut out)
                    .expect("room");
                sent.push(data);
            }
        }
    }
    assert!(case.received(params, out.pending()) == sent);
}

impl DeflateRoundtrip<'_> {
    fn part(&self, from: u16, len: u8, times: u8) -> Vec<u8> {
        let from = usize::from(from).min(self.source.len());
        let to = (from + usize::from(len)).min(self.source.len());
        self.source[from..to].repeat(usize::from(times))
    }

    fn received(&self, params: DeflateParams, wire: &[u8]) -> Vec<Vec<u8>> {
        let (_, decoder) = Deflate::new().client(params);
        let mut client = Connection::client(params.negotiated(), Config::new(), || [0; 4]);
        let mut assembler = Assembler::with_extension(Vec::new(), 16 << 20, decoder);
        let mut received = Vec::new();
        let mut bytes = wire.to_vec();
        let mut rest = bytes.as_mut_slice();
        let mut cuts = self.cuts.iter().cycle();
        while !rest.is_empty() {
            // Sixteen at least: it is not cuts that are tried here.
            let cut = (usize::from(*cuts.next().expect("a cycle")) * 16 + 16).min(rest.len());
            let (now, later) = rest.split_at_mut(cut);
            rest = later;
            let mut input = Input::new(now);
            while let Some(event) = client.receive(&mut input, &mut Vec::new()).expect("legal") {
                if let Some(message) = assembler.push(event).expect("decodes") {
                    assert!(matches!(message, Message::Binary(_)));
                    received.push(message.as_bytes().to_vec());
                }
            }
        }
        received
    }
}

#[cfg(test)]
mod tests {
    use crate::support::{read, replay};

    #[test]
    fn seeds() {
        replay("deflate_roundtrip", |bytes| super::check(&read(bytes)));
    }
}
