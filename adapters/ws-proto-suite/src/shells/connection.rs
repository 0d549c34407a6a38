//! A connection over each asynchronous shell: bursts, events, and ends.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::io::ErrorKind;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc;
use std::task::Poll;
use std::thread;
use std::time::{Duration, Instant};

use futures_util::future::join;
use futures_util::{SinkExt, StreamExt};
use ws_proto_async::client::connect_over;
use ws_proto_async::server::{accept, read_request};
use ws_proto_async::{
    AcceptError, Acceptor, Bytes, CloseCode, Config, ConnectError, Connector, Error, Event, Fin,
    Limits, Message, Negotiated, Options, PreparedMessage, SendError, TimedOut, Timer,
    TrySendError, WebSocket,
};

use super::{Runtime, Stream, quiet};
use crate::heap::Region;
use crate::{Side, wire};
use ws_proto_test::stream::{End, Endless, Script, pipe};
use ws_proto_test::task::poll_once;

const CLOSE: &[u8] = b"\x88\x82\0\0\0\0\x03\xe8";

/// A frame of a client's.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    wire::frame(Side::Server, first, payload)
}

fn server<R: Runtime, S: Stream>(stream: S, options: Options) -> WebSocket<R::Io<S>> {
    WebSocket::server(R::io(stream), Negotiated::new(), &[], options)
}

fn piped<R: Runtime>(options: Options) -> (WebSocket<R::Io<End>>, End) {
    let (one, other) = pipe(1 << 20);
    (server::<R, _>(one, options), other)
}

fn ready<T>(poll: Poll<T>) -> T {
    match poll {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("it waits"),
    }
}

fn text(message: Option<Result<Message, Error>>) -> String {
    let message = message.expect("a message").expect("no error");
    message.as_text().expect("a text").to_owned()
}

/// Sixteen texts, in one read.
fn burst() -> Vec<u8> {
    (0..16).flat_map(|n| frame(0x81, &[b'a' + n; 5])).collect()
}

fn answers() -> Vec<u8> {
    (0..16)
        .flat_map(|n| wire::frame(Side::Client, 0x81, &[b'a' + n; 5]))
        .collect()
}

pub fn a_burst_is_answered_in_one_write<R: Runtime>() {
    R::run(async {
        let stream = Script::new().then_read(burst()).block_at_the_end();
        let mut socket = server::<R, _>(stream, quiet());
        while let Poll::Ready(message) = poll_once(socket.next()) {
            let message = message.unwrap().unwrap();
            ready(poll_once(socket.feed(message))).unwrap();
        }
        assert_eq!(socket.get_ref().written(), answers());
        assert_eq!(socket.get_ref().write_count(), 1);
    });
}

pub fn a_burst_is_answered_in_one_write_by_batches<R: Runtime>() {
    R::run(async {
        let stream = Script::new().then_read(burst()).block_at_the_end();
        let mut socket = server::<R, _>(stream, quiet());
        while let Poll::Ready(batch) = poll_once(socket.next_batch()) {
            let mut batch = batch.unwrap().unwrap();
            while let Some((message, mut sender)) = batch.next() {
                sender.send(message).unwrap();
            }
        }
        assert_eq!(socket.get_ref().written(), answers());
        assert_eq!(socket.get_ref().write_count(), 1);
    });
}

pub fn pings_are_answered_in_one_write<R: Runtime>() {
    R::run(async {
        let pings: Vec<u8> = (0..16).flat_map(|n| frame(0x89, &[n])).collect();
        let stream = Script::new().then_read(pings).block_at_the_end();
        let mut socket = server::<R, _>(stream, quiet());
        assert!(poll_once(socket.next()).is_pending());
        let pongs: Vec<u8> = (0..16).flat_map(|n| [0x8a, 1, n]).collect();
        assert_eq!(socket.get_ref().written(), pongs);
        assert_eq!(socket.get_ref().write_count(), 1);
    });
}

