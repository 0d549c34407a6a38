//! Failing a connection for a fault that the caller has found (RFC 6455 7.1.7), in both roles.

use core::cell::Cell;

use ws_proto::{
    Client, CloseCode, Config, Connection, FixedBuf, Input, Instant, MAX_CONTROL_FRAME, MaskSource,
    Negotiated, Role, SendError, Server, TimedOut, Transport,
};

type Keys = fn() -> [u8; 4];

fn server() -> Connection<Server> {
    Connection::server(Negotiated::new(), Config::new())
}

fn client() -> Connection<Client<Keys>> {
    Connection::client(Negotiated::new(), Config::new(), || [0; 4])
}

fn code(code: u16) -> CloseCode {
    CloseCode::new(code).unwrap()
}

/// The code of the only frame in `out`, a Close; the key of a client is zero.
fn close_code(out: &[u8]) -> u16 {
    let ([0x88, 0x02, body @ ..] | [0x88, 0x82, 0, 0, 0, 0, body @ ..]) = out else {
        panic!("{out:x?} is not a Close with a code");
    };
    u16::from_be_bytes(body.try_into().expect("a code and nothing after it"))
}

fn the_first_fault_is_the_one_that_is_sent<R: Role>(mut connection: Connection<R>) {
    let mut out = Vec::new();
    connection.fail(code(1007), &mut out);
    connection.fail(code(1009), &mut out);
    assert_eq!(close_code(&out), 1007);
    assert_eq!(connection.transport(), Transport::Close);
    let written = out.len();
    assert_eq!(
        connection.send_binary(b"late", &mut out),
        Err(SendError::Closed)
    );
    assert_eq!(connection.ping(b"late", &mut out), Err(SendError::Closed));
    let mut read = *b"\x82\x00";
    let mut input = Input::new(&mut read);
    assert!(matches!(connection.receive(&mut input, &mut out), Ok(None)));
    assert_eq!((input.len(), out.len()), (0, written));
}

#[test]
fn the_first_fault_counts_and_nothing_follows() {
    the_first_fault_is_the_one_that_is_sent(server());
    the_first_fault_is_the_one_that_is_sent(client());
}

fn codes_that_are_sent<R: Role>(connection: impl Fn() -> Connection<R>, mandatory: u16) {
    for (given, sent) in [
        (1000, 1000),
        (1002, 1002),
        (1003, 1003),
        (1009, 1009),
        (1010, mandatory),
        (1011, 1011),
        (1012, 1011),
        (1014, 1011),
        (3000, 1011),
        (4999, 1011),
    ] {
        let mut out = Vec::new();
        connection().fail(code(given), &mut out);
        assert_eq!(close_code(&out), sent, "{given}");
    }
}

/// 1010 is for clients (RFC 6455 7.4.1), and what that section does not define is for `close`.
#[test]
fn a_code_that_is_not_for_this_end_is_sent_as_1011() {
    codes_that_are_sent(server, 1011);
    codes_that_are_sent(client, 1010);
}

fn after_the_end_of_the_input<R: Role>(mut connection: Connection<R>) {
    let mut out = Vec::new();
    assert!(connection.receive_eof().is_err());
    connection.fail(code(1007), &mut out);
    assert!(connection.tick(Instant::from_millis(0), &mut out).is_ok());
    assert_eq!(out, b"");
    assert_eq!(connection.transport(), Transport::Close);
    assert!(connection.receive_eof().is_err());
    assert_drops(&mut connection);
}

#[test]
fn nothing_is_written_after_the_end_of_the_input() {
    after_the_end_of_the_input(server());
    after_the_end_of_the_input(client());
}

fn after_the_time_is_over<R: Role>(mut connection: Connection<R>) {
    let mut out = Vec::new();
    let ping = connection.tick(Instant::from_millis(0), &mut out).unwrap();
    let pong = connection.tick(ping.unwrap(), &mut out).unwrap();
    assert_eq!(
        connection.tick(pong.unwrap(), &mut out),
        Err(TimedOut::Pong)
    );
    let written = out.len();
    connection.fail(code(1007), &mut out);
    let late = Instant::from_millis(1_000_000);
    assert_eq!(connection.tick(late, &mut out), Err(TimedOut::Pong));
    assert_eq!(out.len(), written);
    assert_eq!(connection.transport(), Transport::Abort);
    assert_drops(&mut connection);
}

#[test]
fn nothing_is_written_after_the_time_is_over() {
    after_the_time_is_over(server());
    after_the_time_is_over(client());
}

/// What comes after the caller has failed the connection is dropped, good or bad, with any output.
fn assert_drops<R: Role>(connection: &mut Connection<R>) {
    for bytes in [&b""[..], b"\x82\x00", b"\xff\xff"] {
        let mut read = bytes.to_vec();
        let mut input = Input::new(&mut read);
        let mut out = FixedBuf::<0>::new();
        assert!(matches!(connection.receive(&mut input, &mut out), Ok(None)));
        assert!(input.is_empty());
    }
}

