//! Recordings of Chromium: `interop/browser/record.sh --update` makes them anew.

use ws_proto_test::record::{Event, Recording, replay, show};

fn recording(name: &str) -> Recording {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/recordings");
    Recording::open(format!("{folder}/{name}.jsonl")).unwrap()
}

#[test]
fn sessions_of_chromium_are_replayed_byte_for_byte() {
    for name in ["chromium", "chromium-deflate"] {
        let recording = recording(name);
        let replayed =
            replay(&recording).unwrap_or_else(|difference| panic!("{name}: {difference}"));
        println!("{name}: {replayed}");
        let (received, sent) = (recording.received(), recording.sent());
        assert_eq!(
            (replayed.received, replayed.compared),
            (received.len() as u64, sent.len() as u64)
        );
        assert_eq!(
            (replayed.messages, replayed.cut_off, replayed.unwritten),
            (29, 0, 0)
        );
        let mut text = String::new();
        show(&recording, &mut text).unwrap();
        assert!(
            text.contains("Chrome/") && text.contains("1000 \"that is all\""),
            "{text}"
        );
        assert_eq!(text.contains(", compressed, "), name.ends_with("deflate"));
    }
}

#[test]
fn however_chromium_is_cut_the_bytes_are_the_same() {
    let recording = recording("chromium-deflate");
    for size in [1, 2, 3, 7, 100] {
        let mut cut = recording.clone();
        cut.lines = recording
            .lines
            .iter()
            .flat_map(|line| match &line.event {
                Event::Received { bytes } => {
                    let pieces = bytes.0.chunks(size).map(|piece| {
                        let mut line = line.clone();
                        line.event = Event::Received {
                            bytes: ws_proto_test::record::Bytes(piece.to_vec()),
                        };
                        line
                    });
                    pieces.collect()
                }
                _ => vec![line.clone()],
            })
            .collect();
        assert_eq!(
            replay(&cut).unwrap(),
            replay(&recording).unwrap(),
            "pieces of {size}"
        );
    }
}
