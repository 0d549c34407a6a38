//! Recordings: of sessions on tokio and of the driver; played again, changed, and shown.

use std::io::{ErrorKind, Write};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use ws_proto::{CloseCode, Fin, Instant, OwnedMessage};
use ws_proto_test::link::{End, Link, Time};
use ws_proto_test::random::Random;
use ws_proto_test::record::{
    Bytes, Event, Found, Header, Recorded, RecordedWebSocket, Recorder, Recording, Send, Settings,
    Wanted, replay, show,
};
use ws_proto_test::stream::Script;
use ws_proto_test::task::block_on;
use ws_proto_test::{Side, for_each_seed};
use ws_proto_tokio::{Acceptor, Connector, Deflate, WebSocket};

/// A file in memory.
#[derive(Clone, Debug, Default)]
struct File(Arc<Mutex<Vec<u8>>>);

impl Write for File {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl File {
    fn recording(&self) -> Recording {
        Recording::read(&self.0.lock().unwrap()[..]).unwrap()
    }
}

fn recorder(header: &Header) -> (Recorder, File) {
    let file = File::default();
    (Recorder::new(file.clone(), header), file)
}

/// Sends as the seed says, and echoes half of the messages.
async fn chat(mut socket: WebSocket<Recorded<End>>, mut random: Random, closes: bool) {
    for _ in 0..random.below(20) {
        let data = random.bytes(random.clone().below(300));
        let text = "a text that compresses well, ".repeat(random.below(8));
        let sent = match random.below(7) {
            0 => socket.send(data.as_slice()).await,
            1 => socket.send(text.as_str()).await,
            2 => socket.send_uncompressed(text.as_str()).await,
            3 => {
                let _ = socket.send_text_part(text.as_str(), Fin::No).await;
                socket.send_text_part("and the end", Fin::Yes).await
            }
            4 => socket.ping(b"there?").await,
            5 => {
                tokio::time::sleep(Duration::from_millis(random.below(5000) as u64)).await;
                Ok(())
            }
            _ => match tokio::time::timeout(Duration::from_secs(1), socket.next()).await {
                Ok(Some(Ok(message))) => socket.send(message).await,
                _ => Ok(()),
            },
        };
        if sent.is_err() {
            break;
        }
    }
    if closes {
        let _ = socket.close(CloseCode::NORMAL, "that is all").await;
    } else {
        while let Some(Ok(_)) = socket.next().await {}
    }
}

/// A stream whose writing side cannot be ended.
struct Unending;

impl tokio::io::AsyncRead for Unending {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        _: &mut tokio::io::ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        Poll::Pending
    }
}

/// Implements a trait of writers, whose method `$end` ends the writing side.
macro_rules! unending {
    ($writer:path, $end:ident) => {
        impl $writer for Unending {
            fn poll_write(
                self: Pin<&mut Self>,
                _: &mut Context<'_>,
                bytes: &[u8],
            ) -> Poll<std::io::Result<usize>> {
                Poll::Ready(Ok(bytes.len()))
            }

            fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
                Poll::Ready(Ok(()))
            }

            fn $end(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
                Poll::Ready(Err(ErrorKind::NotConnected.into()))
            }
        }
    };
}

unending!(tokio::io::AsyncWrite, poll_shutdown);
unending!(futures_util::io::AsyncWrite, poll_close);

#[test]
fn an_end_of_writing_that_fails_is_recorded_as_a_failure() {
    let (recorder, file) = recorder(&Header::stream(Side::Client));
    block_on(async {
        let mut stream = recorder.clone().stream(Unending);
        tokio::io::AsyncWriteExt::shutdown(&mut stream)
            .await
            .unwrap_err();
        let mut stream = recorder.stream(Unending);
        futures_util::AsyncWriteExt::close(&mut stream)
            .await
            .unwrap_err();
    });
    let failed = Event::SendFailed {
        error: "NotConnected".to_owned(),
    };
    let events = file.recording().lines.into_iter().map(|line| line.event);
    assert_eq!(events.collect::<Vec<_>>(), [failed.clone(), failed]);
}