/// Not more waits than helps, and all of it is written while the program receives.
pub fn what_is_fed_is_written_when_much_waits<R: Runtime>() {
    R::run(async {
        let mut socket = server::<R, _>(Script::new().block_at_the_end(), quiet());
        for _ in 0..100 {
            ready(poll_once(socket.feed(vec![7; 1000]))).unwrap();
            assert!(
                socket.pending_bytes() < 18_000,
                "{}",
                socket.pending_bytes()
            );
        }
        assert!(socket.pending_bytes() > 0);
        assert!(poll_once(socket.next()).is_pending());
        assert_eq!(socket.pending_bytes(), 0);
        assert_eq!(socket.get_ref().written().len(), 100 * 1004);
        assert!(socket.get_ref().write_count() < 8);
    });
}

/// A slow handler does not look like a dead peer.
pub fn a_message_waits_for_the_answer_to_an_earlier_ping<R: Runtime>() {
    R::run(async {
        let read = [frame(0x81, b"one"), frame(0x89, b"p"), frame(0x81, b"two")].concat();
        let stream = Script::new().then_read(read).block_at_the_end();
        let mut socket = server::<R, _>(stream, quiet());
        assert_eq!(text(ready(poll_once(socket.next()))), "one");
        assert_eq!(socket.get_ref().written(), b"");
        assert_eq!(text(ready(poll_once(socket.next()))), "two");
        assert_eq!(socket.get_ref().written(), b"\x8a\x01p");
    });
}

fn last_words(raw: &mut End) {
    for word in ["one", "two", "three"] {
        raw.put(&frame(0x81, word.as_bytes()));
    }
    raw.put(CLOSE);
}

pub fn closing_the_sink_leaves_what_comes_to_the_stream<R: Runtime>() {
    R::run(async {
        let (socket, mut raw) = piped::<R>(quiet());
        let (mut sink, stream) = StreamExt::split(socket);
        // It may wait, but not for the peer's Close.
        let is_closed = poll_once(sink.close()).is_ready();
        assert_eq!(raw.drain(), b"\x88\x02\x03\xe8");
        last_words(&mut raw);
        if !is_closed {
            let _ = poll_once(sink.close());
        }
        let all: Vec<_> = stream.map(|message| text(Some(message))).collect().await;
        assert_eq!(all, ["one", "two", "three"]);
    });
}

pub fn closing_a_half_leaves_what_comes_to_the_other<R: Runtime>() {
    R::run(async {
        let (socket, mut raw) = piped::<R>(quiet());
        let (mut read, mut write) = socket.split();
        ready(poll_once(write.close(CloseCode::NORMAL, ""))).unwrap();
        last_words(&mut raw);
        let _ = poll_once(write.flush());
        for word in ["one", "two", "three"] {
            assert_eq!(text(read.next().await), word);
        }
        assert!(read.next().await.is_none());
    });
}

pub fn a_manual_close_is_the_end_of_receiving_only<R: Runtime>() {
    R::run(async {
        let config = Config::new().keepalive(None).manual_close(true);
        let (mut socket, mut raw) = piped::<R>(Options::new().config(config));
        raw.put(&[&frame(0x81, b"one")[..], CLOSE].concat());
        assert_eq!(text(ready(poll_once(socket.next()))), "one");
        for _ in 0..3 {
            assert!(ready(poll_once(socket.next())).is_none());
        }
        assert_eq!(socket.closed().unwrap().code, Some(CloseCode::NORMAL));
        ready(poll_once(socket.send("more"))).unwrap();
        socket.feed("and more").await.unwrap();
        socket.flush().await.unwrap();
        assert_eq!(raw.drain(), b"\x81\x04more\x81\x08and more");
        assert!(!raw.is_ended());
        socket.close(CloseCode::GOING_AWAY, "").await.unwrap();
        assert_eq!(raw.drain(), b"\x88\x02\x03\xe9");
        assert!(raw.is_ended());
        assert!(socket.send("late").await.unwrap_err().is_closed());
        assert!(socket.next().await.is_none());
    });
}

