//! The byte vectors of `tests/data`: what every endpoint has to make of given frames.

use ws_proto::{Config, Transport};
use ws_proto_suite::data::{
    AttackCase, FrameCase, frame_attacks, frame_vectors, hex, reply_vectors, unhex,
};
use ws_proto_suite::*;

/// Cases where more than one reading is allowed and ours is not the one in the file.
/// U17: bytes that can never become text are refused at once, inside an unfinished frame too.
const STRICTER: [(&str, &str); 1] = [("U17", "FAIL 1007")];

/// Close frames of the engine carry no reason: texts for machines would only be ignored, and
/// nothing of the peer's is reflected. Code and number of frames are compared.
const CLOSE_WITHOUT_REASON: [&str; 2] = ["R09", "R11"];

#[test]
fn frame_vectors_give_the_expected_events() {
    let (mut ran, mut skipped) = (0, Vec::new());
    for vector in frame_vectors() {
        if vector.pmd.is_some() {
            skipped.push(vector.id);
            continue;
        }
        let mut endpoint = Endpoint::configured(vector.to, config(vector.max));
        let trace = drive(&mut endpoint, &vector.chunks);
        // shows: RFC6455-6.2-01
        assert_eq!(
            describe(&trace),
            expected(&vector),
            "{}: {}",
            vector.id,
            vector.title
        );
        if let Some(error) = trace.error {
            let frames = parse_output(vector.to, &trace.output);
            let closes: Vec<_> = frames.iter().filter(|frame| frame.is_close()).collect();
            assert_eq!(closes.len(), 1, "{}", vector.id);
            assert_eq!(
                closes[0].close_code(),
                Some(error.close_code().as_u16()),
                "{}",
                vector.id
            );
        }
        ran += 1;
    }
    println!(
        "{ran} frame vectors ran; {} need permessage-deflate: {skipped:?}",
        skipped.len()
    );
    assert_eq!((ran, skipped.len()), (85, 50));
}

fn expected(vector: &FrameCase) -> Vec<String> {
    match STRICTER.iter().find(|(id, _)| *id == vector.id) {
        Some((_, ours)) => vec![(*ours).to_owned()],
        None => vector.expect.clone(),
    }
}

/// A trace in the words of the vectors.
fn describe(trace: &Trace) -> Vec<String> {
    let mut words: Vec<_> = trace.items.iter().map(describe_item).collect();
    words.extend(
        trace
            .error
            .map(|error| format!("FAIL {}", error.close_code())),
    );
    words
}

fn describe_item(item: &Item) -> String {
    match item {
        Item::Text(text) => format!("text {}", abridged(text.as_bytes())),
        Item::Binary(data) => format!("bin {}", abridged(data)),
        Item::Ping(payload) => format!("ping {}", abridged(payload)),
        Item::Pong(payload) => format!("pong {}", abridged(payload)),
        Item::Close(code, reason) => format!("close {} '{reason}'", code.unwrap_or(1005)),
        Item::Extended(..) => panic!("no extension was negotiated"),
    }
}

fn abridged(bytes: &[u8]) -> String {
    match bytes.get(..8) {
        Some(start) if bytes.len() > 64 => format!("{}..({}B)", hex(start), bytes.len()),
        _ => hex(bytes),
    }
}

#[test]
fn reply_vectors_give_the_expected_bytes() {
    let vectors = reply_vectors();
    for vector in &vectors {
        let mut server = Endpoint::new(Side::Server);
        let trace = run(&mut server, &vector.input);
        let (expected, ends) = match vector.out.strip_suffix(" +EOF") {
            Some(bytes) => (bytes, true),
            None => (&vector.out[..], false),
        };
        let mut output = hex(&trace.output);
        let mut expected = expected.replace(' ', "");
        if CLOSE_WITHOUT_REASON.contains(&&vector.id[..]) {
            let ours = parse_output(Side::Server, &trace.output);
            let theirs = parse_output(Side::Server, &unhex(&expected));
            assert_eq!((ours.len(), theirs.len()), (1, 1), "{}", vector.id);
            output = format!("{:?}", ours[0].close_code());
            expected = format!("{:?}", theirs[0].close_code());
        }
        assert_eq!(output, expected, "{}", vector.id);
        assert_eq!(trace.transport == Transport::Close, ends, "{}", vector.id);
        assert_eq!(trace.can_send, vector.state == "OPEN", "{}", vector.id);
    }
    println!("{} reply vectors ran", vectors.len());
    assert_eq!(vectors.len(), 9);
}

