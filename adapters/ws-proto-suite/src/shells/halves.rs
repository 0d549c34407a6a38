//! Halves in two tasks, with the work done by whichever is waited for.

use futures_util::future::{join, join_all};
use futures_util::{AsyncReadExt, AsyncWriteExt};
use ws_proto_async::CloseCode;

use super::pairs::{in_time, masked, pair, run, server_and_raw};
use super::{Runtime, quiet};
use ws_proto_test::task::{poll_once, yield_now};

/// Both peers write more than the other has room for: whoever stopped reading while its own output
/// is full would wait for ever.
pub fn both_ends_flood_each_other<R: Runtime>() {
    run::<R>(async {
        let (client, server) = pair::<R>(4096, quiet().high_water(8192)).await;
        let (mut writers, mut readers) = (Vec::new(), Vec::new());
        for socket in [client, server] {
            let (mut read, mut write) = socket.split();
            writers.push(R::spawn(async move {
                for i in 0..2000_u32 {
                    write.send_binary(vec![i as u8; 1500]).await.unwrap();
                }
                write.flush().await.unwrap();
            }));
            readers.push(R::spawn(async move {
                for i in 0..2000_u32 {
                    let message = read.next().await.unwrap().unwrap();
                    assert_eq!(message.as_bytes(), [i as u8; 1500]);
                }
                // The stream has to live until the other half is done.
                assert!(poll_once(read.next()).is_pending() || read.closed().is_none());
                drop(read);
            }));
        }
        join(join_all(writers), join_all(readers)).await;
    });
}

pub fn pings_are_answered_while_only_the_writing_half_is_waited_for<R: Runtime>() {
    run::<R>(async {
        let (server, mut raw) = server_and_raw::<R>(256, quiet());
        let (_read, mut write) = server.split();
        let writing = R::spawn(async move {
            // More than the pipe takes: it waits in here.
            write.send_binary(vec![1; 2000]).await.unwrap();
            write
        });
        raw.write_all(&masked(0x89, b"are you there"))
            .await
            .unwrap();
        let mut all = Vec::new();
        let answered = async {
            while !all.ends_with(b"\x8a\x0dare you there") {
                let mut byte = [0];
                raw.read_exact(&mut byte).await.unwrap();
                all.extend(byte);
            }
        };
        in_time::<R, _>(5, answered).await;
        assert_eq!(all.len(), 4 + 2000 + 15);
        writing.await;
    });
}

pub fn what_one_half_has_queued_the_other_one_writes<R: Runtime>() {
    run::<R>(async {
        let (server, mut raw) = server_and_raw::<R>(256, quiet());
        let (mut read, mut write) = server.split();
        write.try_send("x".repeat(1000)).unwrap();
        let reading = R::spawn(async move { read.next().await });
        let mut all = vec![0; 1004];
        let written = in_time::<R, _>(5, raw.read_exact(&mut all)).await;
        written.unwrap();
        raw.write_all(&masked(0x81, b"thanks")).await.unwrap();
        let thanks = reading.await.unwrap().unwrap();
        assert_eq!(thanks.as_text(), Some("thanks"));
    });
}

pub fn messages_wait_for_the_reading_half<R: Runtime>() {
    run::<R>(async {
        let (server, mut raw) = server_and_raw::<R>(4096, quiet());
        let (mut read, mut write) = server.split();
        raw.write_all(&masked(0x81, b"one")).await.unwrap();
        raw.write_all(&masked(0x81, b"two")).await.unwrap();
        write.send("x").await.unwrap();
        write.send("y").await.unwrap();
        assert_eq!(read.next().await.unwrap().unwrap().as_text(), Some("one"));
        assert_eq!(read.next().await.unwrap().unwrap().as_text(), Some("two"));
    });
}

pub fn closing_by_one_half_ends_the_other<R: Runtime>() {
    run::<R>(async {
        let (client, server) = pair::<R>(1024, quiet()).await;
        let (mut read, mut write) = client.split();
        let reading = R::spawn(async move {
            let mut count = 0;
            while let Some(message) = read.next().await {
                message.unwrap();
                count += 1;
            }
            (count, read.closed())
        });
        let mut server = server;
        for _ in 0..10 {
            server.send("before").await.unwrap();
        }
        write.close(CloseCode::NORMAL, "enough").await.unwrap();
        assert!(write.send("late").await.is_err());
        assert!(server.next().await.is_none());
        let (count, closed) = reading.await;
        assert_eq!(count, 10);
        assert_eq!(closed.unwrap().code, Some(CloseCode::NORMAL));
    });
}

pub fn a_writing_half_alone_closes_to_the_end<R: Runtime>() {
    run::<R>(async {
        let (client, mut server) = pair::<R>(1024, quiet()).await;
        let (read, mut write) = client.split();
        drop(read);
        let serving = R::spawn(async move {
            // Nobody reads these.
            let mut sent = 0;
            while server.send("x".repeat(500)).await.is_ok() {
                sent += 1;
            }
            assert!(sent > 0);
            assert!(server.next().await.is_none());
            server.closed()
        });
        for _ in 0..100 {
            write.flush().await.unwrap();
            yield_now().await;
        }
        write.close(CloseCode::NORMAL, "").await.unwrap();
        let closed = serving.await.unwrap();
        assert_eq!(closed.code, Some(CloseCode::NORMAL));
    });
}

pub fn halves_are_joined_again<R: Runtime>() {
    run::<R>(async {
        let (client, mut server) = pair::<R>(1024, quiet()).await;
        let (other, _other) = pair::<R>(1024, quiet()).await;
        let (read, write) = client.split();
        let (other_read, other_write) = other.split();
        let error = read.reunite(other_write).unwrap_err();
        let mut client = error.0.reunite(write).unwrap();
        drop((error.1, other_read));
        client.send("one again").await.unwrap();
        assert_eq!(
            server.next().await.unwrap().unwrap().as_text(),
            Some("one again")
        );
        server.send("and back").await.unwrap();
        assert_eq!(
            client.next().await.unwrap().unwrap().as_text(),
            Some("and back")
        );
    });
}

/// A writer that waits for room hears of the end, wherever the reader finds it: its wait ends.
pub fn a_waiting_writer_is_woken_by_the_end_that_the_reader_finds<R: Runtime>() {
    let messages = [masked(0x81, b"a"), masked(0x81, b"b")].concat();
    run::<R>(async {
        for end in [masked(0x88, &[3, 0xe8]), masked(0x83, b"")] {
            for asks_for_events in [false, true] {
                let (server, mut raw) = server_and_raw::<R>(256, quiet().high_water(1000));
                let (mut read, mut write) = server.split();
                write.feed(vec![7; 3000]).await.unwrap();
                let writing = R::spawn(async move { write.ready().await });
                yield_now().await;
                raw.write_all(&[&messages[..], &end].concat())
                    .await
                    .unwrap();
                // The writer reads too while it waits, and finds a message that is not for it.
                yield_now().await;
                for _ in 0..4 {
                    if asks_for_events {
                        let _ = poll_once(read.next_event());
                    } else {
                        let _ = poll_once(read.next());
                    }
                }
                let written = in_time::<R, _>(1, writing).await;
                assert!(written.is_err());
            }
        }
    });
}