/// What a network that is gone does to an open connection, sooner or later.
#[test]
fn a_connection_that_times_out_is_recorded_as_a_failure() {
    let stream = || {
        Script::new()
            .then_read_error(ErrorKind::TimedOut)
            .then_write_error(ErrorKind::TimedOut)
    };
    let (recorder, file) = recorder(&Header::stream(Side::Client));
    block_on(async {
        let mut tokio = recorder.clone().stream(stream());
        let read = tokio::io::AsyncReadExt::read(&mut tokio, &mut [0; 8]).await;
        assert_eq!(read.unwrap_err().kind(), ErrorKind::TimedOut);
        let written = tokio::io::AsyncWriteExt::write(&mut tokio, b"x").await;
        assert_eq!(written.unwrap_err().kind(), ErrorKind::TimedOut);
        let mut futures = recorder.clone().stream(stream());
        let read = futures_util::AsyncReadExt::read(&mut futures, &mut [0; 8]).await;
        assert_eq!(read.unwrap_err().kind(), ErrorKind::TimedOut);
        let written = futures_util::AsyncWriteExt::write(&mut futures, b"x").await;
        assert_eq!(written.unwrap_err().kind(), ErrorKind::TimedOut);
    });
    let error = || "TimedOut".to_owned();
    let once = [
        Event::ReceiveFailed { error: error() },
        Event::SendFailed { error: error() },
    ];
    let events = file.recording().lines.into_iter().map(|line| line.event);
    assert_eq!(events.collect::<Vec<_>>(), [once.clone(), once].concat());
    // Of a blocking stream it is the end of a wait.
    let mut blocking = recorder.stream(stream());
    std::io::Read::read(&mut blocking, &mut [0; 8]).unwrap_err();
    blocking.write(b"x").unwrap_err();
    assert_eq!(file.recording().lines.len(), 4);
}

/// A stream with a buffer of its own that cannot be written out, as one of TLS may be.
struct Unflushing;

impl Write for Unflushing {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Err(ErrorKind::BrokenPipe.into())
    }
}

impl tokio::io::AsyncWrite for Unflushing {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Write::flush(&mut *self))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl futures_util::io::AsyncWrite for Unflushing {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Write::flush(&mut *self))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[test]
fn a_flush_that_fails_is_recorded_as_a_failure() {
    let (recorder, file) = recorder(&Header::stream(Side::Client));
    recorder.clone().stream(Unflushing).flush().unwrap_err();
    block_on(async {
        let mut stream = recorder.clone().stream(Unflushing);
        tokio::io::AsyncWriteExt::flush(&mut stream)
            .await
            .unwrap_err();
        let mut stream = recorder.stream(Unflushing);
        futures_util::AsyncWriteExt::flush(&mut stream)
            .await
            .unwrap_err();
    });
    let failed = Event::SendFailed {
        error: "BrokenPipe".to_owned(),
    };
    let events = file.recording().lines.into_iter().map(|line| line.event);
    assert_eq!(events.collect::<Vec<_>>(), vec![failed; 3]);
}

fn tokio_run<T>(future: impl Future<Output = T>) -> T {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = builder.enable_time().start_paused(true).build().unwrap();
    runtime.block_on(future)
}

/// Both ends of a session, recorded.
pub(crate) fn session(seed: u64, deflate: bool) -> [Recording; 2] {
    tokio_run(async {
        let time = Time::tokio();
        let (left, right) = Link::random(seed).at(&time).ends();
        let (client, client_file) = recorder(&Header::stream(Side::Client));
        let (server, server_file) = recorder(&Header::stream(Side::Server));
        let clock = time.clone();
        let (client, server) = (
            client.clock(move || clock.now()),
            server.clock(move || time.now()),
        );
        let mut connector = Connector::new("ws://example.com/chat?room=1")
            .unwrap()
            .subprotocols(&["chat.v2", "chat.v1"])
            .header("Authorization", "Bearer abc");
        let compression = Deflate::new().server_takeover(seed % 2 == 0);
        let mut acceptor = Acceptor::new().subprotocols(&["chat.v1"]);
        if deflate {
            connector = connector.deflate(&compression);
            acceptor = acceptor.deflate(&compression);
        }
        let random = |index| Random::nth(seed, index);
        let serve = async {
            let accepted = ws_proto_tokio::accept_with(server.stream(right), acceptor).await;
            if let Ok(socket) = accepted {
                chat(socket, random(7), seed % 3 == 0).await;
            }
        };
        let ask = async {
            let connected = ws_proto_tokio::connect_over(client.stream(left), connector).await;
            if let Ok((socket, _)) = connected {
                chat(socket, random(8), seed % 3 != 0).await;
            }
        };
        futures_util::future::join(serve, ask).await;
        let mut recordings = [client_file.recording(), server_file.recording()];
        let takeover = &mut recordings;
        for recording in takeover {
            recording.header.settings.deflate.server_takeover = seed % 2 == 0;
        }
        recordings
    })
}

