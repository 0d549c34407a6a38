//! Recordings that somebody else has made, with bad intentions: nothing in them steers a terminal, panics, or takes
//! memory without a bound.

use std::panic::{AssertUnwindSafe, catch_unwind};

use ws_proto_test::inflate::Inflater;
use ws_proto_test::random::Random;
use ws_proto_test::record::{
    Agreed, Bytes, Event, Header, Line, Recording, Send, Wanted, replay, show,
};
use ws_proto_test::wire::{BINARY, FIN, frame};
use ws_proto_test::{Side, for_each_seed};

use crate::record::{driven, session};

const STEERING: &str = "\u{1b}]0;mine\u{7}\nwsp: all is well\u{202e}";

fn recording(header: Header, events: impl IntoIterator<Item = Event>) -> Recording {
    let mut text = Vec::new();
    let lines = events.into_iter().map(|event| Line { micros: 1, event });
    let empty = format!("{}\n", serde_line(&header));
    let mut recording = Recording::read(empty.as_bytes()).unwrap();
    recording.lines = lines.collect();
    // As it comes from a file.
    recording.write(&mut text).unwrap();
    Recording::read(&text[..]).unwrap()
}

fn serde_line(header: &Header) -> String {
    let of = format!("{:?}", header.of).to_lowercase();
    let side = format!("{:?}", header.side).to_lowercase();
    format!(r#"{{"format":"ws-proto-recording","version":1,"of":"{of}","side":"{side}"}}"#)
}

fn received(bytes: Vec<u8>) -> Event {
    let bytes = Bytes(bytes);
    Event::Received { bytes }
}

#[test]
fn no_text_of_a_recording_steers_a_terminal() {
    let text = || STEERING.to_owned();
    let events = [
        Event::ReceiveFailed { error: text() },
        Event::SendFailed { error: text() },
        Event::Tick {
            now: 1,
            result: text(),
        },
        Event::Next {
            want: Wanted::Message,
            result: text(),
            bytes: None,
        },
        Event::Send {
            send: Send::Text { text: text() },
            result: text(),
        },
    ];
    let recording = recording(Header::websocket(Side::Server), events);
    let mut shown = String::new();
    show(&recording, &mut shown).unwrap();
    assert_eq!(shown.lines().count(), 6, "{shown}");
    assert!(shown.is_ascii(), "{shown:?}");
    assert!(!shown.contains(['\u{1b}', '\u{7}']), "{shown:?}");

    for event in &recording.lines[2..] {
        let mut one = recording.clone();
        one.lines = vec![event.clone()];
        let words = replay(&one).unwrap_err().to_string();
        assert!(!words.contains(char::is_control), "{words:?}");
    }
}

#[test]
fn a_bomb_is_forgotten_when_it_is_refused() {
    let mut inflater = Inflater::new(15).limit(1000);
    assert_eq!(
        inflater.message(b"\xf2\x48\xcd\xc9\xc9\x07\x00").unwrap(),
        b"Hello"
    );
    // Two stored blocks of 600 bytes: more than the limit.
    let stored = [&b"\0\x58\x02\xa7\xfd"[..], &[b'x'; 600]].concat();
    assert!(inflater.message(&stored.repeat(2)).is_err());
    assert_eq!(inflater.message(b"\xf2\x00\x11\x00\x00").unwrap(), b"Hello");
}

#[test]
fn a_recording_sets_no_limit_that_takes_all_memory() {
    let mut recording = recording(Header::websocket(Side::Server), []);
    recording.header.settings.max_message = u64::MAX;
    recording.header.settings.max_frame = u64::MAX;
    let agreed = Agreed {
        server_window_bits: 15,
        client_window_bits: 15,
        server_takeover: true,
        client_takeover: true,
    };
    // A block with the fixed code (RFC 1951 3.2.6): a zero, and eight times "258 of these again" every 13 bytes.
    let mut bits = vec![1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0];
    let again = [1, 1, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0];
    while bits.len() < (13 * (300 << 20)) / 258 {
        bits.extend(again);
    }
    bits.extend([0; 7 + 7]);
    let bytes = bits.chunks_exact(8);
    let bytes = bytes.map(|bits| bits.iter().rev().fold(0, |byte, bit| byte << 1 | bit));
    let bomb = frame(
        Side::Server,
        FIN | 0x40 | BINARY,
        &bytes.collect::<Vec<u8>>(),
    );
    let deflate = Some(agreed);
    recording.lines = vec![line(Event::Opened { deflate }), line(received(bomb))];
    // The engine does not inflate all of it in one call.
    let again = line(Event::Next {
        want: Wanted::Message,
        result: "yield".to_owned(),
        bytes: None,
    });
    recording.lines.extend(vec![again; 1_000_000]);
    let difference = replay(&recording).unwrap_err();
    assert!(difference.what.contains("TooBig"), "{difference}");
}

#[test]
fn many_small_frames_in_one_read_take_a_time_that_grows_with_them() {
    let pings = b"\x89\x00".repeat(1_000_000);
    let recording = recording(Header::websocket(Side::Client), [received(pings)]);
    let mut shown = String::new();
    show(&recording, &mut shown).unwrap();
    assert_eq!(shown.lines().count(), 1_000_001);
}

#[test]
fn so_does_playing_them() {
    let [_, mut server] = session(7, false);
    // Up to the response of the handshake.
    let mut sent = Vec::new();
    let whole = std::mem::take(&mut server.lines);
    for line in whole {
        if let Event::Sent { bytes } = &line.event {
            sent.extend(&bytes.0);
        }
        server.lines.push(line);
        if sent.ends_with(b"\r\n\r\n") {
            break;
        }
    }
    let bytes = Bytes(b"\x89\x00".repeat(500_000));
    server.lines.push(line(Event::Sent { bytes }));
    let replayed = replay(&server).unwrap();
    assert!(replayed.compared > 1_000_000, "{replayed}");
}

#[test]
fn a_cut_is_a_cut_in_a_character_too_and_nothing_else_is() {
    let send = Send::Text {
        text: "na\u{ef}ve".to_owned(),
    };
    let result = "()".to_owned();
    let events = [Event::ReceivedEnd, Event::Send { send, result }];
    let recording = recording(Header::websocket(Side::Server), events);
    let mut text = Vec::new();
    recording.write(&mut text).unwrap();
    let in_character = text.iter().position(|byte| *byte == 0xc3).unwrap() + 1;
    let cut = Recording::read(&text[..in_character]).unwrap();
    assert!(cut.is_cut && cut.lines.len() == 1);

    let wrong = String::from_utf8(text).unwrap().replace("naïve", "\\x");
    let error = Recording::read(wrong.as_bytes()).unwrap_err();
    assert!(error.to_string().starts_with("line 3: "), "{error}");
}

/// Numbers that are extreme.
fn number(random: &mut Random) -> u64 {
    let next = random.next();
    random.pick(&[
        0,
        1,
        7,
        255,
        u64::from(u32::MAX),
        i64::MAX as u64,
        u64::MAX,
        next,
    ])
}

fn change(recording: &mut Recording, random: &mut Random) {
    let settings = &mut recording.header.settings;
    let lines = &mut recording.lines;
    let at = random.below(lines.len());
    match random.below(10) {
        0 => drop(lines.remove(at)),
        1 => lines.insert(at, lines[random.below(lines.len())].clone()),
        2 => {
            let other = random.below(lines.len());
            lines.swap(at, other);
        }
        3 => match random.below(6) {
            0 => settings.max_message = number(random),
            1 => settings.max_frame = number(random),
            2 => settings.keepalive_ms = Some(number(random)),
            3 => settings.stall_time_ms = Some(number(random)),
            4 => settings.high_water = Some(number(random) as usize),
            _ => {
                settings.max_fragments = number(random) as u32;
                settings.pong_timeout_ms = number(random);
                settings.close_timeout_ms = number(random);
                settings.linger_ms = Some(number(random));
                settings.deflate.level = number(random) as u8;
                settings.deflate.mem_level = number(random) as u8;
                settings.deflate.server_window_bits = number(random) as u8;
                settings.deflate.client_window_bits = number(random) as u8;
            }
        },
        4 => {
            let agreed = Agreed {
                server_window_bits: random.between(8, 15) as u8,
                client_window_bits: number(random) as u8,
                server_takeover: random.percent(50),
                client_takeover: random.percent(50),
            };
            let deflate = Some(agreed);
            lines.insert(at, line(Event::Opened { deflate }));
        }
        5 => {
            let (now, result) = (number(random), "Ok(None)".to_owned());
            lines.insert(at, line(Event::Tick { now, result }));
        }
        6 => {
            let error = String::new();
            let event = match random.below(4) {
                0 => Event::ReceivedEnd,
                1 => Event::SentEnd,
                2 => Event::ReceiveFailed { error },
                _ => Event::SendFailed { error },
            };
            lines.insert(at, line(event));
        }
        7 => {
            let bytes = random.bytes(random.clone().below(30));
            lines.insert(at, line(received(bytes)));
        }
        _ => {
            if let Event::Received { bytes } | Event::Sent { bytes } = &mut lines[at].event {
                let at = random.below(bytes.0.len().max(1));
                if let Some(byte) = bytes.0.get_mut(at) {
                    *byte = random.byte();
                }
            }
        }
    }
}

fn line(event: Event) -> Line {
    Line { micros: 5, event }
}

#[test]
fn no_change_of_a_recording_panics() {
    for_each_seed(400, |seed| {
        let mut random = Random::nth(seed, 9);
        let recordings = if seed % 2 == 0 {
            session(seed % 20, seed % 4 == 0)
        } else {
            driven(seed)
        };
        for recording in recordings {
            for _ in 0..8 {
                let mut changed = recording.clone();
                for _ in 0..1 + random.below(3) {
                    if !changed.lines.is_empty() {
                        change(&mut changed, &mut random);
                    }
                }
                let played = catch_unwind(AssertUnwindSafe(|| {
                    let _ = replay(&changed);
                    show(&changed, &mut String::new()).unwrap();
                }));
                assert!(played.is_ok(), "{:?}", changed.header);
            }
        }
    });
}