#[test]
fn attacks_are_survived_or_refused_as_expected() {
    let (mut ran, mut skipped) = (0, Vec::new());
    for attack in frame_attacks() {
        if attack.cfg.pmd {
            skipped.push(attack.id);
            continue;
        }
        match attack.expect.split_once('@') {
            // shows: RFC6455-10.7-01
            Some((code, at)) => assert_refused_at(&attack, code, at.parse().unwrap()),
            None => assert_outcome(&attack),
        }
        ran += 1;
    }
    println!(
        "{ran} attacks ran; {} need permessage-deflate: {skipped:?}",
        skipped.len()
    );
    assert_eq!((ran, skipped.len()), (81, 13));
}

/// Refused with `code` when the byte number `at` is in, and not before.
fn assert_refused_at(attack: &AttackCase, code: &str, at: usize) {
    let bytes = &attack.bytes;
    for chunks in [
        one_byte_at_a_time(&bytes[..at - 1]),
        vec![bytes[..at - 1].to_vec()],
    ] {
        let mut endpoint = Endpoint::configured(attack.to, config(attack.cfg.max_message));
        let before = drive(&mut endpoint, &chunks);
        assert_eq!(before.error, None, "{}: before byte {at}", attack.id);
        let after = run(&mut endpoint, &bytes[at - 1..at]);
        let refused = after.error.map(|error| error.close_code().to_string());
        assert_eq!(
            refused.as_deref(),
            Some(code),
            "{}: at byte {at}",
            attack.id
        );
    }
}

fn assert_outcome(attack: &AttackCase) {
    let mut endpoint = Endpoint::configured(attack.to, config(attack.cfg.max_message));
    let trace = run(&mut endpoint, &attack.bytes);
    if let Some(error) = trace.error {
        assert_eq!(
            error.close_code().to_string(),
            attack.expect,
            "{}",
            attack.id
        );
        return;
    }
    let expected: Vec<_> = attack.expect.split(',').collect();
    assert_eq!(
        trace.items.len(),
        expected.len(),
        "{}: {:?}",
        attack.id,
        trace.items
    );
    let pongs = parse_output(attack.to, &trace.output);
    let mut pongs = pongs.iter().filter(|frame| frame.first == PONG);
    for (item, expected) in trace.items.iter().zip(expected) {
        let (kind, what) = expected.split_once(':').unwrap();
        let (our_kind, bytes) = match item {
            Item::Text(text) => ("text", text.clone().into_bytes()),
            Item::Binary(data) => ("binary", data.clone()),
            Item::Ping(payload) => {
                assert_eq!(&pongs.next().unwrap().payload, payload, "{}", attack.id);
                ("pong", payload.clone())
            }
            Item::Close(code, _) => {
                let code = code.map_or("none".to_owned(), |code| code.to_string());
                assert_eq!((kind, what), ("closed", &code[..]), "{}", attack.id);
                continue;
            }
            other => panic!("{}: {other:?}", attack.id),
        };
        assert_eq!(our_kind, kind, "{}", attack.id);
        match what.parse::<usize>() {
            Ok(len) => assert_eq!(bytes.len(), len, "{}", attack.id),
            Err(_) => assert_eq!(bytes, what.as_bytes(), "{}", attack.id),
        }
    }
}

fn config(max_message: Option<u64>) -> Config {
    max_message.map_or(Config::new(), |max| Config::new().max_message(max))
}