#[test]
fn sessions_of_both_ends_are_replayed_byte_for_byte() {
    let total = Mutex::new((0, 0, 0));
    for deflate in [false, true] {
        for_each_seed(150, |seed| {
            for recording in session(seed, deflate) {
                let replayed = replay(&recording).unwrap_or_else(|difference| {
                    let mut text = String::new();
                    show(&recording, &mut text).unwrap();
                    panic!("{:?}: {difference}\n{text}", recording.header.side)
                });
                assert_eq!(
                    replayed.compared + replayed.cut_off,
                    recording.sent().len() as u64
                );
                assert_eq!(replayed.received, recording.received().len() as u64);
                let mut total = total.lock().unwrap();
                total.0 += 1;
                total.1 += replayed.compared;
                total.2 += replayed.messages;
            }
        });
    }
    let (recordings, bytes, messages) = total.into_inner().unwrap();
    println!("{recordings} recordings, {bytes} bytes compared, {messages} messages");
    assert!(recordings >= 2 && bytes > 1000 && messages > 10);
}

#[test]
fn every_changed_byte_of_what_was_sent_is_a_difference() {
    let [_, server] = session(4, true);
    assert!(replay(&server).is_ok());
    let mut changed = 0;
    for at in 0..server.lines.len() {
        let Event::Sent { bytes } = &server.lines[at].event else {
            continue;
        };
        for byte in 0..bytes.0.len() {
            let mut other = server.clone();
            let Event::Sent { bytes } = &mut other.lines[at].event else {
                continue;
            };
            // A bit of the payload of a message is another message of the program: only it and its length cannot be told.
            bytes.0[byte] ^= 0x80;
            changed += usize::from(replay(&other).is_err());
        }
    }
    println!(
        "{changed} of {} changes are differences",
        server.sent().len()
    );
    assert!(changed > 200, "{changed}");
}

/// Two drivers talk to each other by hand, in many sizes of reads.
pub(crate) fn driven(seed: u64) -> [Recording; 2] {
    let mut settings = Settings::default();
    settings.max_message = 2000;
    let headers =
        [Side::Client, Side::Server].map(|side| Header::websocket(side).settings(settings.clone()));
    let mut random = Random::nth(seed, 3);
    let mut keys = Random::nth(seed, 4);
    let (one, one_file) = recorder(&headers[0]);
    let (other, other_file) = recorder(&headers[1]);
    let mut ends = [
        RecordedWebSocket::client(&headers[0], None, one, move || keys.key()),
        RecordedWebSocket::server(&headers[1], None, other),
    ];
    let mut now = Instant::from_millis(0);
    for step in 0..60 {
        let at = random.below(2);
        let bytes = Bytes(random.bytes(random.clone().below(100)));
        let send = match random.below(12) {
            0 => Some(Send::Text {
                text: "text".repeat(step),
            }),
            1 => Some(Send::Binary { bytes }),
            2 => Some(Send::BinaryPart {
                bytes,
                last: random.percent(50),
            }),
            3 => Some(Send::Ping { bytes }),
            4 => Some(Send::Binary {
                bytes: Bytes(random.bytes(1000 + step * 20)),
            }),
            5 if step > 50 => Some(Send::Close {
                code: Some(1000),
                reason: "enough".to_owned(),
            }),
            _ => None,
        };
        if let Some(send) = send {
            let _ = ends[at].send(send);
        }
        let pending = ends[at].pending();
        let n = pending.len().min(random.below(2000));
        if n > 0 {
            ends[at].consume(n);
            ends[1 - at].receive(&pending[..n]);
        }
        let want = random.pick(&[
            Wanted::Message,
            Wanted::Event,
            Wanted::Piece,
            Wanted::Nothing,
        ]);
        for _ in 0..random.below(4) {
            if matches!(
                ends[1 - at].next(want),
                Err(_) | Ok(Found::Read | Found::End)
            ) {
                break;
            }
        }
        now = now + Duration::from_millis(random.below(3000) as u64);
        let _ = ends[at].tick(now);
    }
    let _ = ends[0].receive_eof();
    ends[1].write_failed();
    let _ = (ends[0].next(Wanted::Message), ends[1].next(Wanted::Message));
    [one_file.recording(), other_file.recording()]
}

#[test]
fn every_call_of_the_driver_is_replayed() {
    let mut calls = 0;
    for seed in 0..200 {
        for recording in driven(seed) {
            match replay(&recording) {
                Ok(replayed) => calls += replayed.calls,
                Err(difference) => panic!("seed {seed}: {difference}"),
            }
        }
    }
    println!("{calls} calls");
    assert!(calls > 10_000);
}

#[test]
fn other_settings_are_another_result() {
    let mut recording = driven(1)[1].clone();
    recording.header.settings.max_message = 1;
    let difference = replay(&recording).unwrap_err();
    assert!(difference.what.starts_with("next returned"), "{difference}");
}