pub fn the_close_of_the_peer_is_an_event<R: Runtime>() {
    R::run(async {
        for manual in [false, true] {
            let config = Config::new().keepalive(None).manual_close(manual);
            let (mut socket, mut raw) = piped::<R>(Options::new().config(config));
            let bye = wire::close_body(1001, b"bye");
            raw.put(&[frame(0x81, b"one"), frame(0x88, &bye)].concat());
            let message = socket.next_event().await.unwrap().unwrap();
            assert_eq!(message, Event::Message("one".into()));
            let Event::Close(closed) = socket.next_event().await.unwrap().unwrap() else {
                panic!("no Close");
            };
            assert_eq!(closed.code, Some(CloseCode::GOING_AWAY));
            assert_eq!(closed.reason, "bye");
            assert_eq!(socket.closed(), Some(closed));
            assert!(socket.next_event().await.is_none(), "once");
            assert_eq!(socket.send("late").await.is_ok(), manual);
        }
    });
}

/// What a sending call has read is for who asks for events, once somebody does.
pub fn events_wait_while_the_program_sends<R: Runtime>() {
    R::run(async {
        let (mut socket, mut raw) = piped::<R>(quiet());
        assert!(poll_once(socket.next_event()).is_pending());
        raw.put(&frame(0x89, b"p"));
        raw.put(&frame(0x8a, b"q"));
        raw.put(CLOSE);
        for expected in [Event::Ping("p".into()), Event::Pong("q".into())] {
            for _ in 0..3 {
                ready(poll_once(socket.send("x"))).unwrap();
            }
            assert_eq!(socket.next_event().await.unwrap().unwrap(), expected);
        }
        while poll_once(socket.send("x")).map(|sent| sent.is_ok()) == Poll::Ready(true) {}
        let close = socket.next_event().await.unwrap().unwrap();
        assert!(matches!(close, Event::Close(_)));
        assert!(socket.next_event().await.is_none());
    });
}

pub fn a_failed_write_is_explained_by_the_close_of_the_peer<R: Runtime>() {
    R::run(async {
        let bye = frame(0x88, &wire::close_body(1009, b"too big"));
        for is_busy in [false, true] {
            let mut stream = Script::new();
            if is_busy {
                stream = stream.then_read(frame(0x81, b"one"));
            }
            // Some writes are taken, then the connection is reset.
            let stream = stream
                .then_read(bye.clone())
                .then_read_error(ErrorKind::ConnectionReset)
                .then_write(1000)
                .then_write_error(ErrorKind::BrokenPipe);
            let mut socket = server::<R, _>(stream, quiet());
            if is_busy {
                assert_eq!(text(socket.next().await), "one");
            }
            let error = socket.send(vec![0; 100_000]).await.unwrap_err();
            assert!(error.is_closed(), "{error:?}");
            let closed = socket.closed().unwrap();
            assert_eq!(closed.code.map(CloseCode::as_u16), Some(1009));
            assert!(socket.next().await.is_none(), "it is no failure");
        }
    });
}

pub fn a_failed_write_leaves_messages_and_is_reported_once<R: Runtime>() {
    R::run(async {
        let stream = Script::new()
            .then_read(burst())
            .then_write_error(ErrorKind::BrokenPipe);
        let mut socket = server::<R, _>(stream, quiet());
        let error = socket.send("x").await.unwrap_err();
        assert!(matches!(&error, Error::Io(error) if error.kind() == ErrorKind::BrokenPipe));
        for n in 0..16 {
            assert_eq!(text(socket.next().await).as_bytes(), [b'a' + n; 5]);
        }
        let error = socket.next().await.unwrap().unwrap_err();
        assert!(matches!(&error, Error::Io(error) if error.kind() == ErrorKind::BrokenPipe));
        assert!(socket.next().await.is_none());
    });
}

