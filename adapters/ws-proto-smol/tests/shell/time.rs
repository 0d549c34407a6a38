//! Timers, by the real clock: short ones.

use std::time::{Duration, Instant};

use crate::common::{pair, quiet, run, server_and_raw, spawn};
use futures_util::{AsyncReadExt, AsyncWriteExt};
use smol::Timer;
use ws_proto_smol::{
    AcceptError, CloseCode, Config, ConnectError, Connector, Error, Options, Stage, TimedOut,
    connect_over, read_request,
};
use ws_proto_test::stream::pipe;

const TICK: Duration = Duration::from_millis(50);

/// As long as it has to be, up to the engine's milliseconds, and not much longer on a busy machine.
fn assert_took(started: Instant, ticks: u32) {
    let took = started.elapsed();
    assert!(took + Duration::from_millis(2) >= ticks * TICK, "{took:?}");
    assert!(took < ticks * TICK + Duration::from_secs(10), "{took:?}");
}

#[test]
fn a_silent_peer_is_pinged_and_stays_while_it_answers() {
    run(async {
        let config = Config::new().keepalive(Some(TICK)).pong_timeout(60 * TICK);
        let (mut server, mut client) = pair(1024, Options::new().config(config)).await;
        let client = spawn(async move { client.next().await.is_none() });
        let served = smol::future::or(async { Some(server.next().await.is_some()) }, async {
            Timer::after(20 * TICK).await;
            None
        })
        .await;
        assert_eq!(served, None, "it is open");
        server.close(CloseCode::NORMAL, "").await.unwrap();
        assert!(client.await);
    });
}

#[test]
fn a_vanished_peer_is_found_out() {
    run(async {
        let config = Config::new().keepalive(Some(2 * TICK)).pong_timeout(TICK);
        let (mut server, mut raw) = server_and_raw(1024, Options::new().config(config));
        let started = Instant::now();
        let error = server.next().await.unwrap().unwrap_err();
        assert!(matches!(error, Error::TimedOut(TimedOut::Pong)));
        assert_took(started, 3);
        drop(server);
        let mut written = Vec::new();
        raw.read_to_end(&mut written).await.unwrap();
        assert_eq!(written, b"\x89\x00\x88\x02\x03\xf3");
    });
}

#[test]
fn keepalive_runs_while_either_half_is_waited_for() {
    let config = Config::new().keepalive(Some(2 * TICK)).pong_timeout(TICK);
    for only_writing in [false, true] {
        run(async {
            let (server, _raw) = server_and_raw(64, Options::new().config(config));
            let (mut read, mut write) = server.split();
            let error = if only_writing {
                write.send_binary(vec![0; 1000]).await.unwrap_err()
            } else {
                read.next().await.unwrap().unwrap_err()
            };
            assert!(matches!(error, Error::TimedOut(TimedOut::Pong)));
        });
    }
}

#[test]
fn a_peer_that_takes_nothing_is_given_up() {
    run(async {
        let options = quiet().stall_time(2 * TICK).high_water(1000);
        let (mut server, _raw) = server_and_raw(64, options);
        let started = Instant::now();
        let error = loop {
            if let Err(error) = server.feed("x".repeat(100)).await {
                break error;
            }
            assert!(server.pending_bytes() < 2000, "what waits is bounded");
        };
        assert!(matches!(error, Error::TimedOut(TimedOut::Write)));
        assert_took(started, 2);
    });
}

#[test]
fn a_close_without_an_answer_ends_in_time() {
    run(async {
        let config = Config::new().close_timeout(2 * TICK);
        let (mut server, _raw) = server_and_raw(1024, Options::new().config(config));
        let started = Instant::now();
        let error = server.close(CloseCode::NORMAL, "").await.unwrap_err();
        assert!(matches!(error, Error::TimedOut(TimedOut::Close)));
        assert_took(started, 2);
    });
}

#[test]
fn handshakes_that_take_too_long() {
    run(async {
        let options = Options::new().handshake_time(4 * TICK);
        let (mut raw, server) = pipe(1024);
        let trickle = spawn(async move {
            for byte in b"GET / HTTP/1.1\r\nHost: example.com\r\nX-Long: head" {
                if raw.write_all(&[*byte]).await.is_err() {
                    break;
                }
                Timer::after(TICK).await;
            }
            let mut answer = String::new();
            let _ = raw.read_to_string(&mut answer).await;
            answer
        });
        let started = Instant::now();
        let error = read_request(server, options.linger_time(TICK))
            .await
            .unwrap_err();
        assert!(matches!(error, AcceptError::TimedOut(TimedOut::Handshake)));
        assert_took(started, 4);
        assert!(trickle.await.starts_with("HTTP/1.1 408 "));

        let (_raw, client) = pipe(1024);
        let connector = Connector::new("ws://h/").unwrap().options(options);
        let started = Instant::now();
        let error = connect_over(client, connector).await.unwrap_err();
        assert!(matches!(error, ConnectError::TimedOut(late) if late.stage() == Stage::Handshake));
        assert_took(started, 4);
    });
}
