//! The loop that the guide shows: it compiles, it runs, and it is the one below.
#![expect(
    clippy::std_instead_of_core,
    reason = "the guide names the error as its readers do"
)]

use std::io::ErrorKind;
use std::{error::Error, io};

use ws_proto::{
    Assembler, CloseCode, CloseReason, Config, Connection, Input, Limited, MAX_CONTROL_FRAME,
    Message, Negotiated, ReceiveError, SendError, Server, Transport,
};

/// Stands in for a socket: bytes of the peer, read by read and then the end, and the bytes written to it.
struct Socket<'t> {
    incoming: &'t mut Vec<Read>,
    written: &'t mut Vec<u8>,
    /// After so many bytes every write fails.
    takes: usize,
    has_failed: bool,
    has_ended_writing: bool,
    now: u64,
}

/// What a read brings. Nothing at all is a silent peer: the time is over.
type Read = Result<Vec<u8>, ErrorKind>;

impl Socket<'_> {
    fn now(&self) -> ws_proto::Instant {
        ws_proto::Instant::from_millis(self.now)
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        assert!(bytes.is_empty() || !self.has_ended_writing);
        assert!(!self.has_failed, "written to again");
        if bytes.len() > self.takes {
            self.has_failed = true;
            return Err(ErrorKind::BrokenPipe.into());
        }
        self.takes -= bytes.len();
        self.written.extend_from_slice(bytes);
        Ok(())
    }

    fn end_writing(&mut self) -> io::Result<()> {
        self.has_ended_writing = true;
        Ok(())
    }

    fn read_until(
        &mut self,
        until: Option<ws_proto::Instant>,
        to: &mut [u8],
    ) -> io::Result<Option<usize>> {
        let until = until.expect("keepalive is on");
        if self.incoming.is_empty() {
            return Ok(Some(0));
        }
        let piece = self.incoming.remove(0)?;
        if piece.is_empty() {
            self.now = until.as_millis();
            return Ok(None);
        }
        to[..piece.len()].copy_from_slice(&piece);
        Ok(Some(piece.len()))
    }
}

/// The longest message, in bytes.
const MESSAGE: u64 = 16 * 1024;
/// How many bytes may wait to be written. An output needs room for `MAX_CONTROL_FRAME` when it is empty: with less, every call finds it full.
const WAITING: usize = MESSAGE as usize + MAX_CONTROL_FRAME;

fn drive(
    mut socket: Socket<'_>,
    negotiated: Negotiated,
    rest: &[u8], // bytes after the handshake that the last read returned
) -> Result<(), Box<dyn Error>> {
    let config = Config::new().max_message(MESSAGE);
    let mut connection = Connection::server(negotiated, config);
    let mut assembler = Assembler::new(Vec::new(), MESSAGE);
    let (mut read, mut n) = (rest.to_vec(), rest.len());
    read.resize(n.max(64 * 1024), 0);
    let mut out = Limited::new(WAITING);
    let mut written = Ok(()); // writing ends with the first error, reading goes on
    let mut failed = None; // why the connection has failed
    loop {
        let mut input = Input::new(&mut read[..n]);
        loop {
            let event = match connection.receive(&mut input, &mut out) {
                Ok(Some(event)) => event,
                Ok(None) => break, // all input is consumed
                Err(ReceiveError::OutputFull) => {
                    write(&mut socket, &mut out, &mut written);
                    continue; // with the same input
                }
                Err(ReceiveError::Protocol(error)) => {
                    failed.get_or_insert(error.into()); // its Close frame is in `out`
                    break;
                }
            };
            match assembler.push(event) {
                Ok(Some(message)) => {
                    // `Closed`: the message came after our own Close and needs no answer.
                    if echo(message, &mut connection, &mut out) == Err(SendError::OutputFull) {
                        write(&mut socket, &mut out, &mut written);
                        let _ = echo(message, &mut connection, &mut out);
                    }
                }
                Ok(None) => {} // a piece, or a Ping, whose Pong is in `out`
                Err(error) => {
                    connection.fail(error.close_code(), &mut out);
                    failed.get_or_insert(error.into());
                }
            }
        }
        if written.is_err() {
            // Nobody gets this Close, but from now on there is a limit to the time.
            let _ = connection.close(CloseCode::GOING_AWAY, CloseReason::EMPTY, &mut out);
        }
        let deadline = connection.tick(socket.now(), &mut out);
        write(&mut socket, &mut out, &mut written);
        if connection.transport() == Transport::Close && written.is_ok() {
            written = socket.end_writing(); // then read to the end, or until the deadline
        }
        let end = match deadline.map(|deadline| socket.read_until(deadline, &mut read)) {
            Ok(Ok(None)) => {
                n = 0; // the deadline has come
                continue;
            }
            Ok(Ok(Some(more))) if more > 0 => {
                n = more;
                continue;
            }
            Ok(read) => read.err().map(Into::into), // the end, or an error
            Err(timed_out) => Some(timed_out.into()), // `Transport::Abort`
        };
        return match connection.receive_eof() {
            Ok(()) => Ok(()), // both have closed: after that any end is a good one
            Err(eof) => {
                let written = written.err().map(Into::into);
                Err(failed.or(written).or(end).unwrap_or(eof.into()))
            }
        };
    }
}

