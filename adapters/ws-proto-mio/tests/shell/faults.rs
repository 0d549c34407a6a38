//! Streams that fail: by reads, by writes, and by wrong counts.

use std::io::{self, ErrorKind, Read, Write};
use std::time::Duration;

use mio::Token;
use ws_proto_mio::{
    Buffers, CloseCode, Config, Error, Event, Negotiated, Options, WebSocket, Wrapped,
};
use ws_proto_test::Side;
use ws_proto_test::stream::{Boasting, Script};
use ws_proto_test::wire::{CLOSE, FIN, PING, TEXT, close_body, frame};

use crate::common::{Seen, at, turn, turn_with};
use crate::turns::text;

/// A server's end of a connection that is open, over a script.
fn scripted(script: Script, options: &Options) -> WebSocket<Wrapped<Script>> {
    let stream = Wrapped::new(script, |script| {
        script.end_writing();
        Ok(())
    });
    WebSocket::server(stream, Token(0), Negotiated::new(), &[], options)
}

/// What a server sees of a script, and how it ends.
fn played(script: Script, send: bool) -> (Vec<Seen>, Option<Error>, WebSocket<Wrapped<Script>>) {
    let mut socket = scripted(script, &Options::new());
    let mut buffers = Buffers::new();
    if send {
        socket.sender().unwrap().send_text("hello").unwrap();
    }
    let (mut seen, mut failed) = (Vec::new(), None);
    for second in 0..20 {
        let (more, result) = turn(&mut socket, &mut buffers, at(second * 1000));
        seen.extend(more);
        failed = failed.or(result.err());
        if socket.is_over() {
            return (seen, failed, socket);
        }
    }
    panic!("never over: {seen:?} {failed:?}");
}

#[test]
fn a_failed_write_ends_writing_only() {
    let last = [
        text(1),
        frame(Side::Server, CLOSE, &close_body(1008, b"bad token")),
    ];
    let script = Script::new()
        .then_write_error(ErrorKind::BrokenPipe)
        .then_read(last.concat());
    let (seen, failed, socket) = played(script, true);
    assert_eq!(seen, [Seen::Text("message 1".into())]);
    assert!(failed.is_none(), "{failed:?}");
    let code = CloseCode::new(1008);
    assert_eq!(socket.closed(), Some((code, "bad token")));
    assert!(!socket.can_send());

    // Without a Close it is the failure, also if the peer says nothing and stays.
    for ends in [true, false] {
        let script = Script::new()
            .then_write_error(ErrorKind::BrokenPipe)
            .then_read(text(1));
        let script = if ends {
            script
        } else {
            script.block_at_the_end()
        };
        let (seen, failed, _) = played(script, true);
        assert_eq!(seen, [Seen::Text("message 1".into())]);
        let Some(Error::Io(error)) = failed else {
            panic!("{failed:?}")
        };
        assert_eq!(error.kind(), ErrorKind::BrokenPipe);
    }
}

/// It has its time from then on, also if the turn has only written.
#[test]
fn a_write_that_fails_at_the_end_of_a_turn_ends_the_connection_in_time() {
    let script = Script::new()
        .then_write_error(ErrorKind::BrokenPipe)
        .block_at_the_end();
    let options = Options::new().linger_time(Duration::from_secs(3));
    let (mut socket, mut buffers) = (scripted(script, &options), Buffers::new());
    socket.sender().unwrap().send_text("hello").unwrap();
    drop(socket.turn(&mut buffers, at(0)));
    assert_eq!(socket.next_deadline(), Some(at(3000)));
    let (_, result) = turn(&mut socket, &mut buffers, at(3000));
    assert!(matches!(result, Err(Error::Io(error)) if error.kind() == ErrorKind::BrokenPipe));
    assert!(socket.is_over());
}

/// What a turn has left comes first, and a Close in it makes the end a clean one.
#[test]
fn a_write_that_fails_before_kept_messages_is_not_told_before_them() {
    let closing = frame(Side::Server, FIN | CLOSE, &close_body(1008, b"why"));
    let script = Script::new()
        .then_write_error(ErrorKind::BrokenPipe)
        .then_read([text(1), text(2), closing].concat())
        .block_at_the_end();
    let (mut socket, mut buffers) = (scripted(script, &Options::new()), Buffers::new());
    socket.sender().unwrap().send_text("hello").unwrap();
    let mut one = socket.turn(&mut buffers, at(0));
    assert!(one.read() && one.next_event().unwrap().is_some());
    drop(one);
    let (seen, ended) = turn(&mut socket, &mut buffers, at(0));
    assert!(ended.is_ok(), "{ended:?}");
    assert_eq!(seen, [Seen::Text("message 2".into())]);
    assert!(socket.is_over());
    let code = Some(CloseCode::POLICY_VIOLATION);
    assert_eq!(socket.closed(), Some((code, "why")));
}

