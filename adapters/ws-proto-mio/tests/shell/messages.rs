//! Messages both ways, in every size of pipe, and what a connection keeps.

use crate::common::{Seen, at, echo, pair, turn, turn_with};
use mio::Token;
use ws_proto_mio::{
    Buffers, Bytes, Fin, Kind, Message, Negotiated, Options, PreparedMessage, SendError, WebSocket,
};
use ws_proto_test::stream::{End, pipe};

/// Sends all of `messages` and plays turns until their echoes are there.
fn echoed(capacity: usize, options: &Options, messages: &[Message<'_>]) -> usize {
    let (mut server, mut client, mut buffers) = pair(capacity, options, options);
    let (mut sent, mut got) = (0, Vec::new());
    for _ in 0..1_000_000 {
        while let Some(message) = messages.get(sent) {
            match client.sender().unwrap().send(*message) {
                Ok(()) => sent += 1,
                Err(SendError::OutputFull) => break,
                Err(error) => panic!("{error}"),
            }
        }
        echo(&mut server, &mut buffers, at(0)).1.unwrap();
        let (seen, result) = turn(&mut client, &mut buffers, at(0));
        result.unwrap();
        got.extend(seen);
        if got.len() == messages.len() {
            break;
        }
    }
    let expected: Vec<Seen> = messages
        .iter()
        .map(|message| match message {
            Message::Text(text) => Seen::Text((*text).into()),
            Message::Binary(data) => Seen::Binary((*data).into()),
        })
        .collect();
    assert_eq!(got, expected, "through a pipe of {capacity} bytes");
    got.len()
}

#[test]
fn messages_come_back_through_pipes_of_every_size() {
    let big: Vec<u8> = (0..100_000_u32).map(|i| i as u8).collect();
    let text = "grüße ".repeat(3000);
    let mut messages = vec![
        Message::Text(""),
        Message::Binary(&big),
        Message::Text(&text),
    ];
    for n in [1, 125, 126, 127, 4095, 4096, 65_535, 65_536] {
        messages.push(Message::Binary(&big[..n]));
        messages.push(Message::Text("short"));
    }
    let mut count = 0;
    for capacity in [300, 1000, 4096, 65_536, 10_000_000] {
        for high_water in [1024, 64 * 1024] {
            let options = Options::new().high_water(high_water);
            count += echoed(capacity, &options, &messages);
        }
    }
    println!("{count} messages came back");
}

#[cfg(feature = "deflate")]
#[test]
fn compressed_messages_come_back() {
    let deflate = ws_proto_mio::Deflate::new();
    let options = Options::new().deflate(deflate);
    let text = "compress me, ".repeat(5000);
    let messages = [
        Message::Text(&text),
        Message::Binary(&[7; 70_000]),
        Message::Text("x"),
    ];
    let (server, ..) = pair(1 << 20, &options, &options);
    assert!(server.can_send());
    for capacity in [400, 1 << 20] {
        assert_eq!(echoed(capacity, &options, &messages), 3);
    }
}

#[cfg(feature = "deflate")]
#[test]
fn compressed_messages_are_compressed_and_come_in_pieces() {
    let options = Options::new()
        .deflate(ws_proto_mio::Deflate::new())
        .config(ws_proto_mio::Config::new().max_message(64 << 20));
    let (mut server, mut client, mut buffers) = pair(1 << 20, &options, &options);
    let big = vec![b'a'; 20 << 20];
    let text = std::str::from_utf8(&big).unwrap();
    client.sender().unwrap().send_text(text).unwrap();
    assert!(client.pending_bytes() < big.len() / 50, "it is compressed");
    let (mut len, mut most, mut last) = (0, 0, false);
    while !last {
        turn(&mut client, &mut buffers, at(0)).1.unwrap();
        server.note_ready();
        let mut turn = server.turn(&mut buffers, at(0));
        while turn.read() {
            while let Some(piece) = turn.next_piece().unwrap() {
                let n = piece.data.as_bytes().len();
                assert_eq!(piece.first, len == 0);
                len += n;
                most = most.max(n);
                last = piece.last;
            }
        }
    }
    assert_eq!(len, big.len());
    assert!(most <= 2 << 20, "{most} bytes at once");
}

#[cfg(feature = "deflate")]
#[test]
fn a_message_can_be_kept_from_being_compressed() {
    let options = Options::new().deflate(ws_proto_mio::Deflate::new());
    let (mut server, mut client, mut buffers) = pair(1 << 20, &options, &options);
    let agreed = (server.deflate().unwrap(), client.deflate().unwrap());
    assert_eq!(agreed.0, agreed.1);
    let text = "secret ".repeat(1000);
    let mut sizes = Vec::new();
    let mut sender = client.sender().unwrap();
    let mut waiting = sender.room();
    let mut sent = |sender: &mut ws_proto_mio::Sender<'_, End>| {
        let room = sender.room();
        sizes.push(waiting - room);
        waiting = room;
    };
    sender.send_text(&text).unwrap();
    sent(&mut sender);
    sender.send_uncompressed(Message::Text(&text)).unwrap();
    sent(&mut sender);
    sender.send_text(&text).unwrap();
    sent(&mut sender);
    // A message goes on as it began.
    sender.send_text_part(&text, Fin::No).unwrap();
    sent(&mut sender);
    sender.set_compressing(false);
    sender.send_text_part(&text, Fin::Yes).unwrap();
    sent(&mut sender);
    sender.send_text_part(&text, Fin::No).unwrap();
    sent(&mut sender);
    sender.set_compressing(true);
    sender.send_text_part(&text, Fin::Yes).unwrap();
    sent(&mut sender);
    let plain: Vec<bool> = sizes.iter().map(|size| *size > text.len()).collect();
    assert_eq!(plain, [false, true, false, false, false, true, true]);

    turn(&mut client, &mut buffers, at(0)).1.unwrap();
    let (seen, result) = turn(&mut server, &mut buffers, at(0));
    result.unwrap();
    let twice = Seen::Text(text.repeat(2));
    let once = || Seen::Text(text.clone());
    assert_eq!(
        seen,
        [once(), once(), once(), twice, Seen::Text(text.repeat(2))]
    );
    let (without, ..) = pair(1 << 20, &options, &Options::new());
    assert_eq!(without.deflate(), None);
}

