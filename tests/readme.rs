//! The loop that the README shows: it compiles, it runs, and it is the one below.
#![allow(clippy::std_instead_of_core, reason = "it is the text of the README")]

use ws_proto::{Config, Connection, Event, Input, Instant, Negotiated, Transport};

/// Stands in for a socket: what the peer sends, piece by piece, and what it gets.
struct Socket<'t> {
    incoming: Vec<&'static [u8]>,
    written: &'t mut Vec<u8>,
}

impl Socket<'_> {
    fn now(&self) -> Instant {
        Instant::from_millis(0)
    }

    fn write(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.written.extend_from_slice(bytes);
        Ok(())
    }

    fn read_until(&mut self, until: Option<Instant>, to: &mut [u8]) -> std::io::Result<usize> {
        assert!(until.is_some());
        let piece = self.incoming.remove(0);
        to[..piece.len()].copy_from_slice(piece);
        Ok(piece.len())
    }
}

#[rustfmt::skip]
fn drive(mut socket: Socket<'_>, negotiated: Negotiated) -> Result<(), Box<dyn std::error::Error>> {
    let mut connection = Connection::server(negotiated, Config::new());
    let (mut read, mut out) = (vec![0; 16 * 1024], Vec::new());
    let mut n = 0;
    loop {
        let mut input = Input::new(&mut read[..n]);
        while let Some(event) = connection.receive(&mut input, &mut out)? {
            match event {
                Event::Text(text) => connection.send_text(text.body, &mut out)?,
                Event::Close(code) => println!("the peer closes: {code:?}"),
                _ => {} // Pings have been answered: the Pong is in `out`
            }
        }
        let deadline = connection.tick(socket.now(), &mut out)?;
        socket.write(&out)?;
        out.clear();
        match connection.transport() {
            Transport::Close | Transport::Abort => return Ok(()),
            Transport::Open | Transport::AwaitEof => n = socket.read_until(deadline, &mut read)?,
        }
    }
}

#[test]
fn the_loop_of_the_readme_echoes_pongs_and_closes() -> Result<(), Box<dyn std::error::Error>> {
    let mut written = Vec::new();
    let incoming: Vec<&[u8]> = vec![
        b"\x81\x82\0\0\0\0hi\x89\x80\0\0",
        b"\0\0",
        b"\x88\x82\0\0\0\0\x03\xe8",
    ];
    drive(
        Socket {
            incoming,
            written: &mut written,
        },
        Negotiated::new(),
    )?;
    assert_eq!(written, b"\x81\x02hi\x8a\x00\x88\x02\x03\xe8");
    Ok(())
}

#[test]
fn the_readme_shows_the_loop_that_is_tested() {
    let readme = include_str!("../README.md");
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
