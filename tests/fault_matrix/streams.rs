//! Connections on streams of HTTP/2 and HTTP/3, driven as the table of `Transport` says: each side of a stream
//! ends for itself, a reset ends both, and data goes as far as the window allows. The faults strike at
//! every byte.

use std::collections::VecDeque;

use ws_proto::handshake::{
    Accept, ClientConnect, ClientRequest, ConnectEnabled, Limits, PseudoFields, Upgrade,
};
use ws_proto::{
    Assembler, CloseCode, CloseReason, Config, Connection, EitherRole, Event, Input, Instant,
    Negotiated, Transport,
};

use ws_proto_suite::Side;

type Keys = fn() -> [u8; 4];

/// What a side of the stream does after so many bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    /// It ends: END_STREAM comes instead of the rest.
    Ends,
    /// The stream is reset.
    Resets,
    /// Nothing more comes.
    Stalls,
}

/// One direction of a stream.
#[derive(Debug)]
struct Half {
    /// DATA on its way.
    data: VecDeque<u8>,
    /// How many bytes may be sent. What the receiver consumes is given back.
    window: usize,
    /// END_STREAM comes after the data.
    has_ended: bool,
    /// How many bytes have been received.
    received: usize,
    fault: Option<(usize, Fault)>,
    /// It has ended by a fault: output is lost.
    is_cut: bool,
}

/// What a read brings.
#[derive(Debug, PartialEq, Eq)]
enum Read {
    Data(Vec<u8>),
    End,
    Reset,
}

impl Half {
    fn new(window: usize, fault: Option<(usize, Fault)>) -> Self {
        Self {
            data: VecDeque::new(),
            window,
            has_ended: false,
            received: 0,
            fault,
            is_cut: false,
        }
    }

    /// Takes what the window allows; returns how much that is.
    fn write(&mut self, bytes: &[u8]) -> usize {
        if self.is_cut {
            return bytes.len();
        }
        assert!(bytes.is_empty() || !self.has_ended, "DATA after END_STREAM");
        let taken = bytes.len().min(self.window);
        self.window -= taken;
        self.data.extend(&bytes[..taken]);
        taken
    }

    fn read(&mut self) -> Read {
        if self.is_cut {
            return Read::End;
        }
        let left = self.fault.map_or(usize::MAX, |(at, _)| at - self.received);
        let taken = self.data.len().min(left);
        let data: Vec<u8> = self.data.drain(..taken).collect();
        self.received += taken;
        self.window += taken;
        match self.fault {
            _ if taken > 0 => Read::Data(data),
            // It strikes in place of the next byte or of the end.
            Some((_, fault)) if left == 0 && (!self.data.is_empty() || self.has_ended) => {
                match fault {
                    Fault::Ends => {
                        // The sender does not know.
                        self.data.clear();
                        self.is_cut = true;
                        Read::End
                    }
                    Fault::Resets => Read::Reset,
                    Fault::Stalls => Read::Data(data),
                }
            }
            _ if self.has_ended && self.data.is_empty() => Read::End,
            _ => Read::Data(data),
        }
    }
}

/// Who closes, and how big the windows are.
#[derive(Clone, Copy, Debug)]
struct Plan {
    closes: Side,
    window: usize,
}

/// What one end has seen and done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Seen {
    /// Messages and the code of the Close, each with the number of bytes that had been received.
    events: Vec<(String, usize)>,
    /// What `receive_eof` has returned.
    clean: Option<bool>,
    sent_end: bool,
    sent_reset: bool,
    was_reset: bool,
}

impl Seen {
    fn texts(&self) -> usize {
        self.events.len() - usize::from(self.has_close())
    }

    fn has_close(&self) -> bool {
        self.events.last().is_some_and(|(last, _)| last == CODE)
    }
}

struct End {
    side: Side,
    plan: Plan,
    connection: Connection<EitherRole<Keys>>,
    assembler: Assembler<Vec<u8>>,
    out: Vec<u8>,
    seen: Seen,
}

impl End {
    fn new(side: Side, plan: Plan, negotiated: Negotiated) -> Self {
        let keys: Keys = || [1, 2, 3, 4];
        let role = match side {
            Side::Client => EitherRole::client(keys),
            Side::Server => EitherRole::server(),
        };
        let mut end = Self {
            side,
            plan,
            connection: Connection::with_role(negotiated, Config::new(), role),
            assembler: Assembler::new(Vec::new(), 1000),
            out: Vec::new(),
            seen: Seen::default(),
        };
        if side == Side::Client {
            for text in MESSAGES {
                end.connection.send_text(text, &mut end.out).unwrap();
            }
            end.close();
        }
        end
    }

