//! Keepalive and close timers under a virtual clock, for both ends.

use core::time::Duration;

use ws_proto::{Config, Instant, MAX_CONTROL_FRAME, SendError, TimedOut, Transport};
use ws_proto_suite::*;

/// Silence of 1000 ms, then 300 ms for an answer; 500 ms for the answer to Close.
fn config() -> Config {
    Config::new()
        .keepalive(Some(Duration::from_millis(1000)))
        .pong_timeout(Duration::from_millis(300))
        .close_timeout(Duration::from_millis(500))
}

/// Ticks and gives the deadline and the first bytes of the frames that were written.
fn tick(endpoint: &mut Endpoint, now: u64) -> (Result<Option<u64>, TimedOut>, Vec<u8>) {
    let mut out = Vec::new();
    let deadline = endpoint.tick(now, &mut out);
    let frames = parse_output(endpoint.side, &out);
    (deadline, frames.iter().map(|frame| frame.first).collect())
}

fn both(body: impl Fn(Endpoint)) {
    for side in Side::BOTH {
        body(Endpoint::configured(side, config()));
    }
}

fn hear(endpoint: &mut Endpoint, bytes: &[u8]) {
    assert_eq!(run(endpoint, bytes).error, None);
}

#[test]
fn silence_leads_to_a_ping_and_then_to_abort() {
    both(|mut endpoint| {
        assert_eq!(tick(&mut endpoint, 5000), (Ok(Some(6000)), vec![]));
        assert_eq!(tick(&mut endpoint, 5999), (Ok(Some(6000)), vec![]));
        assert_eq!(tick(&mut endpoint, 6000), (Ok(Some(6300)), vec![PING]));
        assert_eq!(tick(&mut endpoint, 6299), (Ok(Some(6300)), vec![]));
        assert_eq!(endpoint.transport(), Transport::Open);
        let mut out = Vec::new();
        assert_eq!(endpoint.tick(6300, &mut out), Err(TimedOut::Pong));
        let frames = parse_output(endpoint.side, &out);
        assert_eq!((frames.len(), frames[0].close_code()), (1, Some(1011)));
        assert_eq!(
            (endpoint.transport(), endpoint.can_send()),
            (Transport::Abort, false)
        );
        assert_eq!(tick(&mut endpoint, 6300), (Err(TimedOut::Pong), vec![]));
        assert_eq!(
            tick(&mut endpoint, 9_999_999),
            (Err(TimedOut::Pong), vec![]),
            "for ever"
        );
        assert_eq!(endpoint.send_text("", &mut out), Err(SendError::Closed));
        assert_eq!(endpoint.ping(b"", &mut out), Err(SendError::Closed));
        let side = endpoint.side;
        let late = run(&mut endpoint, &frame(side, PONG, b""));
        assert_eq!((late.items, late.output), (vec![], vec![]), "too late");
    });
}

#[test]
fn whatever_the_peer_sends_is_a_sign_of_life() {
    for side in Side::BOTH {
        let signs = [
            frame(side, PONG, b""),
            frame(side, PONG, b"unasked"),
            frame(side, PING, b""),
            frame(side, FIN | TEXT, b"data"),
            frame(side, FIN | TEXT, b"data")[..1].to_vec(),
            frame(side, TEXT, b"a part of a message"),
            frame(side, FIN | BINARY, b"payload that is cut off")[..16].to_vec(),
        ];
        for sign in signs {
            let mut endpoint = Endpoint::configured(side, config());
            assert_eq!(tick(&mut endpoint, 0).0, Ok(Some(1000)));
            assert_eq!(tick(&mut endpoint, 1000), (Ok(Some(1300)), vec![PING]));
            hear(&mut endpoint, &sign);
            assert_eq!(tick(&mut endpoint, 1299), (Ok(Some(2299)), vec![]));
            assert_eq!(tick(&mut endpoint, 2299), (Ok(Some(2599)), vec![PING]));
        }
    }
}

/// The payload of a message goes on: no header comes, and yet the peer is alive.
#[test]
fn more_of_a_payload_is_a_sign_of_life() {
    both(|mut endpoint| {
        let side = endpoint.side;
        hear(&mut endpoint, &frame(side, FIN | BINARY, &[0; 1000])[..500]);
        for now in (0..50_000).step_by(900) {
            assert!(tick(&mut endpoint, now).1.is_empty(), "{now}");
            hear(&mut endpoint, b"x");
        }
    });
}

