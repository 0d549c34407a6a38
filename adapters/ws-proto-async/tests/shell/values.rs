//! Messages and texts, and what they are made of and become.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::task::Poll;

use ws_proto_async::{Bytes, CloseCode, Kind, Message, Piece, PreparedMessage, Utf8Bytes};
use ws_proto_test::task::Wakes;

use crate::common::{frame, poll, quiet, server};

const WORD: &str = "grün";

/// A text by every way.
fn texts() -> Vec<Utf8Bytes> {
    vec![
        Utf8Bytes::from_static(WORD),
        WORD.into(),
        String::from(WORD).into(),
        (&String::from(WORD)).into(),
        Box::<str>::from(WORD).into(),
        Cow::Borrowed(WORD).into(),
        Cow::<str>::Owned(WORD.into()).into(),
        Arc::<str>::from(WORD).into(),
        Bytes::from(WORD).try_into().unwrap(),
        WORD.as_bytes().to_vec().try_into().unwrap(),
    ]
}

#[test]
fn a_text_is_what_it_was_made_of() {
    for text in texts() {
        assert_eq!(text.as_str(), WORD);
        assert_eq!(
            (text.to_string(), format!("{text:?}")),
            (WORD.into(), format!("{WORD:?}"))
        );
        assert_eq!(AsRef::<[u8]>::as_ref(&text), WORD.as_bytes());
        assert_eq!(AsRef::<str>::as_ref(&text), WORD);
        assert_eq!(Bytes::from(text.clone()), WORD.as_bytes());
        assert_eq!(String::from(text.clone()), WORD);
        assert_eq!(text.len(), WORD.len());
    }
    assert_eq!(Utf8Bytes::default(), "");
    let latin = b"gr\xfcn";
    assert_eq!(
        Utf8Bytes::try_from(latin.to_vec())
            .unwrap_err()
            .valid_up_to(),
        2
    );
    assert!(Utf8Bytes::try_from(Bytes::from_static(latin)).is_err());
}

#[test]
fn texts_compare_as_str_does() {
    let other = Utf8Bytes::from("gelb");
    for text in texts() {
        let (same, another) = (String::from(WORD), String::from("gelb"));
        assert!(text == texts()[0] && text == *WORD && text == WORD && text == same);
        assert!(text != other && text != *"gelb" && text != "gelb" && text != another);
        assert!(other < text && text <= texts()[0]);
        let map = HashMap::from([(text.clone(), 1)]);
        assert_eq!((map.get(WORD), map.get("gelb")), (Some(&1), None));
        let set = BTreeSet::from([other.clone(), text]);
        assert!(set.iter().map(Utf8Bytes::as_str).eq(["gelb", WORD]));
    }
}

#[test]
fn a_message_is_what_it_was_made_of() {
    let messages: [Message; 4] = [
        WORD.into(),
        String::from(WORD).into(),
        Utf8Bytes::from(WORD).into(),
        Message::text(WORD),
    ];
    for message in messages {
        assert_eq!(message, Message::Text(WORD.into()));
        assert_eq!(
            (message.kind(), message.as_text()),
            (Kind::Text, Some(WORD))
        );
        assert_eq!((message.as_bytes(), message.len()), (WORD.as_bytes(), 5));
        assert_eq!(message.to_text(), Ok(WORD));
        assert_eq!(message.clone().into_text().unwrap(), WORD);
        assert_eq!(message.clone().into_bytes(), WORD.as_bytes());
        assert_eq!(Bytes::from(message.clone()), WORD.as_bytes());
        assert_eq!(Vec::from(message), WORD.as_bytes());
    }
    let data = b"gr\xfcn";
    let messages: [Message; 4] = [
        data[..].into(),
        data.to_vec().into(),
        Bytes::from_static(data).into(),
        Message::binary(&data[..]),
    ];
    for message in messages {
        assert_eq!(message, Message::Binary(Bytes::from_static(data)));
        assert_eq!((message.kind(), message.as_text()), (Kind::Binary, None));
        assert_eq!((message.as_bytes(), message.len()), (&data[..], 4));
        assert!(message.to_text().is_err() && message.clone().into_text().is_err());
        assert_eq!(message.clone().into_bytes(), data[..]);
        assert_eq!(Vec::from(message), data);
    }
    let ascii = Message::binary(&b"green"[..]);
    assert_eq!(ascii.to_text(), Ok("green"));
    assert_eq!(ascii.into_text().unwrap(), "green");
    assert!(Message::text("").is_empty() && Message::binary(Bytes::new()).is_empty());
    assert!(!Message::text("a").is_empty());
}

#[test]
fn a_prepared_message_is_what_it_was_made_of() {
    for message in [Message::text(WORD), Message::binary(&b"gr\xfcn"[..])] {
        let prepared = PreparedMessage::from(message.clone());
        assert_eq!(
            (prepared.kind(), prepared.payload()),
            (message.kind(), message.as_bytes())
        );
    }
}

#[test]
fn a_message_can_be_its_only_piece() {
    let piece = Piece::from(Message::text(WORD));
    assert!(piece.first && piece.last);
    assert_eq!(piece.data, Message::text(WORD));
}

#[test]
fn a_close_is_told_in_words() {
    for (body, words) in [
        (&b"\x03\xe8"[..], "1000"),
        (b"\x03\xf0no", "1008 (no)"),
        (b"", "no code"),
    ] {
        let ((mut socket, hand), task) = (server(quiet()), Wakes::new());
        hand.put(&frame(0x88, body));
        hand.end();
        assert!(matches!(poll(&task, socket.next()), Poll::Ready(None)));
        let closed = socket.closed().unwrap();
        assert_eq!(closed.to_string(), words);
        assert_eq!(closed.code.is_none(), body.is_empty());
        let (read, write) = socket.split();
        assert_eq!(
            (read.closed(), write.closed()),
            (Some(closed.clone()), Some(closed))
        );
    }
    let ((socket, _), code) = (server(quiet()), CloseCode::NORMAL);
    let (read, mut write) = socket.split();
    write.start_close(code, "").unwrap();
    assert_eq!(
        (read.closed(), write.closed()),
        (None, None),
        "not the peer's"
    );
}

/// Also where nothing of it has come but the header.
#[test]
fn the_length_of_what_was_refused_is_told() {
    let header = b"\x82\xff\0\0\x01\0\0\0\0\0\0\0\0\0";
    let refused = || {
        let ((mut socket, hand), task) = (server(quiet()), Wakes::new());
        assert_eq!(socket.refused_len(), None);
        hand.put(header);
        hand.end();
        let next = poll(&task, socket.next());
        assert!(matches!(next, Poll::Ready(Some(Err(_)))), "{next:?}");
        socket
    };
    assert_eq!(refused().refused_len(), Some(1 << 40));
    let (read, write) = refused().split();
    assert_eq!(read.refused_len(), Some(1 << 40));
    assert_eq!(write.refused_len(), Some(1 << 40));
}
