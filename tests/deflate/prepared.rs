//! Messages that are prepared for many connections: compressed once for a window, and to each receiver as any
//! other.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::sync::Arc;

use ws_proto::extension::deflate::{Deflate, DeflateEncoder, DeflateParams, DeflatePool};
use ws_proto::{
    CloseCode, CloseReason, Config, Connection, EitherRole, Fin, FixedBuf, Limited, MaskSource,
    Negotiated, PreparedMessage, SendError,
};
use ws_proto_suite::Keys;
use ws_proto_suite::deflate::{Emitted, Reference, frames, receive};
use ws_proto_test::random::Random;

type Shared = Arc<[u8]>;
type Prepared = PreparedMessage<Shared>;

const OWN: &str = "the first message, the first message, again the first message";
const WINDOWS: core::ops::RangeInclusive<u8> = 8..=15;

fn params(window_bits: u8, takeover: bool) -> DeflateParams {
    let params = DeflateParams::new()
        .with_server_window_bits(window_bits)
        .and_then(|params| params.with_client_window_bits(window_bits))
        .expect("in range");
    if takeover {
        params
    } else {
        params
            .with_server_takeover(false)
            .with_client_takeover(false)
    }
}

/// One end, and its compressor.
struct End {
    is_client: bool,
    params: DeflateParams,
    connection: Connection<EitherRole<Keys>>,
    encoder: DeflateEncoder,
    keys: Keys,
}

impl End {
    fn new(is_client: bool, deflate: &Deflate, params: DeflateParams) -> Self {
        let (keys, negotiated) = (Keys::default(), params.negotiated());
        let (role, encoder) = if is_client {
            (EitherRole::client(keys.clone()), deflate.client(params).0)
        } else {
            (EitherRole::server(), deflate.server(params).0)
        };
        Self {
            is_client,
            params,
            connection: Connection::with_role(negotiated, Config::new(), role),
            encoder,
            keys,
        }
    }

    /// An own message: its frame, masked as a client's second frame if `after` is one.
    fn own(&mut self, text: &str) -> Vec<u8> {
        let mut out = Vec::new();
        let sent = self.encoder.send_text(&mut self.connection, text, &mut out);
        sent.unwrap();
        out
    }

    fn prepared(&mut self, message: &Prepared) -> Vec<u8> {
        let mut out = Vec::new();
        let sent = self
            .encoder
            .send_prepared(&mut self.connection, message, &mut out);
        sent.unwrap();
        out
    }

    fn received(&self, pieces: &[&[u8]]) -> Vec<Emitted> {
        receive(self.is_client, self.params, 1 << 20, usize::MAX, pieces)
    }
}

fn ends() -> impl Iterator<Item = (bool, bool, u8)> {
    let roles = [false, true].into_iter();
    roles.flat_map(|client| {
        [false, true]
            .into_iter()
            .flat_map(move |takeover| WINDOWS.map(move |bits| (client, takeover, bits)))
    })
}

/// Text of which each half is the same, and the middle nothing before: distances as long as half of it.
fn twice(half: usize) -> String {
    let mut random = Random::new(half as u64);
    let once: String = (0..half)
        .map(|_| char::from(b'a' + random.below(8) as u8))
        .collect();
    once.repeat(2)
}

/// Its frame is the very one that an own message has which nothing precedes: compressed or, if it does not become
/// shorter, not.
#[test]
fn a_receiver_cannot_tell_it_from_another() {
    for (client, takeover, bits) in ends() {
        for text in ["", "Hello", OWN, &twice(300), &twice(5000), &twice(40_000)] {
            for threshold in [0, 100] {
                let deflate = Deflate::new().threshold(threshold).mem_level(1);
                let message = Prepared::text(Arc::<str>::from(text));
                let mut end = End::new(client, &deflate, params(bits, takeover));
                let frame = end.prepared(&message);
                // Without takeover, so that what does not become shorter is sent as it is.
                let expected = End::new(client, &deflate, params(bits, false)).own(text);
                assert!(
                    frame == expected,
                    "{client} {takeover} {bits} {}",
                    text.len()
                );
                assert_eq!(end.received(&[&frame]), [Emitted::Text(text.into())]);
            }
        }
    }
}