/// Fragments come whole, and yet the peer is alive.
#[test]
fn fragments_are_a_sign_of_life() {
    both(|mut endpoint| {
        let side = endpoint.side;
        hear(&mut endpoint, &frame(side, BINARY, b"a part"));
        for now in (0..50_000).step_by(900) {
            assert!(tick(&mut endpoint, now).1.is_empty(), "{now}");
            hear(&mut endpoint, &frame(side, CONTINUATION, b"a part"));
        }
    });
}

/// With `manual_close`, after the peer's Close: its silence says nothing, since it sends nothing more.
/// As long as there is room, sending goes on until `close`.
#[test]
fn after_the_peers_close_sending_goes_on_until_ours() {
    for side in Side::BOTH {
        let mut endpoint = Endpoint::configured(side, config().manual_close(true));
        assert_eq!(tick(&mut endpoint, 0), (Ok(Some(1000)), vec![]));
        hear(&mut endpoint, &frame(side, CLOSE, b""));
        for now in [1, 1000, 1_000_000] {
            assert_eq!(tick(&mut endpoint, now), (Ok(None), vec![]), "no Ping");
            endpoint.send_text("more", &mut Vec::new()).unwrap();
        }
        endpoint.close_empty(&mut Vec::new()).unwrap();
        assert_eq!(
            tick(&mut endpoint, 1_000_001),
            (Ok(Some(1_000_501)), vec![])
        );
    }
}

/// What keeps the application from closing is then the peer that does not read.
#[test]
fn after_the_peers_close_a_full_output_has_the_time_to_close() {
    both(|endpoint| {
        let side = endpoint.side;
        let mut endpoint = Endpoint::configured(side, config().manual_close(true));
        hear(&mut endpoint, &frame(side, CLOSE, b""));
        let room = MAX_CONTROL_FRAME;
        let mut full = Bounded::new(room - 1);
        let mut free = Bounded::new(room);
        assert_eq!(endpoint.transport(), Transport::Open);
        assert_eq!(endpoint.tick(1000, &mut full), Ok(Some(1500)));
        assert_eq!(endpoint.tick(1499, &mut full), Ok(Some(1500)));
        // The peer has read: there is room, and no timer.
        assert_eq!(endpoint.tick(1500, &mut free), Ok(None));
        assert_eq!(endpoint.tick(9000, &mut full), Ok(Some(9500)));
        // It has read some, and there is still no room.
        endpoint.note_activity();
        assert_eq!(endpoint.tick(9500, &mut full), Ok(Some(10_000)));
        assert_eq!(endpoint.tick(9999, &mut full), Ok(Some(10_000)));
        assert!(endpoint.can_send());
        assert_eq!(endpoint.tick(10_000, &mut full), Err(TimedOut::Drain));
        assert_eq!(
            (endpoint.transport(), endpoint.can_send()),
            (Transport::Abort, false)
        );
        let mut out = Vec::new();
        assert_eq!(endpoint.tick(10_001, &mut out), Err(TimedOut::Drain));
        assert_eq!(endpoint.send_text("", &mut out), Err(SendError::Closed));
        endpoint.close_empty(&mut out).unwrap();
        assert_eq!(out, b"", "too late");
        assert!(endpoint.receive_eof().is_err(), "no Close was sent");
    });
}

/// What it sends after its Close is discarded, so it cannot hold the connection open with that.
#[test]
fn what_the_peer_sends_after_its_close_does_not_put_off_the_time_to_close() {
    both(|endpoint| {
        let side = endpoint.side;
        let mut endpoint = Endpoint::configured(side, config().manual_close(true));
        hear(&mut endpoint, &frame(side, CLOSE, b""));
        let mut full = Bounded::new(MAX_CONTROL_FRAME - 1);
        assert_eq!(endpoint.tick(1000, &mut full), Ok(Some(1500)));
        hear(&mut endpoint, &frame(side, PING, b""));
        assert_eq!(endpoint.tick(1499, &mut full), Ok(Some(1500)));
        assert_eq!(endpoint.tick(1500, &mut full), Err(TimedOut::Drain));
    });
}

