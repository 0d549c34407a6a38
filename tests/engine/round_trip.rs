//! Contract 14: what one end sends, the other end gets, for every way of sending, every
//! fragmentation, control frames between, and every size of the pieces it arrives in.

use proptest::prelude::*;
use ws_proto::frame::Rsv;
use ws_proto::{
    Assembler, Config, Fin, FixedBuf, Input, Kind, Message, MessageStorage, Negotiated,
};
use ws_proto_suite::call::{any_data, any_text};
use ws_proto_suite::*;

/// How the parts of a message are sent.
#[derive(Clone, Copy, Debug)]
enum How {
    Send,
    Parts,
    Frames,
    /// Parts and frames by turns.
    Mixed,
    Extended,
}

#[derive(Clone, Debug)]
struct Sent {
    how: How,
    kind: Kind,
    parts: Vec<String>,
    data: Vec<Vec<u8>>,
    ping: Option<Vec<u8>>,
}

fn any_sent() -> impl Strategy<Value = Sent> {
    let how = prop_oneof![
        Just(How::Send),
        Just(How::Parts),
        Just(How::Frames),
        Just(How::Mixed),
        Just(How::Extended)
    ];
    let parts = proptest::collection::vec(any_text(), 1..5);
    let data = proptest::collection::vec(
        prop_oneof![9 => any_data(), 1 => Just(vec![5; 66_000])],
        1..4,
    );
    let ping = proptest::option::of(proptest::collection::vec(any::<u8>(), 0..=125));
    (how, any::<bool>(), parts, data, ping).prop_map(|(how, text, parts, data, ping)| Sent {
        how,
        kind: if text { Kind::Text } else { Kind::Binary },
        parts,
        data,
        ping,
    })
}

impl Sent {
    /// The calls that send it, with a Ping or Pong after each part but the last.
    fn calls(&self) -> Vec<Call> {
        let count = if self.kind == Kind::Text {
            self.parts.len()
        } else {
            self.data.len()
        };
        if let How::Send = self.how {
            return match self.kind {
                Kind::Text => self.parts.iter().cloned().map(Call::Text).collect(),
                Kind::Binary => self.data.iter().cloned().map(Call::Binary).collect(),
            };
        }
        let mut calls = Vec::new();
        for n in 0..count {
            let last = n + 1 == count;
            calls.push(self.part(n, if last { Fin::Yes } else { Fin::No }));
            if let Some(ping) = self.ping.as_ref().filter(|_| !last) {
                let ping = ping.clone();
                calls.push(if n % 2 == 0 {
                    Call::Ping(ping)
                } else {
                    Call::Pong(ping)
                });
            }
        }
        calls
    }

    fn part(&self, n: usize, fin: Fin) -> Call {
        let zero_copy = match self.how {
            How::Mixed => n % 2 == 1,
            how => matches!(how, How::Frames),
        };
        match (self.how, self.kind) {
            (How::Extended, Kind::Text) => {
                Call::Extended(self.kind, Rsv::RSV1, self.parts[n].clone().into(), fin)
            }
            (How::Extended, Kind::Binary) => {
                Call::Extended(self.kind, Rsv::RSV2, self.data[n].clone(), fin)
            }
            (_, Kind::Text) if zero_copy => Call::FrameTextPart(self.parts[n].clone(), fin),
            (_, Kind::Text) => Call::TextPart(self.parts[n].clone(), fin),
            (_, Kind::Binary) if zero_copy => Call::FrameBinaryPart(self.data[n].clone(), fin),
            (_, Kind::Binary) => Call::BinaryPart(self.data[n].clone(), fin),
        }
    }

