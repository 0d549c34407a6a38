//! Turns that are left early, or that ask for messages and pieces by turns; the output, and when it is written.

use std::io::{self, Read, Write};
use std::time::Duration;

use crate::common::{Seen, at, pair, turn, turn_with};
use mio::Token;
use ws_proto_mio::{
    Buffers, CloseCode, Config, Error, Event, Message, Negotiated, Options, Stream, TimedOut, Turn,
    WebSocket,
};
use ws_proto_suite::heap::Region;
use ws_proto_test::Side;
use ws_proto_test::stream::{End, pipe};
use ws_proto_test::wire::{BINARY, CLOSE, FIN, PING, PONG, TEXT, close_body, frame};

/// A server's end of a connection that is open, and what its peer writes to and reads from.
pub(crate) fn server(options: &Options) -> (WebSocket<End>, End, Buffers) {
    let (left, raw) = pipe(1 << 20);
    let socket = WebSocket::server(left, Token(0), Negotiated::new(), &[], options);
    (socket, raw, Buffers::new())
}

pub(crate) fn text(number: usize) -> Vec<u8> {
    frame(
        Side::Server,
        FIN | TEXT,
        format!("message {number}").as_bytes(),
    )
}

/// A stream that counts its writes.
struct Counting {
    inner: End,
    writes: usize,
}

impl Read for Counting {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.inner.read(buffer)
    }
}

impl Write for Counting {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.writes += 1;
        self.inner.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Stream for Counting {
    fn shutdown(&mut self) -> io::Result<()> {
        self.inner.end_writing();
        Ok(())
    }
}

/// What 16 frames that come in one read are answered with: the writes, the bytes.
fn answers_to(frames: &[u8], one_event_a_turn: bool) -> (usize, Vec<u8>) {
    let (inner, mut raw) = pipe(1 << 20);
    let stream = Counting { inner, writes: 0 };
    let options = Options::new();
    let mut socket = WebSocket::server(stream, Token(0), Negotiated::new(), &[], &options);
    let mut buffers = Buffers::new();
    raw.put(frames);
    socket.note_ready();
    while socket.has_more() {
        let mut turn = socket.turn(&mut buffers, at(0));
        while turn.read() {
            while let Some(event) = turn.next_event().unwrap() {
                if let Event::Message(message, mut sender) = event {
                    sender.send(message).unwrap();
                }
                if one_event_a_turn {
                    break;
                }
            }
            if one_event_a_turn {
                break;
            }
        }
    }
    (socket.get_ref().writes, raw.drain())
}

#[test]
fn a_burst_is_answered_in_one_write() {
    for one_event_a_turn in [false, true] {
        let messages: Vec<u8> = (0..16).flat_map(text).collect();
        let answers: Vec<u8> = (0..16)
            .flat_map(|i| frame(Side::Client, FIN | TEXT, format!("message {i}").as_bytes()))
            .collect();
        assert_eq!(answers_to(&messages, one_event_a_turn), (1, answers));

        let pings: Vec<u8> = (0..16)
            .flat_map(|i| frame(Side::Server, PING, &[i]))
            .collect();
        let pongs: Vec<u8> = (0..16)
            .flat_map(|i| frame(Side::Client, PONG, &[i]))
            .collect();
        assert_eq!(answers_to(&pings, one_event_a_turn), (1, pongs));
    }
}

#[test]
fn answers_are_written_before_they_are_many() {
    let big: Vec<u8> = (0..64)
        .flat_map(|i| frame(Side::Server, FIN | BINARY, &[i; 1000]))
        .collect();
    let (mut socket, mut raw, mut buffers) = server(&Options::new());
    raw.put(&big);
    let mut most = 0;
    let mut turn = socket.turn(&mut buffers, at(0));
    while turn.read() {
        let mut pending = 0;
        while let Some(event) = turn.next_event().unwrap() {
            if let Event::Message(message, mut sender) = event {
                sender.send(message).unwrap();
                pending = 64 * 1024 - sender.room();
            }
            most = most.max(pending);
        }
    }
    assert!(most > 10_000 && most < 18_000, "{most} bytes wait");
}

#[test]
fn a_pong_is_written_before_the_message_after_it_is_handled() {
    let (mut socket, mut raw, mut buffers) = server(&Options::new());
    raw.put(&frame(Side::Server, PING, b"?"));
    raw.put(&text(0));
    let mut turn = socket.turn(&mut buffers, at(0));
    while turn.read() {
        while let Some(event) = turn.next_event().unwrap() {
            if let Event::Message(..) = event {
                assert_eq!(raw.drain(), frame(Side::Client, PONG, b"?"));
                return;
            }
        }
    }
    panic!("no message");
}

fn body(number: usize) -> String {
    format!("{number:04} ").repeat(1 + number % 40)
}

/// What was taken, the calls alternating.
#[derive(Default)]
struct Taken {
    calls: usize,
    /// The pieces of a message that has not ended.
    pieces: String,
    numbers: Vec<usize>,
}

impl Taken {
    /// Takes one thing; whether there was any.
    fn take(&mut self, turn: &mut Turn<'_, End>) -> bool {
        self.calls += 1;
        if self.calls % 3 > 0 {
            return match turn.next_event().unwrap() {
                Some(Event::Message(Message::Text(text), _)) => {
                    self.drop_pieces();
                    self.end(text);
                    true
                }
                other => other.is_some(),
            };
        }
        let Some(piece) = turn.next_piece().unwrap() else {
            return false;
        };
        if piece.first {
            self.drop_pieces();
        }
        self.pieces.extend(piece.head);
        self.pieces
            .push_str(std::str::from_utf8(piece.data.as_bytes()).unwrap());
        if piece.last {
            let pieces = std::mem::take(&mut self.pieces);
            self.end(&pieces);
        }
        true
    }