/// The time for the peer to read is not the time for it to end the transport after our Close.
#[test]
fn after_our_close_the_time_to_close_is_a_new_one() {
    both(|endpoint| {
        let side = endpoint.side;
        let mut endpoint = Endpoint::configured(side, config().manual_close(true));
        hear(&mut endpoint, &frame(side, CLOSE, b""));
        assert_eq!(endpoint.tick(0, &mut Bounded::new(5)), Ok(Some(500)));
        endpoint.close_empty(&mut Vec::new()).unwrap();
        assert_eq!(tick(&mut endpoint, 400), (Ok(Some(900)), vec![]));
    });
}

#[test]
fn a_peer_that_talks_is_never_pinged() {
    both(|mut endpoint| {
        let side = endpoint.side;
        for now in (0..100_000).step_by(900) {
            assert!(tick(&mut endpoint, now).1.is_empty());
            hear(&mut endpoint, &frame(side, FIN | BINARY, b""));
        }
    });
}

/// The answer was received before the late `tick`: nothing has timed out.
#[test]
fn a_late_tick_does_not_punish_a_peer_that_answered() {
    both(|mut endpoint| {
        let side = endpoint.side;
        let _ = tick(&mut endpoint, 0);
        let _ = tick(&mut endpoint, 1000);
        hear(&mut endpoint, &frame(side, PONG, b""));
        assert_eq!(tick(&mut endpoint, 50_000), (Ok(Some(51_000)), vec![]));
    });
}

#[test]
fn empty_reads_and_own_messages_are_no_sign_of_life() {
    both(|mut endpoint| {
        let _ = tick(&mut endpoint, 0);
        hear(&mut endpoint, b"");
        endpoint.send_text("ours", &mut Vec::new()).unwrap();
        assert_eq!(tick(&mut endpoint, 1000).1, [PING]);
        hear(&mut endpoint, b"");
        assert_eq!(tick(&mut endpoint, 1300).0, Err(TimedOut::Pong));
    });
}

#[test]
fn without_keepalive_there_is_no_deadline() {
    for side in Side::BOTH {
        let mut endpoint = Endpoint::configured(side, config().keepalive(None));
        for now in [0, 1, 1_000_000, u64::MAX] {
            assert_eq!(tick(&mut endpoint, now), (Ok(None), vec![]));
        }
    }
}

#[test]
fn an_unanswered_close_aborts() {
    both(|mut endpoint| {
        let _ = tick(&mut endpoint, 0);
        endpoint.close(1000, "", &mut Vec::new()).unwrap();
        assert_eq!(
            tick(&mut endpoint, 700),
            (Ok(Some(1200)), vec![]),
            "runs from the next tick"
        );
        assert_eq!(
            tick(&mut endpoint, 1000),
            (Ok(Some(1200)), vec![]),
            "no Ping any more"
        );
        let side = endpoint.side;
        hear(
            &mut endpoint,
            &frame(side, FIN | TEXT, b"data does not prolong it"),
        );
        assert_eq!(tick(&mut endpoint, 1199), (Ok(Some(1200)), vec![]));
        // shows: RFC6455-10.4-03
        assert_eq!(tick(&mut endpoint, 1200), (Err(TimedOut::Close), vec![]));
        assert_eq!(endpoint.transport(), Transport::Abort);
        assert_eq!(tick(&mut endpoint, 0), (Err(TimedOut::Close), vec![]));
        let late = run(&mut endpoint, &frame(side, CLOSE, b""));
        assert_eq!((late.items, late.transport), (vec![], Transport::Abort));
    });
}

#[test]
fn the_close_timer_runs_without_keepalive_too() {
    for side in Side::BOTH {
        let mut endpoint = Endpoint::configured(side, config().keepalive(None));
        endpoint.close_empty(&mut Vec::new()).unwrap();
        assert_eq!(tick(&mut endpoint, 10), (Ok(Some(510)), vec![]));
        assert_eq!(tick(&mut endpoint, 510), (Err(TimedOut::Close), vec![]));
    }
}