/// A message that compressed is exactly as long goes out as it is, prepared or not.
#[test]
fn what_becomes_neither_shorter_nor_longer_is_not_compressed() {
    let deflate = Deflate::new().threshold(0).mem_level(1);
    let texts = (1..40).map(|len| "a".repeat(len));
    // With takeover every message is sent compressed.
    let is_as_long = |text: &String| {
        let wire = End::new(false, &deflate, params(15, true)).own(text);
        frames(&wire).remove(0).1.len() == text.len()
    };
    let texts: Vec<String> = texts.filter(is_as_long).collect();
    assert!(!texts.is_empty());
    for text in texts {
        let expected = [&[0x81, text.len() as u8][..], text.as_bytes()].concat();
        let mut end = End::new(false, &deflate, params(15, false));
        assert_eq!(end.own(&text), expected);
        assert_eq!(
            end.prepared(&Prepared::text(Arc::<str>::from(text))),
            expected
        );
    }
}

/// One message for all: whatever window needs it first, in both roles.
#[test]
fn no_distance_is_longer_than_the_smallest_window_it_goes_to() {
    let deflate = Deflate::new().threshold(0).mem_level(1);
    for half in [
        5, 60, 124, 130, 250, 260, 500, 1000, 2000, 5000, 9000, 20_000, 33_000,
    ] {
        let text = twice(half);
        for first in WINDOWS {
            let message = Prepared::text(Arc::<str>::from(text.as_str()));
            let mut sizes = BTreeSet::new();
            for bits in core::iter::once(first).chain(WINDOWS).chain(WINDOWS.rev()) {
                let mut server = End::new(false, &deflate, params(bits, true));
                let wire = server.prepared(&message);
                let [(head, payload)] = &frames(&wire)[..] else {
                    panic!("one frame");
                };
                assert!(payload.len() <= text.len());
                if head & 0x40 == 0 {
                    assert!(*payload == text.as_bytes());
                    continue;
                }
                assert!(payload.len() < text.len());
                let mut reference = Reference::new(bits);
                assert!(
                    reference.message(payload).unwrap() == text.as_bytes(),
                    "{bits}"
                );
                assert!(reference.longest() <= 1 << bits);
                sizes.insert(payload.len());
                // A client sends the same payload, masked.
                let client = End::new(true, &deflate, params(bits, true)).prepared(&message);
                assert_eq!(client.len(), wire.len() + 4);
            }
            // A larger window makes it shorter, where a smaller does not reach back over half of it.
            assert_eq!(sizes.len() > 1, half >= 260, "{half}");
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// By the encoder.
    Own,
    /// A part by the encoder: it opens a message, or ends the one that is open.
    Part,
    /// The same by the connection.
    PlainPart,
    Prepared(usize),
    /// Prepared, by the connection: not compressed.
    PlainPrepared,
    /// Where the output is too small: nothing is changed.
    Full,
    Ping,
    Release,
}

const STEPS: [Step; 9] = [
    Step::Own,
    Step::Part,
    Step::PlainPart,
    Step::Prepared(0),
    Step::Prepared(1),
    Step::PlainPrepared,
    Step::Full,
    Step::Ping,
    Step::Release,
];

struct Run<'m> {
    end: End,
    messages: &'m [(Prepared, String); 2],
    out: Vec<u8>,
    /// The text of the message that is open, and whether the encoder has begun it.
    open: Option<String>,
    expected: Vec<Emitted>,
}

impl Run<'_> {
    fn step(&mut self, step: Step) {
        let End {
            connection,
            encoder,
            ..
        } = &mut self.end;
        let (before, out) = (self.out.len(), &mut self.out);
        let fin = if self.open.is_some() {
            Fin::Yes
        } else {
            Fin::No
        };
        let (sent, text) = match step {
            Step::Own => (encoder.send_text(connection, OWN, out), OWN),
            Step::Prepared(n) => {
                let (message, text) = &self.messages[n];
                (
                    encoder.send_prepared(connection, message, out),
                    text.as_str(),
                )
            }
            Step::PlainPrepared => {
                let (message, text) = &self.messages[0];
                (connection.send_prepared(message, out), text.as_str())
            }
            Step::Full => {
                let (message, _) = &self.messages[1];
                let mut full = FixedBuf::<7>::new();
                let sent = encoder.send_prepared(connection, message, &mut full);
                let expected = if self.open.is_some() {
                    SendError::MessageOpen
                } else {
                    SendError::OutputFull
                };
                assert_eq!((sent, full.is_empty()), (Err(expected), true));
                return;
            }
            Step::Part | Step::PlainPart => {
                let sent = if step == Step::Part {
                    encoder.send_text_part(connection, OWN, fin, out)
                } else {
                    connection.send_text_part(OWN, fin, out)
                };
                if sent == Err(SendError::MessageOpen) {
                    return; // the encoder has begun it, so the connection cannot go on with it
                }
                assert_eq!(sent, Ok(()));
                let open = self.open.get_or_insert_default();
                open.push_str(OWN);
                if fin == Fin::Yes {
                    self.expected.extend(self.open.take().map(Emitted::Text));
                }
                return;
            }
            Step::Ping => {
                connection.ping(b"between", out).unwrap();
                return self.expected.push(Emitted::Ping((*b"between").into()));
            }
            Step::Release => return encoder.release(),
        };
        if self.open.is_some() {
            assert_eq!((sent, out.len()), (Err(SendError::MessageOpen), before));
        } else {
            assert_eq!(sent, Ok(()));
            self.expected.push(Emitted::Text(text.into()));
        }
    }
}