fn echo(
    message: Message<'_>,
    connection: &mut Connection<Server>,
    out: &mut Limited,
) -> Result<(), SendError> {
    match message {
        Message::Text(text) => connection.send_text(text, out),
        Message::Binary(data) => connection.send_binary(data, out),
    }
}

/// Writes the queued output. After an error it is dropped.
fn write(socket: &mut Socket<'_>, out: &mut Limited, written: &mut io::Result<()>) {
    if written.is_ok() {
        *written = socket.write(out.pending());
    }
    out.consume(out.pending().len());
}

/// What is written to the peer, how the loop ends, and how many reads are left.
#[derive(Debug, PartialEq)]
struct Driven {
    written: Vec<u8>,
    ended: Result<(), String>,
    unread: usize,
}

/// The loop, after bytes that came in the same read as the end of the handshake, on a socket that takes so
/// many bytes.
fn drive_with(takes: usize, rest: &[u8], incoming: &[Read]) -> Driven {
    let (mut written, mut incoming) = (Vec::new(), incoming.to_vec());
    let socket = Socket {
        incoming: &mut incoming,
        written: &mut written,
        takes,
        has_failed: false,
        has_ended_writing: false,
        now: 0,
    };
    let ended = drive(socket, Negotiated::new(), rest).map_err(|error| error.to_string());
    let unread = incoming.len();
    Driven {
        written,
        ended,
        unread,
    }
}

fn driven(incoming: &[&[u8]]) -> (Vec<u8>, Result<(), String>) {
    driven_after(b"", incoming)
}

fn driven_after(rest: &[u8], incoming: &[&[u8]]) -> (Vec<u8>, Result<(), String>) {
    let incoming: Vec<Read> = incoming.iter().map(|bytes| Ok(bytes.to_vec())).collect();
    let driven = drive_with(usize::MAX, rest, &incoming);
    assert_eq!(driven.unread, 0);
    (driven.written, driven.ended)
}

const HI: &[u8] = b"\x81\x82\0\0\0\0hi";
const CLOSE: &[u8] = b"\x88\x82\0\0\0\0\x03\xe8";

#[test]
fn the_loop_of_the_guide_echoes_pongs_and_closes() {
    let (written, ended) = driven(&[
        b"\x81\x82\0\0\0\0hi\x89\x80\0\0",
        b"",
        b"\0\0\x81\x83\0\0\0\0\xe2",
        b"\x82\xac\x82\x81\0\0\0\0!",
        b"\x88\x82\0\0\0\0\x03\xe8",
    ]);
    let echoed = b"\x81\x02hi\x89\x00\x8a\x00\x81\x03\xe2\x82\xac\x82\x01!\x88\x02\x03\xe8";
    assert_eq!((&written[..], ended), (&echoed[..], Ok(())));
}

#[test]
fn the_loop_of_the_guide_reads_first_what_followed_the_handshake() {
    let (written, ended) = driven_after(
        b"\x81\x82\0\0\0\0hi\x81\x82\0\0\0",
        &[b"\0ho", b"\x88\x82\0\0\0\0\x03\xe8"],
    );
    let echoed = b"\x81\x02hi\x81\x02ho\x88\x02\x03\xe8";
    assert_eq!((&written[..], ended), (&echoed[..], Ok(())));
}

#[test]
fn the_loop_of_the_guide_writes_the_close_frame_of_a_fault() {
    let (written, ended) = driven(&[b"\x81\x02hi"]);
    assert_eq!(written, b"\x88\x02\x03\xea");
    assert_eq!(ended, Err("unmasked frame from a client".to_owned()));
}

#[test]
fn the_loop_of_the_guide_reads_on_after_a_fault_until_the_peer_ends() {
    let (written, ended) = driven(&[b"\x81\x02hi", b"\x81\x82\0\0\0\0no", b""]);
    assert_eq!(written, b"\x88\x02\x03\xea");
    assert_eq!(ended, Err("unmasked frame from a client".to_owned()));
}