/// What has been read comes before what has expired, however little of it each turn takes.
#[test]
fn a_timeout_is_told_after_the_messages_that_turns_have_left() {
    for size in [1, 200_000] {
        let script = Script::new()
            .then_read((1..=5).flat_map(text).collect::<Vec<_>>())
            .block_at_the_end()
            .then_write_error(ErrorKind::WouldBlock);
        let options = Options::new().stall_time(Duration::from_secs(3));
        let (mut socket, mut buffers) = (scripted(script, &options), Buffers::new());
        let waiting = vec![b'a'; size];
        let mut sender = socket.sender().unwrap();
        sender
            .send_text(std::str::from_utf8(&waiting).unwrap())
            .unwrap();
        let mut seen = Vec::new();
        let failed = loop {
            let mut one = socket.turn(&mut buffers, at(seen.len() as u64 * 1000));
            assert!(one.read(), "{seen:?}");
            match one.next_event() {
                Ok(Some(Event::Message(message, _))) => {
                    seen.push(message.as_text().map(str::to_owned));
                }
                Ok(None) => {}
                Ok(other) => panic!("{other:?}"),
                Err(error) => break error,
            }
            drop(one);
            assert!(seen.len() <= 5 && !socket.is_over());
        };
        assert_eq!(seen.len(), 5, "{seen:?} {failed:?}");
        assert!(matches!(failed, Error::TimedOut(_)), "{failed:?}");
        assert!(socket.is_over());
    }
}

#[test]
fn after_both_closes_any_error_of_reading_is_the_end() {
    for kind in [
        ErrorKind::UnexpectedEof,
        ErrorKind::ConnectionReset,
        ErrorKind::ConnectionAborted,
    ] {
        let closing = frame(Side::Server, CLOSE, &close_body(1000, b""));
        let script = Script::new().then_read(closing).then_read_error(kind);
        let (_, failed, socket) = played(script, false);
        assert!(failed.is_none(), "{kind:?}: {failed:?}");
        assert_eq!(socket.closed(), Some((Some(CloseCode::NORMAL), "")));

        let script = Script::new().then_read(text(1)).then_read_error(kind);
        let (seen, failed, _) = played(script, false);
        assert_eq!(seen, [Seen::Text("message 1".into())]);
        assert!(matches!(failed, Some(Error::Io(error)) if error.kind() == kind));
    }
}

/// The answer waits, and there is room for more.
#[test]
fn what_comes_behind_a_ping_waits_for_no_slow_stream() {
    let script = Script::new()
        .then_read([frame(Side::Server, FIN | PING, b"p"), text(1)].concat())
        .block_at_the_end()
        .then_writes([Err(ErrorKind::WouldBlock); 10]);
    let (mut socket, mut buffers) = (scripted(script, &Options::new()), Buffers::new());
    let (seen, result) = turn(&mut socket, &mut buffers, at(0));
    result.unwrap();
    let expected = [Seen::Ping(b"p".to_vec()), Seen::Text("message 1".into())];
    assert_eq!(seen, expected);
    assert_eq!(socket.pending_bytes(), 3);
}

/// A server of which the peer takes nothing until so many answers wait that nothing more is received, and how
/// many of its 100 messages it has got by then. The second write, and those after it, are as `writes` says.
fn full_of_answers(
    writes: &[Result<usize, ErrorKind>],
    buffers: &mut Buffers,
) -> (WebSocket<Wrapped<Script>>, usize) {
    let mut wire = frame(Side::Server, FIN | TEXT, &[b'a'; 1000]).repeat(100);
    wire.extend(frame(Side::Server, FIN | CLOSE, &close_body(1008, b"why")));
    let script = Script::new()
        .then_read(wire)
        .block_at_the_end()
        .then_writes([&[Err(ErrorKind::WouldBlock)], writes].concat());
    let mut socket = scripted(script, &Options::new());
    let (seen, ended) = echo_turn(&mut socket, buffers);
    assert!(ended.is_ok() && seen > 10 && seen < 100, "{seen}");
    (socket, seen)
}

/// How many messages come in a turn in which each is sent back, as far as there is room.
fn echo_turn(
    socket: &mut WebSocket<Wrapped<Script>>,
    buffers: &mut Buffers,
) -> (usize, Result<(), Error>) {
    let (seen, ended) = turn_with(socket, buffers, at(0), |message, mut sender| {
        let _ = sender.send(message);
    });
    (seen.len(), ended)
}

/// Answers that held up receiving go on when they are written, wherever that happened.
#[test]
fn receiving_goes_on_after_answers_whoever_wrote_them() {
    for way in 0..4 {
        let mut buffers = Buffers::new();
        let (mut socket, mut seen) = full_of_answers(&[Ok(usize::MAX)], &mut buffers);
        socket.note_ready();
        match way {
            0 => {}
            1 => drop(socket.sender()),
            2 => drop(socket.turn(&mut buffers, at(0))),
            _ => socket.sender().unwrap().send_text("news").unwrap(),
        }
        for _ in 0..10 {
            let (more, ended) = echo_turn(&mut socket, &mut buffers);
            assert!(ended.is_ok(), "{way}: {ended:?}");
            seen += more;
        }
        assert_eq!(seen, 100, "{way}");
        assert!(!socket.has_more(), "{way}");
        assert_eq!(
            socket.closed(),
            Some((Some(CloseCode::POLICY_VIOLATION), "why"))
        );
    }
}

