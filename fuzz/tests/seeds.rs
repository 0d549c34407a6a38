//! Makes inputs for the fuzzer from the byte vectors of the crate's tests. Not a test:
//!
//! ```sh
//! cargo test --manifest-path fuzz/Cargo.toml --test seeds -- --ignored
//! ```
//!
//! writes them to `fuzz/corpus/<target>`; `fuzz/minimise.sh` picks from there the seeds for
//! `fuzz/seeds`.

use std::fs;

use serde_json::Value;

const HOME: &str = env!("CARGO_MANIFEST_DIR");

#[test]
#[ignore = "writes files"]
fn write_inputs_from_vectors() {
    let vectors = load("vectors.json");
    let attacks = load("attacks.json");
    for vector in array(&vectors, "frames") {
        let target = format!("frames_{}", string(vector, "to"));
        let chunks: Vec<&str> = array(vector, "chunks")
            .iter()
            .filter_map(Value::as_str)
            .collect();
        frames(&target, string(vector, "id"), &hex(&chunks.concat()));
    }
    for vector in array(&vectors, "requests")
        .iter()
        .chain(array(&vectors, "offers"))
    {
        request(string(vector, "id"), &hex(string(vector, "hex")));
    }
    for vector in array(&vectors, "offers") {
        write(
            "extensions",
            string(vector, "id"),
            string(vector, "offer").as_bytes(),
        );
    }
    for vector in array(&vectors, "responses") {
        response(string(vector, "id"), &hex(string(vector, "hex")));
    }
    for (index, vector) in array(&vectors, "uris").iter().enumerate() {
        write(
            "uri",
            &format!("u{index}"),
            string(vector, "uri").as_bytes(),
        );
    }
    for attack in array(&attacks, "attacks") {
        let (id, bytes) = (string(attack, "id"), hex(string(attack, "bytes_hex")));
        match string(attack, "kind") {
            "request" => request(id, &bytes),
            "response" => response(id, &bytes),
            _ => frames(&format!("frames_{}", string(attack, "role")), id, &bytes),
        }
    }
    texts();
    extensions();
    uris();
    requests_to_write();
    refusals();
    tunnels();
    plain_requests();
    many_fields();
    extended_connects();
    random("roundtrip", &[]);
    random("session", &[]);
    // As `session::compression`: what says that there is some.
    for flags in [0, 1, 0x40, 0x41] {
        random("session", &[flags, 0x1b]);
    }
    // As `session::mode`: when a session starts, how long its times are, and what its ends are.
    for flags in [0, 1] {
        for mode in [1, 4, 9, 14, 0x10, 0x20, 0x37, 0x40] {
            random("session", &[flags, 0x3f, mode]);
            random("session", &[flags, 0x3f, mode, 0x1b]);
        }
    }
    // A peer that does not read after its Close, and sends on.
    let discarded = [
        0xbe, 0x0b, 0x1f, 0x97, 18, 0x92, 7, 8, 0, 0x1f, 0x92, 126, 0x92, 86,
    ];
    write("session", "discarded", &discarded);
    // As `shells::Setup`: flags and mode.
    for shell in ["shell_io", "shell_mio", "shell_smol", "shell_tokio"] {
        for setup in [
            [0, 0],
            [1, 5],
            [0x88, 6],
            [0x49, 0x47],
            [0xf0, 0x31],
            [6, 0],
        ] {
            random(shell, &setup);
        }
    }
}

/// Where the input is a list of choices, any bytes are as good as others to start with.
fn random(target: &str, start: &[u8]) {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let name: String = start.iter().map(|byte| format!("{byte:02x}")).collect();
    for index in 0..200 {
        let bytes = (0..16 + index).map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 32) as u8
        });
        let bytes: Vec<u8> = start.iter().copied().chain(bytes).collect();
        write(target, &format!("x{name}{index}"), &bytes);
    }
}

/// As `frames::Stream`: flags, limits, cuts, bytes.
fn frames(target: &str, id: &str, bytes: &[u8]) {
    let settings = [
        [0, 0xff, 0xff, 0xff, 0xff, 0xff, 3, 1, 4, 1],
        [1, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 2, 3, 5],
        [6, 100, 0, 50, 0, 2, 2, 0, 0, 0],
    ];
    for (index, settings) in settings.iter().enumerate() {
        write(
            target,
            &format!("{id}-{index}"),
            &[&settings[..], bytes].concat(),
        );
    }
    if bytes.len() < 200 {
        write("header", id, bytes);
    }
}