#[test]
fn the_loop_of_the_guide_ends_with_the_transport() {
    let (written, ended) = driven(&[b"\x81"]);
    assert_eq!(written, b"");
    assert!(ended.is_err(), "there was no closing handshake");
}

/// What is written ends with a failed write, what the peer sent does not: its Close comes, and then all is
/// well.
#[test]
fn the_loop_of_the_guide_reads_on_after_a_failed_write() {
    for takes in [0, 3, 4] {
        let reads = [HI, HI, HI, CLOSE].map(|bytes| Ok(bytes.to_vec()));
        let driven = drive_with(takes, b"", &reads);
        assert_eq!(driven.ended, Ok(()), "{takes}");
        assert_eq!((driven.written.len(), driven.unread), (takes / 4 * 4, 0));

        let reads = [HI, HI].map(|bytes| Ok(bytes.to_vec()));
        let driven = drive_with(takes, b"", &reads);
        assert_eq!(driven.ended, Err("broken pipe".into()));
        assert_eq!(driven.unread, 0);
    }
}

/// A peer that stays after a failed write, silent or not, has the time to close.
#[test]
fn the_loop_of_the_guide_does_not_wait_for_ever_after_a_failed_write() {
    let silent = vec![Ok(vec![]); 9];
    let driven = drive_with(0, HI, &silent);
    assert_eq!(driven.ended, Err("broken pipe".into()));
    assert_eq!(driven.unread, 7, "silence, then the time to close");
}

#[test]
fn the_loop_of_the_guide_ends_with_any_error_of_a_read_after_both_closes() {
    for kind in [
        ErrorKind::ConnectionReset,
        ErrorKind::UnexpectedEof,
        ErrorKind::ConnectionAborted,
    ] {
        let driven = drive_with(usize::MAX, b"", &[Ok(CLOSE.to_vec()), Err(kind)]);
        assert_eq!(driven.ended, Ok(()));
        assert_eq!(driven.written, b"\x88\x02\x03\xe8");
        let driven = drive_with(usize::MAX, b"", &[Ok(HI.to_vec()), Err(kind)]);
        assert_eq!(driven.ended, Err(io::Error::from(kind).to_string()));
    }
}

/// More answers than the output has room for, and then the longest message.
#[test]
fn the_loop_of_the_guide_writes_a_full_output_and_goes_on() {
    let ping = [&b"\x89\xfd\0\0\0\0"[..], &[7; 125]].concat();
    let mut read = ping.repeat(300);
    read.extend(b"\x82\xfe\x40\x00\0\0\0\0");
    read.extend([9; 16 * 1024]);
    read.extend(ping);
    let (written, ended) = driven(&[&read, CLOSE]);
    let pong = [&b"\x8a\x7d"[..], &[7; 125]].concat();
    let mut expected = pong.repeat(300);
    expected.extend(b"\x82\x7e\x40\x00");
    expected.extend([9; 16 * 1024]);
    expected.extend(pong);
    expected.extend(b"\x88\x02\x03\xe8");
    assert!(written == expected);
    assert_eq!(ended, Ok(()));
}

#[test]
fn the_loop_of_the_guide_fails_a_message_that_is_too_long() {
    let (written, ended) = driven(&[b"\x82\xfe\x40\x01\0\0\0\0"]);
    assert_eq!(written, b"\x88\x02\x03\xf1");
    assert_eq!(ended, Err("message exceeds the size limit".into()));
}

#[test]
fn the_loop_of_the_guide_ends_when_the_time_is_over() {
    let silent = vec![Ok(vec![]); 9];
    let driven = drive_with(usize::MAX, b"", &silent);
    assert_eq!(driven.written, b"\x89\x00\x88\x02\x03\xf3");
    assert_eq!(
        driven.ended,
        Err("keepalive timed out: the peer sent nothing after a Ping".into())
    );
    assert_eq!(driven.unread, 7);
}

#[test]
fn the_guide_shows_the_loop_that_is_tested() {
    let page = include_str!("../../docs/src/how-to/event-loop.md");
    let code = page
        .split("```rust\n")
        .nth(1)
        .and_then(|rest| rest.split("```").next())
        .expect("a code block");
    // Lines that begin with `# ` are hidden: they stand for a socket.
    let shown = code.lines().filter(|line| !line.starts_with('#'));
    let shown = shown.fold(String::new(), |code, line| code + line + "\n");
    let (uses, functions) = shown.split_once("\n\n/// ").expect("constants");
    let tested = include_str!("event_loop.rs");
    assert!(tested.contains(uses), "{uses}");
    assert!(tested.contains(functions), "as rustfmt sets it");
}
