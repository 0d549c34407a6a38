//! Which ends are final, and how it is closed.

use std::io::ErrorKind;
use std::task::Poll;

use futures_util::SinkExt;
use ws_proto_async::reconnect::{BackoffConfig, End};
use ws_proto_async::{
    AttemptError, CloseCode, Config, ConnectError, Decision, Error, Options, Reason, TimedOut,
    TrySendError,
};
use ws_proto_test::{Side, wire};

use super::net::{Net, SECOND, close_frame, frame, refuse, texts, words};
use crate::common::{poll, quiet};

#[test]
fn final_ends_end_it() {
    for code in [1000, 1002, 1003, 1008, 1009, 3000] {
        let net = Net::default();
        let mut client = net.client(quiet());
        let hand = net.open(&mut client);
        hand.put(&frame(0x81, b"the last"));
        hand.put(&close_frame(code));
        hand.end();
        assert_eq!(net.text(&mut client), "the last");
        let ended = net.ended(&mut client);
        assert!(matches!(&ended.reason, Reason::Closed(closed)
            if closed.code.map(CloseCode::as_u16) == Some(code)));
        let flushed = poll(&net.task, client.flush());
        assert!(matches!(flushed, Poll::Ready(Err(error)) if error.is_closed()));
    }
    for status in [301, 400, 401, 403, 404, 501] {
        let net = Net::default();
        let mut client = net.client(quiet());
        let hand = net.server();
        net.waits(&mut client);
        refuse(&hand, status, "");
        let ended = net.ended(&mut client);
        assert!(matches!(
            ended.reason,
            Reason::Attempt(AttemptError::Connect(ConnectError::Refused(response)))
                if response.status() == status
        ));
    }
    let net = Net::default();
    let mut client = net.client(quiet());
    net.fail(AttemptError::permanent("logged out"));
    assert_eq!(
        net.ended(&mut client).reason.to_string(),
        "connecting failed: logged out"
    );
    // We fail the connection, with 1002.
    let net = Net::default();
    let mut client = net.client(quiet());
    let hand = net.open(&mut client);
    hand.put(&frame(0x83, b""));
    hand.end();
    let ended = net.ended(&mut client);
    assert_eq!(
        ended.reason.end(),
        Some(End::Closed(Some(CloseCode::PROTOCOL_ERROR)))
    );
    assert!(hand.state().written.starts_with(&[wire::CLOSE]));
}

#[test]
fn transient_ends_do_not() {
    let closed: [Option<u16>; 5] = [None, Some(1001), Some(1011), Some(1012), Some(4000)];
    for code in closed {
        let net = Net::default();
        let mut client = net.client(quiet());
        let hand = net.open(&mut client);
        hand.put(&code.map_or_else(|| frame(wire::CLOSE, b""), close_frame));
        hand.end();
        assert!(matches!(
            net.disconnected(&mut client).reason,
            Reason::Closed(_)
        ));
        net.reopen(&mut client, SECOND);
    }
    let refusals = [
        (408, ""),
        (429, ""),
        (500, ""),
        (503, ""),
        (403, "Retry-After: 7\r\n"),
    ];
    for (status, headers) in refusals {
        let net = Net::default();
        let mut client = net.client(quiet());
        let hand = net.server();
        net.waits(&mut client);
        refuse(&hand, status, headers);
        let refused = net.disconnected(&mut client);
        assert_eq!(refused.delay >= 7 * SECOND, !headers.is_empty());
        net.reopen(&mut client, 9 * SECOND);
    }
    // The server goes away in the handshake.
    let net = Net::default();
    let mut client = net.client(quiet());
    for response in [&b""[..], b"HTTP/1.1 101 Swi"] {
        let hand = net.server();
        let _ = poll(&net.task, client.next());
        net.clock.advance(10 * SECOND);
        net.waits(&mut client);
        hand.put(response);
        hand.end();
        assert_eq!(net.disconnected(&mut client).reason.end(), Some(End::Eof));
    }
    // It says nothing in the handshake.
    let hand = net.server();
    net.waits(&mut client);
    net.clock.advance(10 * SECOND);
    net.waits(&mut client);
    hand.advance(10 * SECOND);
    let failed = net.disconnected(&mut client);
    assert_eq!(failed.reason.end(), Some(End::TimedOut));
    // It says nothing later on.
    let net = Net::default();
    let config = Config::new().keepalive(Some(SECOND)).pong_timeout(SECOND);
    let mut client = net.client(Options::new().config(config));
    let hand = net.open(&mut client);
    net.waits(&mut client);
    hand.advance(SECOND);
    net.waits(&mut client);
    hand.advance(SECOND);
    assert!(matches!(
        net.disconnected(&mut client).reason,
        Reason::Failed(Error::TimedOut(TimedOut::Pong))
    ));
}

