//! The table "Keepalive and clocks" of `Config`, each cell.

use core::cell::Cell;
use core::time::Duration;

use ws_proto::frame::Rsv;
use ws_proto::{
    Client, CloseCode, CloseReason, Config, Connection, Fin, FixedBuf, Input, Instant, Kind,
    MaskSource, Negotiated, Output, TimedOut, Transport,
};

const START: u64 = 10_000;
const PING: u8 = 0x89;
const PONG: u8 = 0x8a;
const CLOSE: u8 = 0x88;

/// 1000 ms of silence, 300 ms for the answer to a Ping, 500 ms for that to Close.
fn config() -> Config {
    Config::new()
        .keepalive(Some(Duration::from_millis(1000)))
        .pong_timeout(Duration::from_millis(300))
        .close_timeout(Duration::from_millis(500))
}

/// A source of keys that can run dry.
struct Keys<'c>(&'c Cell<bool>);

impl MaskSource for Keys<'_> {
    fn mask_key(&mut self) -> Option<[u8; 4]> {
        self.0.get().then_some([0; 4])
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum State {
    Silence,
    Ping,
    Close,
}

const ALL: [State; 3] = [State::Silence, State::Ping, State::Close];

/// A client in that state, and its deadline.
fn client(state: State, has_keys: &Cell<bool>) -> (Connection<Client<Keys<'_>>>, u64) {
    let negotiated = Negotiated::new().with_rsv(Rsv::RSV1);
    let mut connection = Connection::client(negotiated, config().hold_pings(true), Keys(has_keys));
    let mut out = Vec::new();
    assert_eq!(tick(&mut connection, START).0, Ok(Some(START + 1000)));
    let now = match state {
        State::Silence => return (connection, START + 1000),
        State::Ping => START + 1000,
        State::Close => {
            let close = connection.close(CloseCode::NORMAL, CloseReason::EMPTY, &mut out);
            close.unwrap();
            START
        }
    };
    let (deadline, written) = tick(&mut connection, now);
    assert_eq!(
        written.first().copied(),
        (state == State::Ping).then_some(PING)
    );
    let deadline = deadline.unwrap().expect("a timer runs");
    (connection, deadline)
}

type Ticked = (Result<Option<u64>, TimedOut>, Vec<u8>);

fn tick<M: MaskSource>(connection: &mut Connection<Client<M>>, now: u64) -> Ticked {
    let mut out = Vec::new();
    let deadline = tick_into(connection, now, &mut out);
    (deadline, out)
}

fn tick_into<M: MaskSource>(
    connection: &mut Connection<Client<M>>,
    now: u64,
    out: &mut impl Output,
) -> Result<Option<u64>, TimedOut> {
    let deadline = connection.tick(Instant::from_millis(now), out)?;
    if let Some(deadline) = deadline {
        assert!(
            deadline > Instant::from_millis(now),
            "the deadline is later"
        );
    }
    Ok(deadline.map(Instant::as_millis))
}

fn first(ticked: &Ticked) -> Option<u8> {
    ticked.1.first().copied()
}

fn hear(connection: &mut Connection<Client<Keys<'_>>>, frame: &[u8]) -> Vec<u8> {
    let mut frame = frame.to_vec();
    let mut out = Vec::new();
    let mut input = Input::new(&mut frame);
    while connection.receive(&mut input, &mut out).unwrap().is_some() {}
    out
}

#[test]
fn the_clock_jumps_past_the_deadline() {
    for jump in [0, 1, 100_000, 1 << 40] {
        for state in ALL {
            let keys = Cell::new(true);
            let (mut connection, deadline) = client(state, &keys);
            let now = deadline + jump;
            let ticked = tick(&mut connection, now);
            match state {
                State::Silence => {
                    assert_eq!(
                        (ticked.0, first(&ticked)),
                        (Ok(Some(now + 300)), Some(PING))
                    );
                    assert_eq!(ticked.1.len(), 6, "one Ping, not one for each interval");
                    assert_eq!(tick(&mut connection, now), (Ok(Some(now + 300)), vec![]));
                }
                State::Ping => {
                    assert_eq!(
                        (ticked.0, first(&ticked)),
                        (Err(TimedOut::Pong), Some(CLOSE))
                    );
                }
                State::Close => assert_eq!(ticked, (Err(TimedOut::Close), vec![])),
            }
        }
    }
}

#[test]
fn the_clock_jumps_after_something_was_received() {
    for state in ALL {
        let keys = Cell::new(true);
        let (mut connection, deadline) = client(state, &keys);
        hear(&mut connection, b"\x81\x02hi");
        let now = deadline + (1 << 20);
        let ticked = tick(&mut connection, now);
        let expected = match state {
            State::Silence | State::Ping => Ok(Some(now + 1000)),
            State::Close => Err(TimedOut::Close),
        };
        assert_eq!(ticked, (expected, vec![]), "{state:?}");
    }
}

#[test]
fn the_clock_goes_back_or_stands() {
    for state in ALL {
        let keys = Cell::new(true);
        let (mut connection, deadline) = client(state, &keys);
        let before = deadline - 1;
        for now in [before, before, START - 5000, 0, 0, before] {
            assert_eq!(tick(&mut connection, now), (Ok(Some(deadline)), vec![]));
        }
        assert_eq!(connection.transport(), Transport::Open);
        // It is the same timer still.
        let ticked = tick(&mut connection, deadline);
        assert_eq!(ticked.0.is_ok(), state == State::Silence);
    }
}

#[test]
fn a_ping_cannot_be_written() {
    for has_room in [false, true] {
        for state in ALL {
            let keys = Cell::new(true);
            let (mut connection, deadline) = client(state, &keys);
            keys.set(!has_room);
            // Either the output has no room, or there is no masking key.
            let (mut none, mut room) = (FixedBuf::<0>::new(), FixedBuf::<512>::new());
            let ticked = if has_room {
                tick_into(&mut connection, deadline, &mut room)
            } else {
                tick_into(&mut connection, deadline, &mut none)
            };
            assert_eq!(room.pending(), b"");
            let expected = match state {
                State::Silence => Ok(Some(deadline + 300)),
                State::Ping => Err(TimedOut::Pong),
                State::Close => Err(TimedOut::Close),
            };
            assert_eq!(ticked, expected, "{state:?}");
            if state == State::Silence {
                // Whoever cannot read our Ping can say something all the same.
                hear(&mut connection, b"\x82\x00");
                let next = tick(&mut connection, deadline + 300);
                assert_eq!(next, (Ok(Some(deadline + 1300)), vec![]));
            }
        }
    }
}

#[test]
fn the_peer_pings_too() {
    for state in ALL {
        let keys = Cell::new(true);
        let (mut connection, deadline) = client(state, &keys);
        let answer = hear(&mut connection, b"\x89\x01x");
        let ticked = tick(&mut connection, deadline - 1);
        assert_eq!(answer.first(), Some(&PONG), "{state:?}");
        match state {
            State::Silence | State::Ping => {
                assert_eq!(ticked, (Ok(Some(deadline + 999)), vec![]), "{state:?}");
            }
            State::Close => {
                assert_eq!(ticked, (Ok(Some(deadline)), vec![]), "{state:?}");
            }
        }
    }
}

/// Two ends with the same time: nobody is taken for dead, and one Ping at a time is under way.
#[test]
fn both_ends_ping() {
    let keys = Cell::new(true);
    let (mut client, _) = client(State::Silence, &keys);
    let mut server = Connection::server(Negotiated::new(), config());
    let (mut to_server, mut to_client) = (Vec::new(), Vec::new());
    let mut pings = 0;
    for now in (START..START + 100_000).step_by(100) {
        let now = Instant::from_millis(now);
        client.tick(now, &mut to_server).unwrap();
        server.tick(now, &mut to_client).unwrap();
        pings += usize::from(to_server.first() == Some(&PING));
        pings += usize::from(to_client.first() == Some(&PING));
        let mut read = core::mem::take(&mut to_server);
        let mut input = Input::new(&mut read);
        while server
            .receive(&mut input, &mut to_client)
            .unwrap()
            .is_some()
        {}
        let mut read = core::mem::take(&mut to_client);
        let mut input = Input::new(&mut read);
        while client
            .receive(&mut input, &mut to_server)
            .unwrap()
            .is_some()
        {}
    }
    assert!((90..=200).contains(&pings), "{pings}");
}

#[test]
fn a_ping_waits_for_the_last_part_of_a_compressed_message() {
    let keys = Cell::new(true);
    let part = |connection: &mut Connection<Client<Keys<'_>>>, fin| {
        let mut out = Vec::new();
        connection
            .send_extended(Kind::Text, Rsv::RSV1, b"\xf2", fin, &mut out)
            .unwrap();
    };
    let (mut connection, deadline) = client(State::Silence, &keys);
    part(&mut connection, Fin::No);
    // It waits, as long as it takes, and there is a deadline all the same.
    for now in [deadline, deadline + 1, deadline + 5000] {
        let (waits, written) = tick(&mut connection, now);
        assert!(
            waits.is_ok_and(|at| at.is_some()) && written.is_empty(),
            "{now}"
        );
    }
    part(&mut connection, Fin::Yes);
    let ticked = tick(&mut connection, deadline + 5001);
    assert_eq!(
        (ticked.0, first(&ticked)),
        (Ok(Some(deadline + 5301)), Some(PING))
    );

    // A sign of life ends the wait too.
    let (mut connection, deadline) = client(State::Silence, &keys);
    part(&mut connection, Fin::No);
    tick(&mut connection, deadline).0.unwrap();
    hear(&mut connection, b"\x82\x00");
    part(&mut connection, Fin::Yes);
    assert_eq!(
        tick(&mut connection, deadline + 1),
        (Ok(Some(deadline + 1001)), vec![])
    );

    // A Ping that is out is waited for.
    let (mut connection, deadline) = client(State::Ping, &keys);
    part(&mut connection, Fin::No);
    let ticked = tick(&mut connection, deadline);
    assert_eq!(
        (ticked.0, first(&ticked)),
        (Err(TimedOut::Pong), Some(CLOSE))
    );

    // Messages without an extension, and those who have not asked for it, get the Ping at once.
    let (mut connection, deadline) = client(State::Silence, &keys);
    connection
        .send_text_part("a", Fin::No, &mut Vec::new())
        .unwrap();
    assert_eq!(first(&tick(&mut connection, deadline)), Some(PING));
    let negotiated = Negotiated::new().with_rsv(Rsv::RSV1);
    let mut connection = Connection::client(negotiated, config(), Keys(&keys));
    tick(&mut connection, START).0.unwrap();
    part(&mut connection, Fin::No);
    assert_eq!(first(&tick(&mut connection, START + 1000)), Some(PING));
}