/// As `handshake_server::Request`: flags, limits, decision, cuts, bytes.
fn request(id: &str, bytes: &[u8]) {
    if bytes.len() > 4096 {
        return;
    }
    for (index, flags) in [0, 2, 0x10, 0x20, 5, 8].into_iter().enumerate() {
        let decision = (id.len() + index + bytes.len()) as u8 % 8;
        let settings = [flags, 60, 6, decision, 5, 9, 1, 3];
        write(
            "handshake_server",
            &format!("{id}-{index}"),
            &[&settings[..], bytes].concat(),
        );
    }
}

/// As `handshake_client::Answer`: flags, limits, cuts, bytes.
fn response(id: &str, bytes: &[u8]) {
    if bytes.len() > 4096 {
        return;
    }
    for (index, flags) in [0, 0x54, 0x78, 0x53, 0x45].into_iter().enumerate() {
        let settings = [flags, 60, 6, 9, 1, 5, 9, 1, 3];
        write(
            "handshake_client",
            &format!("{id}-{index}"),
            &[&settings[..], bytes].concat(),
        );
    }
}

/// Answers of proxies to CONNECT, and requests to write.
fn tunnels() {
    for (index, answer) in TUNNELS.iter().enumerate() {
        response(&format!("tunnel{index}"), answer.as_bytes());
    }
    let requests = [
        "wss://[2001:db8::1]/chat\n\n\n\n\nme\nsecret",
        "fe80::1%eth0\n443\n\n\n\nme\nsecret",
        "[::1]\n80\n\n\n\na:b\nc",
        "example.com\n3128\n\n\n\n\n",
        "example.com\n0\n\n\n\n\u{e9}\n\u{e9}",
    ];
    for (index, request) in requests.iter().enumerate() {
        let bytes = [&[0x80, 0, 0, 0, 0, 0, 0, 0, 0][..], request.as_bytes()].concat();
        write("handshake_client", &format!("connect{index}"), &bytes);
    }
}

const TUNNELS: [&str; 8] = [
    "HTTP/1.1 200 Connection established\r\n\r\n\x16\x03\x01",
    "HTTP/1.0 200 OK\r\nVia: 1.1 squid\r\nContent-Length: 3\r\n\r\nabc",
    "HTTP/1.1 204\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 299 x\r\nA: b\r\n c\r\n\r\nleft",
    "HTTP/1.1 101 Switching Protocols\r\nContent-Length: 2\r\n\r\nab",
    "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=\"x\"\r\n\
        Content-Length: 5\r\n\r\nlogin",
    "HTTP/1.1 502 Bad Gateway\r\nTransfer-Encoding: chunked\r\n\r\n2;x\r\nab\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\nVia: x\r\n\r\n",
];

fn texts() {
    let texts: [&[u8]; 9] = [
        "a \u{e9} \u{20ac} \u{1f600} \u{10ffff}".as_bytes(),
        "\u{7ff}\u{800}\u{d7ff}\u{e000}\u{ffff}\u{10000}".as_bytes(),
        b"\xc0\x80",
        b"\xe0\x9f\xbf",
        b"ok \xed\xa0\x80",
        b"\xf0\x8f\xbf\xbf",
        b"\xf4\x90\x80\x80",
        b"\xf5",
        b"a\xe2\x82",
    ];
    for (index, text) in texts.iter().enumerate() {
        write(
            "utf8",
            &format!("t{index}"),
            &[&[1, 2, 3, 1], *text].concat(),
        );
    }
}

fn extensions() {
    let params = ";p".repeat(17);
    let names = (0..17)
        .map(|n| format!("x{n}"))
        .collect::<Vec<_>>()
        .join(",");
    let lines = [
        "x",
        "x;y=\"z\"",
        "x; y=\"\\z\" ,, w",
        "x;y=\"a b\"",
        "x;y=\"",
        "x;y=",
        "x y",
        "x=1",
        ",",
        ";",
        "a;b=1\nc;d=\"255\"",
        "a;b=256;c=01;d=0;e=x",
        "permessage-deflate; client_max_window_bits; server_max_window_bits=10",
        "a,a",
        "a;b|a;c|d",
        &params,
        &names,
    ];
    for (index, line) in lines.iter().enumerate() {
        write("extensions", &format!("l{index}"), line.as_bytes());
    }
    write("extensions", "params", format!("x{params}").as_bytes());
}