#[test]
fn one_buffer_serves_all_and_idle_connections_keep_nothing() {
    let options = Options::new();
    let mut buffers = Buffers::new();
    let mut pairs: Vec<_> = (0..50).map(|_| pair(1 << 20, &options, &options)).collect();
    for (i, (server, client, _)) in pairs.iter_mut().enumerate() {
        client
            .sender()
            .unwrap()
            .send_text(&"x".repeat(i * 700))
            .unwrap();
        turn(client, &mut buffers, at(0)).1.unwrap();
        assert_eq!(client.pending_bytes(), 0);
        echo(server, &mut buffers, at(0)).1.unwrap();
    }
    for (i, (server, client, _)) in pairs.iter_mut().enumerate() {
        let (seen, result) = turn(client, &mut buffers, at(0));
        result.unwrap();
        assert_eq!(seen, [Seen::Text("x".repeat(i * 700))]);
        assert_eq!(server.pending_bytes(), 0);
    }
    let size = size_of::<WebSocket<()>>();
    println!("a connection is {size} bytes");
    assert!(size <= 336, "{size}");
}

#[test]
fn a_message_can_be_taken_in_pieces_while_it_comes() {
    let options = Options::new();
    let (mut server, mut client, mut buffers) = pair(1000, &options, &options);
    let text = "aé€😀".repeat(2000);
    client.sender().unwrap().send_text(&text).unwrap();
    let (mut got, mut pieces, mut last) = (String::new(), 0, false);
    while !last {
        turn(&mut client, &mut buffers, at(0)).1.unwrap();
        server.note_ready();
        let mut turn = server.turn(&mut buffers, at(0));
        while turn.read() {
            while let Some(piece) = turn.next_piece().unwrap() {
                assert_eq!((piece.kind, piece.first), (Kind::Text, pieces == 0));
                let Message::Text(body) = piece.data else {
                    panic!("text")
                };
                got.extend(piece.head);
                got.push_str(body);
                pieces += 1;
                last = piece.last;
            }
        }
    }
    assert_eq!(got, text);
    assert!(pieces >= text.len() / 1000, "{pieces} pieces");
}

