//! Timers, by tokio's clock; it stands still while something can be done.

use std::io::ErrorKind;
use std::time::Duration;

use crate::common::{masked, pair, quiet, server_and_raw};
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
use tokio::time::{Instant, sleep};
use ws_proto_tokio::{
    AcceptError, CloseCode, Config, ConnectError, Connector, Error, Options, Stage, TimedOut,
    accept_with, connect_over, read_request,
};

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn a_silent_peer_is_pinged_and_stays_while_it_answers() {
    let config = Config::new().keepalive(Some(20 * SECOND));
    let (mut server, mut client) = pair(1024, Options::new().config(config)).await;
    // The client answers by itself, if only something is waited for.
    let client = tokio::spawn(async move { client.next().await.is_none() });
    let waited = tokio::time::timeout(Duration::from_secs(3600), server.next()).await;
    assert!(waited.is_err(), "an hour of silence with a living peer");
    server.close(CloseCode::NORMAL, "").await.unwrap();
    assert!(client.await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn a_vanished_peer_is_found_out() {
    let config = Config::new()
        .keepalive(Some(20 * SECOND))
        .pong_timeout(5 * SECOND);
    let (mut server, mut raw) = server_and_raw(1024, Options::new().config(config));
    let started = Instant::now();
    let error = server.next().await.unwrap().unwrap_err();
    assert!(matches!(error, Error::TimedOut(TimedOut::Pong)));
    assert_eq!(started.elapsed().as_secs(), 25);
    assert!(server.next().await.is_none());
    assert!(server.send("late").await.is_err());
    drop(server);
    let mut written = Vec::new();
    raw.read_to_end(&mut written).await.unwrap();
    assert_eq!(written, b"\x89\x00\x88\x02\x03\xf3");
}

#[tokio::test(start_paused = true)]
async fn keepalive_runs_while_either_half_is_waited_for() {
    let config = Config::new()
        .keepalive(Some(Duration::from_secs(20)))
        .pong_timeout(Duration::from_secs(10));
    for only_writing in [false, true] {
        let (server, mut raw) = server_and_raw(64, Options::new().config(config));
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
        let started = Instant::now();
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

#[tokio::test(start_paused = true)]
async fn whatever_comes_is_a_sign_of_life() {
    let config = Config::new()
        .keepalive(Some(20 * SECOND))
        .pong_timeout(5 * SECOND);
    let (mut server, mut raw) = server_and_raw(1024, Options::new().config(config));
    let peer = tokio::spawn(async move {
        for _ in 0..20 {
            sleep(24 * SECOND).await;
            raw.write_all(&masked(0x81, b"still here")).await.unwrap();
        }
        raw
    });
    for _ in 0..20 {
        server.next().await.unwrap().unwrap();
    }
    peer.await.unwrap();
}

/// A program that is busy elsewhere for long does not blame the peer for it.
#[tokio::test(start_paused = true)]
async fn a_slow_program_does_not_time_out_its_peer() {
    let config = Config::new()
        .keepalive(Some(20 * SECOND))
        .pong_timeout(5 * SECOND);
    let (mut server, mut raw) = server_and_raw(1024, Options::new().config(config));
    // A Ping is out, the answer comes in time, but is not looked at.
    assert!(
        tokio::time::timeout(21 * SECOND, server.next())
            .await
            .is_err()
    );
    raw.write_all(&masked(0x8a, b"")).await.unwrap();
    raw.write_all(&masked(0x81, b"here")).await.unwrap();
    sleep(100 * SECOND).await;
    let message = server.next().await.unwrap().unwrap();
    assert_eq!(message.as_text(), Some("here"));
    assert!(
        tokio::time::timeout(SECOND, server.next()).await.is_err(),
        "it is open"
    );
}

/// The same while it is only writing: messages that are not taken stop the reading.
#[tokio::test(start_paused = true)]
async fn a_program_that_only_writes_does_not_time_out_its_peer() {
    let config = Config::new()
        .keepalive(Some(20 * SECOND))
        .pong_timeout(5 * SECOND);
    let options = Options::new().config(config).stall_time(1000 * SECOND);
    let (mut server, mut raw) = server_and_raw(64, options);
    raw.write_all(&masked(0x81, b"one")).await.unwrap();
    raw.write_all(&masked(0x81, b"two")).await.unwrap();
    let peer = tokio::spawn(async move {
        sleep(300 * SECOND).await;
        let mut all = vec![0; 1004];
        raw.read_exact(&mut all).await.unwrap();
        raw
    });
    server.send_binary(vec![0; 1000]).await.unwrap();
    assert_eq!(server.next().await.unwrap().unwrap().as_text(), Some("one"));
    assert_eq!(server.next().await.unwrap().unwrap().as_text(), Some("two"));
    peer.await.unwrap();
}

/// While as many answers wait as may, nothing is received; then what the peer takes shows that it is
/// there.
#[tokio::test(start_paused = true)]
async fn a_peer_that_takes_little_at_a_time_stays() {
    let config = Config::new()
        .keepalive(Some(20 * SECOND))
        .pong_timeout(5 * SECOND);
    let (mut server, raw) = server_and_raw(64, Options::new().config(config));
    server.try_send(vec![0; 20_000]).unwrap();
    let (mut from_server, mut to_server) = tokio::io::split(raw);
    let asking = tokio::spawn(async move {
        for _ in 0..300 {
            let ping = masked(0x89, &[0; 125]);
            to_server.write_all(&ping).await.unwrap();
        }
        to_server.write_all(&masked(0x81, b"done")).await.unwrap();
        to_server
    });
    let taking = tokio::spawn(async move {
        loop {
            sleep(4 * SECOND).await;
            if from_server.read(&mut [0; 64]).await.unwrap() == 0 {
                break;
            }
        }
    });
    let message = server.next().await.unwrap().unwrap();
    assert_eq!(message.as_text(), Some("done"));
    let _ = asking.await.unwrap();
    drop(server);
    taking.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_takes_nothing_is_given_up() {
    let options = quiet().stall_time(60 * SECOND).high_water(1000);
    let (mut server, raw) = server_and_raw(64, options);
    let started = Instant::now();
    let error = loop {
        if let Err(error) = server.feed("x".repeat(100)).await {
            break error;
        }
        assert!(server.pending_bytes() < 2000, "what waits is bounded");
    };
    assert!(matches!(error, Error::TimedOut(TimedOut::Write)));
    assert_eq!(started.elapsed().as_secs(), 60);
    let error = server.next().await.unwrap().unwrap_err();
    assert!(matches!(error, Error::TimedOut(TimedOut::Write)));
    assert!(server.next().await.is_none());
    drop(raw);
}

#[tokio::test(start_paused = true)]
async fn a_close_without_an_answer_ends_in_time() {
    let config = Config::new().close_timeout(7 * SECOND);
    let (mut server, mut raw) = server_and_raw(1024, Options::new().config(config));
    let started = Instant::now();
    let error = server.close(CloseCode::NORMAL, "").await.unwrap_err();
    assert!(matches!(error, Error::TimedOut(TimedOut::Close)));
    assert_eq!(started.elapsed().as_secs(), 7);
    let mut written = [0; 4];
    raw.read_exact(&mut written).await.unwrap();
    assert_eq!(written, *b"\x88\x02\x03\xe8");
}

/// Messages without end do not keep a closing connection open.
#[tokio::test(start_paused = true)]
async fn a_close_ends_in_time_under_a_flood() {
    let config = Config::new().close_timeout(7 * SECOND);
    let (mut server, mut raw) = server_and_raw(1024, Options::new().config(config));
    let flood = tokio::spawn(async move {
        while raw.write_all(&masked(0x81, b"more")).await.is_ok() {
            sleep(SECOND / 10).await;
        }
    });
    server.start_close(CloseCode::NORMAL, "").unwrap();
    let started = Instant::now();
    let error = loop {
        match server.next().await.unwrap() {
            Ok(message) => assert_eq!(message.as_text(), Some("more")),
            Err(error) => break error,
        }
    };
    assert!(matches!(error, Error::TimedOut(TimedOut::Close)));
    assert_eq!(started.elapsed().as_secs(), 7);
    drop(server);
    flood.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_request_that_trickles_in_is_refused_in_time() {
    let (mut raw, server) = duplex(1024);
    let options = Options::new().handshake_time(10 * SECOND);
    let trickle = tokio::spawn(async move {
        for byte in b"GET / HTTP/1.1\r\nHost: example.com\r\nX-Very-Long: header".iter() {
            if raw.write_all(&[*byte]).await.is_err() {
                break;
            }
            sleep(SECOND).await;
        }
        let mut answer = String::new();
        let _ = raw.read_to_string(&mut answer).await;
        answer
    });
    let started = Instant::now();
    let error = read_request(server, options).await.unwrap_err();
    assert!(matches!(error, AcceptError::TimedOut(TimedOut::Handshake)));
    assert!((10..=13).contains(&started.elapsed().as_secs()));
    let answer = trickle.await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_says_nothing_is_given_up_in_time() {
    let (_raw, client) = duplex(1024);
    let options = Options::new().handshake_time(10 * SECOND);
    let connector = Connector::new("ws://h/").unwrap().options(options);
    let started = Instant::now();
    let error = connect_over(client, connector).await.unwrap_err();
    assert!(matches!(error, ConnectError::TimedOut(late) if late.stage() == Stage::Handshake));
    assert_eq!(started.elapsed().as_secs(), 10);
}

/// A client that has asked and does not read its 101.
#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_read_its_answer_is_given_up_in_time() {
    let (mut raw, server) = duplex(10);
    let asking = tokio::spawn(async move {
        raw.write_all(
            b"GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
            Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
        )
        .await
        .unwrap();
        raw
    });
    let acceptor = ws_proto_tokio::Acceptor::new();
    let error = accept_with(server, acceptor).await.unwrap_err();
    assert!(matches!(error, AcceptError::Io(error) if error.kind() == ErrorKind::TimedOut));
    asking.await.unwrap();
}

#[test]
#[should_panic(expected = "enable_time")]
fn a_runtime_without_timers_says_what_to_enable() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(async {
        let (stream, _peer) = duplex(64);
        let _ = ws_proto_tokio::accept(stream).await;
    });
}