/// Every order of four steps, in all windows in turn, with the same two messages for all of them. First something
/// to refer to, last something that may.
#[test]
fn in_every_order() {
    let pool = DeflatePool::new(4);
    let deflate = Deflate::new().threshold(0).mem_level(1).pool(&pool);
    let messages = [OWN.to_owned(), twice(700)]
        .map(|text| (Prepared::text(Arc::<str>::from(text.as_str())), text));
    let n = STEPS.len();
    for order in 0..n.pow(4) {
        let steps = [1, n, n * n, n * n * n].map(|i| STEPS[order / i % n]);
        let (client, takeover) = (order % 2 == 0, order % 3 > 0);
        let bits = 8 + (order % 8) as u8;
        let mut run = Run {
            end: End::new(client, &deflate, params(bits, takeover)),
            messages: &messages,
            out: Vec::new(),
            open: None,
            expected: Vec::new(),
        };
        run.step(Step::Own);
        for step in steps {
            run.step(step);
        }
        if run.open.is_some() {
            run.step(Step::Part);
        }
        run.step(Step::Own);
        let emitted = run.end.received(&[&run.out]);
        assert!(
            emitted == run.expected,
            "{client} {takeover} {bits} {steps:?}"
        );
    }
}

/// However the bytes are cut that a receiver gets.
#[test]
fn in_every_cut() {
    let messages = ["ha".repeat(30), OWN.to_owned()]
        .map(|text| (Prepared::text(Arc::<str>::from(text.as_str())), text));
    for (client, takeover, bits) in ends().filter(|(.., bits)| [8, 12, 15].contains(bits)) {
        let deflate = Deflate::new().threshold(0).mem_level(1);
        let mut run = Run {
            end: End::new(client, &deflate, params(bits, takeover)),
            messages: &messages,
            out: Vec::new(),
            open: None,
            expected: Vec::new(),
        };
        for step in [
            Step::Own,
            Step::Prepared(0),
            Step::Part,
            Step::Ping,
            Step::Part,
            Step::PlainPrepared,
            Step::Prepared(1),
            Step::Own,
        ] {
            run.step(step);
        }
        for at in 0..=run.out.len() {
            let (one, other) = run.out.split_at(at);
            assert_eq!(run.end.received(&[one, other]), run.expected, "{at}");
        }
        for size in 1..20 {
            let pieces: Vec<&[u8]> = run.out.chunks(size).collect();
            assert_eq!(run.end.received(&pieces), run.expected, "{size}");
        }
    }
}

/// With takeover the own encoder begins anew after one that went out compressed, and refers to messages it sent
/// since; after one that went out as it is, it goes on.
#[test]
fn the_own_window_is_forgotten_only_if_the_peer_has_another() {
    let deflate = Deflate::new().threshold(50).mem_level(1);
    let compressed = Prepared::text(Arc::<str>::from(twice(200)));
    let short = Prepared::text(Arc::<str>::from("below the threshold"));
    let noise = Prepared::binary(Random::new(1).bytes(200).into());
    for client in [false, true] {
        let mut end = End::new(client, &deflate, params(15, true));
        let first = end.own(OWN).len();
        let again = end.own(OWN).len();
        assert!(again < first / 2, "{again} of {first}");
        for plain in [&short, &noise] {
            let frame = end.prepared(plain);
            assert_eq!(frame[0] & 0x40, 0, "not compressed");
            assert_eq!(end.own(OWN).len(), again);
        }
        let mut full = FixedBuf::<20>::new();
        let sent = end
            .encoder
            .send_prepared(&mut end.connection, &compressed, &mut full);
        assert_eq!(sent, Err(SendError::OutputFull));
        assert_eq!(end.own(OWN).len(), again, "nothing was sent");

        assert_ne!(end.prepared(&compressed)[0] & 0x40, 0, "compressed");
        assert_eq!(end.own(OWN).len(), first);
        assert_eq!(end.own(OWN).len(), again);
    }
}