fn uris() {
    let uris = [
        "wss://a.b:8443/chat?x=1",
        "WS://[2001:db8::1]:80",
        "ws://[::1",
        "ws://[::1]x",
        "ws://[v1.x]/",
        "ws://u@h/",
        "ws://h:0/",
        "ws://h:65536",
        "ws://h:+1",
        "ws:///x",
        "ws://h/%4",
        "ws://h/%41?%zz",
        "ws://h/\"",
        "ws://h?a?b",
        "ws://h/?",
        "ws://h#",
        "http://h",
        "ws:/h",
        "ws",
        "ws://\u{e9}/",
        "ws://h%41:",
        "ws://[fe80::1%eth0]/",
        "ws://[x%y]/",
    ];
    for (index, uri) in uris.iter().enumerate() {
        write("uri", &format!("l{index}"), uri.as_bytes());
    }
}

/// Host or URI, target, origin, subprotocols, a field, another value, three fields unused, a field
/// of the answer, and status, reason and body of a refusal.
fn requests_to_write() {
    let requests = [
        "h\n/\n\n\n\n\n\n\n\n",
        "h:80\n/a?b\nhttps://h\na,b\nX-A\nv\nw\nX-B\nz\n",
        "ws://h:81/a?b\n\n\n\n\n\n\n\n\n0\nnope\nbody",
        "wss://[::1]/a\n\n\na\n\n\n\n\n\n\x01\n\n",
        "h\n/\n\n\n\n\n\n\n\n\x04\n\n",
        "h\n/\n\n\n\n\n\n\n\n\x04\n\nno body",
        "h\n/\n\n\n\n\n\n\n\nz\n\n",
        "h\n/\n\n\n\n\n\n\n\n\u{7e}\nr\x01\n",
        "h\n/\n\n\n\n\n\nHost\nz\n",
        "h\nx\n",
        "h\n/#\n",
        "h h\n/\n",
        "h\n/\no o\n",
        "h\n/\n\na,a\n",
        "h\n/\n\na b\n",
        "h\n/\n\n\nX Y\n",
        "h\n/\n\n\nUpgrade\n",
        "h\n/\n\n\nX\n v\n",
        "h\n/\n\n\nKeep-Alive\nv\n",
        "h\n/\n\n\n\n\n\nX\nv\n",
    ];
    for (index, request) in requests.iter().enumerate() {
        let settings = [0x80, 0, 0, 0, 0, 0, 0, 0, 0];
        write(
            "handshake_client",
            &format!("q{index}"),
            &[&settings, request.as_bytes()].concat(),
        );
    }
    let many: Vec<String> = (0..70).map(|n| format!("p{n}")).collect();
    let many = format!("h\n/\n\n{}\n", many.join(","));
    let settings = [0x80, 0, 0, 0, 0, 0, 0, 0, 0];
    write(
        "handshake_client",
        "many",
        &[&settings[..], many.as_bytes()].concat(),
    );
}