/// A client waits for the server to end the transport, a server until its output is written and the
/// client has ended too.
#[test]
fn after_the_closing_handshake_the_end_is_waited_for_a_while() {
    both(|mut endpoint| {
        let side = endpoint.side;
        hear(&mut endpoint, &frame(side, CLOSE, b""));
        if side == Side::Server {
            // shows: RFC6455-5.5.1-15, RFC6455-7.1.1-05
            assert_eq!(endpoint.transport(), Transport::Close);
            assert_ends(&mut endpoint, 0);
        } else {
            assert_eq!(tick(&mut endpoint, 0), (Ok(Some(500)), vec![]));
            // shows: RFC6455-5.5.1-16, RFC6455-7.1.1-06
            assert_eq!(endpoint.transport(), Transport::AwaitEof);
            assert_eq!(tick(&mut endpoint, 500), (Err(TimedOut::Eof), vec![]));
            assert_eq!(endpoint.transport(), Transport::Abort);
            assert_eq!(endpoint.receive_eof(), Ok(()), "both Closes were there");
        }
    });
}

#[test]
fn one_close_timer_covers_the_answer_and_the_end() {
    let mut client = Endpoint::configured(Side::Client, config());
    client.close_empty(&mut Vec::new()).unwrap();
    assert_eq!(tick(&mut client, 0).0, Ok(Some(500)));
    hear(&mut client, &frame(Side::Client, CLOSE, b""));
    assert_eq!(tick(&mut client, 400).0, Ok(Some(500)));
    assert_eq!(tick(&mut client, 500).0, Err(TimedOut::Eof));
}

/// `Transport::Close` lasts for the close timeout from the first tick in it, then comes `Abort`.
fn assert_ends(endpoint: &mut Endpoint, now: u64) {
    assert_eq!(endpoint.transport(), Transport::Close);
    assert_eq!(tick(endpoint, now), (Ok(Some(now + 500)), vec![]));
    let side = endpoint.side;
    run(endpoint, &frame(side, PING, b"late"));
    assert_eq!(tick(endpoint, now + 499), (Ok(Some(now + 500)), vec![]));
    assert_eq!(endpoint.transport(), Transport::Close);
    assert_eq!(tick(endpoint, now + 500), (Err(TimedOut::Drain), vec![]));
    assert_eq!(endpoint.transport(), Transport::Abort);
    assert_eq!(
        tick(endpoint, 0),
        (Err(TimedOut::Drain), vec![]),
        "for ever"
    );
}

#[test]
fn to_close_the_transport_takes_a_while_at_most_whatever_led_there() {
    for keepalive in [None, Some(Duration::from_secs(1))] {
        for ticked in [false, true] {
            let both = |body: &dyn Fn(Endpoint)| {
                for side in Side::BOTH {
                    let mut endpoint = Endpoint::configured(side, config().keepalive(keepalive));
                    if ticked {
                        let _ = tick(&mut endpoint, 0);
                    }
                    body(endpoint);
                }
            };
            both(&|mut endpoint| {
                run(&mut endpoint, &[0x83]);
                // shows: RFC6455-7.1.7-01, RFC6455-7.1.7-03
                assert_ends(&mut endpoint, 99_999);
            });
            both(&|mut endpoint| {
                let _ = endpoint.receive_eof();
                assert_ends(&mut endpoint, 99_999);
            });
            // The time to answer our Close does not count, nor the rest of it.
            both(&|mut endpoint| {
                endpoint.close_empty(&mut Vec::new()).unwrap();
                assert_eq!(tick(&mut endpoint, 5000).0, Ok(Some(5500)));
                run(&mut endpoint, &[0x83]);
                assert_ends(&mut endpoint, 5400);
            });
            both(&|mut endpoint| {
                let side = endpoint.side;
                endpoint.close_empty(&mut Vec::new()).unwrap();
                assert_eq!(tick(&mut endpoint, 5000).0, Ok(Some(5500)));
                hear(&mut endpoint, &frame(side, CLOSE, b""));
                if side == Side::Client {
                    assert_eq!(tick(&mut endpoint, 5400).0, Ok(Some(5500)));
                    assert_eq!(endpoint.receive_eof(), Ok(()));
                }
                assert_ends(&mut endpoint, 5400);
            });
        }
    }
}

