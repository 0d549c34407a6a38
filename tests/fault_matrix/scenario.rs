//! Messages of the peer, calls of the application, and the expected result.

use ws_proto::Config;
use ws_proto::frame::Rsv;
use ws_proto::handshake::Limits;

use crate::engine::{KeySource, Setup};
use ws_proto_suite::{Lack, Side};
use ws_proto_test::wire::{
    BINARY, CLOSE, CONTINUATION, FIN, PING, PONG, TEXT, close_body, frame, header,
};

/// What the application does with a message. None of it depends on how input is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum App {
    Silent,
    /// Sends every message back, or 100 bytes of it.
    Echoes,
    /// Sends a Ping and two messages for each event.
    Talks,
    /// Sends a part of a message for each event.
    SendsParts,
    /// Answers Pings by itself.
    Pongs,
    /// Answers the Close by itself, after a last message.
    ClosesLater,
    /// Closes after so many events.
    ClosesAfter(usize),
}

/// How a run without faults ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// Both have closed.
    Clean,
    /// The transport has ended too early: 1006.
    Cut,
    /// The engine has failed the connection with that code.
    Failed(u16),
    /// A server has refused, with that status; or a client was refused, or gave up (0).
    Refused(u16),
    /// The server's application has refused.
    Rejected,
}

#[derive(Clone, Debug)]
pub(crate) struct Scenario {
    pub(crate) name: String,
    pub(crate) setup: Setup,
    pub(crate) app: App,
    pub(crate) bytes: Vec<u8>,
    pub(crate) end: End,
}

impl Scenario {
    fn new(name: &str, setup: Setup, bytes: Vec<u8>, end: End) -> Self {
        Self {
            name: format!("{:?}: {name}", setup.side),
            setup,
            app: App::Silent,
            bytes,
            end,
        }
    }

    fn app(self, app: App) -> Self {
        Self { app, ..self }
    }

    fn config(mut self, config: Config) -> Self {
        self.setup.config = config;
        self
    }

    /// Whether all of it is a few bytes, so that pairs of places are affordable.
    pub(crate) fn is_small(&self) -> bool {
        self.bytes.len() <= 48
    }

    /// Whether every place of it can be tried.
    pub(crate) fn is_short(&self) -> bool {
        self.bytes.len() <= 700
    }
}

pub(crate) const fn setup(side: Side, handshake: bool) -> Setup {
    Setup {
        side,
        handshake,
        config: Config::new(),
        limits: Limits::new(),
        storage: 4096,
        lack: Lack::Never,
        rsv: Rsv::RSV1,
        keys: KeySource::Counted,
        rejects: false,
    }
}

