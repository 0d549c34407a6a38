//! A shell over a stream that does what the fuzzer has chosen: what the peer sends, how the stream gives and
//! takes it, and the calls of the shell's user. One body for all shells; each is a [`Shell`].

mod blocking;
mod judge;
mod peer;
mod stream;
mod tasks;
mod turns;

use std::io::ErrorKind;
use std::time::Duration;

use arbitrary::{Arbitrary, Result, Unstructured};
use ws_proto::extension::deflate::{Deflate, DeflateParams};
use ws_proto::{Config, Fin, Kind, MAX_CONTROL_FRAME, Negotiated};
use ws_proto_test::Side;

use judge::{Ending, Judge, Outcome, Sent};
use peer::{MAX_MESSAGE, Peer};
use stream::{Script, Step, Stream};

/// What the fuzzer chooses.
#[derive(Debug)]
pub struct Case {
    setup: Setup,
    /// The peer's frames, in the two bytes that [`Peer::send`] reads.
    frames: Vec<(u8, u8)>,
    script: Script,
    calls: Vec<Call>,
}

/// One bit each.
#[derive(Clone, Copy, Debug)]
struct Setup {
    flags: u8,
    mode: u8,
    /// What is possible depends on the shell.
    shell: Name,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Name {
    Io,
    Mio,
    Tokio,
    Smol,
}

/// How the user receives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    Message,
    Event,
    Piece,
    /// Messages that are not copied.
    Lent,
}

/// How the user sends a message. Where a shell does not have it, it is the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// It is written at once.
    Send,
    /// It waits for others.
    Feed,
    Prepared,
    Uncompressed,
    Try,
    /// It is not copied.
    Vectored,
    Part(Fin),
}

/// How often a call is polled before it is cancelled.
type Patience = usize;

/// It is not cancelled, but where it would wait for ever.
const ENDLESS: Patience = 100_000;

/// A call of the user.
#[derive(Clone, Copy, Debug)]
enum Call {
    /// So many items at most; whether messages are answered.
    Receive(Way, usize, bool),
    Send(Form, Kind, usize),
    Ping(usize),
    Pong(usize),
    Flush,
    /// Whether the user waits for the end, and drops what comes until then.
    Close(bool),
    /// Receives and sends in two tasks.
    Both(Kind, usize),
    Pass(Duration),
}

/// A shell, as its user sees it.
trait Shell {
    /// Receives, and tells the judge. Whether nothing comes before the stream changes.
    fn receive(&mut self, way: Way, most: usize, patience: Patience, judge: &mut Judge) -> bool;

    fn send(&mut self, form: Form, sent: &Sent, patience: Patience) -> Outcome;

    fn flush(&mut self, patience: Patience);

    /// Says Close with code and reason.
    fn close(
        &mut self,
        code: u16,
        reason: &str,
        waits: bool,
        patience: Patience,
        judge: &mut Judge,
    );

    /// Receives a message and sends at the same time.
    fn both(&mut self, sent: &Sent, patience: Patience, judge: &mut Judge) -> Outcome {
        judge.asks(Way::Message);
        self.receive(Way::Message, 1, patience, judge);
        self.send(Form::Send, sent, patience)
    }

    fn pass(&mut self, _: Duration) {}

    fn pending_bytes(&self) -> usize;

    /// Code and reason of the peer's Close.
    fn closed(&self) -> Option<(Option<u16>, String)>;
}

/// `ws_proto::io`.
///
/// # Panics
///
/// If it loses something, invents something, or does not end.
pub fn check_io(case: &Case) {
    case.check(Name::Io, blocking::Blocking::new);
}

/// `ws_proto_mio`.
///
/// # Panics
///
/// As [`check_io`].
pub fn check_mio(case: &Case) {
    case.check(Name::Mio, turns::Turns::new);
}

/// `ws_proto_tokio`.
///
/// # Panics
///
/// As [`check_io`].
pub fn check_tokio(case: &Case) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    let _guard = runtime.enter();
    let pass = |time| runtime.block_on(tokio::time::advance(time));
    case.check(Name::Tokio, |setup, stream| {
        tasks::Tasks::new(setup, stream, ws_proto_tokio::Tokio::new, pass)
    });
}

/// `ws_proto_smol`.
///
/// # Panics
///
/// As [`check_io`].
pub fn check_smol(case: &Case) {
    case.check(Name::Smol, |setup, stream| {
        tasks::Tasks::new(setup, stream, ws_proto_smol::Smol::new, |_| {})
    });
}

impl Setup {
    const fn bit(self, bit: u8) -> bool {
        self.flags & 1 << bit != 0
    }

