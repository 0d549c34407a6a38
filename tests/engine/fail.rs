//! Failing a connection for a fault that the caller has found (RFC 6455 7.1.7), in both roles.

use ws_proto::{
    Client, CloseCode, Config, Connection, FixedBuf, Input, Instant, MAX_CONTROL_FRAME, Negotiated,
    Role, SendError, Server, Transport,
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

fn a_code_is_one_of_the_rfc<R: Role>(connection: impl Fn() -> Connection<R>) {
    for (given, sent) in [
        (1002, 1002),
        (1003, 1003),
        (1011, 1011),
        (1014, 1014),
        (3000, 1011),
        (4999, 1011),
    ] {
        let mut out = Vec::new();
        connection().fail(code(given), &mut out);
        assert_eq!(close_code(&out), sent, "{given}");
    }
}

#[test]
fn codes_of_applications_are_sent_as_1011() {
    a_code_is_one_of_the_rfc(server);
    a_code_is_one_of_the_rfc(client);
}

fn without_room_it_is_owed<R: Role>(mut connection: Connection<R>) {
    let mut out = FixedBuf::<{ MAX_CONTROL_FRAME }>::new();
    connection.ping(b"in the way", &mut out).unwrap();
    let waiting = out.pending().len();
    connection.fail(code(1009), &mut out);
    assert_eq!(out.pending().len(), waiting, "no room");
    assert!(connection.tick(Instant::from_millis(0), &mut out).is_ok());
    assert_eq!(out.pending().len(), waiting, "still none");
    out.clear();
    assert!(connection.tick(Instant::from_millis(1), &mut out).is_ok());
    assert_eq!(close_code(out.pending()), 1009);
    out.clear();
    assert!(connection.tick(Instant::from_millis(2), &mut out).is_ok());
    assert!(out.is_empty(), "once");
}

#[test]
fn a_close_without_room_is_written_by_a_later_tick() {
    without_room_it_is_owed(server());
    without_room_it_is_owed(client());
}