    /// Closes, if it is up to this end.
    fn close(&mut self) {
        if self.plan.closes == self.side && self.connection.can_send() {
            let reason = CloseReason::truncated("the last word");
            let closed = self
                .connection
                .close(CloseCode::GOING_AWAY, reason, &mut self.out);
            closed.unwrap();
        }
    }

    const fn is_over(&self) -> bool {
        let both_ended = self.seen.sent_end && self.seen.clean.is_some();
        both_ended || self.seen.sent_reset || self.seen.was_reset
    }

    /// One turn of a driver. Returns whether anything happened, and when to come again.
    fn turn(&mut self, from: &mut Half, to: &mut Half, now: Instant) -> (bool, Option<Instant>) {
        if self.is_over() {
            return (false, None);
        }
        let mut happened = false;
        match from.read() {
            Read::Data(mut data) => {
                happened |= !data.is_empty();
                self.receive(&mut data, from.received);
            }
            Read::End if self.seen.clean.is_none() => {
                self.seen.clean = Some(self.connection.receive_eof().is_ok());
                happened = true;
            }
            Read::End => {}
            Read::Reset => {
                self.receive_reset();
                return (true, None);
            }
        }
        let deadline = self.connection.tick(now, &mut self.out).unwrap_or(None);
        if self.connection.transport() == Transport::Abort {
            self.seen.sent_reset = true;
            return (true, None);
        }
        let written = to.write(&self.out);
        self.out.drain(..written);
        happened |= written > 0;
        let closes = self.connection.transport() == Transport::Close;
        if closes && self.out.is_empty() && !self.seen.sent_end {
            to.has_ended = true;
            self.seen.sent_end = true;
            happened = true;
        }
        (happened, deadline)
    }

    fn receive(&mut self, data: &mut [u8], received: usize) {
        let mut input = Input::new(data);
        while let Ok(Some(event)) = self.connection.receive(&mut input, &mut self.out) {
            let seen = match event {
                Event::Close { .. } => CODE.to_owned(),
                event => match self.assembler.push(event).unwrap() {
                    Some(message) => message.as_text().unwrap().to_owned(),
                    None => continue,
                },
            };
            if self.side == Side::Server && seen != CODE {
                self.connection.send_text(&seen, &mut self.out).unwrap();
            }
            self.seen.events.push((seen, received - input.len()));
        }
        if self.side == Side::Server && self.seen.texts() == MESSAGES.len() {
            self.close();
        }
    }

    /// RST_STREAM of the peer: unwritten bytes are lost.
    fn receive_reset(&mut self) {
        if !self.is_over() {
            self.out.clear();
            if self.seen.clean.is_none() {
                self.seen.clean = Some(self.connection.receive_eof().is_ok());
            }
            self.seen.was_reset = true;
        }
    }
}

/// Both ends after the handshake.
fn open(plan: Plan) -> [End; 2] {
    let mut sent = Vec::new();
    let request = ClientRequest::new("example.com", "/chat").secure(true);
    let enabled = ConnectEnabled::from_setting(1).unwrap();
    let field =
        |name: &str, value: &[u8]| sent.push((name.to_owned().into_boxed_str(), value.to_vec()));
    let mut handshake =
        ClientConnect::start(request, enabled, Vec::new(), Limits::new(), field).unwrap();
    let sent: Vec<(&str, &[u8])> = sent
        .iter()
        .map(|(name, value)| (&**name, &**value))
        .collect();
    let (pseudo, headers) = PseudoFields::split(&sent).unwrap();
    let upgrade = Upgrade::from_extended_connect(&pseudo, headers).unwrap();
    let answer = upgrade.answer(&Accept::new()).unwrap();
    let established = handshake.receive_head(answer.status(), &[]);
    let negotiated = established.unwrap().unwrap().negotiated();
    [
        End::new(Side::Client, plan, negotiated),
        End::new(Side::Server, plan, answer.negotiated()),
    ]
}

/// What a run ends in: what the client and the server have seen, the bytes that each has received, the time.
struct Outcome {
    client: Seen,
    server: Seen,
    received: [usize; 2],
    time: u64,
}

