//! The loop that the README shows: it compiles, it runs, and it is the one below.
#![expect(
    clippy::std_instead_of_core,
    reason = "the README names the error as its readers do"
)]

use ws_proto::{
    Assembler, Config, Connection, Input, Message, Negotiated, ReceiveError, Transport,
};

/// Stands in for a socket: what the peer sends, piece by piece and then the end, and what it gets.
struct Socket<'t> {
    incoming: Vec<&'static [u8]>,
    written: &'t mut Vec<u8>,
    has_ended_writing: bool,
}

impl Socket<'_> {
    fn now(&self) -> ws_proto::Instant {
        ws_proto::Instant::from_millis(0)
    }

    fn write(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        assert!(bytes.is_empty() || !self.has_ended_writing);
        self.written.extend_from_slice(bytes);
        Ok(())
    }

    fn end_writing(&mut self) -> std::io::Result<()> {
        self.has_ended_writing = true;
        Ok(())
    }

    /// Nothing for an empty piece, as if the time were over.
    fn read_until(
        &mut self,
        until: Option<ws_proto::Instant>,
        to: &mut [u8],
    ) -> std::io::Result<Option<usize>> {
        assert!(until.is_some());
        if self.incoming.is_empty() {
            return Ok(Some(0));
        }
        let piece = self.incoming.remove(0);
        to[..piece.len()].copy_from_slice(piece);
        Ok(Some(piece.len()).filter(|&n| n > 0))
    }
}

#[rustfmt::skip]
fn drive(
    mut socket: Socket<'_>,
    negotiated: Negotiated,
    rest: &[u8], // what the last read of the handshake brought after it
) -> Result<(), Box<dyn std::error::Error>> {
    let mut connection = Connection::server(negotiated, Config::new());
    let mut assembler = Assembler::new(Vec::new(), 16 << 20);
    let (mut read, mut out) = (rest.to_vec(), Vec::new());
    let mut n = read.len();
    read.resize(n.max(16 * 1024), 0);
    let mut result = Ok(());
    loop {
        let mut input = Input::new(&mut read[..n]);
        loop {
            let event = match connection.receive(&mut input, &mut out) {
                Ok(Some(event)) => event,
                Ok(None) => break, // all input is consumed
                Err(ReceiveError::OutputFull) => {
                    socket.write(&out)?; // an output with a limit needs this; a `Vec` is never full
                    out.clear();
                    continue;
                }
                Err(ReceiveError::Protocol(error)) => {
                    result = Err(error.into()); // its Close frame is in `out`
                    break;
                }
            };
            match assembler.push(event) {
                Ok(Some(Message::Text(text))) => connection.send_text(text, &mut out)?,
                Ok(Some(Message::Binary(data))) => connection.send_binary(data, &mut out)?,
                Ok(None) => {} // a piece, or a Ping, whose Pong is in `out`
                Err(error) => {
                    connection.fail(error.close_code(), &mut out);
                    result = Err(error.into());
                    break;
                }
            }
        }
        let deadline = connection.tick(socket.now(), &mut out);
        socket.write(&out)?;
        out.clear();
        let Ok(deadline) = deadline else {
            return result.and(deadline.map(drop).map_err(Into::into)); // `Transport::Abort`
        };
        if connection.transport() == Transport::Close {
            socket.end_writing()?; // then read until the peer ends its side, or the deadline
        }
        n = match socket.read_until(deadline, &mut read)? {
            Some(0) => {
                let closed = connection.receive_eof();
                return result.and(closed.map_err(Into::into));
            }
            Some(n) => n,
            None => 0, // the deadline has come
        };
    }
}

/// What the loop writes, and how it ends.
fn driven(incoming: &[&'static [u8]]) -> (Vec<u8>, Result<(), String>) {
    driven_after(b"", incoming)
}

/// As [`driven`], with bytes that came in the same read as the end of the handshake.
fn driven_after(rest: &[u8], incoming: &[&'static [u8]]) -> (Vec<u8>, Result<(), String>) {
    let mut written = Vec::new();
    let incoming = incoming.to_vec();
    let socket = Socket {
        incoming,
        written: &mut written,
        has_ended_writing: false,
    };
    let ended = drive(socket, Negotiated::new(), rest).map_err(|error| error.to_string());
    (written, ended)
}

#[test]
fn the_loop_of_the_readme_echoes_pongs_and_closes() {
    let (written, ended) = driven(&[
        b"\x81\x82\0\0\0\0hi\x89\x80\0\0",
        b"",
        b"\0\0\x81\x83\0\0\0\0\xe2",
        b"\x82\xac\x82\x81\0\0\0\0!",
        b"\x88\x82\0\0\0\0\x03\xe8",
    ]);
    let echoed = b"\x81\x02hi\x8a\x00\x81\x03\xe2\x82\xac\x82\x01!\x88\x02\x03\xe8";
    assert_eq!((&written[..], ended), (&echoed[..], Ok(())));
}

#[test]
fn the_loop_of_the_readme_reads_first_what_followed_the_handshake() {
    let (written, ended) = driven_after(
        b"\x81\x82\0\0\0\0hi\x81\x82\0\0\0",
        &[b"\0ho", b"\x88\x82\0\0\0\0\x03\xe8"],
    );
    let echoed = b"\x81\x02hi\x81\x02ho\x88\x02\x03\xe8";
    assert_eq!((&written[..], ended), (&echoed[..], Ok(())));
}

#[test]
fn the_loop_of_the_readme_writes_the_close_frame_of_a_fault() {
    let (written, ended) = driven(&[b"\x81\x02hi"]);
    assert_eq!(written, b"\x88\x02\x03\xea");
    assert_eq!(ended, Err("unmasked frame from a client".to_owned()));
}

#[test]
fn the_loop_of_the_readme_reads_on_after_a_fault_until_the_peer_ends() {
    let (written, ended) = driven(&[b"\x81\x02hi", b"\x81\x82\0\0\0\0no", b""]);
    assert_eq!(written, b"\x88\x02\x03\xea");
    assert_eq!(ended, Err("unmasked frame from a client".to_owned()));
}

#[test]
fn the_loop_of_the_readme_ends_with_the_transport() {
    let (written, ended) = driven(&[b"\x81"]);
    assert_eq!(written, b"");
    assert!(ended.is_err(), "there was no closing handshake");
}

#[test]
fn the_readme_shows_the_loop_that_is_tested() {
    let readme = include_str!("../../README.md");
    let code = readme
        .split("```rust\n")
        .nth(1)
        .and_then(|rest| rest.split("```").next());
    let (uses, function) = code
        .and_then(|code| code.split_once("\n\n"))
        .expect("a code block");
    let tested = include_str!("readme.rs");
    assert!(tested.contains(uses) && tested.contains(function));
}