/// Memory is taken for received bytes, not for a claimed length.
pub fn a_claimed_length_allocates_nothing<R: Runtime>() {
    R::run(async {
        let (mut warm, mut raw) = piped::<R>(quiet());
        raw.put(&frame(0x81, b"x")); // the buffer of the thread
        warm.next().await.unwrap().unwrap();
        let (mut socket, mut raw) = piped::<R>(quiet());
        let region = Region::new();
        raw.put(b"\x82\xff\0\0\0\0\0\x80\0\0\0\0\0\0x"); // 8 MiB
        assert!(poll_once(socket.next()).is_pending());
        let held = region.change().held();
        assert!(held < 4096, "{held} bytes for 15");
    });
}

/// A task stays as big as its biggest future, and that is not the handshake's.
pub fn the_task_of_a_connection_is_small<R: Runtime>() {
    let (stream, _other) = pipe(1);
    let task = async {
        let mut socket = accept(R::io(stream), Acceptor::new()).await?;
        while let Some(message) = socket.next().await {
            socket.send(message?).await?;
        }
        Ok::<_, Box<dyn std::error::Error>>(())
    };
    let size = size_of_val(&task);
    assert!(size <= 320, "{size} bytes");
}

/// It has no buffers, nor anything of a handshake.
pub fn an_idle_connection_holds_little<R: Runtime>() {
    R::run(async {
        let mut held = 0;
        // The first time the buffer of the thread is made, and the pipe grows.
        for _ in 0..2 {
            let (stream, mut raw) = pipe(1 << 20);
            raw.put(&frame(0x82, &[7; 64]));
            let region = Region::new();
            let mut socket = server::<R, _>(stream, Options::new());
            let message = socket.next().await.unwrap().unwrap();
            socket.send(message).await.unwrap();
            assert!(poll_once(socket.next()).is_pending());
            drop(raw.drain());
            held = region.change().held();
        }
        assert!(held <= 1280, "{held} bytes");
    });
}

/// A task whose stream never waits lets others run between its messages, on any executor: whether a read brings a part
/// of a message or hundreds of them.
pub fn a_stream_that_always_has_more_lets_others_run<R: Runtime>() {
    R::run(async {
        let (small, big) = (frame(0x81, b"more"), frame(0x82, &[7; 3000]));
        for (again, most) in [(small.repeat(300), 300), (big, 100)] {
            let stream = Endless::new(&[], &again, Duration::from_secs(60));
            let mut socket = server::<R, _>(stream, quiet());
            let (mut messages, has_run) = (0, Cell::new(false));
            let echo = async {
                while !has_run.get() {
                    let message = socket.next().await.unwrap().unwrap();
                    socket.send(message).await.unwrap();
                    messages += 1;
                    assert!(messages <= most, "nobody else has run");
                }
            };
            let other = async { has_run.set(true) };
            join(echo, other).await;
        }
    });
}

/// The same, whatever the task sends between its messages, and if an answer to a Ping is written before each of them.
pub fn whatever_is_sent_a_stream_that_always_has_more_lets_others_run<R: Runtime>() {
    R::run(async {
        let (small, big) = (frame(0x81, b"more"), frame(0x82, &[7; 3000]));
        let pinged = [frame(0x89, b"there?"), small.clone()].concat();
        for again in [small.repeat(300), pinged.repeat(300), big] {
            for answers in 0..4 {
                let stream = Endless::new(&[], &again, Duration::from_secs(60));
                let mut socket = server::<R, _>(stream, quiet());
                let (mut messages, has_run) = (0, Cell::new(false));
                let task = async {
                    while !has_run.get() {
                        let message = socket.next().await.unwrap().unwrap();
                        match answers {
                            3 => {
                                socket.feed(message).await.unwrap();
                                socket.flush().await.unwrap();
                            }
                            _ => {
                                for _ in 0..answers {
                                    socket.send(message.clone()).await.unwrap();
                                }
                            }
                        }
                        messages += 1;
                        assert!(messages <= 300, "nobody else has run ({answers})");
                    }
                };
                let other = async { has_run.set(true) };
                join(task, other).await;
            }
        }
    });
}

