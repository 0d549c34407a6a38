//! The server, with the client as its peer.

use crate::common::{Listening, collect, finish, noise, path, run, wsp};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;

#[test]
fn echo_says_everything_back_and_prints_it() {
    let server = Listening::start(&["--echo"]);
    let done = run(&[&server.url], b"one\ntwo\n");
    assert_eq!((done.code, done.text()), (0, "one\ntwo\n"));
    let bytes = noise(5 << 20);
    let from = path("to-echo");
    std::fs::write(&from, &bytes).unwrap();
    let to = path("from-echo");
    let (from, to) = (from.to_str().unwrap(), to.to_str().unwrap());
    // What the server prints has to be read.
    let mut server = server;
    let mut stdout = server.child.stdout.take().unwrap();
    let printing = std::thread::spawn(move || {
        let mut all = Vec::new();
        stdout.read_to_end(&mut all).unwrap();
        all
    });
    let done = run(&["-f", from, "-o", to, &server.url], b"");
    assert_eq!(done.code, 0, "{}", done.stderr);
    assert!(std::fs::read(to).unwrap() == bytes);
    assert_eq!(server.stop().code, 0);
    let printed = printing.join().unwrap();
    assert!(printed == [b"one\ntwo\n", &bytes[..]].concat());
}

#[test]
fn input_in_a_pipe_waits_for_the_first_peer() {
    let mut server = Listening::start(&["--once"]);
    let mut stdin = server.child.stdin.take().unwrap();
    stdin.write_all(b"welcome\nsit down\n").unwrap();
    drop(stdin);
    let done = run(&["-c", "2", "-m", "thanks", &server.url], b"");
    assert_eq!((done.code, done.text()), (0, "welcome\nsit down\n"));
    let done = server.finish();
    assert_eq!((done.code, done.text()), (0, "thanks\n"));
}

#[test]
fn what_is_typed_goes_to_all_peers() {
    let mut server = Listening::start(&[]);
    let mut stdin = server.child.stdin.take().unwrap();
    let mut printed = BufReader::new(server.child.stdout.take().unwrap());
    let peers: Vec<_> = (0..10)
        .map(|i| {
            let hello = format!("hello from {i}");
            let mut peer = wsp();
            let peer = peer.args(["-m", &hello, "-c", "1", &server.url]);
            let peer = peer.spawn().unwrap();
            let mut line = String::new();
            printed.read_line(&mut line).unwrap();
            assert_eq!(line, format!("{hello}\n"));
            peer
        })
        .collect();
    stdin.write_all(b"to all of you\n").unwrap();
    for peer in peers {
        let done = finish(peer, b"");
        assert_eq!((done.code, done.text()), (0, "to all of you\n"));
    }
    drop(stdin);
    assert_eq!(server.stop().code, 0);
}

#[test]
fn count_ends_a_server_too() {
    let server = Listening::start(&["-n", "-c", "2", "-o", path("two").to_str().unwrap()]);
    let done = run(
        &["-b", "-m", "one", "-m", "two", "-m", "three", &server.url],
        b"",
    );
    assert!([0, 4].contains(&done.code), "{}", done.stderr);
    assert_eq!(server.finish().code, 0);
    assert_eq!(std::fs::read(path("two")).unwrap(), b"onetwo");
    let server = Listening::start(&["-n", "-c", "2", "--once"]);
    let done = run(&["--wait", "0", "-m", "one", &server.url], b"");
    assert_eq!(done.code, 0, "{}", done.stderr);
    assert_eq!(server.finish().code, 4);
}

#[test]
fn ctrl_c_tells_the_peers() {
    let server = Listening::start(&["-n"]);
    let mut peer = wsp();
    let mut peer = peer.args(["-v", "-n", &server.url]).spawn().unwrap();
    let mut said = BufReader::new(peer.stderr.take().unwrap());
    let mut line = String::new();
    said.read_line(&mut line).unwrap();
    assert!(line.starts_with("wsp: connected to "), "{line}");
    assert_eq!(server.stop().code, 0);
    let mut rest = String::new();
    said.read_to_string(&mut rest).unwrap();
    assert!(
        rest.ends_with("wsp: closed with 1001, going away\n"),
        "{rest}"
    );
    assert_eq!(collect(peer).code, 0);
}

#[test]
fn subprotocols_headers_and_compression_are_answered() {
    let server = Listening::start(&["-s", "two", "-H", "X-Room: 7", "-z", "--echo", "-v"]);
    let args = [
        "-s",
        "one",
        "-s",
        "two",
        "-z",
        "-v",
        "-m",
        "hi",
        &server.url,
    ];
    let done = run(&args, b"");
    assert_eq!((done.code, done.text()), (0, "hi\n"));
    assert!(done.stderr.contains(", subprotocol two, compressed\n"));
    assert!(done.stderr.contains("X-Room: 7\n"), "{}", done.stderr);
    let done = run(&["-v", "-m", "hi", &server.url], b"");
    assert!(done.code == 0 && !done.stderr.contains("compressed"));
    let said = server.stop().stderr;
    assert!(said.contains("peer 1 has come") && said.contains("peer 2 has left with 1000"));
}

