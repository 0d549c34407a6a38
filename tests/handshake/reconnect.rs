//! Back-off between attempts to connect (RFC 6455 7.2.3), through the public API.

use core::time::Duration;

use proptest::prelude::*;
use ws_proto::reconnect::{Backoff, BackoffConfig, End, retry_after};
use ws_proto::{CloseCode, Instant, ProtocolError, TimedOut, UnexpectedEof};
use ws_proto_test::random::Random;

const NOW: Instant = Instant::from_millis(1_000_000);

const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

fn closed(code: u16) -> End {
    End::Closed(Some(CloseCode::new(code).unwrap()))
}

fn refused(status: u16, retry_after: Option<u64>) -> End {
    End::Refused {
        status,
        retry_after: retry_after.map(secs),
    }
}

/// The delays of `n` failures in a row.
fn delays(config: BackoffConfig, n: usize, mut random: impl FnMut() -> u64) -> Vec<Duration> {
    let mut backoff = Backoff::new(config);
    (0..n)
        .map(|_| backoff.ended(NOW, End::Unreachable, random()).unwrap())
        .collect()
}

/// The random number decides, nothing else does.
#[test]
fn same_random_numbers_give_same_delays() {
    let run = |seed| {
        let mut random = Random::new(seed);
        delays(BackoffConfig::new(), 20, || random.next())
    };
    // shows: RFC6455-7.2.3-02
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
}

#[test]
fn delays_keep_their_bounds() {
    let lowest = delays(BackoffConfig::new(), 7, || 0);
    // shows: RFC6455-7.2.3-03, RFC6455-7.2.3-04
    assert_eq!(lowest, [0, 5, 10, 20, 30, 30, 30].map(secs));

    let highest = delays(BackoffConfig::new(), 7, || u64::MAX);
    for (delay, bound) in highest.iter().zip([5, 10, 20, 40, 60, 60, 60].map(secs)) {
        assert!(*delay < bound, "{delay:?} {bound:?}");
        assert!(
            *delay > bound - Duration::from_micros(1),
            "{delay:?} {bound:?}"
        );
    }
}

/// Whatever the numbers, each delay is longer than all before, up to the cap.
#[test]
fn delays_increase_up_to_the_cap() {
    for seed in 0..1_000 {
        let mut random = Random::new(seed);
        let delays = delays(BackoffConfig::new().cap(secs(5 * 64)), 7, || random.next());
        // shows: RFC6455-7.2.3-04
        assert!(delays.is_sorted_by(|a, b| a < b), "{delays:?}");
    }
}

#[test]
fn intervals_are_configurable() {
    let config = BackoffConfig::new().first(secs(1)).cap(secs(3));
    // shows: RFC6455-7.2.3-03
    assert_eq!(
        delays(config, 4, || 0),
        [0, 1000, 1500, 1500].map(Duration::from_millis)
    );
    let config = BackoffConfig::new().first(secs(100)).cap(secs(8));
    assert_eq!(delays(config, 3, || 1 << 63), [4, 6, 6].map(secs));
}

/// No configuration makes a loop without delays.
#[test]
fn a_configuration_of_zeros_still_grows_or_waits() {
    let config = BackoffConfig::new().first(Duration::ZERO);
    assert_eq!(delays(config, 40, || 0)[39], secs(30));
    let config = config.cap(Duration::ZERO);
    // shows: RFC6455-7.2.3-01
    assert_eq!(delays(config, 40, || 0)[39], Duration::from_micros(500));
}