    fn end(&mut self, text: &str) {
        let number = text[..4].parse().unwrap();
        assert_eq!(text, body(number));
        self.numbers.push(number);
    }

    /// `next` drops the rest of a message of which there was a piece.
    fn drop_pieces(&mut self) {
        if !self.pieces.is_empty() {
            let number = self.numbers.len();
            assert!(body(number).starts_with(&self.pieces));
            self.numbers.push(number);
            self.pieces.clear();
        }
    }
}

#[test]
fn what_turns_leave_comes_in_order_whatever_is_asked_for() {
    for takes_a_turn in [1, 2, 5, usize::MAX] {
        for frames_a_read in [1, 3, 50] {
            let (mut socket, mut raw, _) = server(&Options::new());
            let (mut other, ..) = server(&Options::new());
            let mut buffers = Buffers::with_size(512);
            let mut taken = Taken::default();
            let mut numbers = (0..300_usize).peekable();
            while numbers.peek().is_some() || socket.has_more() {
                for i in numbers.by_ref().take(frames_a_read) {
                    raw.put(&frame(Side::Server, FIN | TEXT, body(i).as_bytes()));
                    if i % 7 == 0 {
                        raw.put(&frame(Side::Server, PING, b"x"));
                    }
                }
                // Others use the buffer meanwhile.
                drop(turn(&mut other, &mut buffers, at(0)));
                socket.note_ready();
                let mut turn = socket.turn(&mut buffers, at(0));
                let mut takes = 0;
                'turn: while turn.read() {
                    while taken.take(&mut turn) {
                        takes += 1;
                        if takes == takes_a_turn {
                            break 'turn;
                        }
                    }
                }
            }
            taken.drop_pieces();
            assert_eq!(taken.numbers, (0..300).collect::<Vec<_>>());
        }
    }
}

#[test]
fn a_big_message_is_kept_over_many_turns() {
    let options = Options::new().read_budget(10_000);
    let (mut socket, mut raw, _) = server(&options);
    let mut buffers = Buffers::with_size(4096);
    let body: Vec<u8> = (0..400_000_u32).map(|i| (i / 7) as u8).collect();
    let wire = [
        frame(Side::Server, BINARY, &body[..150_000]),
        frame(Side::Server, PING, b"in between"),
        frame(Side::Server, FIN, &body[150_000..]),
    ]
    .concat();
    let mut seen = Vec::new();
    let mut turns = 0;
    for chunk in wire.chunks(7000) {
        raw.put(chunk);
        socket.note_ready();
        while socket.has_more() {
            turns += 1;
            seen.extend(turn(&mut socket, &mut buffers, at(0)).0);
            // The buffers are those of other connections too.
            turn(&mut server(&options).0, &mut buffers, at(0))
                .1
                .unwrap();
            if seen.last() == Some(&Seen::Binary(body.clone())) {
                break;
            }
        }
    }
    assert!(turns > 40, "{turns}");
    assert_eq!(
        seen,
        [Seen::Ping(b"in between".to_vec()), Seen::Binary(body)]
    );
}

