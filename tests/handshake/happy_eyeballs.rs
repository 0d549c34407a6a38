//! Which address of a host is tried when (RFC 8305).

use std::net::SocketAddr;
use std::time::Duration;

use ws_proto::Instant;
use ws_proto::opening::{Attempt, ConnectTimeout, HappyEyeballs, HappyStep, Stage, Unreachable};

const fn at(millis: u64) -> Instant {
    Instant::from_millis(millis)
}

fn v4(last: u8) -> SocketAddr {
    ([192, 0, 2, last], 80).into()
}

fn v6(last: u16) -> SocketAddr {
    ([0x2001, 0xdb8, 0, 0, 0, 0, 0, last], 80).into()
}

/// All that is started at `now`, and the step after it.
fn started(attempts: &mut HappyEyeballs, now: u64) -> (Vec<SocketAddr>, HappyStep) {
    let mut addresses = Vec::new();
    loop {
        match attempts.step(at(now)) {
            HappyStep::Connect(address) => addresses.push(address),
            step => return (addresses, step),
        }
    }
}

#[test]
fn families_take_turns_and_the_first_address_leads() {
    let order = |addresses: &[SocketAddr]| {
        let attempts = HappyEyeballs::new(addresses.iter().copied());
        attempts.addresses().to_vec()
    };
    assert_eq!(order(&[]), []);
    assert_eq!(order(&[v4(1), v4(2)]), [v4(1), v4(2)]);
    assert_eq!(
        order(&[v6(1), v6(2), v6(3), v4(1), v4(2)]),
        [v6(1), v4(1), v6(2), v4(2), v6(3)]
    );
    assert_eq!(
        order(&[v4(1), v6(1), v6(2), v6(3)]),
        [v4(1), v6(1), v6(2), v6(3)]
    );
    assert_eq!(
        order(&[v6(1), v6(1), v4(1), v6(2), v4(1)]),
        [v6(1), v4(1), v6(2)]
    );
}

#[test]
fn the_next_address_starts_after_the_delay_or_at_once_after_a_failure() {
    let mut attempts = HappyEyeballs::new([v6(1), v6(2), v6(3), v6(4)]);
    let waiting = |until| HappyStep::Wait(Some(at(until)));
    assert_eq!(started(&mut attempts, 0), (vec![v6(1)], waiting(250)));
    assert_eq!(started(&mut attempts, 249), (vec![], waiting(250)));
    assert_eq!(started(&mut attempts, 250), (vec![v6(2)], waiting(500)));
    attempts.note_failure();
    assert_eq!(started(&mut attempts, 300), (vec![v6(3)], waiting(550)));
    // A driver that comes late starts one, not all that would have been due.
    assert_eq!(
        started(&mut attempts, 10_000),
        (vec![v6(4)], HappyStep::Wait(None))
    );
    for _ in 0..2 {
        attempts.note_failure();
        assert_eq!(
            started(&mut attempts, 10_001),
            (vec![], HappyStep::Wait(None))
        );
    }
    attempts.note_failure();
    assert_eq!(started(&mut attempts, 10_002), (vec![], HappyStep::Failed));
}

#[test]
fn addresses_that_fail_at_once_cost_no_time() {
    let all: Vec<SocketAddr> = (0..100).map(v4).collect();
    let mut attempts = HappyEyeballs::new(all.clone());
    let mut tried = Vec::new();
    loop {
        match attempts.step(at(7)) {
            HappyStep::Connect(address) => {
                tried.push(address);
                attempts.note_failure();
            }
            step => break assert_eq!(step, HappyStep::Failed),
        }
    }
    assert_eq!(tried, all);
}

#[test]
fn a_host_without_addresses_has_failed_at_once() {
    let mut attempts = HappyEyeballs::new([]);
    assert_eq!(attempts.step(at(0)), HappyStep::Failed);
    attempts.note_failure();
    assert_eq!(attempts.step(at(0)), HappyStep::Failed);
}

#[test]
fn the_delay_can_be_set_and_is_never_too_short() {
    for (delay, until) in [(100, 100), (0, 10), (3000, 3000)] {
        let attempts = HappyEyeballs::new([v6(1), v4(1)]);
        let mut attempts = attempts.with_delay(Duration::from_millis(delay));
        assert_eq!(
            started(&mut attempts, 0),
            (vec![v6(1)], HappyStep::Wait(Some(at(until))))
        );
    }
}

#[test]
fn errors_name_every_address_and_the_stage() {
    let refused = || Some(std::io::Error::other("refused"));
    let tried = || {
        vec![
            Attempt::new(v6(1), Duration::from_millis(1500), None),
            Attempt::new(v4(1), Duration::from_micros(1), refused()),
        ]
    };
    let error = Unreachable::new("example.com", tried());
    assert_eq!(
        error.to_string(),
        "example.com cannot be reached: [2001:db8::1]:80: no answer in 1.5s; 192.0.2.1:80: refused"
    );
    let none = Unreachable::new("example.com", vec![]);
    assert_eq!(none.to_string(), "example.com has no address");
    let late = ConnectTimeout::new(Stage::Connect, Duration::from_micros(1_500_777));
    assert_eq!(
        late.host("example.com").attempts(tried()).to_string(),
        "no connection in time (1.5s, example.com): [2001:db8::1]:80: no answer in 1.5s; 192.0.2.1:80: refused"
    );
}