#[test]
fn the_rest_of_a_message_whose_beginning_was_taken_is_dropped() {
    let options = Options::new();
    let (mut server, mut client, mut buffers) = pair(1000, &options, &options);
    client.sender().unwrap().send_binary(&[1; 5000]).unwrap();
    client.sender().unwrap().send_text("next").unwrap();
    server.note_ready();
    let mut one = server.turn(&mut buffers, at(0));
    assert!(!one.read());
    drop(one);
    turn(&mut client, &mut buffers, at(0)).1.unwrap();
    server.note_ready();
    let mut one = server.turn(&mut buffers, at(0));
    assert!(one.read());
    assert!(one.next_piece().unwrap().is_some_and(|piece| piece.first));
    drop(one);
    let mut got = Vec::new();
    while got.is_empty() {
        turn(&mut client, &mut buffers, at(0)).1.unwrap();
        let (seen, result) = turn(&mut server, &mut buffers, at(0));
        result.unwrap();
        got = seen;
    }
    assert_eq!(got, [Seen::Text("next".into())]);
}

#[test]
fn messages_are_sent_in_parts_and_by_reference() {
    let options = Options::new();
    let (mut server, mut client, mut buffers) = pair(1 << 20, &options, &options);
    for socket in [&mut server, &mut client] {
        let mut sender = socket.sender().unwrap();
        sender.send_text_part("in ", Fin::No).unwrap();
        assert_eq!(sender.send_text("x"), Err(SendError::MessageOpen));
        sender.send_text_part("parts", Fin::Yes).unwrap();
        let shared = Bytes::from(vec![5; 20_000]);
        sender.send_binary_shared(shared.clone()).unwrap();
        sender.ping(b"abc").unwrap();
        assert_eq!(
            shared,
            vec![5; 20_000],
            "what is shared is not masked in place"
        );
    }
    turn(&mut server, &mut buffers, at(0)).1.unwrap();
    let (seen, _) = turn(&mut client, &mut buffers, at(0));
    let expected = [
        Seen::Text("in parts".into()),
        Seen::Binary(vec![5; 20_000]),
        Seen::Ping(b"abc".to_vec()),
    ];
    assert_eq!(seen, expected);
    let (mut seen, _) = turn(&mut server, &mut buffers, at(0));
    let (more, _) = turn(&mut client, &mut buffers, at(0));
    seen.extend(turn(&mut server, &mut buffers, at(0)).0);
    assert_eq!(seen[..3], expected);
    assert_eq!(more, [Seen::Pong(b"abc".to_vec())]);
}

#[test]
fn one_prepared_message_goes_to_all() {
    let options = Options::new();
    let (mut server, mut client, mut buffers) = pair(1 << 20, &options, &options);
    let big = Bytes::from(vec![5; 20_000]);
    let (text, binary) = (
        PreparedMessage::text("to all"),
        PreparedMessage::binary(big.clone()),
    );
    for socket in [&mut server, &mut client] {
        let mut sender = socket.sender().unwrap();
        sender.send_prepared(&text).unwrap();
        sender.send_text("own").unwrap();
        sender.send_prepared(&binary).unwrap();
        sender.send_text_part("in ", Fin::No).unwrap();
        assert_eq!(sender.send_prepared(&text), Err(SendError::MessageOpen));
        sender.send_text_part("parts", Fin::Yes).unwrap();
    }
    assert_eq!(binary.payload(), big, "it is not masked in place");
    turn(&mut server, &mut buffers, at(0)).1.unwrap();
    let (seen, _) = turn(&mut client, &mut buffers, at(0));
    let expected = [
        Seen::Text("to all".into()),
        Seen::Text("own".into()),
        Seen::Binary(vec![5; 20_000]),
        Seen::Text("in parts".into()),
    ];
    assert_eq!(seen, expected);
    assert_eq!(turn(&mut server, &mut buffers, at(0)).0, expected);
}