/// Timers run though the stream never waits, here while parts of one message come.
pub fn a_stream_that_always_has_more_is_timed<R: Runtime>() {
    R::run(async {
        let config = Config::new()
            .keepalive(None)
            .close_timeout(Duration::from_millis(100));
        let start = frame(0x01, b"");
        let stream = Endless::new(&start, &frame(0x00, b"more"), Duration::from_secs(3));
        let mut socket = server::<R, _>(stream, Options::new().config(config));
        socket.start_close(CloseCode::NORMAL, "").unwrap();
        let started = Instant::now();
        let error = socket.next().await.unwrap().unwrap_err();
        assert!(
            matches!(error, Error::TimedOut(TimedOut::Close)),
            "{error:?}"
        );
        assert!(started.elapsed() < Duration::from_secs(2));
    });
}

pub fn a_handshake_ends_in_time_whatever_comes<R: Runtime>() {
    R::run(async {
        let start = b"HTTP/1.1 400 No\r\nContent-Length: 1000000000\r\n\r\n";
        let stream = Endless::new(start, b"a", Duration::from_secs(3));
        let time = Duration::from_millis(100);
        let limits = Limits::new().body_bytes(1_000_000_000);
        let connector = Connector::new("ws://h/").unwrap();
        let connector = connector.options(Options::new().limits(limits));
        let started = Instant::now();
        let error = connect_over(R::io(stream), connector, time)
            .await
            .unwrap_err();
        assert!(matches!(error, ConnectError::Refused(_)), "{error:?}");
        assert!(started.elapsed() < Duration::from_secs(2));
    });
}

pub fn a_request_ends_in_time_whatever_comes<R: Runtime>() {
    R::run(async {
        let stream = Endless::new(b"GET / HTTP/1.1\r\nX: ", b"a", Duration::from_secs(3));
        let limits = Limits::new().head_bytes(1_000_000_000);
        let options = Options::new()
            .limits(limits)
            .handshake_time(Duration::from_millis(100))
            .linger_time(Duration::from_millis(100));
        let started = Instant::now();
        let error = read_request(R::io(stream), options).await.unwrap_err();
        assert!(
            matches!(error, AcceptError::TimedOut(TimedOut::Handshake)),
            "{error:?}"
        );
        assert!(started.elapsed() < Duration::from_secs(2));
    });
}

/// Whatever mix of calls receives, each message comes once and in order, however the reads are cut.
pub fn messages_are_lent_in_order_with_every_other_way<R: Runtime>() {
    R::run(async {
        let all: Vec<u8> = (0..60)
            .flat_map(|n: u8| {
                let mut frames = frame(0x82, &vec![n; usize::from(n) * 100]);
                frames.extend(frame(0x89, &[n]));
                frames
            })
            .collect();
        for step in [1, 7, 100, 5000, 70_000] {
            let reads = all.chunks(step).map(|part| Ok(part.to_vec()));
            let mut socket = server::<R, _>(Script::new().then_reads(reads), quiet());
            let mut next: u8 = 0;
            let mut check = |bytes: &[u8]| {
                assert_eq!(bytes, vec![next; usize::from(next) * 100]);
                next += 1;
            };
            let mut turn = 0;
            loop {
                turn += 1;
                if turn % 3 == 0 {
                    match socket.next().await {
                        Some(Ok(message)) => check(message.as_bytes()),
                        _ => break,
                    }
                    continue;
                }
                if turn % 5 == 0 {
                    let _ = poll_once(socket.flush());
                }
                match socket.next_batch().await {
                    Some(Ok(mut batch)) => {
                        for _ in 0..turn % 4 {
                            if let Some((message, _)) = batch.next() {
                                check(message.as_bytes());
                            }
                        }
                    }
                    _ => break,
                }
            }
            assert_eq!(next, 60);
        }
    });
}