    /// The messages and control frames that the other end emits.
    fn items(&self) -> Vec<Item> {
        if let How::Send = self.how {
            return match self.kind {
                Kind::Text => self.parts.iter().cloned().map(Item::Text).collect(),
                Kind::Binary => self.data.iter().cloned().map(Item::Binary).collect(),
            };
        }
        let mut items = Vec::new();
        for call in self.calls() {
            match call {
                Call::Ping(payload) => items.push(Item::Ping(payload)),
                Call::Pong(payload) => items.push(Item::Pong(payload)),
                _ => {}
            }
        }
        items.push(match (self.how, self.kind) {
            (How::Extended, Kind::Text) => {
                Item::Extended(self.kind, Rsv::RSV1, self.parts.concat().into())
            }
            (How::Extended, Kind::Binary) => {
                Item::Extended(self.kind, Rsv::RSV2, self.data.concat())
            }
            (_, Kind::Text) => Item::Text(self.parts.concat()),
            (_, Kind::Binary) => Item::Binary(self.data.concat()),
        });
        items
    }
}

fn endpoint(side: Side) -> Endpoint {
    Endpoint::with(
        side,
        Negotiated::new().with_rsv(Rsv::RSV1 | Rsv::RSV2),
        Config::new(),
    )
}

fn wire(from: Side, sent: &[Sent]) -> Vec<u8> {
    let mut sender = endpoint(from);
    let calls = sent.iter().flat_map(Sent::calls);
    calls
        .flat_map(|call| call.wire(&mut sender).expect("a legal call"))
        .collect()
}

fn chunks(bytes: &[u8], size: usize) -> Vec<Vec<u8>> {
    bytes.chunks(size).map(<[u8]>::to_vec).collect()
}

/// Receives with an assembler, and gives the messages.
fn assembled(to: Side, bytes: &[u8], size: usize, storage: impl MessageStorage) -> Vec<Item> {
    let mut receiver = endpoint(to);
    let mut assembler = Assembler::new(storage, 1 << 20);
    let mut out = Vec::new();
    let mut items = Vec::new();
    for mut chunk in chunks(bytes, size) {
        let mut input = Input::new(&mut chunk);
        while let Some(event) = receiver
            .receive(&mut input, &mut out)
            .expect("legal frames")
        {
            match assembler.push(event).expect("there is room") {
                Some(Message::Text(text)) => items.push(Item::Text(text.to_owned())),
                Some(Message::Binary(data)) => items.push(Item::Binary(data.to_vec())),
                None => {}
            }
        }
    }
    items
}

proptest! {
    #![proptest_config(cases(120))]

    #[test]
    fn what_is_sent_is_received(
        sent in proptest::collection::vec(any_sent(), 1..5),
        size in prop_oneof![1..20_usize, 1..5000_usize, Just(1 << 30)],
    ) {
        let expected: Vec<_> = sent.iter().flat_map(Sent::items).collect();
        for from in Side::BOTH {
            let bytes = wire(from, &sent);
            let trace = drive(&mut endpoint(from.peer()), &chunks(&bytes, size));
            prop_assert_eq!(trace.error, None);
            prop_assert!(trace.items == expected);

            // And the Pongs come back.
            let answers = run(&mut endpoint(from), &trace.output);
            let pings = expected.iter().filter_map(|item| match item {
                Item::Ping(payload) => Some(Item::Pong(payload.clone())),
                _ => None,
            });
            prop_assert!(answers.items.into_iter().eq(pings));
        }
    }

    #[test]
    fn what_is_sent_is_assembled(
        mut sent in proptest::collection::vec(any_sent(), 1..4),
        size in prop_oneof![1..50_usize, 1..5000_usize],
    ) {
        sent.retain(|sent| !matches!(sent.how, How::Extended));
        let is_message = |item: &Item| matches!(item, Item::Text(_) | Item::Binary(_));
        let expected: Vec<_> = sent.iter().flat_map(Sent::items).filter(is_message).collect();
        for from in Side::BOTH {
            let bytes = wire(from, &sent);
            prop_assert!(assembled(from.peer(), &bytes, size, Vec::new()) == expected);
            let mut array = Box::new(FixedBuf::<200_000>::new());
            prop_assert!(assembled(from.peer(), &bytes, size, &mut *array) == expected);
        }
    }
}