/// The end of the input comes while the Close still has no room.
fn owed_at_the_end<R: Role>(mut connection: Connection<R>) {
    connection.fail(code(1009), &mut FixedBuf::<8>::new());
    assert!(connection.receive_eof().is_err());
    assert_eq!(connection.transport(), Transport::Close);
    let mut out = Vec::new();
    assert!(connection.tick(Instant::from_millis(0), &mut out).is_ok());
    assert_eq!(out, b"", "half-closed by now");
}

#[test]
fn a_close_that_is_owed_at_the_end_of_the_input_is_not_written() {
    owed_at_the_end(server());
    owed_at_the_end(client());
}

fn without_room_it_is_owed<R: Role>(mut connection: Connection<R>) {
    let mut out = FixedBuf::<{ MAX_CONTROL_FRAME }>::new();
    connection.ping(b"in the way", &mut out).unwrap();
    let waiting = out.pending().len();
    connection.fail(code(1009), &mut out);
    assert_eq!(out.pending().len(), waiting, "no room");
    // A driver that half-closed now would lose the Close.
    assert_eq!(connection.transport(), Transport::AwaitEof);
    let deadline = connection.tick(Instant::from_millis(0), &mut out).unwrap();
    assert_eq!(deadline, Some(Instant::from_millis(10_000)));
    assert_eq!(out.pending().len(), waiting, "still none");
    out.clear();
    let deadline = connection.tick(Instant::from_millis(1), &mut out).unwrap();
    assert_eq!(deadline, Some(Instant::from_millis(10_000)));
    assert_eq!(close_code(out.pending()), 1009);
    assert_eq!(connection.transport(), Transport::Close);
    out.clear();
    let deadline = connection.tick(Instant::from_millis(2), &mut out).unwrap();
    assert_eq!(deadline, Some(Instant::from_millis(10_000)), "one timer");
    assert!(out.is_empty(), "once");
    assert_eq!(
        connection.tick(Instant::from_millis(10_000), &mut out),
        Err(TimedOut::Drain)
    );
}

fn it_never_comes<R: Role>(mut connection: Connection<R>) {
    let mut full = FixedBuf::<8>::new();
    connection.fail(code(1009), &mut full);
    let at = Instant::from_millis;
    assert_eq!(connection.tick(at(0), &mut full), Ok(Some(at(10_000))));
    assert_eq!(connection.tick(at(10_000), &mut full), Err(TimedOut::Drain));
    assert_eq!(connection.transport(), Transport::Abort);
    let mut out = Vec::new();
    assert_eq!(connection.tick(at(10_001), &mut out), Err(TimedOut::Drain));
    assert_eq!(out, b"");
}

#[test]
fn a_close_that_never_has_room_is_waited_for_as_long_as_for_the_end() {
    it_never_comes(server());
    it_never_comes(client());
}

/// The same for the answer to the peer's Close: without a masking key a client owes it.
#[test]
fn a_client_without_a_key_owes_the_answer() {
    let on = Cell::new(false);
    let keys = || on.get().then_some([0; 4]);
    let mut client = Connection::client(Negotiated::new(), Config::new(), Switch(keys));
    let mut out = Vec::new();
    let mut read = *b"\x88\x02\x03\xe8";
    let event = client.receive(&mut Input::new(&mut read), &mut out);
    assert!(matches!(event, Ok(Some(_))));
    let at = Instant::from_millis;
    assert_eq!(client.transport(), Transport::AwaitEof);
    assert_eq!(client.tick(at(0), &mut out), Ok(Some(at(10_000))));
    assert_eq!(out, b"");
    on.set(true);
    assert_eq!(client.tick(at(1), &mut out), Ok(Some(at(10_000))));
    assert_eq!(close_code(&out), 1000);
    assert_eq!(client.transport(), Transport::AwaitEof);
    assert_eq!(client.tick(at(10_000), &mut out), Err(TimedOut::Eof));
}

/// The closing handshake is not done then, so it is not the server's end that was waited for.
#[test]
fn an_answer_that_never_has_a_key_is_output_that_was_not_taken() {
    let keys = || None;
    let mut client = Connection::client(Negotiated::new(), Config::new(), Switch(keys));
    let mut out = Vec::new();
    let mut read = *b"\x88\x02\x03\xe8";
    let event = client.receive(&mut Input::new(&mut read), &mut out);
    assert!(matches!(event, Ok(Some(_))));
    let at = Instant::from_millis;
    assert_eq!(client.tick(at(0), &mut out), Ok(Some(at(10_000))));
    assert_eq!(client.tick(at(10_000), &mut out), Err(TimedOut::Drain));
    assert_eq!(out, b"");
}

/// Keys that may be missing.
struct Switch<F>(F);

impl<F: FnMut() -> Option<[u8; 4]>> MaskSource for Switch<F> {
    fn mask_key(&mut self) -> Option<[u8; 4]> {
        (self.0)()
    }
}

#[test]
fn a_close_without_room_is_written_by_a_later_tick() {
    without_room_it_is_owed(server());
    without_room_it_is_owed(client());
}