#[test]
fn a_peer_that_does_not_read_stops_what_is_read_from_it() {
    let options = Options::new().high_water(4096);
    let (mut server, mut client, mut buffers) = pair(2000, &options, &options);
    let mut sent = 0;
    for _ in 0..2000 {
        while client.sender().unwrap().send_binary(&[3; 500]).is_ok() {
            sent += 1;
        }
        // The client writes and never reads.
        client.note_ready();
        let mut one = client.turn(&mut buffers, at(0));
        let _ = one.read();
        drop(one);
        echo(&mut server, &mut buffers, at(0)).1.unwrap();
        assert!(
            server.pending_bytes() <= 4096 + 600,
            "{}",
            server.pending_bytes()
        );
    }
    assert!(sent < 50, "{sent} messages were taken");
    assert!(!server.has_more(), "it waits for the stream");
    // Now it reads: everything comes.
    let mut got = 0;
    while got < sent {
        got += turn(&mut client, &mut buffers, at(0)).0.len();
        echo(&mut server, &mut buffers, at(0)).1.unwrap();
    }
    println!("{got} of {sent} messages came back");
}

#[test]
fn unasked_messages_are_refused_at_the_high_water_mark() {
    let options = Options::new().high_water(4096);
    let (mut server, mut client, mut buffers) = pair(1000, &options, &options);
    turn(&mut server, &mut buffers, at(0)).1.unwrap();
    let mut sent = 0;
    let refused = loop {
        match server.sender().unwrap().send_binary(&[1; 1000]) {
            Ok(()) => sent += 1,
            Err(error) => break error,
        }
    };
    assert_eq!(refused, SendError::OutputFull);
    assert_eq!(server.sender().unwrap().room(), 0);
    // It still receives.
    client.sender().unwrap().send_text("hello").unwrap();
    client.note_ready();
    let _ = client.turn(&mut buffers, at(0)).read();
    let (seen, _) = turn(&mut server, &mut buffers, at(0));
    assert_eq!(seen, [Seen::Text("hello".into())]);
    let mut got = 0;
    while got < sent {
        got += turn(&mut client, &mut buffers, at(0)).0.len();
        turn(&mut server, &mut buffers, at(0)).1.unwrap();
    }
}

#[test]
fn what_is_sent_in_a_turn_leaves_in_order_whatever_else_uses_the_buffers() {
    let options = Options::new();
    // A pipe that takes all, and one that takes a part at a time.
    for capacity in [100_000, 3000, 300] {
        let (mut server, mut client, mut buffers) = pair(capacity, &options, &options);
        let (mut other, mut stranger, _) = pair(capacity, &options, &options);
        turn(&mut server, &mut buffers, at(0)).1.unwrap();
        client.sender().unwrap().send_text("kept").unwrap();
        let _ = client.turn(&mut buffers, at(0)).read();
        let news = PreparedMessage::binary(Bytes::from(vec![7; 5000]));
        for socket in [&mut server, &mut other] {
            socket.note_ready();
            let mut turn = socket.turn(&mut buffers, at(0));
            let mut sender = turn.sender().unwrap();
            sender.send_prepared(&news).unwrap();
            sender.send_text("after it").unwrap();
            let _ = turn.read();
        }
        assert_eq!(server.pending_bytes() == 0, capacity == 100_000);
        let kept = Seen::Text("kept".into());
        for (from, to, expected_of_peer) in [
            (&mut server, &mut client, vec![kept]),
            (&mut other, &mut stranger, vec![]),
        ] {
            let (mut seen, mut of_peer) = (Vec::new(), Vec::new());
            while seen.len() < 2 {
                let (events, result) = turn(to, &mut buffers, at(0));
                result.unwrap();
                seen.extend(events);
                of_peer.extend(turn(from, &mut buffers, at(0)).0);
            }
            let expected = [Seen::Binary(vec![7; 5000]), Seen::Text("after it".into())];
            assert_eq!(seen, expected, "{capacity}");
            assert_eq!(of_peer, expected_of_peer, "{capacity}");
        }
    }
}

