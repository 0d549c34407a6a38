//! The engine for the Autobahn TestSuite: an echo server and an echo client over `std::net`.
//!
//! ```text
//! engine-autobahn server ADDR [OPTIONS]        prints the URL it listens on, echoes until it is ended
//! engine-autobahn client URL AGENT [OPTIONS]   runs every case of a fuzzingserver, then its report
//! ```
//!
//! `--read N` hands at most N bytes at a time to the engine. `--deflate` accepts or offers
//! permessage-deflate, and then compresses every message. `interop/autobahn/engine.sh` starts both.

use core::time::Duration;
use std::env;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::thread;

use anyhow::{Context, Result, anyhow, bail};
use ws_proto::extension::deflate::{
    Deflate, DeflateDecoder, DeflateElement, DeflateEncoder, DeflateParams,
};
use ws_proto::handshake::{Accept, ClientHandshake, ClientRequest, Limits, ServerHandshake};
use ws_proto::io::now;
use ws_proto::{
    Assembler, CloseReason, Config, Connection, Input, Message, Negotiated, OsRandom, Role,
    Transport, Uri,
};

type Client = ws_proto::Client<OsRandom>;

fn main() -> Result<()> {
    let mut options = Options {
        read: READ_BUFFER,
        deflate: false,
    };
    let mut words = Vec::new();
    let mut args = env::args().skip(1);
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--read" => options.read = args.next().context(USAGE)?.parse()?,
            "--deflate" => options.deflate = true,
            _ => words.push(arg),
        }
    }
    if options.read == 0 {
        bail!(USAGE);
    }
    match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["server", addr] => serve(addr, options),
        ["client", url, agent] => run_cases(url, agent, options),
        _ => Err(anyhow!(USAGE)),
    }
}

#[derive(Clone, Copy, Debug)]
struct Options {
    /// The most bytes that the engine gets at a time.
    read: usize,
    /// Whether to compress.
    deflate: bool,
}

fn serve(addr: &str, options: Options) -> Result<()> {
    let listener = TcpListener::bind(addr)?;
    println!("ws://{}", listener.local_addr()?);
    for stream in listener.incoming() {
        let stream = stream?;
        // Many cases end in an error, on purpose; the suite checks which.
        thread::spawn(move || accept(stream, options).map_err(|error| eprintln!("{error}")));
    }
    Ok(())
}

fn run_cases(url: &str, agent: &str, options: Options) -> Result<()> {
    let mut count = String::new();
    let plain = Options {
        deflate: false,
        ..options
    };
    connect(&format!("{url}/getCaseCount"), plain, |_, message, _| {
        count = String::from_utf8_lossy(message.as_bytes()).into_owned();
    })?;
    for case in 1..=count.parse::<u32>()? {
        let url = format!("{url}/runCase?case={case}&agent={agent}");
        if let Err(error) = connect(&url, options, echo) {
            eprintln!("case number {case}: {error}");
        }
    }
    connect(&format!("{url}/updateReports?agent={agent}"), plain, echo)
}

/// Serves one connection.
fn accept(stream: TcpStream, options: Options) -> Result<()> {
    let mut wire = Wire::new(stream)?;
    let mut handshake = ServerHandshake::new(Vec::new(), Limits::new());
    let mut out = Vec::new();
    let (negotiated, agreed) = negotiate(&mut wire, options, &mut out, |input, out| {
        let Some(upgrade) = handshake.receive(input, out)? else {
            return Ok(None);
        };
        let answer = match options.deflate {
            true => deflate().accept(upgrade.extensions()),
            false => None,
        };
        let extension = answer.as_ref().map(DeflateElement::extension);
        let accept = Accept::new().extensions(extension.as_slice());
        let negotiated = upgrade.accept(&accept, out)?;
        Ok(Some((negotiated, answer.map(|answer| answer.params()))))
    })?;
    let connection = Connection::server(negotiated, config());
    let codecs = deflate().server(agreed.unwrap_or_default());
    let talk = Talk::new(connection, codecs, agreed);
    drive(talk, wire, options, out, echo)
}