/// A handle of a batch has room: else its answers are written first.
pub fn a_batch_can_be_left_and_waits_for_room<R: Runtime>() {
    R::run(async {
        let (one, mut raw) = pipe(1000);
        let mut socket = server::<R, _>(one, quiet().high_water(2000));
        let mut answered = 0;
        let mut got = Vec::new();
        let mut left = 40;
        let mut rounds = 0;
        while got.len() < 40 * 502 {
            rounds += 1;
            assert!(rounds < 1000, "{answered} of 40");
            if left > 0 {
                raw.put(&frame(0x82, &[9; 100]));
                left -= 1;
            }
            // The last part of each answer is taken only now and then.
            if rounds % 3 == 0 {
                got.extend(raw.drain());
            }
            if let Poll::Ready(batch) = poll_once(socket.next_batch()) {
                let mut batch = batch.unwrap().unwrap();
                while let Some((message, mut sender)) = batch.next() {
                    assert_eq!(message.as_bytes(), [9; 100]);
                    sender.send_binary(&[answered; 498]).unwrap();
                    answered += 1;
                }
            }
            assert!(socket.pending_bytes() <= 2600, "{}", socket.pending_bytes());
        }
        assert_eq!(answered, 40);
        // Unless it is full, a tried message is queued.
        assert!(!matches!(socket.try_send("x"), Err(TrySendError::Full(_))));
    });
}

/// The same bytes for each, whether it waits until they are written or not, and refused inside a message.
pub fn one_prepared_message_goes_to_all<R: Runtime>() {
    R::run(async {
        let data = Bytes::from(vec![7; 5000]);
        let (text, big) = (
            PreparedMessage::from(Message::from("to all")),
            PreparedMessage::from(Message::from(data.clone())),
        );
        let mut expected = wire::frame(Side::Client, 0x81, b"to all");
        expected.extend(wire::frame(Side::Client, 0x82, &data));
        for feeds in [false, true] {
            for _ in 0..3 {
                let stream = Script::new().block_at_the_end();
                let mut socket = server::<R, _>(stream, quiet());
                for message in [&text, &big] {
                    if feeds {
                        ready(poll_once(socket.feed_prepared(message))).unwrap();
                    } else {
                        ready(poll_once(socket.send_prepared(message))).unwrap();
                    }
                }
                let written = socket.get_ref().written().len();
                assert_eq!(written, if feeds { 0 } else { expected.len() });
                ready(poll_once(socket.flush())).unwrap();
                assert!(socket.get_ref().written() == expected);

                let part = socket.send_text_part("open", Fin::No);
                ready(poll_once(part)).unwrap();
                let refused = ready(poll_once(socket.feed_prepared(&text)));
                let refused = refused.expect_err("a message is open");
                assert!(matches!(refused, Error::Send(SendError::MessageOpen)));
            }
        }
        assert_eq!(data, vec![7; 5000]);
    });
}

/// Connections of a thread write prepared messages from the same memory: what one of them cannot write stays its own,
/// and who has written all keeps nothing.
pub fn a_blocked_connection_keeps_the_rest_of_a_prepared_message<R: Runtime>() {
    R::run(async {
        let texts = ["a".repeat(100), "b".repeat(3000), "c".repeat(20_000)];
        let prepared = texts
            .each_ref()
            .map(|text| PreparedMessage::from(Message::from(text.as_str())));
        let expected: Vec<u8> = texts
            .iter()
            .flat_map(|text| wire::frame(Side::Client, 0x81, text.as_bytes()))
            .collect();
        for cut in [1, 2, 50, 103, 104, 3000, 3107, 3108, 20_000] {
            let blocked = |cut| {
                let stream = Script::new().block_at_the_end().then_write(cut);
                stream.then_writes([Err(ErrorKind::WouldBlock), Err(ErrorKind::WouldBlock)])
            };
            let streams = [
                blocked(cut),
                Script::new().block_at_the_end(),
                blocked(cut + 1),
            ];
            let mut sockets = streams.map(|stream| server::<R, _>(stream, quiet()));
            for message in &prepared {
                for socket in &mut sockets {
                    ready(poll_once(socket.feed_prepared(message))).unwrap();
                    let _ = poll_once(socket.flush());
                }
            }
            for socket in &mut sockets {
                socket.flush().await.unwrap();
                assert!(socket.get_ref().written() == expected, "{cut}");
            }
        }
        let mut idle = server::<R, _>(Script::new().block_at_the_end(), quiet());
        let region = Region::new();
        for message in &prepared {
            idle.send_prepared(message).await.unwrap();
        }
        let written = idle.get_ref().written().len() as isize;
        let held = region.change().held();
        assert!(held <= 2 * written, "{held} bytes besides what was written");
    });
}