/// Clients that are cut off at once spread evenly over each
/// interval. 15 degrees of freedom: chi-square is over 37.7 once in 1000 times.
#[test]
fn delays_are_uniform_over_their_intervals() {
    const CLIENTS: u64 = 16_000;
    const BUCKETS: u64 = 16;
    let intervals = [(0, 5), (5, 10), (10, 20), (20, 40), (30, 60), (30, 60)];
    let mut counts = [[0_u64; BUCKETS as usize]; 6];
    for client in 0..CLIENTS {
        let mut random = Random::new(client << 32);
        for (i, delay) in delays(BackoffConfig::new(), 6, || random.next())
            .iter()
            .enumerate()
        {
            let (from, to) = intervals[i];
            let bucket =
                (*delay - secs(from)).as_nanos() as u64 * BUCKETS / (to - from) / 1_000_000_000;
            counts[i][bucket as usize] += 1;
        }
    }
    for (interval, counts) in intervals.iter().zip(counts) {
        let expected = (CLIENTS / BUCKETS) as f64;
        let chi_square: f64 = counts
            .iter()
            .map(|count| (*count as f64 - expected).powi(2) / expected)
            .sum();
        // shows: RFC6455-7.2.3-02, RFC6455-7.2.3-08
        assert!(chi_square < 37.7, "{interval:?}: {chi_square} {counts:?}");
    }
}

#[test]
fn thousand_failures_stay_at_the_cap() {
    let mut random = Random::new(7);
    let delays = delays(BackoffConfig::new(), 1_000, || random.next());
    // shows: RFC6455-7.2.3-06
    assert!(
        delays[4..]
            .iter()
            .all(|delay| (secs(30)..secs(60)).contains(delay))
    );
}

#[test]
fn extremes_do_not_overflow() {
    let config = BackoffConfig::new()
        .first(Duration::MAX)
        .cap(Duration::MAX)
        .settled(Duration::MAX)
        .busy(Duration::MAX, Duration::ZERO)
        .max_retry_after(Duration::MAX);
    let mut backoff = Backoff::new(config);
    let end = Instant::from_millis(u64::MAX);
    let asked = End::Refused {
        status: 503,
        retry_after: Some(Duration::MAX),
    };
    for _ in 0..1_000 {
        for now in [Instant::from_millis(0), end] {
            backoff.connected(Instant::from_millis(0));
            assert!(backoff.ended(now, End::Eof, u64::MAX).is_some());
            assert_eq!(backoff.ended(now, asked, u64::MAX), Some(Duration::MAX));
            assert_eq!(
                backoff.ended(now, closed(1012), u64::MAX),
                Some(Duration::MAX)
            );
        }
    }
    // From a nanosecond it is 36 doublings to the cap: more than the bits of a u32 would allow.
    let config = BackoffConfig::new()
        .first(Duration::from_nanos(1))
        .cap(secs(1 << 40));
    // shows: RFC6455-7.2.3-06
    assert_eq!(delays(config, 1_000, || 0)[999], secs(1 << 39));
}

#[test]
fn opening_alone_resets_nothing() {
    let mut backoff = Backoff::new(BackoffConfig::new());
    let mut now = NOW;
    let mut last = None;
    for attempt in 0..10 {
        backoff.connected(now);
        now = now + secs(1);
        let delay = backoff.ended(now, End::Eof, 1).unwrap();
        assert!(last < Some(delay) || attempt > 4, "{last:?} {delay:?}");
        last = Some(delay);
        now = now + delay;
    }
    assert_eq!(backoff.attempts(), 10);
    // shows: RFC6455-7.2.3-07
    assert!(last >= Some(secs(30)));
}

#[test]
fn a_connection_that_lived_resets() {
    let grown = |config: BackoffConfig| {
        let mut backoff = Backoff::new(config);
        for _ in 0..10 {
            assert!(backoff.ended(NOW, End::Unreachable, 0).is_some());
        }
        backoff.connected(NOW);
        backoff
    };
    let almost = NOW + Duration::from_millis(59_999);
    let config = BackoffConfig::new();
    assert_eq!(grown(config).ended(almost, End::Eof, 0), Some(secs(30)));
    let mut backoff = grown(config);
    // shows: RFC6455-7.2.3-07
    assert_eq!(backoff.ended(NOW + secs(60), End::Eof, 0), Some(secs(0)));
    assert_eq!(backoff.attempts(), 1);
    // That it lived counts once: the failures after it count again.
    assert_eq!(
        backoff.ended(NOW + secs(600), End::Unreachable, 0),
        Some(secs(5))
    );

    let config = config.settled(secs(10));
    assert_eq!(
        grown(config).ended(NOW + secs(10), End::TimedOut, 0),
        Some(secs(0))
    );
    // A clock that goes back makes no connection old.
    assert_eq!(
        grown(config).ended(Instant::from_millis(0), End::Eof, 0),
        Some(secs(30))
    );
}