    const fn mode(self, bit: u8) -> bool {
        self.mode & 1 << bit != 0
    }

    const fn is_client(self) -> bool {
        self.bit(0)
    }

    const fn side(self) -> Side {
        if self.is_client() {
            Side::Client
        } else {
            Side::Server
        }
    }

    const fn manual_pong(self) -> bool {
        self.bit(1)
    }

    const fn manual_close(self) -> bool {
        self.bit(2)
    }

    /// Of mio's only a connection with a handshake does, and that of a client needs its key, which the
    /// peer does not know.
    const fn compresses(self) -> bool {
        self.bit(3) && !(self.is_client() && matches!(self.shell, Name::Mio))
    }

    const fn limited(self) -> bool {
        self.bit(4)
    }

    /// The peer ends its side after what it sends.
    const fn ends(self) -> bool {
        self.bit(5)
    }

    const fn is_timed(self) -> bool {
        self.bit(7) && matches!(self.shell, Name::Mio | Name::Tokio)
    }

    /// How the user receives in the end.
    const fn way(self) -> Way {
        match self.mode & 3 {
            0 => Way::Message,
            1 => Way::Event,
            2 => Way::Piece,
            _ => Way::Lent,
        }
    }

    /// The user receives in one way only.
    const fn has_one_way(self) -> bool {
        self.mode(2)
    }

    const fn small_reads(self) -> bool {
        self.mode(4)
    }

    /// The stream tells of more after each read that does not fill the buffer.
    const fn tells_of_more(self) -> bool {
        self.mode(5)
    }

    const fn has_handshake(self) -> bool {
        self.compresses() && matches!(self.shell, Name::Mio)
    }

    /// The bytes before the first frame.
    const fn head(self) -> &'static [u8] {
        if self.has_handshake() {
            b"GET / HTTP/1.1\r\nHost: example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
            Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\
            Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; \
            client_no_context_takeover\r\n\r\n"
        } else {
            b""
        }
    }

    /// The frames of an output, if they have begun.
    fn after_head(self, output: &[u8]) -> Option<&[u8]> {
        if !self.has_handshake() {
            return Some(output);
        }
        let mut ends = output.windows(4);
        let end = ends.position(|window| window == b"\r\n\r\n")?;
        Some(&output[end + 4..])
    }

    fn config(self) -> Config {
        let hour = 3_600_000;
        let [keepalive, rest] = if self.is_timed() {
            [1000, 500]
        } else {
            [hour, hour]
        };
        let config = Config::new()
            .manual_pong(self.manual_pong())
            .manual_close(self.manual_close())
            .keepalive(self.is_timed().then_some(Duration::from_millis(keepalive)))
            .pong_timeout(Duration::from_millis(rest))
            .close_timeout(Duration::from_millis(rest));
        if self.limited() {
            config.max_message(MAX_MESSAGE as u64)
        } else {
            config
        }
    }

    /// For the end, and for a stream that takes nothing.
    const fn patience(self) -> Duration {
        Duration::from_millis(if self.is_timed() { 800 } else { 3_600_000 })
    }

    const fn high_water(self) -> usize {
        if self.bit(6) { 1024 } else { 64 * 1024 }
    }

    /// What a handshake has agreed on.
    fn deflate(self) -> Option<(Deflate, DeflateParams)> {
        let params = DeflateParams::new()
            .with_server_takeover(false)
            .with_client_takeover(false);
        let deflate = Deflate::new().threshold(if self.mode(3) { 0 } else { 32 });
        self.compresses().then_some((deflate, params))
    }

    fn negotiated(self) -> Negotiated {
        self.deflate()
            .map_or_else(Negotiated::new, |(_, params)| params.negotiated())
    }
}

impl<'a> Arbitrary<'a> for Case {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let mut case = Self {
            setup: Setup {
                flags: u.arbitrary()?,
                mode: u.arbitrary()?,
                shell: Name::Io,
            },
            frames: Vec::new(),
            script: Script::default(),
            calls: Vec::new(),
        };
        // The input is read from its front, and a missing byte is zero.
        while !u.is_empty() {
            let op: u8 = u.arbitrary()?;
            match op {
                0x00..0x60 => case.frames.push((op, u.arbitrary()?)),
                0x60..0x80 => case.script.reads.push_back(step(op)),
                0x80..0x98 => case.script.writes.push_back(step(op)),
                0x98..0xa0 => case.script.flushes.push_back(step(op)),
                0xa0.. => case.calls.push(Call::read(op, u)?),
            }
        }
        case.script.holds = case.setup.mode(6);
        case.script.ends = case.setup.ends();
        case.script.tells_of_more = case.setup.tells_of_more();
        Ok(case)
    }
}