/// Runs until both ends are done. `fault` strikes the direction towards that side.
fn run(plan: Plan, fault: Option<(Side, usize, Fault)>) -> Outcome {
    let fault_of = |side| {
        let (to, at, fault) = fault?;
        (to == side).then_some((at, fault))
    };
    let [mut client, mut server] = open(plan);
    let mut to_client = Half::new(plan.window, fault_of(Side::Client));
    let mut to_server = Half::new(plan.window, fault_of(Side::Server));
    let mut now = Instant::from_millis(0);
    for _ in 0..10_000 {
        let (one, first) = client.turn(&mut to_client, &mut to_server, now);
        let (other, second) = server.turn(&mut to_server, &mut to_client, now);
        let resets = [&client, &server].map(|end| end.seen.sent_reset || end.seen.was_reset);
        if resets.contains(&true) {
            client.receive_reset();
            server.receive_reset();
        }
        if client.is_over() && server.is_over() {
            return Outcome {
                client: client.seen,
                server: server.seen,
                received: [to_client.received, to_server.received],
                time: now.as_millis(),
            };
        }
        if !one && !other {
            let next = first.into_iter().chain(second).min();
            now = next.expect("somebody waits for something");
        }
    }
    panic!("{plan:?} {fault:?} goes on for ever");
}

fn plans() -> impl Iterator<Item = Plan> {
    Side::BOTH.into_iter().flat_map(|closes| {
        let windows = [usize::MAX / 2, 40, 7, 1];
        windows.map(|window| Plan { closes, window })
    })
}

const MESSAGES: [&str; 3] = ["a", "bc\u{e9}", ""];
const CODE: &str = "Close";

#[test]
fn both_sides_end_in_order_and_no_stream_is_reset() {
    for plan in plans() {
        let Outcome {
            client,
            server,
            time,
            ..
        } = run(plan, None);
        assert_eq!(time, 0, "nobody waits: {plan:?}");
        for seen in [&client, &server] {
            assert_eq!(seen.clean, Some(true), "{plan:?}");
            // shows: RFC8441-5-09
            assert_eq!(
                (seen.texts(), seen.has_close()),
                (3, true),
                "{plan:?} {seen:?}"
            );
            assert!(seen.sent_end && !seen.sent_reset && !seen.was_reset);
        }
    }
}

#[test]
fn a_side_that_ends_or_a_stream_that_is_reset_at_any_byte_loses_nothing_before_it() {
    let mut runs = 0;
    for plan in plans() {
        // Byte by byte, so that each event has the byte that completes it.
        let exact = run(Plan { window: 1, ..plan }, None);
        let whole = run(plan, None);
        assert_eq!(
            exact.received, whole.received,
            "the same bytes in any window"
        );
        for to in Side::BOTH {
            let (all, total) = match to {
                Side::Client => (&exact.client, exact.received[0]),
                Side::Server => (&exact.server, exact.received[1]),
            };
            for at in 0..=total {
                for fault in [Fault::Ends, Fault::Resets, Fault::Stalls] {
                    let struck = run(plan, Some((to, at, fault)));
                    let case = format!("{fault:?} at {at} of {total} to {to:?}, {plan:?}");
                    check(plan, to, fault, at, all, &struck, &case);
                    runs += 1;
                }
            }
        }
    }
    assert!(runs > 1000, "{runs} runs");
}

/// `all` is what the struck end sees without a fault.
fn check(plan: Plan, to: Side, fault: Fault, at: usize, all: &Seen, struck: &Outcome, case: &str) {
    let (seen, other) = match to {
        Side::Client => (&struck.client, &struck.server),
        Side::Server => (&struck.server, &struck.client),
    };
    // What came before is emitted, all of it.
    let arrived = all.events.iter().filter(|(_, end)| *end <= at).count();
    let texts =
        |seen: &Seen| -> Vec<String> { seen.events.iter().map(|(text, _)| text.clone()).collect() };
    assert_eq!(texts(seen), texts(all)[..arrived], "{case}");
    // Both Close frames are a clean end, with any bytes after them.
    if fault != Fault::Stalls {
        assert_eq!(seen.clean, Some(seen.has_close()), "{case}");
    }
    match fault {
        Fault::Ends => {
            assert_eq!(struck.time, 0, "nobody waits: {case}");
            for end in [seen, other] {
                assert!(end.sent_end && !end.sent_reset && !end.was_reset, "{case}");
            }
            // What the struck end sends still goes out, its Close at last.
            let (sends, closes) = match to {
                Side::Client => (3, plan.closes == to || seen.has_close()),
                Side::Server if plan.closes == to => (seen.texts(), seen.texts() == 3),
                Side::Server => (seen.texts(), seen.has_close()),
            };
            assert_eq!(
                (other.texts(), other.has_close()),
                (sends, closes),
                "{case}"
            );
        }
        Fault::Resets => {
            assert_eq!(struck.time, 0, "nobody waits: {case}");
            assert!(!seen.sent_reset && !other.sent_reset, "{case}");
            assert_eq!(other.clean, Some(other.has_close()), "{case}");
        }
        Fault::Stalls => {
            assert!(seen.sent_reset || other.sent_reset, "{case}");
            assert!(
                (1..120_000).contains(&struck.time),
                "{} ms: {case}",
                struck.time
            );
        }
    }
}