#[test]
fn an_output_without_room_changes_nothing() {
    let deflate = Deflate::new().threshold(0).mem_level(1);
    let message = Prepared::text(Arc::<str>::from(twice(200)));
    for (client, takeover, bits) in ends() {
        let mut end = End::new(client, &deflate, params(bits, takeover));
        let mut other = End::new(client, &deflate, params(bits, takeover));
        assert_eq!(end.own(OWN), other.own(OWN));
        let expected = other.prepared(&message);
        for room in (0..expected.len()).step_by(23).chain([expected.len() - 1]) {
            let mut out = Limited::new(room);
            let sent = end
                .encoder
                .send_prepared(&mut end.connection, &message, &mut out);
            assert_eq!((sent, out.is_empty()), (Err(SendError::OutputFull), true));
        }
        if client {
            end.keys.set_dry(true);
            let mut out = Vec::new();
            let sent = end
                .encoder
                .send_prepared(&mut end.connection, &message, &mut out);
            assert_eq!((sent, out.len()), (Err(SendError::NoMaskKey), 0));
            end.keys.set_dry(false);
        }
        assert!(
            end.prepared(&message) == expected,
            "{client} {takeover} {bits}"
        );
        assert!(end.own(OWN) == other.own(OWN));
    }
}

thread_local! {
    /// How many payloads were made by compressing, on this thread.
    static MADE: Cell<usize> = const { Cell::new(0) };
}

struct Counted(Vec<u8>);

impl From<Vec<u8>> for Counted {
    fn from(data: Vec<u8>) -> Self {
        MADE.set(MADE.get() + 1);
        Self(data)
    }
}