fn refusals() {
    let refusals = [
        "HTTP/1.1 404 Not Found\r\nContent-Length: 5\r\n\r\nhello",
        "HTTP/1.1 404 Not Found\r\nContent-Length: 5\r\n\r\nhe",
        "HTTP/1.1 503 \r\nRetry-After: 120\r\n\r\n",
        "HTTP/1.1 503 \r\nRetry-After: 99999999999999999999\r\n\r\n",
        "HTTP/1.1 503 \r\nRetry-After: 1a\r\n\r\n",
        "HTTP/1.1 503 \r\nRetry-After:\r\n\r\n",
        "HTTP/1.1 404 Not Found\r\nContent-Length: x\r\n\r\nhello",
        "HTTP/1.1 404 Not Found\r\nContent-Length:\r\n\r\nhello",
        "HTTP/1.1 404 Not Found\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
        "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello",
        "HTTP/1.1 500 Oh\r\n\r\nuntil the end",
        "HTTP/1.1 500 Oh\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n1A \r\nabcdefghijklmnopqrstuvwxyz\r\n0\r\n\r\n",
        "HTTP/1.1 500 Oh\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello!",
        "HTTP/1.1 500 Oh\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r!",
        "HTTP/1.1 500 Oh\r\nTransfer-Encoding: chunked\r\n\r\n5\r!",
        "HTTP/1.1 500 Oh\r\nTransfer-Encoding: chunked\r\n\r\n5;\x01",
        "HTTP/1.1 500 Oh\r\nTransfer-Encoding: chunked\r\n\r\nx",
        "HTTP/1.1 500 Oh\r\nTransfer-Encoding: chunked\r\n\r\n5x",
        "HTTP/1.1 500 Oh\r\nTransfer-Encoding: chunked\r\n\r\n10000000000000000\r\n",
        "HTTP/1.1 500 Oh\r\nTransfer-Encoding: gzip, chunked\r\n\r\nabc",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: x\r\n\r\nHTTP/1.1 302 \r\nLocation: /\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\tc\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\n b\r\n\r\n",
        "HTTP/1.1 099 OK\r\n\r\n",
        "HTTP/2.0 200 OK\r\n\r\n",
        "HTTP/1.1 2x0 OK\r\n\r\n",
        "HTTP\r\n\r\n",
        "SSH-2.0",
        "HTTP/1.1 200 OK\nX: y",
        "HTTP/1.1 200 OK\rX",
        "HTTP/1.1 200 OK\r\nX\x00",
        "HTTP/1.1 200 OK\r\nX y\r\n\r\n",
        "HTTP/1.1 200 OK\r\n\x01\r\n\r\n",
        "HTTP/1.1 200 OK\r\n(x: y\r\n\r\n",
        "HTTP/1.1 200 OK\r\n\n",
    ];
    for (index, refusal) in refusals.iter().enumerate() {
        response(&format!("r{index}"), refusal.as_bytes());
    }
    // More than fits into the small storage, by one byte at every place.
    let small = [1, 0, 0, 0, 0, 9, 9, 9, 9];
    let body = "x".repeat(400);
    let long = format!("HTTP/1.1 404 Not Found\r\nContent-Length: 400\r\n\r\n{body}");
    let many = [&small, long.as_bytes()].concat();
    write("handshake_client", "full-body", &many);
    for len in 280..300 {
        let filled = "x".repeat(len - "HTTP/1.1 404 \r\nX: ".len());
        let long = format!("HTTP/1.1 404 \r\nX: {filled}\r\nY: z\r\n\r\n");
        let many = [&small, long.as_bytes()].concat();
        write("handshake_client", &format!("full-{len}"), &many);
    }
    let agreed = "HTTP/1.1 101 \r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
        Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n";
    let fields = [
        "",
        "Sec-WebSocket-Protocol: chat\r\n",
        "Sec-WebSocket-Protocol: a b\r\n",
        "Sec-WebSocket-Protocol: other\r\n",
        "Sec-WebSocket-Protocol: chat\r\nSec-WebSocket-Protocol: chat\r\n",
        "Sec-WebSocket-Extensions: permessage-deflate\r\n",
        "Sec-WebSocket-Extensions: permessage-deflate; a; b, y\r\n",
        "Sec-WebSocket-Extensions: permessage-deflate, x\r\n",
        "Sec-WebSocket-Extensions: x, y;a=1\r\n",
        "Sec-WebSocket-Extensions: y;a=b\r\n",
        "Sec-WebSocket-Extensions: y, y\r\n",
        "Sec-WebSocket-Extensions: z\r\n",
        "Sec-WebSocket-Extensions: ;\r\n",
        "Sec-WebSocket-Extensions:\r\n",
        "Transfer-Encoding: chunked\r\n",
    ];
    for (index, fields) in fields.iter().enumerate() {
        response(
            &format!("f{index}"),
            format!("{agreed}{fields}\r\n\x01").as_bytes(),
        );
    }
}