#[test]
fn pages_of_other_sites_are_refused_unless_named() {
    let server = Listening::start(&["--origin", "https://app.example", "--echo", "-n"]);
    let asked = |origin| run(&["--origin", origin, "-m", "hi", &server.url], b"");
    assert_eq!(asked("https://app.example").text(), "hi\n");
    let same = server.url.replace("ws:", "http:");
    assert_eq!(asked(same.trim_end_matches('/')).text(), "hi\n");
    let done = asked("https://evil.example");
    assert_eq!(done.code, 2);
    assert!(done.stderr.contains("refused with status 403"));
    server.stop();
}

/// The status for a page that reaches the server on this machine by the name of this host.
fn status_for(host: &str, port: &str) -> String {
    let mut stream = TcpStream::connect(format!("127.0.0.1:{port}")).unwrap();
    let request = format!(
        "GET / HTTP/1.1\r\nHost: {host}:{port}\r\nOrigin: http://{host}:{port}\r\n\
         Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).unwrap();
    String::from_utf8_lossy(&answer)
        .strip_prefix("HTTP/1.1 ")
        .unwrap()
        .to_owned()
}

/// A site can give its own name the address of this machine. Its page and the server then seem to be of
/// the same host.
#[test]
fn a_server_on_this_machine_is_not_reached_by_the_name_of_a_site() {
    let server = Listening::start(&["--echo", "-n"]);
    let port = server.url.trim_end_matches('/').rsplit(':').next().unwrap();
    for (host, status) in [
        ("evil.example", "403"),
        ("localhost", "101"),
        ("127.0.0.1", "101"),
    ] {
        assert_eq!(status_for(host, port), status, "{host}");
    }
    server.stop();
}

#[test]
fn an_origin_that_cannot_match_is_a_wrong_argument() {
    for origin in ["https://app.example/", "app.example", "*"] {
        let done = run(&["--listen", "127.0.0.1:0", "--origin", origin], b"");
        assert_eq!(done.code, 1, "{}", done.stderr);
        assert!(done.stderr.contains("cannot match"), "{}", done.stderr);
    }
}

#[test]
fn a_request_that_is_none_does_no_harm() {
    let server = Listening::start(&["--echo", "-n"]);
    let address = server.url.trim_start_matches("ws://").trim_end_matches('/');
    let mut stream = TcpStream::connect(address).unwrap();
    stream
        .write_all(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 4"), "{answer}");
    assert_eq!(
        run(&["-m", "still here", &server.url], b"").text(),
        "still here\n"
    );
    server.stop();
}

#[test]
fn an_address_in_use_is_an_error() {
    let server = Listening::start(&["-n"]);
    let address = server
        .url
        .trim_start_matches("ws://")
        .trim_end_matches('/')
        .to_owned();
    let done = run(&["--listen", &address], b"");
    assert_eq!(done.code, 2);
    assert!(
        done.stderr.contains("cannot be listened on"),
        "{}",
        done.stderr
    );
    assert_eq!(run(&["--listen", "here"], b"").code, 1);
    server.stop();
}

#[test]
fn output_that_nobody_reads_stops_nobody() {
    // Far more than a pipe holds is waiting to be printed.
    let server = Listening::start(&["--echo", "-n"]);
    let from = path("unread");
    std::fs::write(&from, noise(1 << 20)).unwrap();
    let to = path("unread-back");
    let (from, to) = (from.to_str().unwrap(), to.to_str().unwrap());
    for _ in 0..3 {
        let done = run(&["-f", from, "-o", to, &server.url], b"");
        assert_eq!(done.code, 0, "{}", done.stderr);
        assert!(std::fs::read(to).unwrap() == noise(1 << 20));
    }
    let done = run(&["--ping", "--ping-count", "1", &server.url], b"");
    assert_eq!(done.code, 0, "{}", done.stderr);
    let done = server.stop();
    assert!(done.code == 0 && done.stdout == noise(1 << 20).repeat(3));
}

/// Who listens on all addresses listens on that of this machine too.
#[test]
fn a_server_on_all_addresses_is_on_this_machine_too() {
    let server = Listening::start_at("0.0.0.0:0", &["--echo", "-n"]);
    let port = server.url.trim_end_matches('/').rsplit(':').next().unwrap();
    assert_eq!(status_for("evil.example", port), "403");
    assert_eq!(status_for("localhost", port), "101");
    server.stop();
}

/// As clients take it.
#[test]
fn a_port_after_a_colon_is_one_of_this_machine() {
    let server = Listening::start_at(":0", &["--echo", "-n"]);
    assert!(server.url.starts_with("ws://127.0.0.1:"), "{}", server.url);
    server.stop();
}

/// What a person may copy into a shell is not written by a peer.
#[test]
fn an_origin_that_is_no_word_is_not_suggested() {
    let server = Listening::start(&["-n"]);
    for origin in ["https://evil.example:1", "https://evil.example;reboot"] {
        let done = run(&["--origin", origin, &server.url], b"");
        assert_eq!(done.code, 2, "{}", done.stderr);
    }
    let said = server.stop().stderr;
    let lines: Vec<&str> = said.lines().collect();
    let start = "wsp: a page of another site was refused: ";
    assert_eq!(
        lines,
        [
            format!("{start}--origin https://evil.example:1 lets it in"),
            format!("{start}its origin is \"https://evil.example;reboot\""),
        ]
    );
}