#[test]
fn a_recording_survives_a_round_trip_and_a_cut() {
    let recording = session(7, true)[0].clone();
    let mut text = Vec::new();
    recording.write(&mut text).unwrap();
    assert_eq!(Recording::read(&text[..]).unwrap(), recording);
    let cut = Recording::read(&text[..text.len() - 9]).unwrap();
    assert!(cut.is_cut && cut.lines.len() == recording.lines.len() - 1);
    replay(&cut).unwrap();
}

#[test]
fn what_a_reader_does_not_know_is_left_out_and_what_is_wrong_is_named() {
    let header =
        r#"{"format":"ws-proto-recording","version":1,"of":"stream","side":"server","new":1}"#;
    let known = format!("{header}\n\n{{\"at\":5,\"event\":\"dreamt\",\"of\":[1]}}\n");
    let recording = Recording::read(known.as_bytes()).unwrap();
    assert_eq!(recording.lines[0].event, Event::Unknown);
    for (text, wrong) in [
        (String::new(), "line 1: it is empty"),
        (
            header.replace("version\":1", "version\":2"),
            "line 1: ws-proto-recording of version 2 is not known here",
        ),
        (
            header.replace("ws-proto-", "other-"),
            "line 1: other-recording of version 1",
        ),
        (
            header.replace("\"server\"", "\"proxy\""),
            "line 1: there is no side",
        ),
        (
            format!("{header}\nnothing\n{{\"at\":5,\"event\":\"sent_end\"}}"),
            "line 2: expected",
        ),
        (
            format!("{header}\n{{\"at\":1,\"event\":\"sent\",\"bytes\":\"?\"}}\n{header}"),
            "line 2: Invalid",
        ),
    ] {
        let error = Recording::read(text.as_bytes()).unwrap_err();
        assert!(error.to_string().starts_with(wrong), "{error}");
    }
}

#[test]
fn a_refusal_is_replayed() {
    let recording = tokio_run(async {
        let (left, right) = Link::new().at(&Time::tokio()).ends();
        let (server, file) = recorder(&Header::stream(Side::Server));
        let connector = Connector::new("ws://example.com/")
            .unwrap()
            .origin("https://evil.example");
        let serve = ws_proto_tokio::accept(server.stream(right));
        let ask = ws_proto_tokio::connect_over(left, connector);
        let (served, asked) = futures_util::future::join(serve, ask).await;
        assert!(served.is_err() && asked.is_err());
        file.recording()
    });
    assert!(replay(&recording).unwrap().compared > 100);
}

#[test]
fn what_the_program_got_is_in_a_recording_of_the_driver() {
    let header = Header::websocket(Side::Server);
    let (recorder, file) = recorder(&header);
    let mut server = RecordedWebSocket::server(&header, None, recorder);
    server.receive(b"\x81\x82\0\0\0\0hi");
    let found = server.next(Wanted::Message).unwrap();
    assert_eq!(found, Found::Message(OwnedMessage::Text("hi".to_owned())));
    let recording = file.recording();
    let last = &recording.lines.last().unwrap().event;
    assert!(matches!(last, Event::Next { bytes: Some(Bytes(bytes)), .. } if bytes == b"hi"));
}

#[test]
fn frames_are_shown() {
    let [client, server] = session(12, true);
    let mut text = String::new();
    show(&client, &mut text).unwrap();
    show(&server, &mut text).unwrap();
    println!("{text}");
    for part in [
        "stream of a client\n",
        "> GET /chat?room=1 HTTP/1.1\n",
        "|  Authorization: Bearer abc\n",
        "< HTTP/1.1 101 Switching Protocols\n",
        "compressed, ",
        "\"a text that compresses well, ",
        "Close, 13 bytes: 1000 \"that is all\"",
    ] {
        assert!(text.contains(part), "{part}");
    }
    assert!(text.is_ascii());
}

/// A disk that was full may have room again, but lines are missing then.
#[test]
fn a_recorder_stops_at_the_first_error_of_its_writer() {
    struct Full {
        file: File,
        fails_to_write: bool,
        flushes: u32,
    }

    impl Write for Full {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            if self.fails_to_write {
                return Err(ErrorKind::StorageFull.into());
            }
            self.file.write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            self.flushes += 1;
            if self.flushes == 1 {
                return Err(ErrorKind::StorageFull.into());
            }
            Ok(())
        }
    }

    for fails_to_write in [false, true] {
        let (file, flushes) = (File::default(), 0);
        let full = Full {
            file: file.clone(),
            fails_to_write,
            flushes,
        };
        let recorder = Recorder::new(full, &Header::stream(Side::Client));
        let written = file.0.lock().unwrap().clone();
        for _ in 0..3 {
            let error = recorder.flush().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::StorageFull);
            recorder.record(Event::ReceivedEnd);
            assert_eq!(*file.0.lock().unwrap(), written);
        }
    }
}