/// What a turn has left is kept, and the rest of a big frame with it until it is there as a whole.
#[test]
fn a_big_frame_that_a_turn_has_left_is_kept() {
    let options = Options::new();
    let (mut socket, mut raw, mut buffers) = server(&options);
    let (mut other, _other_raw, _) = server(&options);
    let body: Vec<u8> = (0..400_000_u32).map(|i| (i / 7) as u8).collect();
    let big = frame(Side::Server, FIN | BINARY, &body);
    let wire = [text(1), text(2), big].concat();
    let mut seen = Vec::new();
    for (number, chunk) in wire.chunks(30_000).enumerate() {
        raw.put(chunk);
        if number == 0 {
            socket.note_ready();
            let mut one = socket.turn(&mut buffers, at(0));
            assert!(one.read() && one.next_event().unwrap().is_some());
        } else {
            seen.extend(turn(&mut socket, &mut buffers, at(0)).0);
        }
        // Others use the buffers meanwhile.
        turn(&mut other, &mut buffers, at(0)).1.unwrap();
    }
    assert_eq!(seen, [Seen::Text("message 2".into()), Seen::Binary(body)]);
}

#[test]
fn an_idle_connection_has_no_memory_after_all_of_this() {
    let (mut socket, mut raw, mut buffers) = server(&Options::new());
    let mut held = 0;
    // The first time the pipe grows.
    for _ in 0..2 {
        let region = Region::new();
        // A part of a message, two messages of which one is left, an answer.
        let big = frame(Side::Server, FIN | BINARY, &[7; 60_000]);
        raw.put(&big[..30_000]);
        turn(&mut socket, &mut buffers, at(0)).1.unwrap();
        raw.put(&big[30_000..]);
        raw.put(&text(1));
        raw.put(&text(2));
        drop(big);
        socket.note_ready();
        let mut one = socket.turn(&mut buffers, at(0));
        assert!(one.read() && one.next_event().unwrap().is_some());
        drop(one);
        let (seen, _) = turn_with(&mut socket, &mut buffers, at(0), |message, mut sender| {
            sender.send(message).unwrap();
        });
        assert_eq!(seen.len(), 2);
        drop(seen);
        drop(raw.drain());
        held = region.change().held();
    }
    assert!(held <= 0, "{held} bytes");
}

#[cfg(feature = "deflate")]
#[test]
fn a_compressed_message_that_is_dropped_takes_no_memory() {
    let options = Options::new()
        .deflate(ws_proto_mio::Deflate::new())
        .config(Config::new().max_message(256 << 20));
    let (mut server, mut client, mut buffers) = pair(1 << 20, &options, &options);
    let zeros = "\0".repeat(48 << 20);
    client.sender().unwrap().send_text(&zeros).unwrap();
    client.sender().unwrap().send_text("after it").unwrap();
    drop(zeros);
    turn(&mut client, &mut buffers, at(0)).1.unwrap();
    server.note_ready();
    let region = Region::new();
    let mut one = server.turn(&mut buffers, at(0));
    assert!(one.read());
    assert!(one.next_piece().unwrap().is_some_and(|piece| piece.first));
    drop(one);
    let mut seen = Vec::new();
    while seen.is_empty() {
        assert!(server.has_more());
        let mut one = server.turn(&mut buffers, at(0));
        while one.read() {
            while let Some(event) = one.next_event().unwrap() {
                if let Event::Message(Message::Text(text), _) = event {
                    seen.push(text.to_owned());
                }
            }
        }
    }
    assert_eq!(seen, ["after it"]);
    let allocated = region.change().bytes_allocated;
    assert!(allocated < 8 << 20, "{allocated} bytes");
}