#[test]
fn reset_forgets_failures() {
    let mut backoff = Backoff::new(BackoffConfig::new());
    for _ in 0..10 {
        assert!(backoff.ended(NOW, End::Eof, 0).is_some());
    }
    backoff.reset();
    assert_eq!(backoff.attempts(), 0);
    assert_eq!(backoff.ended(NOW, End::Eof, 0), Some(secs(0)));
}

#[test]
fn attempts_may_be_limited() {
    let config = BackoffConfig::new().max_attempts(Some(3));
    let mut backoff = Backoff::new(config);
    for _ in 0..3 {
        assert!(backoff.ended(NOW, End::Unreachable, 9).is_some());
    }
    assert_eq!(backoff.ended(NOW, End::Unreachable, 9), None);
    assert_eq!(backoff.retry(NOW, End::Unreachable, 9), None);
    // A connection that lived starts the count again.
    backoff.connected(NOW);
    assert!(backoff.ended(NOW + secs(60), End::Eof, 9).is_some());
    assert_eq!(
        Backoff::new(config.max_attempts(Some(0))).ended(NOW, End::Eof, 9),
        None
    );
}

#[test]
fn ends_are_distinguished() {
    let finals = [1000, 1002, 1003, 1007, 1008, 1009, 1010, 3000, 3003];
    for code in (0..=u16::MAX).filter_map(CloseCode::new) {
        let end = End::Closed(Some(code));
        assert_eq!(
            end.is_transient(),
            !finals.contains(&code.as_u16()),
            "{end:?}"
        );
    }
    for end in [End::Closed(None), End::Eof, End::TimedOut, End::Unreachable] {
        assert!(end.is_transient(), "{end:?}");
    }
    for status in 0..=u16::MAX {
        let transient = match status {
            408 | 425 | 429 => true,
            501 | 505 => false,
            _ => status / 100 == 5,
        };
        for asked in [None, Some(1)] {
            let again = transient || asked.is_some();
            assert_eq!(refused(status, asked).is_transient(), again, "{status}");
        }
    }
    for end in [
        closed(1000),
        closed(1008),
        refused(401, None),
        refused(302, None),
    ] {
        let mut backoff = Backoff::new(BackoffConfig::new());
        assert_eq!(backoff.ended(NOW, end, 9), None, "{end:?}");
        assert_eq!(backoff.attempts(), 0);
        // The application may know better.
        assert!(backoff.retry(NOW, end, 9).is_some());
        assert_eq!(backoff.attempts(), 1);
    }
}

#[test]
fn errors_are_ends() {
    assert_eq!(End::from(UnexpectedEof), End::Eof);
    assert_eq!(End::from(TimedOut::Pong), End::TimedOut);
    assert_eq!(End::from(ProtocolError::MaskUnexpected), closed(1002));
    assert_eq!(End::from(ProtocolError::MessageTooBig), closed(1009));
}

#[test]
fn restart_and_overload_get_more_time() {
    for end in [closed(1012), closed(1013)] {
        let first = |random| {
            Backoff::new(BackoffConfig::new())
                .ended(NOW, end, random)
                .unwrap()
        };
        assert_eq!(first(0), secs(5));
        assert_eq!(first(1 << 63), Duration::from_millis(17_500));
        assert!(first(u64::MAX) < secs(30));
        // Not less than without the code.
        let mut backoff = Backoff::new(BackoffConfig::new());
        for _ in 0..10 {
            assert!(backoff.ended(NOW, End::Unreachable, 0).is_some());
        }
        assert_eq!(backoff.ended(NOW, end, 0), Some(secs(30)));
        let config = BackoffConfig::new().busy(secs(100), secs(200));
        assert_eq!(Backoff::new(config).ended(NOW, end, 0), Some(secs(100)));
    }
}