/// A read, a write or a flush, in five bits.
const fn step(op: u8) -> Step {
    match op & 31 {
        n @ 0..12 => Step::Bytes(n as usize),
        n @ 12..16 => Step::Bytes(40 << (n - 12)),
        16..20 | 24 | 25 => Step::Block,
        20 | 26 | 27 => Step::Fail(ErrorKind::Interrupted),
        21 | 28 => Step::Fail(ErrorKind::TimedOut),
        22 | 29 | 30 => Step::Fail(ErrorKind::ConnectionReset),
        _ => Step::Fail(ErrorKind::BrokenPipe),
    }
}

impl Call {
    fn read(op: u8, u: &mut Unstructured<'_>) -> Result<Self> {
        let argument: u8 = u.arbitrary()?;
        let kind = if argument & 1 == 0 {
            Kind::Text
        } else {
            Kind::Binary
        };
        // Short ones, and those that are not copied.
        let len = match usize::from(argument >> 1) {
            len @ 0..100 => len,
            len => (len - 99) * 320,
        };
        let fin = if argument & 2 == 0 { Fin::Yes } else { Fin::No };
        Ok(match op & 31 {
            way @ 0..10 => {
                let way = [Way::Message, Way::Event, Way::Piece, Way::Lent][usize::from(way & 3)];
                Self::Receive(way, usize::from(argument & 7) + 1, argument & 8 != 0)
            }
            10 | 11 => Self::Send(Form::Send, kind, len),
            12 | 13 => Self::Send(Form::Feed, kind, len),
            14 => Self::Send(Form::Prepared, kind, len),
            15 => Self::Send(Form::Uncompressed, kind, len),
            16 => Self::Send(Form::Try, kind, len),
            17 => Self::Send(Form::Vectored, kind, len),
            18..21 => Self::Send(Form::Part(fin), kind, len),
            21 => Self::Ping(len % 100),
            22 => Self::Pong(len % 100),
            23 | 24 => Self::Flush,
            25 => Self::Close(false),
            26 => Self::Close(true),
            27..30 => Self::Both(kind, len),
            _ => Self::Pass(Duration::from_millis(10 * u64::from(argument))),
        })
    }
}

/// What must not depend on the sizes of the reads.
#[derive(Debug, PartialEq, Eq)]
struct Received {
    messages: Vec<(Kind, Vec<u8>)>,
    failed: Option<Ending>,
    closed: Option<(Option<u16>, String)>,
}

impl Case {
    /// Plays it as it was chosen; and if neither time nor the stream has a say, byte by byte and in one piece.
    fn check<S: Shell>(&self, shell: Name, start: impl Fn(Setup, Stream) -> S) {
        let setup = Setup {
            shell,
            ..self.setup
        };
        let Some(received) = self.play(setup, self.script.clone(), &start) else {
            return;
        };
        let has_failed = |step: &Step| matches!(step, Step::Fail(_) | Step::Bytes(0));
        let Script {
            reads,
            writes,
            flushes,
            ..
        } = &self.script;
        if reads.iter().chain(writes).chain(flushes).any(has_failed) {
            return;
        }
        for reads in [vec![], vec![Step::Bytes(1); 1 << 14]] {
            let script = Script {
                reads: reads.into(),
                ..self.script.clone()
            };
            if let Some(again) = self.play(setup, script, &start) {
                assert_eq!(again, received, "the same for other reads");
            }
        }
    }

    /// What was received, if all of it was.
    fn play<S: Shell>(
        &self,
        setup: Setup,
        mut script: Script,
        start: impl Fn(Setup, Stream) -> S,
    ) -> Option<Received> {
        script.has_timeouts = setup.shell == Name::Io;
        let mut peer = Peer::new(
            setup.side(),
            setup.head(),
            setup.compresses(),
            setup.limited(),
        );
        for (what, size) in &self.frames {
            peer.send(*what, *size);
        }
        let stream = Stream::new(peer.wire.clone(), script);
        let mut run = Run {
            setup,
            shell: start(setup, stream.clone()),
            judge: Judge::new(setup, peer, stream.clone()),
            stream,
            patience: ENDLESS,
        };
        if setup.has_one_way() {
            run.receive(setup.way(), 1, 0);
        }
        for (index, call) in self.calls.iter().enumerate() {
            // Cancelled soon, late, or never.
            run.patience = [0, ENDLESS, 1, 3][(index + usize::from(setup.flags >> 4)) % 4];
            run.call(*call);
        }
        run.finish();
        let judge = run.judge;
        let is_lossless = judge.is_lossless() && !judge.has_passed_time;
        is_lossless.then(|| Received {
            messages: judge.messages,
            failed: judge.failed,
            closed: run.shell.closed(),
        })
    }
}