#[test]
fn the_close_timer_runs_while_the_peer_floods_and_turns_are_left() {
    let config = Config::new().close_timeout(Duration::from_secs(4));
    let (mut socket, mut raw, mut buffers) = server(&Options::new().config(config));
    socket
        .sender()
        .unwrap()
        .close(CloseCode::NORMAL, "")
        .unwrap();
    let flood = text(0).repeat(100);
    for millis in (0..10_000).step_by(10) {
        raw.drain();
        if socket.has_more() || millis == 0 {
            let _ = raw.write(&flood);
        }
        socket.note_ready();
        let mut one = socket.turn(&mut buffers, at(millis));
        let next = if one.read() {
            one.next_event().map(drop)
        } else {
            Ok(())
        };
        drop(one);
        if millis < 4000 {
            next.unwrap();
            assert_eq!(socket.next_deadline(), Some(at(4000)), "at {millis}");
        } else if let Err(error) = next {
            assert!(
                matches!(error, Error::TimedOut(TimedOut::Close)),
                "{error:?}"
            );
            assert!(socket.is_over());
            assert!(millis < 4050, "{millis}");
            return;
        }
    }
    panic!("it is never over");
}

#[test]
fn a_pong_that_nobody_has_read_counts() {
    let config = Config::new()
        .keepalive(Some(Duration::from_secs(2)))
        .pong_timeout(Duration::from_secs(1));
    let (mut socket, mut raw, mut buffers) = server(&Options::new().config(config));
    raw.put(&(0..10).flat_map(text).collect::<Vec<u8>>());
    // The program takes one message every 700 ms; the Pong comes after them all.
    let mut pings = 0;
    for step in 0..10 {
        socket.note_ready();
        let mut one = socket.turn(&mut buffers, at(step * 700));
        assert!(one.read(), "{step}");
        assert!(one.next_event().unwrap().is_some(), "{step}");
        drop(one);
        if !raw.drain().is_empty() {
            pings += 1;
            raw.put(&frame(Side::Server, PONG, b""));
        }
        assert!(socket.has_more() && !socket.is_over());
    }
    println!("{pings} Pings");
}

/// Nor if a turn that could have read it has not.
#[test]
fn a_pong_that_lies_in_the_stream_counts() {
    let config = Config::new()
        .keepalive(Some(Duration::from_secs(2)))
        .pong_timeout(Duration::from_secs(1));
    let (mut socket, mut raw, mut buffers) = server(&Options::new().config(config));
    for millis in [0, 2000] {
        turn(&mut socket, &mut buffers, at(millis)).1.unwrap();
    }
    assert_eq!(raw.drain(), b"\x89\x00");
    raw.put(&frame(Side::Server, PONG, b""));
    socket.note_ready();
    drop(socket.turn(&mut buffers, at(3500)));
    assert!(!socket.is_over());
    let (seen, result) = turn(&mut socket, &mut buffers, at(3500));
    result.unwrap();
    assert_eq!(seen, [Seen::Pong(Vec::new())]);
}

#[test]
fn a_slow_reader_is_no_dead_peer() {
    let config = Config::new()
        .keepalive(Some(Duration::from_secs(2)))
        .pong_timeout(Duration::from_secs(1));
    let (left, mut raw) = pipe(1000);
    let options = Options::new().config(config);
    let mut socket = WebSocket::server(left, Token(0), Negotiated::new(), &[], &options);
    let mut buffers = Buffers::new();
    socket.sender().unwrap().send_binary(&[7; 60_000]).unwrap();
    for second in 0..60 {
        turn(&mut socket, &mut buffers, at(second * 1000))
            .1
            .unwrap();
        assert_eq!(raw.drain().len(), 1000, "at {second} s");
    }
    // Now it takes nothing more, and says nothing.
    let mut end = 60;
    let error = loop {
        if let Err(error) = turn(&mut socket, &mut buffers, at(end * 1000)).1 {
            break error;
        }
        end += 1;
        assert!(end < 200);
    };
    assert!(
        matches!(error, Error::TimedOut(TimedOut::Pong)),
        "{error:?}"
    );
}