/// At the end of time no timer runs: there is no deadline, and nobody has timed out.
#[test]
fn at_the_end_of_time_no_timer_ends() {
    let end = u64::MAX;
    for states in 0..4 {
        both(|mut endpoint| {
            let side = endpoint.side;
            match states {
                0 => {}
                1 => endpoint.close_empty(&mut Vec::new()).unwrap(),
                2 => hear(&mut endpoint, &frame(side, CLOSE, b"")),
                _ => _ = endpoint.receive_eof(),
            }
            let transport = endpoint.transport();
            for now in [end, end, end - 1, end - 100, end] {
                assert_eq!(
                    tick(&mut endpoint, now),
                    (Ok(None), vec![]),
                    "{states} {now}"
                );
                assert_eq!(endpoint.transport(), transport);
            }
            // A wrong `now` has stopped nothing: the timer runs from the next one.
            let timeout = if states == 0 { 1000 } else { 500 };
            assert_eq!(tick(&mut endpoint, 7).0, Ok(Some(7 + timeout)));
            assert_eq!(tick(&mut endpoint, 7).0, Ok(Some(7 + timeout)));
        });
    }
    both(|mut endpoint| {
        assert_eq!(tick(&mut endpoint, end - 1001), (Ok(Some(end - 1)), vec![]));
        assert_eq!(tick(&mut endpoint, end - 1), (Ok(None), vec![PING]));
        assert_eq!(tick(&mut endpoint, end), (Ok(None), vec![]));
    });
}

#[test]
fn a_close_without_room_is_left_out() {
    both(|mut endpoint| {
        let _ = tick(&mut endpoint, 0);
        let _ = tick(&mut endpoint, 1000);
        let mut full = Bounded::new(10);
        assert_eq!(endpoint.tick(1300, &mut full), Err(TimedOut::Pong));
        assert!(full.pending().is_empty());
        let mut out = Vec::new();
        assert_eq!(endpoint.tick(1300, &mut out), Err(TimedOut::Pong));
        assert!(out.is_empty(), "once is enough");
    });
}

/// A clock that goes back only makes timers run later.
#[test]
fn an_earlier_now_is_harmless() {
    both(|mut endpoint| {
        assert_eq!(tick(&mut endpoint, 5000), (Ok(Some(6000)), vec![]));
        assert_eq!(tick(&mut endpoint, 10), (Ok(Some(6000)), vec![]));
        assert_eq!(tick(&mut endpoint, 6000), (Ok(Some(6300)), vec![PING]));
        assert_eq!(tick(&mut endpoint, 5), (Ok(Some(6300)), vec![]));
    });
}

#[test]
fn instants_saturate_and_round_up() {
    let end = Instant::from_millis(u64::MAX);
    assert_eq!(end + Duration::from_secs(1), end);
    assert_eq!(Instant::default() + Duration::MAX, end);
    assert_eq!(
        (Instant::default() + Duration::from_nanos(1)).as_millis(),
        1
    );
    let early = Instant::from_millis(3);
    assert_eq!(early.saturating_duration_since(end), Duration::ZERO);
    let tiny = Config::new().keepalive(Some(Duration::ZERO));
    let mut endpoint = Endpoint::configured(Side::Server, tiny);
    assert_eq!(
        tick(&mut endpoint, 7),
        (Ok(Some(8)), vec![]),
        "no timer is zero"
    );
    let huge = Config::new().keepalive(Some(Duration::MAX));
    let mut endpoint = Endpoint::configured(Side::Server, huge);
    assert_eq!(tick(&mut endpoint, 0), (Ok(Some(4_194_303_000)), vec![]));
    // Long times are kept in seconds, rounded up.
    for (millis, kept) in [
        (4_194_303, 4_194_303),
        (4_194_304, 4_195_000),
        (4_195_000, 4_195_000),
        (4_195_001, 4_196_000),
    ] {
        let long = Config::new().keepalive(Some(Duration::from_millis(millis)));
        let mut endpoint = Endpoint::configured(Side::Client, long);
        assert_eq!(tick(&mut endpoint, 0), (Ok(Some(kept)), vec![]));
    }
}