/// Whoever has to wait keeps no more of that memory than the rest of its message needs.
pub fn a_blocked_connection_gives_the_memory_for_other_messages_back<R: Runtime>() {
    R::run(async {
        let [long, short] = [1 << 20, 100].map(|len| {
            let message = Message::from(vec![7; len]);
            PreparedMessage::from(message)
        });
        let stream = || Script::new().block_at_the_end();
        let blocked = [Err(ErrorKind::WouldBlock); 100];
        let stream_that_blocks = stream().then_write(10).then_writes(blocked);
        let mut socket = server::<R, _>(stream_that_blocks, quiet());
        assert!(poll_once(socket.next()).is_pending());
        let region = Region::new();
        // A client masks a copy.
        let mut client = WebSocket::client(R::io(stream()), Negotiated::new(), &[], quiet());
        client.send_prepared(&long).await.unwrap();
        drop(client);
        ready(poll_once(socket.feed_prepared(&short))).unwrap();
        assert!(poll_once(socket.flush()).is_pending());
        assert!(socket.pending_bytes() > 0);
        let held = region.change().held();
        assert!(held < 10_000, "{held} bytes for 100");
    });
}

/// What is left to do when the thread ends.
struct LastWords(RefCell<Option<Box<dyn FnOnce()>>>);

impl Drop for LastWords {
    fn drop(&mut self) {
        if let Some(words) = self.0.take() {
            words();
        }
    }
}

thread_local! {
    static LAST_WORDS: LastWords = const { LastWords(RefCell::new(None)) };
}

/// When what its connections share is gone already.
pub fn a_connection_goes_on_while_its_thread_ends<R: Runtime + 'static>() {
    let (tell, told) = mpsc::channel();
    let thread = thread::spawn(move || {
        // Before the connection uses what belongs to the thread: it is dropped after that.
        LAST_WORDS.with(|_| ());
        let reads = [frame(0x81, b"one"), frame(0x81, b"two")].map(Ok);
        let stream = Script::new().then_reads(reads).block_at_the_end();
        let mut socket = server::<R, _>(stream, quiet());
        let prepared = PreparedMessage::from(Message::from("to all"));
        assert_eq!(text(ready(poll_once(socket.next()))), "one");
        ready(poll_once(socket.send_prepared(&prepared))).unwrap();
        let words = Box::new(move || {
            let done = catch_unwind(AssertUnwindSafe(|| {
                assert_eq!(text(ready(poll_once(socket.next()))), "two");
                ready(poll_once(socket.send_prepared(&prepared))).unwrap();
                socket.get_ref().written().len()
            }));
            let _ = tell.send(done.ok());
        });
        LAST_WORDS.with(|last| last.0.replace(Some(words)));
    });
    thread.join().unwrap();
    assert_eq!(told.recv(), Ok(Some(2 * 8)));
}

/// Who asks a timer after it has rung is told so, as often as that is.
pub fn a_timer_that_has_rung_stays_so<R: Runtime>() {
    R::run(async {
        let (stream, _peer) = pipe(1);
        let mut io = R::io(stream);
        let deadline = io.now() + Duration::from_millis(5);
        poll_fn(|cx| io.poll_until(cx, deadline)).await;
        for _ in 0..3 {
            assert!(io.now() >= deadline);
            assert!(poll_fn(|cx| Poll::Ready(io.poll_until(cx, deadline).is_ready())).await);
        }
    });
}