impl AsRef<[u8]> for Counted {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

#[test]
fn after_close_and_inside_a_message_it_is_refused() {
    let deflate = Deflate::new().threshold(0).mem_level(1);
    let message = PreparedMessage::<Counted>::binary(Counted(twice(200).into()));
    let params = DeflateParams::new();
    let (mut encoder, _) = deflate.server(params);
    for compressed in [false, true] {
        for (error, prepare) in [
            (SendError::MessageOpen, 0),
            (SendError::MessageOpen, 1),
            (SendError::Closed, 2),
            (SendError::Closed, 3),
        ] {
            let mut connection = Connection::server(params.negotiated(), Config::new());
            let mut out = Vec::new();
            match prepare {
                0 => connection.send_binary_part(b"open", Fin::No, &mut out),
                1 => encoder.send_binary_part(&mut connection, b"open", Fin::No, &mut out),
                2 => connection.close(CloseCode::NORMAL, CloseReason::EMPTY, &mut out),
                _ => {
                    assert!(connection.receive_eof().is_err());
                    Ok(())
                }
            }
            .unwrap();
            let before = out.len();
            if compressed {
                let sent = encoder.send_prepared(&mut connection, &message, &mut out);
                assert_eq!(sent, Err(error));
                let framed = encoder.frame_prepared(&mut connection, &message);
                assert_eq!(framed, Err(error));
            } else {
                assert_eq!(connection.send_prepared(&message, &mut out), Err(error));
                assert_eq!(connection.frame_prepared(&message), Err(error));
            }
            assert_eq!(out.len(), before);
            if error == SendError::MessageOpen {
                let rest = encoder.send_binary_part(&mut connection, b"", Fin::Yes, &mut out);
                assert_eq!(rest, Ok(()));
            }
        }
    }
    assert_eq!(MADE.get(), 0, "nothing was compressed for that");
}

/// Where the handshake did not agree on compression, whoever sends it.
#[test]
fn without_an_agreement_it_goes_out_as_it_is() {
    let text = twice(200);
    let message = Prepared::text(Arc::<str>::from(text.as_str()));
    let (encoder, _) = Deflate::new().threshold(0).server(DeflateParams::new());
    let mut agreed = Connection::server(DeflateParams::new().negotiated(), Config::new());
    let [header, _] = encoder.frame_prepared(&mut agreed, &message).unwrap();
    assert_eq!(header[0], 0xc1);

    let mut connection = Connection::server(Negotiated::new(), Config::new());
    let [header, payload] = encoder.frame_prepared(&mut connection, &message).unwrap();
    assert_eq!(
        (header, payload),
        (&b"\x81\x7e\x01\x90"[..], text.as_bytes())
    );
    let mut out = Vec::new();
    encoder
        .send_prepared(&mut connection, &message, &mut out)
        .unwrap();
    assert!(out == [header, payload].concat());
}

/// Threads that need it at once get the same bytes: one for each window that does not reach back over all of it,
/// and one for all that do.
#[test]
fn it_is_compressed_once_for_a_window() {
    let deflate = Deflate::new().threshold(0).mem_level(1);
    // 250 bytes are in reach of a window of 9 bits, 762 of one of 10, 32 506 of one of 15.
    for (half, made) in [
        (125, 1),
        (126, 2),
        (381, 2),
        (382, 3),
        (16_000, 7),
        (40_000, 7),
    ] {
        let message = PreparedMessage::<Counted>::binary(Counted(twice(half).into()));
        let framed = |bits: u8| {
            let params = params(bits, true);
            let (encoder, _) = deflate.server(params);
            let mut connection = Connection::server(params.negotiated(), Config::new());
            let [header, payload] = encoder.frame_prepared(&mut connection, &message).unwrap();
            assert_ne!(header[0] & 0x40, 0);
            (bits, payload.as_ptr() as usize)
        };
        let each = || (WINDOWS.map(framed).collect::<Vec<_>>(), MADE.get());
        let (all, counts): (Vec<_>, Vec<usize>) = std::thread::scope(|scope| {
            let threads = [(); 4].map(|()| scope.spawn(each));
            threads
                .map(|thread| thread.join().unwrap())
                .into_iter()
                .unzip()
        });
        assert_eq!(counts.iter().sum::<usize>(), made, "{half}");
        let all: BTreeSet<(u8, usize)> = all.into_iter().flatten().collect();
        assert_eq!(all.len(), WINDOWS.count(), "each window has one");
        let payloads: BTreeSet<usize> = all.iter().map(|(_, at)| *at).collect();
        assert_eq!(payloads.len(), made);
    }
}

/// With takeover too, whose own messages do not use it.
#[test]
fn its_compressor_is_one_of_the_pool() {
    let pool = DeflatePool::new(1);
    let deflate = Deflate::new().threshold(0).mem_level(1).pool(&pool);
    let mut end = End::new(false, &deflate, params(15, true));
    let idle = |count| assert!(format!("{pool:?}").contains(&format!("deflaters: {count}")));
    end.own(OWN);
    idle(0);
    for text in ["ha".repeat(20), twice(300)] {
        // The second finds the one of the first, without its history.
        let message = Prepared::text(Arc::<str>::from(text.as_str()));
        let mut other = End::new(false, &deflate, params(15, true));
        let frame = other.prepared(&message);
        assert_eq!(other.received(&[&frame]), [Emitted::Text(text)]);
        idle(1);
    }
}

#[test]
fn it_can_be_shared_by_threads() {
    fn is_shared<T: Send + Sync>(_: &T) {}
    let message = Prepared::binary([1, 2, 3][..].into());
    is_shared(&message);
    assert_eq!(message.payload(), [1, 2, 3]);
    let shown = format!("{message:?}");
    assert_eq!(shown, "PreparedMessage { kind: Binary, len: 3, .. }");
}

/// One that knows no key masks nothing: the source is asked once for each frame.
#[test]
fn a_client_masks_each_with_a_key_of_its_own() {
    struct Count(u8);
    impl MaskSource for Count {
        fn mask_key(&mut self) -> Option<[u8; 4]> {
            self.0 += 1;
            Some([self.0; 4])
        }
    }
    let message = PreparedMessage::<&[u8]>::binary(&[0; 3]);
    let mut client = Connection::client(Negotiated::new(), Config::new(), Count(0));
    let mut out = Vec::new();
    for _ in 0..2 {
        client.send_prepared(&message, &mut out).unwrap();
    }
    assert_eq!(
        out,
        b"\x82\x83\x01\x01\x01\x01\x01\x01\x01\x82\x83\x02\x02\x02\x02\x02\x02\x02"
    );
}