/// Makes one connection and gives `on_message` each message, until the server ends it.
fn connect(
    url: &str,
    options: Options,
    on_message: impl FnMut(&mut Sender<Client>, Message<'_>, &mut Vec<u8>),
) -> Result<()> {
    let uri = Uri::parse(url)?;
    let mut wire = Wire::new(TcpStream::connect((uri.host(), uri.port()))?)?;
    let offer = options.deflate.then(|| deflate().offer());
    let extensions = offer.as_ref().map(DeflateElement::extension);
    let request = ClientRequest::from_uri(uri).extensions(extensions.as_slice());
    let nonce = OsRandom::nonce().context("no randomness")?;
    let mut out = Vec::new();
    let mut handshake =
        ClientHandshake::start(request, nonce, Vec::new(), Limits::new(), &mut out)?;
    let (negotiated, agreed) = negotiate(&mut wire, options, &mut out, |input, _| {
        let Some(established) = handshake.receive(input)? else {
            return Ok(None);
        };
        let agreed = deflate().answered(established.extensions())?;
        Ok(Some((established.negotiated(), agreed)))
    })?;
    let connection = Connection::client(negotiated, config(), OsRandom::new());
    let codecs = deflate().client(agreed.unwrap_or_default());
    let talk = Talk::new(connection, codecs, agreed);
    drive(talk, wire, options, out, on_message)
}

/// Feeds a handshake until it is done. Bytes after the head stay in the wire; bytes still to
/// be written, in `out`.
fn negotiate(
    wire: &mut Wire,
    options: Options,
    out: &mut Vec<u8>,
    mut receive: impl FnMut(&mut Input<'_>, &mut Vec<u8>) -> Result<Option<Opened>>,
) -> Result<Opened> {
    loop {
        wire.write(out)?;
        let mut bytes = match wire.read(PATIENCE)? {
            [] => bail!("the transport ended in the handshake"),
            bytes => bytes,
        };
        while !bytes.is_empty() {
            let (piece, rest) = bytes.split_at_mut(options.read.min(bytes.len()));
            let mut input = Input::new(piece);
            match receive(&mut input, out) {
                Ok(None) => bytes = rest,
                Ok(Some(opened)) => {
                    let unread = input.len() + rest.len();
                    wire.unread(unread);
                    return Ok(opened);
                }
                Err(error) => {
                    wire.write(out)?;
                    wire.hang_up();
                    return Err(error);
                }
            }
        }
    }
}

/// What a handshake leads to.
type Opened = (Negotiated, Option<DeflateParams>);

/// An open connection.
struct Talk<R: Role> {
    sender: Sender<R>,
    assembler: Assembler<Vec<u8>, DeflateDecoder>,
}

/// What sends messages.
struct Sender<R: Role> {
    connection: Connection<R>,
    /// Only if compression was agreed on.
    encoder: Option<DeflateEncoder>,
}

impl<R: Role> Talk<R> {
    fn new(
        connection: Connection<R>,
        (encoder, decoder): (DeflateEncoder, DeflateDecoder),
        agreed: Option<DeflateParams>,
    ) -> Self {
        let encoder = agreed.map(|_| encoder);
        Self {
            sender: Sender {
                connection,
                encoder,
            },
            assembler: Assembler::with_extension(Vec::new(), MAX_MESSAGE, decoder),
        }
    }
}

/// The loop of an open connection.
fn drive<R: Role>(
    talk: Talk<R>,
    mut wire: Wire,
    options: Options,
    mut out: Vec<u8>,
    mut on_message: impl FnMut(&mut Sender<R>, Message<'_>, &mut Vec<u8>),
) -> Result<()> {
    let Talk {
        mut sender,
        mut assembler,
    } = talk;
    loop {
        let connection = &mut sender.connection;
        let deadline = connection.tick(now(), &mut out)?;
        wire.write(&mut out)?;
        match connection.transport() {
            Transport::Open | Transport::AwaitEof => {}
            Transport::Close => {
                wire.hang_up();
                return Ok(());
            }
            Transport::Abort => return Ok(()),
        }
        let wait = deadline.map_or(PATIENCE, |at| at.saturating_duration_since(now()));
        let bytes = match wire.read(wait) {
            Ok([]) => {
                connection.receive_eof()?;
                continue;
            }
            Ok(bytes) => bytes,
            Err(error) if deadline.is_some() && is_timeout(&error) => continue,
            Err(error) => return Err(error.into()),
        };
        for piece in bytes.chunks_mut(options.read) {
            let mut input = Input::new(piece);
            // An error has put its Close into `out`, after the echoes of earlier messages.
            while let Ok(Some(event)) = sender.connection.receive(&mut input, &mut out) {
                match assembler.push(event) {
                    Ok(Some(message)) => on_message(&mut sender, message, &mut out),
                    Ok(None) => {}
                    Err(error) => {
                        let connection = &mut sender.connection;
                        connection.close(error.close_code(), CloseReason::EMPTY, &mut out)?;
                    }
                }
            }
        }
    }
}

/// Sends text back as text, and binary as binary.
fn echo<R: Role>(sender: &mut Sender<R>, message: Message<'_>, out: &mut Vec<u8>) {
    let connection = &mut sender.connection;
    let sent = match (message, &mut sender.encoder) {
        (Message::Text(text), None) => connection.send_text(text, out),
        (Message::Text(text), Some(encoder)) => encoder.send_text(connection, text, out),
        (Message::Binary(data), None) => connection.send_binary(data, out),
        (Message::Binary(data), Some(encoder)) => encoder.send_binary(connection, data, out),
    };
    if let Err(error) = sent {
        eprintln!("no echo: {error}");
    }
}

/// Section 9 sends messages of up to 16 MiB, in up to 65,536 frames.
fn config() -> Config {
    Config::new()
        .max_message(MAX_MESSAGE)
        .max_frame(MAX_MESSAGE)
        .keepalive(None)
}

/// Every message is compressed, the shortest too.
fn deflate() -> Deflate {
    Deflate::new().threshold(0)
}

/// A socket and the buffer that it is read into.
struct Wire {
    stream: TcpStream,
    buffer: Vec<u8>,
    /// How many bytes were read last.
    end: usize,
    /// How many of them, at the end, are to be read again.
    unread: usize,
}

impl Wire {
    fn new(stream: TcpStream) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Self {
            stream,
            buffer: vec![0; READ_BUFFER],
            end: 0,
            unread: 0,
        })
    }

    /// Reads the available bytes; waits if there are none. Empty at the end, which can be a reset: the
    /// engine knows whether it came too early.
    fn read(&mut self, wait: Duration) -> io::Result<&mut [u8]> {
        let mut start = self.end - self.unread;
        if self.unread == 0 {
            self.stream
                .set_read_timeout(Some(wait.max(Duration::from_millis(1))))?;
            let read = loop {
                match self.stream.read(&mut self.buffer) {
                    // Where a process was stopped and goes on, a read with a timeout is cut short.
                    Err(error) if error.kind() == ErrorKind::Interrupted => {}
                    Err(error) if error.kind() == ErrorKind::ConnectionReset => break 0,
                    read => break read?,
                }
            };
            (start, self.end) = (0, read);
        }
        self.unread = 0;
        Ok(&mut self.buffer[start..self.end])
    }

    /// Gives the last `len` bytes back, for the next `read`.
    fn unread(&mut self, len: usize) {
        self.unread = len;
    }

    fn write(&mut self, out: &mut Vec<u8>) -> io::Result<()> {
        self.stream.write_all(out)?;
        out.clear();
        Ok(())
    }

    /// Ends the transport so that the peer gets all that was written: input that nobody has read
    /// would turn the end into a reset.
    fn hang_up(&mut self) {
        let end = now() + LINGER;
        let mut open = self.stream.shutdown(Shutdown::Write).is_ok();
        while open && now() < end {
            let wait = end.saturating_duration_since(now());
            open = self.read(wait).is_ok_and(|bytes| !bytes.is_empty());
        }
    }
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

const MAX_MESSAGE: u64 = 16 << 20;
const READ_BUFFER: usize = 64 * 1024;
/// How long a peer may say nothing, or take nothing.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long the peer may take to end its side of the transport.
const LINGER: Duration = Duration::from_secs(2);
const USAGE: &str =
    "usage: engine-autobahn (server ADDR | client URL AGENT) [--read N] [--deflate]";