#[test]
fn retry_after_is_waited_for_and_a_little_longer() {
    for status in [429, 503] {
        let first = |asked, random| {
            Backoff::new(BackoffConfig::new())
                .ended(NOW, refused(status, asked), random)
                .unwrap()
        };
        assert_eq!(first(Some(20), 0), secs(20));
        assert!(first(Some(20), u64::MAX) > secs(24) && first(Some(20), u64::MAX) < secs(25));
        assert_eq!(first(Some(160), 1 << 63), secs(170));
        // It can only make the delay longer.
        assert_eq!(first(Some(0), 1 << 63), first(None, 1 << 63));
    }
    let mut backoff = Backoff::new(BackoffConfig::new());
    for _ in 0..10 {
        assert!(backoff.ended(NOW, End::Unreachable, 0).is_some());
    }
    assert_eq!(backoff.ended(NOW, refused(503, Some(1)), 0), Some(secs(30)));
}

#[test]
fn retry_after_is_capped() {
    for asked in [601, 86_400, u64::MAX] {
        let first = |config, random| {
            Backoff::new(config)
                .ended(NOW, refused(503, Some(asked)), random)
                .unwrap()
        };
        let config = BackoffConfig::new();
        assert_eq!(first(config, 0), secs(600));
        assert!(first(config, u64::MAX) < secs(675));
        assert_eq!(first(config.max_retry_after(secs(7)), 0), secs(7));
        assert_eq!(first(config.max_retry_after(secs(0)), 0), secs(0));
    }
}

#[test]
fn retry_after_is_read_from_its_field() {
    for (value, expected) in [
        (&b"0"[..], Some(0)),
        (b"120", Some(120)),
        (b" 120\t", Some(120)),
        (b"007", Some(7)),
        (b"18446744073709551615", Some(u64::MAX)),
        (b"18446744073709551616", Some(u64::MAX)),
        (&[b'9'; 1000], Some(u64::MAX)),
        (b"", None),
        (b"  ", None),
        (b"-1", None),
        (b"+1", None),
        (b"1.5", None),
        (b"1 2", None),
        (b"1,2", None),
        (b"0x10", None),
        (b"12s", None),
        (b"\xb2", None),
        (b"\xff", None),
        (b"\0", None),
        (b"Fri, 31 Dec 1999 23:59:59 GMT", None),
    ] {
        assert_eq!(retry_after(value), expected.map(secs), "{value:?}");
    }
}

fn durations() -> impl Strategy<Value = Duration> {
    prop_oneof![
        (0..200_u64).prop_map(Duration::from_secs),
        (any::<u64>(), 0..1_000_000_000_u32).prop_map(|(secs, nanos)| Duration::new(secs, nanos)),
        Just(Duration::MAX),
        Just(Duration::ZERO),
    ]
}