fn plain_requests() {
    let requests = [
        "GET /x HTTP/1.1\r\nHost: h\r\n\r\n",
        "HEAD /x HTTP/1.0\r\n\r\n",
        "HEAD /x HTTP/1.0\r\nHost: h h\r\n\r\n",
        "GET http://h:80/x HTTP/1.1\r\nHost: other\r\n\r\n",
        "GET ftp://h/ HTTP/1.1\r\nHost: other\r\n\r\n",
        "GET /x HTTP/2.0\r\nHost: h\r\n\r\n",
        "GET /x HTTP/1.1 \r\nHost: h\r\n\r\n",
        "GET /x HTTP/9\r\nHost: h\r\n\r\n",
        "GET  /x HTTP/1.1\r\nHost: h\r\n\r\n",
        "G\x01",
        "(",
        "\r\nGET /\u{e9}",
        "\r\n\r\n",
        "\n",
        "\r",
        "\rx",
        "GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: [::1]:x\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: []\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: [::1]x\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a%41b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a%4\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a:65536\r\n\r\n",
    ];
    for (index, plain) in requests.iter().enumerate() {
        request(&format!("p{index}"), plain.as_bytes());
        for decision in 0..4 {
            let settings = [2, 60, 6, decision, 5, 9, 1, 3];
            let id = format!("p{index}-d{decision}");
            write(
                "handshake_server",
                &id,
                &[&settings[..], plain.as_bytes()].concat(),
            );
        }
    }
    let good = "GET /chat HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n";
    let fields = [
        "",
        "Origin: https://h\r\n",
        "Origin: null\r\n",
        "Origin: gopher://h:7\r\n",
        "Origin: https://evil.example\r\n",
        "Origin: http://[::1]:80\r\n",
        "Origin: http://h\r\nOrigin: http://h\r\n",
        "Sec-WebSocket-Protocol: a, b\r\n",
        "Sec-WebSocket-Protocol: a, a\r\n",
        "Sec-WebSocket-Protocol:\r\n",
        "Sec-WebSocket-Extensions: x; y, z\r\n",
        "Content-Length: 0\r\n",
        "Transfer-Encoding: chunked\r\n",
    ];
    for (index, fields) in fields.iter().enumerate() {
        for decision in 0..8 {
            // The higher bits choose the refusal.
            let settings = [0, 60, 6, decision + 8 * (index % 4) as u8, 5, 9, 1, 3];
            let bytes = format!("{good}{fields}\r\n\x01\x02");
            let id = format!("g{index}-d{decision}");
            write(
                "handshake_server",
                &id,
                &[&settings[..], bytes.as_bytes()].concat(),
            );
        }
    }
}

/// More fields than are parsed at once.
fn many_fields() {
    let good = "Host: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n";
    let accepted = "Upgrade: websocket\r\nConnection: Upgrade\r\n\
        Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n";
    for count in [120, 128, 129, 140] {
        let many = "a:\r\n".repeat(count);
        for (index, last) in [
            "\r\n",
            "b\r\n\r\n",
            "(:\r\n\r\n",
            "b:\n\r\n",
            "b:\u{1}\r\n\r\n",
        ]
        .into_iter()
        .enumerate()
        {
            let asked = format!("GET / HTTP/1.1\r\n{many}{good}{last}");
            let flags = [0, 100, 150, 1, 5, 9, 1, 3];
            let id = format!("many{count}-{index}");
            let bytes = [&flags[..], asked.as_bytes()].concat();
            write("handshake_server", &id, &bytes);
            let answer = format!("HTTP/1.1 101 \r\n{many}{accepted}{last}");
            let flags = [0, 60, 6, 9, 1, 5, 9, 1, 3];
            let bytes = [&flags[..], answer.as_bytes()].concat();
            write("handshake_client", &id, &bytes);
        }
    }
    let bare = format!("GET / HTTP/1.1\n{}{good}\r\n", "a:\r\n".repeat(140));
    let flags = [0, 100, 150, 1, 5, 9, 1, 3];
    let bytes = [&flags[..], bare.as_bytes()].concat();
    write("handshake_server", "many-bare", &bytes);
}