#[test]
fn a_fast_peer_gets_no_more_than_its_budget_in_a_turn() {
    let options = Options::new().read_budget(10_000);
    let (mut server, mut client, _) = pair(1 << 20, &options, &Options::new());
    let mut buffers = Buffers::with_size(4096);
    for _ in 0..50 {
        client.sender().unwrap().send_binary(&[1; 1000]).unwrap();
    }
    client.note_ready();
    let _ = client.turn(&mut buffers, at(0)).read();
    let (mut got, mut turns) = (0, 0);
    while got < 50 {
        let (seen, _) = turn(&mut server, &mut buffers, at(0));
        assert!(seen.len() <= 14, "{} messages in one turn", seen.len());
        got += seen.len();
        turns += 1;
        assert!(server.has_more() || got == 50);
    }
    assert!(turns >= 4, "{turns} turns");
}

#[test]
fn a_turn_that_is_left_early_loses_nothing() {
    let options = Options::new();
    let (mut server, mut client, mut buffers) = pair(1 << 20, &options, &options);
    for i in 0..20 {
        client
            .sender()
            .unwrap()
            .send_text(&format!("message {i}"))
            .unwrap();
    }
    client.note_ready();
    let _ = client.turn(&mut buffers, at(0)).read();
    server.note_ready();
    for i in 0..20 {
        let mut one = server.turn(&mut buffers, at(0));
        assert!(one.read());
        match one.next_event().unwrap() {
            Some(ws_proto_mio::Event::Message(Message::Text(text), _)) => {
                assert_eq!(text, format!("message {i}"));
            }
            other => panic!("{other:?}"),
        }
        drop(one);
        // The buffer is used for others meanwhile.
        turn(&mut client, &mut buffers, at(0)).1.unwrap();
        assert!(server.has_more() || i == 19);
    }
}

#[test]
fn a_connection_starts_behind_a_handshake_made_elsewhere() {
    let (left, mut raw) = pipe(1000);
    let options = Options::new();
    let received = b"\x81\x82\0\0\0\0hi";
    let mut server = WebSocket::server(left, Token(3), Negotiated::new(), received, &options);
    let mut buffers = Buffers::new();
    let (seen, result) = turn_with(&mut server, &mut buffers, at(0), |message, mut sender| {
        sender.send(message).unwrap();
    });
    result.unwrap();
    assert_eq!(seen, [Seen::Text("hi".into())]);
    assert_eq!(raw.drain(), b"\x81\x02hi");
    assert_eq!((server.token(), server.subprotocol()), (Token(3), None));
}

#[test]
fn a_client_starts_behind_a_handshake_made_elsewhere() {
    let (left, mut raw) = pipe(1000);
    let options = Options::new();
    let received = b"\x81\x02hi";
    let mut client = WebSocket::client(left, Token(3), Negotiated::new(), received, &options);
    let mut buffers = Buffers::new();
    let (seen, result) = echo(&mut client, &mut buffers, at(0));
    result.unwrap();
    assert_eq!(seen, [Seen::Text("hi".into())]);
    assert_eq!(raw.drain()[..2], *b"\x81\x82", "and it masks");
}