type Frames<'f> = &'f [(u8, &'f [u8])];

fn frames(side: Side, list: Frames<'_>) -> Vec<u8> {
    list.iter()
        .flat_map(|(first, payload)| frame(side, *first, payload))
        .collect()
}

const TEXT_WHOLE: u8 = FIN | TEXT;
const BINARY_WHOLE: u8 = FIN | BINARY;
const LAST: u8 = FIN | CONTINUATION;
const NORMAL: &[u8] = b"\x03\xe8";

pub(crate) fn all() -> Vec<Scenario> {
    let mut all = Vec::new();
    for side in Side::BOTH {
        all.extend(good(side));
        all.extend(closing(side));
        all.extend(bad(side));
        all.extend(raw_bad(side));
        all.extend(long(side));
    }
    all.extend(requests());
    all.extend(responses());
    all
}

fn good(side: Side) -> Vec<Scenario> {
    let mut all = Vec::new();
    let emoji = "\u{1f600}".as_bytes();
    let many: Vec<(u8, &[u8])> = vec![(PING, b""); 12];
    let lists: [(&str, Frames<'_>); 24] = [
        ("nothing", &[]),
        ("text", &[(TEXT_WHOLE, b"hi")]),
        ("empty text", &[(TEXT_WHOLE, b"")]),
        ("empty binary", &[(BINARY_WHOLE, b""), (CLOSE, NORMAL)]),
        ("binary", &[(BINARY_WHOLE, b"\xff\x00")]),
        ("two texts", &[(TEXT_WHOLE, b"1"), (TEXT_WHOLE, emoji)]),
        ("125", &[(TEXT_WHOLE, &[b'a'; 125]), (CLOSE, b"")]),
        ("126", &[(BINARY_WHOLE, &[0x80; 126]), (CLOSE, b"")]),
        ("127", &[(TEXT_WHOLE, &[b'b'; 127]), (CLOSE, b"")]),
        (
            "three fragments",
            &[(TEXT, b"a"), (CONTINUATION, b"b"), (LAST, b"c")],
        ),
        (
            "empty fragments",
            &[(BINARY, b""), (CONTINUATION, b""), (LAST, b"")],
        ),
        (
            "empty ends",
            &[(TEXT, b""), (CONTINUATION, b"x"), (LAST, b"")],
        ),
        (
            "character in fragments",
            &[
                (TEXT, &emoji[..1]),
                (CONTINUATION, &emoji[1..3]),
                (LAST, &emoji[3..]),
            ],
        ),
        (
            "ping between",
            &[(TEXT, b"a"), (PING, b"p"), (LAST, b"b"), (CLOSE, NORMAL)],
        ),
        (
            "controls between",
            &[
                (BINARY, b"\x01"),
                (PONG, b""),
                (CONTINUATION, b""),
                (PING, b"2"),
                (LAST, b"\x03"),
            ],
        ),
        (
            "ping inside a character",
            &[(TEXT, &emoji[..2]), (PING, b"\xff"), (LAST, &emoji[2..])],
        ),
        ("ping", &[(PING, b"payload")]),
        ("longest ping", &[(PING, &[0xa5; 125])]),
        ("pings", &many),
        ("pong", &[(PONG, b"unasked"), (CLOSE, b"")]),
        ("extended", &[(TEXT_WHOLE | 0x40, b"\xff"), (CLOSE, b"")]),
        (
            "extended fragments",
            &[(BINARY | 0x40, b"z"), (PING, b""), (LAST, b"\x00")],
        ),
        (
            "extended and not",
            &[(TEXT | 0x40, b""), (LAST, b""), (TEXT_WHOLE, b"plain")],
        ),
        ("fragments left open", &[(TEXT, b"a"), (CONTINUATION, b"b")]),
    ];
    for (name, list) in lists {
        let bytes = frames(side, list);
        let closed = list.iter().any(|(first, _)| *first == CLOSE);
        let end = if closed { End::Clean } else { End::Cut };
        let scenario = Scenario::new(name, setup(side, false), bytes, end);
        all.push(scenario.clone().app(App::Echoes));
        all.push(scenario);
    }
    let busy = frames(
        side,
        &[
            (TEXT, b"a"),
            (PING, b"p"),
            (LAST, b"b"),
            (PONG, b""),
            (BINARY_WHOLE, b"c"),
            (CLOSE, NORMAL),
        ],
    );
    for app in [App::Talks, App::SendsParts, App::Pongs] {
        let scenario = Scenario::new("busy", setup(side, false), busy.clone(), End::Clean);
        all.push(
            scenario
                .app(app)
                .config(Config::new().manual_pong(app == App::Pongs)),
        );
    }
    all
}

fn closing(side: Side) -> Vec<Scenario> {
    let mut all = Vec::new();
    let longest = close_body(4999, &[b'r'; 123]);
    let umlaut = close_body(3000, "gr\u{fc}\u{df}e \u{1f44b}".as_bytes());
    let lists: [(&str, Frames<'_>); 9] = [
        ("close", &[(CLOSE, NORMAL)]),
        ("close without code", &[(CLOSE, b"")]),
        ("close with reason", &[(CLOSE, &umlaut)]),
        ("longest close", &[(CLOSE, &longest)]),
        ("1010", &[(CLOSE, b"\x03\xf2")]),
        (
            "close in a message",
            &[(TEXT, b"a\xc3"), (CLOSE, b"\x03\xe9")],
        ),
        ("two closes", &[(CLOSE, NORMAL), (CLOSE, b"\x03\xe9")]),
        (
            "text behind close",
            &[(CLOSE, b"\x0f\xa0"), (TEXT_WHOLE, b"late"), (PING, b"")],
        ),
        (
            "broken behind close",
            &[(CLOSE, NORMAL), (0xff, b"x"), (CLOSE, b"\x00")],
        ),
    ];
    for (name, list) in lists {
        let bytes = frames(side, list);
        let scenario = Scenario::new(name, setup(side, false), bytes, End::Clean);
        let later = Config::new().manual_close(true);
        all.push(scenario.clone().app(App::ClosesLater).config(later));
        all.push(scenario.clone().app(App::Talks));
        all.push(scenario);
    }
    let cases: [(&str, usize, Frames<'_>, End); 5] = [
        (
            "our close, answered",
            1,
            &[(TEXT_WHOLE, b"bye"), (CLOSE, b"\x03\xe9")],
            End::Clean,
        ),
        (
            "our close, more comes",
            1,
            &[
                (PING, b"1"),
                (TEXT, b"a"),
                (PING, b"2"),
                (LAST, b"b"),
                (CLOSE, NORMAL),
            ],
            End::Clean,
        ),
        (
            "our close, no answer",
            1,
            &[(PING, b""), (BINARY_WHOLE, b"x")],
            End::Cut,
        ),
        (
            "our close, then an error",
            1,
            &[(PONG, b""), (0x83, b"")],
            End::Failed(1002),
        ),
        (
            "our close in a message",
            2,
            &[(TEXT, b"a"), (PING, b""), (PING, b""), (CLOSE, b"")],
            End::Clean,
        ),
    ];
    for (name, after, list, end) in cases {
        let scenario = Scenario::new(name, setup(side, false), frames(side, list), end);
        all.push(scenario.app(App::ClosesAfter(after)));
    }
    let never = Scenario::new(
        "close is never answered",
        setup(side, false),
        frames(side, &[(CLOSE, NORMAL)]),
        End::Cut,
    );
    all.push(never.config(Config::new().manual_close(true)));
    all
}

/// Frames that are whole and broken.
fn bad(side: Side) -> Vec<Scenario> {
    let long = vec![0; 126];
    let mut all = Vec::new();
    let mut add = |name: &str, list: Frames<'_>, code| {
        let bytes = [frames(side, list), frame(side, PING, b"never read")].concat();
        all.push(Scenario::new(
            name,
            setup(side, false),
            bytes,
            End::Failed(code),
        ));
    };
    for opcode in [3, 7, 11, 15] {
        add("reserved opcode", &[(FIN | opcode, b"")], 1002);
    }
    add(
        "reserved opcode in a message",
        &[(TEXT, b"a"), (FIN | 4, b"x")],
        1002,
    );
    add("rsv2", &[(TEXT_WHOLE | 0x20, b"")], 1002);
    add(
        "rsv3 in a fragment",
        &[(BINARY | 0x40, b""), (LAST | 0x10, b"")],
        1002,
    );
    add(
        "rsv1 on a continuation",
        &[(BINARY | 0x40, b""), (LAST | 0x40, b"")],
        1002,
    );
    add("rsv1 on a ping", &[(PING | 0x40, b"")], 1002);
    add("rsv1 on a close", &[(CLOSE | 0x40, NORMAL)], 1002);
    add(
        "fragmented ping",
        &[(PING & 0x0f, b"x"), (LAST, b"y")],
        1002,
    );
    add("fragmented close", &[(CLOSE & 0x0f, NORMAL)], 1002);
    add("ping of 126", &[(PING, &long)], 1002);
    add("continuation of nothing", &[(LAST, b"x")], 1002);
    add(
        "continuation behind a message",
        &[(TEXT_WHOLE, b"x"), (CONTINUATION, b"")],
        1002,
    );
    add("text in a text", &[(TEXT, b"a"), (TEXT_WHOLE, b"b")], 1002);
    add(
        "binary in a text",
        &[(TEXT, b"a"), (PING, b""), (BINARY, b"b")],
        1002,
    );
    add("close of one byte", &[(CLOSE, b"\x03")], 1002);
    for code in [0_u16, 999, 1004, 1005, 1006, 1015, 2999, 5000, 65535] {
        add(
            &format!("close {code}"),
            &[(CLOSE, &close_body(code, b"x"))],
            1002,
        );
    }
    add("broken reason", &[(CLOSE, b"\x03\xe8ok\xed\xa0\x80")], 1007);
    add("cut reason", &[(CLOSE, b"\x03\xe8ok\xf0\x9f\x98")], 1007);
    add("broken text", &[(TEXT_WHOLE, b"a\xffb")], 1007);
    add("overlong text", &[(TEXT_WHOLE, b"\xc0\xaf")], 1007);
    add(
        "surrogate in fragments",
        &[(TEXT, b"a\xed"), (PING, b"p"), (LAST, b"\xa0\x80")],
        1007,
    );
    add("cut text", &[(TEXT_WHOLE, b"\xe2\x82")], 1007);
    add(
        "cut text in fragments",
        &[(TEXT, b"\xe2"), (LAST, b"\x82"), (PING, b"")],
        1007,
    );
    add(
        "beyond unicode",
        &[(TEXT, b"\xf4"), (LAST, b"\x90\x80\x80")],
        1007,
    );
    all
}

/// Headers that no encoder makes, and limits.
fn raw_bad(side: Side) -> Vec<Scenario> {
    let mask = if side == Side::Server { 0x80 } else { 0 };
    let wrong = mask ^ 0x80;
    let raw: [(&str, Vec<u8>, u16); 9] = [
        ("wrong mask bit", vec![TEXT_WHOLE, wrong], 1002),
        (
            "wrong mask bit on a close",
            vec![CLOSE, wrong | 2, 3, 0xe8],
            1002,
        ),
        (
            "125 in 16 bits",
            vec![BINARY_WHOLE, mask | 126, 0, 125],
            1002,
        ),
        ("0 in 16 bits", vec![BINARY_WHOLE, mask | 126, 0, 0], 1002),
        (
            "65535 in 64 bits",
            vec![BINARY_WHOLE, mask | 127, 0, 0, 0, 0, 0, 0, 255, 255],
            1002,
        ),
        (
            "0 in 64 bits",
            vec![TEXT, mask | 127, 0, 0, 0, 0, 0, 0, 0, 0],
            1002,
        ),
        (
            "top bit",
            vec![BINARY, mask | 127, 0x80, 0, 0, 0, 0, 0, 0, 1],
            1002,
        ),
        (
            "all bits",
            vec![BINARY, mask | 127, 255, 255, 255, 255, 255, 255, 255, 255],
            1002,
        ),
        (
            "longest length",
            vec![TEXT, mask | 127, 127, 255, 255, 255, 255, 255, 255, 255],
            1009,
        ),
    ];
    let mut all: Vec<_> = raw
        .into_iter()
        .map(|(name, bytes, code)| {
            let bytes = [frame(side, PING, b"1"), bytes, vec![0; 9]].concat();
            Scenario::new(name, setup(side, false), bytes, End::Failed(code))
        })
        .collect();
    let limited: [(&str, Config, Frames<'_>); 5] = [
        (
            "frame over the limit",
            Config::new().max_frame(4),
            &[(BINARY_WHOLE, b"12345")],
        ),
        (
            "message over the limit",
            Config::new().max_message(4),
            &[(TEXT_WHOLE, b"12345")],
        ),
        (
            "fragments over the limit",
            Config::new().max_message(4),
            &[(TEXT, b"123"), (PING, b""), (LAST, b"45")],
        ),
        (
            "too many fragments",
            Config::new().max_fragments(2),
            &[(BINARY, b""), (CONTINUATION, b""), (PING, b""), (LAST, b"")],
        ),
        (
            "extended frame over the limit",
            Config::new().max_frame(4),
            &[(BINARY | 0x40, b"123"), (LAST, b"45678")],
        ),
    ];
    all.extend(limited.map(|(name, config, list)| {
        let bytes = frames(side, list);
        Scenario::new(name, setup(side, false), bytes, End::Failed(1009)).config(config)
    }));
    let mut huge = header(side, BINARY_WHOLE, 1 << 62);
    huge.extend([7; 20]);
    let scenario = Scenario::new("endless frame", setup(side, false), huge, End::Cut);
    all.push(scenario.config(Config::new().max_frame(u64::MAX).max_message(u64::MAX)));
    all
}

fn long(side: Side) -> Vec<Scenario> {
    let text = "\u{20ac}".repeat(21_845);
    let lists: [(&str, Frames<'_>, End); 4] = [
        (
            "65535",
            &[(TEXT_WHOLE, text.as_bytes()), (CLOSE, NORMAL)],
            End::Clean,
        ),
        (
            "65536",
            &[(BINARY_WHOLE, &[0xee; 65_536]), (CLOSE, NORMAL)],
            End::Clean,
        ),
        (
            "65536 in fragments",
            &[(BINARY, &[1; 65_535]), (PING, b""), (LAST, b"2")],
            End::Cut,
        ),
        (
            "broken at the end",
            &[(TEXT, text.as_bytes()), (LAST, b"\x80")],
            End::Failed(1007),
        ),
    ];
    lists
        .map(|(name, list, end)| {
            Scenario::new(name, setup(side, false), frames(side, list), end).app(App::Echoes)
        })
        .into()
}

/// The fields of the sample request, without the line ends.
const REQUEST: [&str; 6] = [
    "GET /chat HTTP/1.1",
    "Host: example.com",
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version: 13",
];

const RESPONSE: [&str; 4] = [
    "HTTP/1.1 101 Switching Protocols",
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
];

/// The lines, one of them replaced, and one more; none if they are empty.
fn head(lines: &[&str], at: usize, with: &str, more: &str) -> Vec<u8> {
    let mut text = String::new();
    for (n, line) in lines.iter().enumerate() {
        let line = if n == at { with } else { line };
        if !line.is_empty() {
            text.push_str(line);
            text.push_str("\r\n");
        }
    }
    if !more.is_empty() {
        text.push_str(more);
        text.push_str("\r\n");
    }
    text.push_str("\r\n");
    text.into_bytes()
}

fn requests() -> Vec<Scenario> {
    let side = Side::Server;
    let none = usize::MAX;
    let mut all = Vec::new();
    let exchange = frames(side, &[(TEXT_WHOLE, b"hi"), (PING, b"p"), (CLOSE, NORMAL)]);
    let good: [(&str, Vec<u8>, App); 5] = [
        ("request", head(&REQUEST, none, "", ""), App::Silent),
        ("request and talk", head(&REQUEST, none, "", ""), App::Talks),
        (
            "subprotocols",
            head(&REQUEST, none, "", "Sec-WebSocket-Protocol: chat,, mqtt"),
            App::Echoes,
        ),
        (
            "extensions",
            head(
                &REQUEST,
                none,
                "",
                "sec-websocket-extensions: x-one; a=\"1\", y",
            ),
            App::Silent,
        ),
        (
            "lists, absolute target",
            head(&REQUEST, 3, "Connection: keep-alive,Upgrade", "Expect: a"),
            App::Silent,
        ),
    ];
    for (name, head, app) in good {
        let bytes = [head, exchange.clone()].concat();
        let scenario = Scenario::new(name, setup(side, true), bytes, End::Clean);
        all.push(scenario.app(app));
    }
    let mut failing = head(&REQUEST, none, "", "");
    failing.extend([0x81, 0x00, 1, 2, 3]);
    all.push(Scenario::new(
        "broken frame at once",
        setup(side, true),
        failing,
        End::Failed(1002),
    ));
    let mut rejected = Scenario::new(
        "rejected",
        setup(side, true),
        [head(&REQUEST, none, "", ""), exchange.clone()].concat(),
        End::Rejected,
    );
    rejected.setup.rejects = true;
    all.push(rejected);
    let refused: [(&str, usize, &str, &str, u16); 32] = [
        ("tls", 0, "\x16\x03\x01\x02", "", 400),
        ("post", 0, "POST /chat HTTP/1.1", "", 405),
        ("http/1.0", 0, "GET /chat HTTP/1.0", "", 505),
        ("http/2.0", 0, "GET /chat HTTP/2.0", "", 505),
        ("no version", 0, "GET /chat", "", 400),
        ("asterisk", 0, "GET * HTTP/1.1", "", 400),
        ("no host", 1, "", "", 400),
        ("two hosts", none, "", "Host: example.com", 400),
        ("bad host", 1, "Host: a b", "", 400),
        ("no upgrade", 2, "", "", 426),
        ("other upgrade", 2, "Upgrade: h2c", "", 426),
        ("no connection", 3, "", "", 400),
        ("connection close", 3, "Connection: close", "", 400),
        ("no key", 4, "", "", 400),
        (
            "short key",
            4,
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25j",
            "",
            400,
        ),
        (
            "two keys",
            none,
            "",
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
            400,
        ),
        ("no websocket version", 5, "", "", 426),
        ("version 8", 5, "Sec-WebSocket-Version: 8", "", 426),
        ("two versions", none, "", "Sec-WebSocket-Version: 13", 400),
        ("content length", none, "", "Content-Length: 5", 400),
        (
            "transfer coding",
            none,
            "",
            "Transfer-Encoding: chunked",
            400,
        ),
        ("two origins", none, "", "Origin: a\r\nOrigin: b", 400),
        (
            "bad protocols",
            none,
            "",
            "Sec-WebSocket-Protocol: a b",
            400,
        ),
        (
            "protocol twice",
            none,
            "",
            "Sec-WebSocket-Protocol: a, b, a",
            400,
        ),
        (
            "bad extensions",
            none,
            "",
            "Sec-WebSocket-Extensions: a;;b",
            400,
        ),
        ("folded", none, "", "X: a\r\n b", 400),
        ("space before colon", none, "", "X : a", 400),
        ("no colon", none, "", "X", 400),
        ("nul", none, "", "X: a\0b", 400),
        ("bare lf", none, "", "X: a\nY: b", 400),
        ("bare cr", none, "", "X: a\rb", 400),
        ("delete", none, "", "X: \x7f", 400),
    ];
    for (name, at, with, more, status) in refused {
        let bytes = [head(&REQUEST, at, with, more), exchange.clone()].concat();
        all.push(Scenario::new(
            name,
            setup(side, true),
            bytes,
            End::Refused(status),
        ));
    }
    let mut lines = Scenario::new(
        "too many lines",
        setup(side, true),
        head(&REQUEST, none, "", ""),
        End::Refused(431),
    );
    lines.setup.limits = Limits::new().lines(5);
    all.push(lines.clone());
    lines.name = "Server: too many bytes".to_owned();
    lines.setup.limits = Limits::new().head_bytes(100);
    all.push(lines.clone());
    lines.name = "Server: small storage".to_owned();
    lines.setup.limits = Limits::new();
    lines.setup.storage = 100;
    all.push(lines);
    all
}

fn responses() -> Vec<Scenario> {
    let side = Side::Client;
    let none = usize::MAX;
    let mut all = Vec::new();
    let exchange = frames(side, &[(TEXT_WHOLE, b"hi"), (PING, b"p"), (CLOSE, NORMAL)]);
    let plain = head(&RESPONSE, none, "", "");
    let early = [
        b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n".to_vec(),
        plain.clone(),
    ]
    .concat();
    let good: [(&str, Vec<u8>, App); 6] = [
        ("response", plain.clone(), App::Silent),
        ("response and talk", plain, App::Talks),
        (
            "subprotocol",
            head(&RESPONSE, none, "", "Sec-WebSocket-Protocol: mqtt"),
            App::Echoes,
        ),
        (
            "extension",
            head(&RESPONSE, none, "", "Sec-WebSocket-Extensions: x-one"),
            App::Silent,
        ),
        ("early hints", early, App::Silent),
        (
            "folded",
            head(&RESPONSE, none, "", "X: a\r\n\tb"),
            App::Silent,
        ),
    ];
    for (name, head, app) in good {
        let bytes = [head, exchange.clone()].concat();
        let scenario = Scenario::new(name, setup(side, true), bytes, End::Clean);
        all.push(scenario.app(app));
    }
    let refused: [(&str, usize, &str, &str, u16); 21] = [
        ("not http", 0, "SSH-2.0-x", "", 0),
        ("http/1.0", 0, "HTTP/1.0 101 OK", "", 0),
        ("status of two digits", 0, "HTTP/1.1 10", "", 0),
        ("200", 0, "HTTP/1.1 200 OK", "Content-Length: 5", 200),
        (
            "302",
            0,
            "HTTP/1.1 302 Found",
            "Location: /x\r\nContent-Length: 0",
            302,
        ),
        (
            "401 until the end",
            0,
            "HTTP/1.1 401 No",
            "WWW-Authenticate: Basic",
            401,
        ),
        (
            "403 chunked",
            0,
            "HTTP/1.1 403 Forbidden",
            "Transfer-Encoding: chunked",
            403,
        ),
        ("204", 0, "HTTP/1.1 204 No Content", "", 204),
        ("no upgrade", 1, "", "", 0),
        ("two upgrades", none, "", "Upgrade: websocket", 0),
        ("no connection", 2, "", "", 0),
        ("no accept", 3, "", "", 0),
        (
            "wrong accept",
            3,
            "Sec-WebSocket-Accept: S3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
            "",
            0,
        ),
        (
            "two accepts",
            none,
            "",
            "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
            0,
        ),
        (
            "other subprotocol",
            none,
            "",
            "Sec-WebSocket-Protocol: smtp",
            0,
        ),
        (
            "two subprotocols",
            none,
            "",
            "Sec-WebSocket-Protocol: chat, mqtt",
            0,
        ),
        (
            "other extension",
            none,
            "",
            "Sec-WebSocket-Extensions: x-three",
            0,
        ),
        (
            "extension twice",
            none,
            "",
            "Sec-WebSocket-Extensions: x-one, x-one",
            0,
        ),
        ("nul", none, "", "X: a\0b", 0),
        ("bare lf", none, "", "X: a\nY: b", 0),
        ("fold at once", 1, " x", "", 0),
    ];
    for (name, at, with, more, status) in refused {
        let body: &[u8] = match status {
            0 => &exchange,
            403 => b"4\r\nsorr\r\n1;x\r\ny\r\n0\r\n\r\n",
            _ => b"sorry, no",
        };
        let bytes = [&head(&RESPONSE, at, with, more), body].concat();
        all.push(Scenario::new(
            name,
            setup(side, true),
            bytes,
            End::Refused(status),
        ));
    }
    // A 101 has no body whatever its fields say.
    let coded = head(&RESPONSE, none, "", "Transfer-Encoding: chunked");
    let bytes = [&coded, &exchange[..]].concat();
    let coded = Scenario::new("transfer coding", setup(side, true), bytes, End::Clean);
    all.push(coded);
    let hints = b"HTTP/1.1 100 Continue\r\n\r\n".repeat(3);
    let mut informational =
        Scenario::new("too many hints", setup(side, true), hints, End::Refused(0));
    informational.setup.limits = Limits::new().informational(2);
    all.push(informational);
    all
}