#[test]
fn the_close_of_the_peer_is_an_event_once() {
    for manual in [false, true] {
        let config = Config::new().manual_close(manual);
        let (mut socket, mut raw, mut buffers) = server(&Options::new().config(config));
        raw.put(&text(1));
        raw.put(&frame(Side::Server, CLOSE, &close_body(4000, b"enough")));
        raw.put(&text(2)); // dropped: nothing counts after Close
        let mut events = Vec::new();
        for second in 0..3 {
            socket.note_ready();
            let mut one = socket.turn(&mut buffers, at(second));
            while one.read() {
                while let Some(event) = one.next_event().unwrap() {
                    events.push(match event {
                        Event::Message(message, _) => format!("{message:?}"),
                        Event::Close(code, reason) => {
                            format!("{} {reason}", code.unwrap().as_u16())
                        }
                        other => panic!("{other:?}"),
                    });
                }
            }
        }
        assert_eq!(events, ["Text(\"message 1\")", "4000 enough"]);
        let echo = frame(Side::Client, CLOSE, &close_body(4000, b""));
        if manual {
            assert_eq!(raw.drain(), b"");
            assert!(socket.can_send() && !socket.has_more() && !socket.is_over());
            let mut sender = socket.sender().unwrap();
            sender.send_text("one more").unwrap();
            sender.close(CloseCode::NORMAL, "").unwrap();
            turn(&mut socket, &mut buffers, at(5)).1.unwrap();
            let written = [
                frame(Side::Client, FIN | TEXT, b"one more"),
                frame(Side::Client, CLOSE, &close_body(1000, b"")),
            ];
            assert_eq!(raw.drain(), written.concat());
        } else {
            assert_eq!(raw.drain(), echo);
        }
        assert!(raw.is_ended() && socket.is_over());
    }
}

/// A stream that cannot be shown.
struct Opaque(End);

impl Read for Opaque {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl Write for Opaque {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl Stream for Opaque {
    fn shutdown(&mut self) -> io::Result<()> {
        Stream::shutdown(&mut self.0)
    }
}

/// Events and pieces can be shown whatever the stream is.
#[test]
fn events_are_shown_over_every_stream() {
    let (left, right) = pipe(1024);
    let (mut buffers, options) = (Buffers::new(), Options::new());
    let mut client = WebSocket::client(left, Token(1), Negotiated::new(), &[], &options);
    for text in ["one", "two"] {
        client.sender().unwrap().send_text(text).unwrap();
    }
    client.turn(&mut buffers, at(0)).read();
    let opaque = Opaque(right);
    let mut server = WebSocket::server(opaque, Token(0), Negotiated::new(), &[], &options);
    let mut turn = server.turn(&mut buffers, at(0));
    assert!(turn.read());
    let event = format!("{:?}", turn.next_event().unwrap().unwrap());
    assert!(
        event.starts_with("Message(Text(\"one\"), Sender"),
        "{event}"
    );
    let piece = format!("{:?}", turn.next_piece().unwrap().unwrap());
    assert!(piece.contains("data: Text(\"two\")"), "{piece}");
}

/// Answers that wait because the program has not taken all that was read are not offered to the stream yet: that is
/// no fault of the peer's, however long it takes.
#[test]
fn answers_that_were_not_offered_to_the_stream_are_no_stall() {
    let options = Options::new()
        .config(Config::new().keepalive(None))
        .stall_time(Duration::from_millis(500));
    let (mut socket, mut raw, mut buffers) = server(&options);
    for number in 0..20 {
        raw.put(&text(number));
    }
    let mut answered = 0;
    for now in 0..20 {
        let mut turn = socket.turn(&mut buffers, at(100 * now));
        assert!(turn.read());
        // One message a turn, slowly.
        match turn.next_event().unwrap() {
            Some(Event::Message(message, mut sender)) => sender.send(message).unwrap(),
            other => panic!("{other:?}"),
        }
        answered += 1;
    }
    let (seen, result) = turn(&mut socket, &mut buffers, at(2000));
    assert!(seen.is_empty(), "{seen:?}");
    result.unwrap();
    assert_eq!((answered, socket.pending_bytes()), (20, 0));
    assert!(!socket.is_over());
}

/// What a turn sends unasked is written after the messages that an earlier turn has left, as answers to them are.
#[test]
fn what_is_sent_unasked_waits_for_messages_that_are_left() {
    let (mut socket, mut raw, mut buffers) = server(&Options::new());
    raw.put(&[text(1), text(2)].concat());
    let mut one = socket.turn(&mut buffers, at(0));
    assert!(one.read() && one.next_event().unwrap().is_some());
    drop(one);
    let mut turn = socket.turn(&mut buffers, at(0));
    turn.sender().unwrap().send_text("news").unwrap();
    assert!(turn.read() && turn.next_event().unwrap().is_some());
    assert!(turn.next_event().unwrap().is_none());
    assert!(!turn.read());
    drop(turn);
    assert_eq!((socket.pending_bytes(), socket.has_more()), (0, false));
}