#[test]
fn the_number_of_attempts_is_bounded() {
    let net = Net::default();
    let config = BackoffConfig::new().first(SECOND).max_attempts(Some(3));
    let mut client = net.client(quiet()).backoff(config);
    for attempt in 1..=3 {
        net.fail(AttemptError::transient("no token"));
        assert_eq!(net.disconnected(&mut client).attempt, attempt);
        net.waits(&mut client);
        net.clock.advance(8 * SECOND);
    }
    net.fail(AttemptError::transient("no token"));
    assert_eq!(net.ended(&mut client).attempts, 3);
}

#[test]
fn a_program_decides_what_is_final() {
    let net = Net::default();
    let mut client = net.client(quiet()).decide(|reason| match reason.end() {
        Some(End::Closed(Some(code))) if code.as_u16() == 4001 => Decision::Stop,
        Some(End::Refused { status: 401, .. }) => Decision::Retry,
        None => Decision::Retry,
        _ => Decision::Backoff,
    });
    let hand = net.server();
    net.waits(&mut client);
    refuse(&hand, 401, "");
    assert_eq!(net.disconnected(&mut client).attempt, 1);
    net.fail(AttemptError::permanent("logged out"));
    net.waits(&mut client);
    net.clock.advance(SECOND);
    assert_eq!(net.disconnected(&mut client).attempt, 2);
    let hand = net.reopen(&mut client, 2 * SECOND);
    hand.put(&close_frame(4001));
    hand.end();
    net.ended(&mut client);
}

#[test]
fn it_can_be_closed_at_every_step() {
    // Before the first attempt, in it, in the delay.
    for step in 0..3 {
        let net = Net::default();
        let mut client = net.client(quiet());
        if step == 1 {
            net.waits(&mut client);
        } else if step == 2 {
            net.fail(AttemptError::transient("x"));
            net.disconnected(&mut client);
            net.waits(&mut client);
        }
        let closed = poll(&net.task, client.close(CloseCode::NORMAL, ""));
        assert!(matches!(closed, Poll::Ready(Ok(()))));
        assert!(matches!(net.ended(&mut client).reason, Reason::Local));
        let flushed = poll(&net.task, client.flush());
        assert!(matches!(flushed, Poll::Ready(Ok(()))));
    }
    // While it is open.
    let net = Net::default();
    let mut client = net.client(quiet());
    let hand = net.open(&mut client);
    assert!(poll(&net.task, client.feed("one")).is_ready());
    assert!(poll(&net.task, client.close(CloseCode::NORMAL, "")).is_pending());
    assert_eq!(texts(&hand), ["one"]);
    assert!(matches!(
        client.try_send("late"),
        Err(TrySendError::Closed(_))
    ));
    hand.put(&close_frame(1000));
    hand.end();
    let closed = poll(&net.task, client.close(CloseCode::NORMAL, ""));
    assert!(matches!(closed, Poll::Ready(Ok(()))));
    let ended = net.ended(&mut client);
    assert!(matches!(ended.reason, Reason::Local) && ended.unsent.is_empty());
    // It is lost meanwhile: no other one follows, and unwritten messages are given back.
    let net = Net::default();
    let mut client = net.client(quiet()).resend(true);
    let hand = net.open(&mut client);
    hand.make_room(0);
    assert!(poll(&net.task, client.feed("one")).is_ready());
    client.start_close(CloseCode::NORMAL, "").unwrap();
    hand.break_writes(ErrorKind::BrokenPipe);
    hand.end();
    let ended = net.ended(&mut client);
    assert!(matches!(ended.reason, Reason::Failed(_)));
    assert_eq!(words(&ended.unsent), ["one"]);
}

#[test]
fn closing_the_sink_leaves_what_comes_to_the_stream() {
    let net = Net::default();
    let mut client = net.client(quiet());
    let hand = net.open(&mut client);
    assert!(poll(&net.task, SinkExt::close(&mut client)).is_ready());
    assert_eq!(hand.state().written.first(), Some(&wire::CLOSE));
    hand.put(&frame(0x81, b"one"));
    hand.put(&close_frame(1000));
    hand.end();
    assert_eq!(net.text(&mut client), "one");
    assert!(matches!(net.ended(&mut client).reason, Reason::Local));
}

#[test]
fn a_manual_close_is_answered_by_itself() {
    let config = Config::new().keepalive(None).manual_close(true);
    let net = Net::default();
    let mut client = net.client(Options::new().config(config));
    let hand = net.open(&mut client);
    hand.put(&close_frame(1012));
    net.waits(&mut client);
    let frames = wire::parse_output(Side::Client, &hand.state().written);
    assert_eq!(frames[0].close_code(), Some(1012));
    hand.end();
    assert!(matches!(
        net.disconnected(&mut client).reason,
        Reason::Closed(_)
    ));
}