/// Nor do they all have to be written for that.
#[test]
fn receiving_goes_on_as_soon_as_some_answers_are_written() {
    let mut buffers = Buffers::new();
    let writes = [Ok(3000), Err(ErrorKind::WouldBlock), Ok(usize::MAX)];
    let (mut socket, seen) = full_of_answers(&writes, &mut buffers);
    let (more, ended) = echo_turn(&mut socket, &mut buffers);
    assert!(ended.is_ok() && more > 0 && seen + more < 100, "{more}");
    assert_ne!(socket.pending_bytes(), 0);
}

/// A write that fails then ends writing only: kept messages still come.
#[test]
fn a_failed_write_of_answers_leaves_what_was_kept() {
    let mut buffers = Buffers::new();
    let reset = Err(ErrorKind::ConnectionReset);
    let (mut socket, mut seen) = full_of_answers(&[reset], &mut buffers);
    for _ in 0..10 {
        let (more, ended) = echo_turn(&mut socket, &mut buffers);
        assert!(ended.is_ok(), "{ended:?}");
        seen += more;
    }
    assert_eq!(seen, 100);
    assert_eq!(
        socket.closed(),
        Some((Some(CloseCode::POLICY_VIOLATION), "why"))
    );
    assert!(socket.is_over());
}

/// As does a peer that takes no answers for too long, or does not answer a Ping: what waited for room is not lost
/// with it.
#[test]
fn a_timeout_among_answers_leaves_what_was_kept() {
    let silent = Config::new()
        .keepalive(Some(Duration::from_secs(2)))
        .pong_timeout(Duration::from_secs(1));
    for options in [Options::new(), Options::new().config(silent)] {
        let script = Script::new()
            .then_read(frame(Side::Server, FIN | TEXT, &[b'a'; 1000]).repeat(50))
            .block_at_the_end()
            .then_writes([Err(ErrorKind::WouldBlock); 200]);
        let options = options.high_water(16 * 1024);
        let (mut socket, mut buffers) = (scripted(script, &options), Buffers::new());
        let (mut seen, ended) = echo_turn(&mut socket, &mut buffers);
        assert!(ended.is_ok() && seen > 10 && seen < 50, "{seen}");
        let (mut failed, mut now) = (None, at(0));
        while !socket.is_over() {
            assert!(failed.is_none(), "{failed:?}");
            now = socket.next_deadline().unwrap_or(now);
            let (more, ended) = turn(&mut socket, &mut buffers, now);
            seen += more.len();
            failed = ended.err();
        }
        assert_eq!(seen, 50, "{failed:?}");
        assert!(matches!(failed, Some(Error::TimedOut(_))), "{failed:?}");
    }
}

/// Errors of a stream keep their kind.
#[test]
fn an_error_of_the_stream_stays_what_it_is() {
    use ws_proto::opening::{AcceptError, ConnectError};
    let refused = || io::Error::from(ErrorKind::ConnectionRefused);
    for error in [
        Error::from(ConnectError::Io(refused())),
        Error::from(AcceptError::Io(refused())),
    ] {
        assert!(matches!(error, Error::Io(error) if error.kind() == ErrorKind::ConnectionRefused));
    }
}

/// A stream that counts more than it has room for fails: nothing is lost, and nothing of others is shown.
#[test]
fn a_stream_that_counts_wrongly_fails() {
    let stream = Wrapped::new(Boasting, |_| Ok(()));
    let mut socket = WebSocket::server(stream, Token(0), Negotiated::new(), &[], &Options::new());
    let (seen, result) = turn(&mut socket, &mut Buffers::new(), at(0));
    assert!(seen.is_empty(), "{seen:?}");
    let Err(Error::Io(error)) = result else {
        panic!("{result:?}")
    };
    assert_eq!(error.kind(), ErrorKind::InvalidData);
}

/// No event would come to flush it later.
#[test]
fn an_interrupted_flush_goes_on() {
    struct Buffered {
        flushes: usize,
        interrupts: usize,
    }
    impl Read for Buffered {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(ErrorKind::WouldBlock.into())
        }
    }
    impl Write for Buffered {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            if self.interrupts > 0 {
                self.interrupts -= 1;
                return Err(ErrorKind::Interrupted.into());
            }
            self.flushes += 1;
            Ok(())
        }
    }
    let stream = Buffered {
        flushes: 0,
        interrupts: 3,
    };
    let stream = Wrapped::new(stream, |_| Ok(()));
    let mut socket = WebSocket::server(stream, Token(0), Negotiated::new(), &[], &Options::new());
    socket.sender().unwrap().send_text("hello").unwrap();
    turn(&mut socket, &mut Buffers::new(), at(0)).1.unwrap();
    assert_eq!(socket.get_ref().get_ref().flushes, 1);
}