/// Lines of fields: requests for `handshake_server`, answers for `handshake_client`.
fn extended_connects() {
    let good = [
        ":method:CONNECT",
        ":protocol:websocket",
        ":scheme:https",
        ":path:/chat?a",
        ":authority:example.com",
        "sec-websocket-version:13",
    ];
    let more = [
        "",
        "origin:https://example.com",
        "origin:https://evil.example",
        "origin:a\norigin:b",
        "host:EXAMPLE.com:443",
        "host:example.org",
        "host:a b",
        "host:[::1]",
        "connection:upgrade",
        "te:trailers",
        "te:gzip",
        "sec-websocket-key:x",
        "sec-websocket-protocol:a, b",
        "sec-websocket-protocol:a, a",
        "sec-websocket-extensions:x; y, z",
        "sec-websocket-extensions:;",
        "sec-websocket-version:13",
        "content-length:0",
        "content-length:1",
        ":path:/",
        ":status:200",
    ];
    for (index, more) in more.iter().enumerate() {
        let lines = [&good[..], &[more]].concat().join("\n");
        extended_request(&format!("c{index}"), &lines);
    }
    let other = [
        ":method:GET",
        ":protocol:connect-udp",
        ":scheme:wss",
        ":path:*",
        ":authority:u@h",
        "sec-websocket-version:8",
        ":scheme:http",
        ":authority:[::1]:8443",
        ":path:/\u{e9}",
        ":protocol:WebSocket",
        ":x:y",
    ];
    for (index, other) in other.iter().enumerate() {
        let name = other.trim_start_matches(':').split(':').next();
        for instead in [true, false] {
            let kept = good
                .iter()
                .copied()
                .filter(|line| !instead || line.trim_start_matches(':').split(':').next() != name);
            let lines: Vec<&str> = [*other].into_iter().chain(kept).collect();
            extended_request(&format!("c-{index}-{instead}"), &lines.join("\n"));
        }
        let without = good
            .iter()
            .filter(|line| line.trim_start_matches(':').split(':').next() != name);
        let lines: Vec<&str> = without.copied().collect();
        extended_request(&format!("c-{index}-none"), &lines.join("\n"));
    }
    let answers = [
        "200\nsec-websocket-protocol:chat\nsec-websocket-extensions:permessage-deflate",
        "204\nsec-websocket-extensions:y;a=1, x",
        "200\nsec-websocket-protocol:other",
        "200\nsec-websocket-protocol:chat\nsec-websocket-protocol:chat",
        "200\nsec-websocket-extensions:z",
        "200\nsec-websocket-accept:x",
        "200\nupgrade:websocket",
        "200\n:status:200",
        "200\na b:c",
        "200\na:b\rc",
        "101\na:b",
        "103\nlink:x",
        "99",
        "404\ncontent-type:text/plain\n\nno such room",
        "404\ncontent-length:4\n\nno such room",
        "304\na: b \n\nx",
        "500\ntransfer-encoding:chunked\n\n0",
    ];
    for (index, answer) in answers.iter().enumerate() {
        for flags in [0x80, 0x82, 0x84] {
            let settings = [flags, 61, 3, 5, 1, 5, 9, 1, 3];
            let id = format!("s{index}-{flags}");
            let bytes = [&settings[..], answer.as_bytes()].concat();
            write("handshake_client", &id, &bytes);
        }
    }
}

fn extended_request(id: &str, lines: &str) {
    for decision in [0, 7, 9] {
        let settings = [0x40, 60, 6, decision, 5, 9, 1, 3];
        let bytes = [&settings[..], lines.as_bytes()].concat();
        write("handshake_server", &format!("{id}-d{decision}"), &bytes);
    }
}

fn load(name: &str) -> Value {
    let text = fs::read_to_string(format!("{HOME}/../tests/data/{name}")).expect("the vectors");
    serde_json::from_str(&text).expect("JSON")
}

fn array<'v>(value: &'v Value, key: &str) -> &'v [Value] {
    value[key].as_array().expect("an array")
}

fn string<'v>(value: &'v Value, key: &str) -> &'v str {
    value[key].as_str().expect("a string")
}

fn hex(digits: &str) -> Vec<u8> {
    (0..digits.len() / 2)
        .map(|at| u8::from_str_radix(&digits[2 * at..2 * at + 2], 16).expect("hexadecimal"))
        .collect()
}

fn write(target: &str, id: &str, bytes: &[u8]) {
    let folder = format!("{HOME}/corpus/{target}");
    fs::create_dir_all(&folder).expect("a folder");
    fs::write(format!("{folder}/{}", id.replace('/', "_")), bytes).expect("a file");
}
