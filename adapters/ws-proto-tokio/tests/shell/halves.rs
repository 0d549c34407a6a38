//! Halves in two tasks, with the work done by whichever is waited for.

use std::time::Duration;

use crate::common::{masked, pair, quiet, server_and_raw};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;
use ws_proto_test::task::poll_once;
use ws_proto_tokio::{CloseCode, Config, Error, Options, TimedOut};

/// Both peers write more than the other has room for: whoever stopped reading while its own output
/// is full would wait for ever.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_ends_flood_each_other() {
    let (client, server) = pair(4096, quiet().high_water(8192)).await;
    let mut tasks = Vec::new();
    for socket in [client, server] {
        let (mut read, mut write) = socket.split();
        tasks.push(tokio::spawn(async move {
            for i in 0..2000_u32 {
                write.send_binary(vec![i as u8; 1500]).await.unwrap();
            }
            write.flush().await.unwrap();
        }));
        tasks.push(tokio::spawn(async move {
            for i in 0..2000_u32 {
                let message = read.next().await.unwrap().unwrap();
                assert_eq!(message.as_bytes(), [i as u8; 1500]);
            }
            // The stream has to live until the other half is done.
            assert!(poll_once(read.next()).is_pending() || read.closed().is_none());
            drop(read);
        }));
    }
    for task in tasks {
        timeout(Duration::from_secs(60), task)
            .await
            .unwrap()
            .unwrap();
    }
}

#[tokio::test]
async fn pings_are_answered_while_only_the_writing_half_is_waited_for() {
    let (server, mut raw) = server_and_raw(256, quiet()).await;
    let (_read, mut write) = server.split();
    let writing = tokio::spawn(async move {
        // More than the pipe takes: it waits in here.
        write.send_binary(vec![1; 2000]).await.unwrap();
        write
    });
    raw.write_all(&masked(0x89, b"are you there"))
        .await
        .unwrap();
    let mut all = Vec::new();
    while !all.ends_with(b"\x8a\x0dare you there") {
        assert_ne!(
            timeout(Duration::from_secs(5), raw.read_buf(&mut all))
                .await
                .unwrap()
                .unwrap(),
            0
        );
    }
    assert_eq!(all.len(), 4 + 2000 + 15);
    writing.await.unwrap();
}

#[tokio::test]
async fn what_one_half_has_queued_the_other_one_writes() {
    let (server, mut raw) = server_and_raw(256, quiet()).await;
    let (mut read, mut write) = server.split();
    write.try_send("x".repeat(1000)).unwrap();
    let reading = tokio::spawn(async move { read.next().await });
    let mut all = vec![0; 1004];
    timeout(Duration::from_secs(5), raw.read_exact(&mut all))
        .await
        .unwrap()
        .unwrap();
    raw.write_all(&masked(0x81, b"thanks")).await.unwrap();
    let thanks = reading.await.unwrap().unwrap().unwrap();
    assert_eq!(thanks.as_text(), Some("thanks"));
}

#[tokio::test]
async fn messages_wait_for_the_reading_half() {
    let (server, mut raw) = server_and_raw(4096, quiet()).await;
    let (mut read, mut write) = server.split();
    raw.write_all(&masked(0x81, b"one")).await.unwrap();
    raw.write_all(&masked(0x81, b"two")).await.unwrap();
    write.send("x").await.unwrap();
    write.send("y").await.unwrap();
    assert_eq!(read.next().await.unwrap().unwrap().as_text(), Some("one"));
    assert_eq!(read.next().await.unwrap().unwrap().as_text(), Some("two"));
}

#[tokio::test]
async fn closing_by_one_half_ends_the_other() {
    let (client, server) = pair(1024, quiet()).await;
    let (mut read, mut write) = client.split();
    let reading = tokio::spawn(async move {
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
    let (count, closed) = reading.await.unwrap();
    assert_eq!(count, 10);
    assert_eq!(closed.unwrap().code, Some(CloseCode::NORMAL));
}

#[tokio::test]
async fn a_writing_half_alone_closes_to_the_end() {
    let (client, mut server) = pair(1024, quiet()).await;
    let (read, mut write) = client.split();
    drop(read);
    let serving = tokio::spawn(async move {
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
        tokio::task::yield_now().await;
    }
    write.close(CloseCode::NORMAL, "").await.unwrap();
    let closed = serving.await.unwrap().unwrap();
    assert_eq!(closed.code, Some(CloseCode::NORMAL));
}

#[tokio::test]
async fn halves_are_joined_again() {
    let (client, mut server) = pair(1024, quiet()).await;
    let (other, _other) = pair(1024, quiet()).await;
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
}

#[tokio::test(start_paused = true)]
async fn keepalive_runs_while_either_half_is_waited_for() {
    let config = Config::new()
        .keepalive(Some(Duration::from_secs(20)))
        .pong_timeout(Duration::from_secs(10));
    for only_writing in [false, true] {
        let (server, mut raw) = server_and_raw(64, Options::new().config(config)).await;
        let (mut read, mut write) = server.split();
        let waiting = tokio::spawn(async move {
            if only_writing {
                // The pipe is full, and stays so.
                let error = write.send_binary(vec![0; 1000]).await.unwrap_err();
                drop(read);
                error
            } else {
                let error = read.next().await.unwrap().unwrap_err();
                drop(write);
                error
            }
        });
        let started = tokio::time::Instant::now();
        let error = waiting.await.unwrap();
        assert!(
            matches!(error, Error::TimedOut(TimedOut::Pong)),
            "{error:?}"
        );
        assert_eq!(started.elapsed().as_secs(), 30);
        let mut written = Vec::new();
        raw.read_to_end(&mut written).await.unwrap();
        if !only_writing {
            assert_eq!(written, b"\x89\x00\x88\x02\x03\xf3");
        }
    }
}

/// A writer that waits for room hears of the end, wherever the reader finds it: its wait
/// ends.
#[tokio::test]
async fn a_waiting_writer_is_woken_by_the_end_that_the_reader_finds() {
    let messages = [masked(0x81, b"a"), masked(0x81, b"b")].concat();
    for end in [masked(0x88, &[3, 0xe8]), masked(0x83, b"")] {
        for asks_for_events in [false, true] {
            let (server, mut raw) = server_and_raw(256, quiet().high_water(1000)).await;
            let (mut read, mut write) = server.split();
            write.feed(vec![7; 3000]).await.unwrap();
            let mut writing = tokio::spawn(async move { write.ready().await });
            tokio::task::yield_now().await;
            raw.write_all(&[&messages[..], &end].concat())
                .await
                .unwrap();
            // The writer reads too while it waits, and finds a message that is not for it.
            tokio::task::yield_now().await;
            for _ in 0..4 {
                if asks_for_events {
                    let _ = poll_once(read.next_event());
                } else {
                    let _ = poll_once(read.next());
                }
            }
            let written = timeout(Duration::from_secs(1), &mut writing).await;
            assert!(written.expect("it was woken").unwrap().is_err());
        }
    }
}