fn ends() -> impl Strategy<Value = End> {
    prop_oneof![
        any::<u16>().prop_map(|code| End::Closed(CloseCode::new(code))),
        (1000..1016_u16).prop_map(|code| End::Closed(CloseCode::new(code))),
        Just(End::Eof),
        Just(End::TimedOut),
        Just(End::Unreachable),
        (any::<u16>(), prop::option::of(durations())).prop_map(|(status, retry_after)| {
            End::Refused {
                status,
                retry_after,
            }
        }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_order_of_calls_panics_or_exceeds_the_cap(
        (first, cap, settled) in (durations(), durations(), durations()),
        (max_retry_after, busy) in (durations(), (durations(), durations())),
        steps in prop::collection::vec((any::<bool>(), any::<u64>(), ends(), any::<u64>()), 0..80),
    ) {
        let config = BackoffConfig::new()
            .first(first)
            .cap(cap)
            .settled(settled)
            .busy(busy.0, busy.1)
            .max_retry_after(max_retry_after);
        let mut backoff = Backoff::new(config);
        for (connected, millis, end, random) in steps {
            let now = Instant::from_millis(millis);
            if connected {
                backoff.connected(now);
            }
            let delay = backoff.ended(now, end, random);
            prop_assert_eq!(delay.is_some(), end.is_transient());
            let bound = match end {
                End::Closed(Some(CloseCode::SERVICE_RESTART | CloseCode::TRY_AGAIN_LATER)) => {
                    busy.0.max(busy.1)
                }
                End::Refused { retry_after: Some(_), .. } => {
                    max_retry_after.saturating_add(first.min(cap).max(max_retry_after / 8))
                }
                _ => Duration::ZERO,
            };
            let bound = bound.max(cap).max(Duration::from_millis(1));
            prop_assert!(delay.is_none_or(|delay| delay <= bound));
        }
    }

    #[test]
    fn retry_after_never_panics(value in prop::collection::vec(any::<u8>(), 0..40)) {
        let _ = retry_after(&value);
    }
}

/// A final end ends the connection too: how long it lived is not measured from then on.
#[test]
fn a_short_life_that_ended_for_good_resets_nothing_later() {
    let at = Instant::from_millis;
    let mut backoff = Backoff::new(BackoffConfig::new().max_attempts(Some(3)));
    for _ in 0..3 {
        assert!(backoff.ended(at(0), End::Unreachable, 0).is_some());
    }
    backoff.connected(at(1_000));
    let closed = End::Closed(Some(CloseCode::NORMAL));
    assert_eq!(backoff.ended(at(2_000), closed, 0), None);
    assert_eq!(backoff.ended(at(100_000), End::Unreachable, 0), None);
    assert_eq!(backoff.attempts(), 3);
}

/// How an attempt fails decides about the next one.
#[test]
fn errors_of_connecting_say_how_it_has_ended() {
    use ws_proto::handshake::{HandshakeError, HeadError};
    use ws_proto::opening::{ConnectError, ConnectTimeout, Proxy, ProxyError, Stage, Unreachable};

    let late = ConnectTimeout::new(Stage::Connect, Duration::from_secs(1));
    let tls = |kind: std::io::ErrorKind| ConnectError::Tls {
        host: "h".into(),
        error: kind.into(),
    };
    let scheme = Proxy::new("socks5://h").unwrap().scheme();
    let io = std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
    let ends: [(ConnectError, Option<End>); 13] = [
        (io.into(), Some(End::Unreachable)),
        (ConnectError::NoRandomness, Some(End::Unreachable)),
        (HandshakeError::UnexpectedEof.into(), Some(End::Eof)),
        (HandshakeError::NothingReceived.into(), Some(End::Eof)),
        (HandshakeError::TimedOut.into(), Some(End::TimedOut)),
        (late.into(), Some(End::TimedOut)),
        (HandshakeError::AcceptInvalid.into(), None),
        (HeadError::OutputFull.into(), None),
        (ConnectError::TlsNeeded, None),
        (
            ConnectError::Unreachable(Unreachable::new("h", Vec::new())),
            Some(End::Unreachable),
        ),
        (
            tls(std::io::ErrorKind::ConnectionReset),
            Some(End::Unreachable),
        ),
        // A certificate that is not valid.
        (tls(std::io::ErrorKind::InvalidData), None),
        (ProxyError::Unsupported(scheme).into(), None),
    ];
    for (error, end) in ends {
        assert_eq!(error.end(), end, "{error}");
    }
}

/// A refusal is read as by `Refusal::end`, with its `Retry-After`.
#[test]
fn a_refusal_of_a_connector_says_when_to_return() {
    use ws_proto::opening::{ConnectError, Connecting, Connector};

    let connector = Connector::new("ws://example.com/").unwrap();
    for (field, delay) in [("Retry-After: 7\r\n", Some(7)), ("", None)] {
        let mut connecting = Connecting::start(&connector, [0; 16]).unwrap();
        let response = format!("HTTP/1.1 503 No\r\n{field}Content-Length: 0\r\n\r\n");
        let error = connecting.receive(&mut response.as_bytes().to_vec().as_mut_slice());
        let error = error.expect_err("a refusal");
        assert_eq!(error.end(), Some(refused(503, delay)));
        let ConnectError::Refused(response) = error else {
            panic!("{error}");
        };
        assert_eq!(response.retry_after(), delay.map(secs));
    }
}