/// A connection that is played.
struct Run<S> {
    setup: Setup,
    shell: S,
    judge: Judge,
    stream: Stream,
    patience: Patience,
}

impl<S: Shell> Run<S> {
    fn call(&mut self, call: Call) {
        self.stream.begin_call();
        let (shell, judge, patience) = (&mut self.shell, &mut self.judge, self.patience);
        match call {
            Call::Receive(way, most, answers) => {
                judge.answers = answers;
                self.receive(way, most, patience);
            }
            Call::Send(form, kind, len) => {
                let form = match form {
                    // Parts of which it is not known whether they were sent cannot be inflated.
                    Form::Part(_) if self.setup.compresses() => Form::Send,
                    form => form,
                };
                let fin = match form {
                    Form::Part(fin) => fin,
                    _ => Fin::Yes,
                };
                let payload = self.judge.payload(kind, len);
                self.send(form, Sent::Data(kind, payload, fin));
            }
            Call::Ping(len) => {
                let payload = self.judge.payload(Kind::Binary, len);
                self.send(Form::Send, Sent::Ping(payload));
            }
            Call::Pong(len) => {
                let payload = self.judge.payload(Kind::Binary, len);
                self.send(Form::Send, Sent::Pong(payload));
            }
            Call::Flush => shell.flush(patience),
            Call::Close(waits) => self.close(waits),
            Call::Both(kind, len) => {
                let sent = Sent::Data(kind, judge.payload(kind, len), Fin::Yes);
                let outcome = shell.both(&sent, patience, judge);
                judge.sends(sent, outcome, shell.pending_bytes());
            }
            Call::Pass(time) => {
                if self.setup.is_timed() {
                    judge.has_passed_time = true;
                    shell.pass(time);
                }
            }
        }
    }

    fn send(&mut self, form: Form, sent: Sent) {
        let outcome = self.shell.send(form, &sent, self.patience);
        self.judge.sends(sent, outcome, self.shell.pending_bytes());
    }

    fn receive(&mut self, way: Way, most: usize, patience: Patience) -> bool {
        let way = if self.setup.has_one_way() {
            self.setup.way()
        } else {
            way
        };
        self.judge.asks(way);
        self.stream.begin_call();
        self.shell.receive(way, most, patience, &mut self.judge)
    }

    fn close(&mut self, waits: bool) {
        let (code, reason) = if waits { (1000, "") } else { (3000, "bye") };
        let body = ws_proto_test::wire::close_body(code, reason.as_bytes());
        self.judge.says_close(body);
        self.stream.begin_call();
        let (shell, judge) = (&mut self.shell, &mut self.judge);
        shell.close(code, reason, waits, self.patience, judge);
    }

    /// Receives until nothing more comes.
    fn drain(&mut self) {
        let way = self.setup.way();
        for _ in 0..100_000 {
            if self.judge.is_over() || self.receive(way, 100, ENDLESS) {
                return;
            }
        }
        panic!("it makes no end");
    }

    /// The stream takes what it takes, then everything; then the peer ends its side.
    fn finish(&mut self) {
        self.patience = ENDLESS;
        self.judge.answers = false;
        for is_free in [false, true] {
            if is_free {
                self.stream.set_free();
            }
            self.drain();
            // Where there is no room for an answer, nothing is received.
            let room = self
                .setup
                .high_water()
                .saturating_sub(self.shell.pending_bytes());
            let is_full = room < MAX_CONTROL_FRAME;
            if !self.judge.is_over() && (is_free || !is_full) {
                self.judge.rests(is_free);
            }
        }
        if self.setup.manual_close() {
            self.close(false);
            self.shell.flush(ENDLESS);
        }
        self.stream.end();
        self.drain();
        self.judge.finish(self.shell.closed());
    }
}

#[cfg(test)]
mod tests {
    use crate::support::{read, replay};

    #[test]
    fn seeds_io() {
        replay("shell_io", |bytes| super::check_io(&read(bytes)));
    }

    #[test]
    fn seeds_mio() {
        replay("shell_mio", |bytes| super::check_mio(&read(bytes)));
    }

    #[test]
    fn seeds_tokio() {
        replay("shell_tokio", |bytes| super::check_tokio(&read(bytes)));
    }

    #[test]
    fn seeds_smol() {
        replay("shell_smol", |bytes| super::check_smol(&read(bytes)));
    }
}
