//! A room of peers of which some are slow.

use std::io::{BufReader, Read, Write};
use std::net::TcpStream;
use std::thread;

use crate::common::{Listening, collect, wsp};

const LINES: usize = 400;
const LINE: usize = 128 * 1024;

/// A peer that never reads.
fn deaf(url: &str) -> TcpStream {
    let address = url.trim_start_matches("ws://").trim_end_matches('/');
    let mut stream = TcpStream::connect(address).unwrap();
    let request = format!(
        "GET / HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 101");
    stream
}

fn wait_for(said: &mut impl std::io::BufRead, words: &str) -> String {
    let mut line = String::new();
    while !line.contains(words) {
        line.clear();
        assert!(said.read_line(&mut line).unwrap() > 0, "no {words:?}");
    }
    line
}

/// 50 MB go to two that read and one that does not: those who read have all of it.
#[test]
fn one_slow_peer_does_not_hold_up_the_others() {
    let mut server = Listening::start(&["-v"]);
    let held = deaf(&server.url);
    wait_for(&mut server.stderr, "peer 1 has come");
    let quick: Vec<_> = (0..2)
        .map(|_| {
            let count = LINES.to_string();
            let peer = wsp()
                .args(["-n", "-c", &count, &server.url])
                .spawn()
                .unwrap();
            thread::spawn(move || collect(peer))
        })
        .collect();
    // Numbers are given when peers connect, and handshakes end in any order.
    for _ in 0..2 {
        wait_for(&mut server.stderr, "has come");
    }
    let mut stdin = server.child.stdin.take().unwrap();
    let writing = thread::spawn(move || {
        let line = [vec![b'x'; LINE - 1], vec![b'\n']].concat();
        for _ in 0..LINES {
            stdin.write_all(&line).unwrap();
        }
    });
    let line = wait_for(&mut server.stderr, "too slow");
    assert!(
        line.contains("peer 1") && line.contains("16.00 MiB") && line.contains("--max-lag"),
        "{line}"
    );
    for peer in quick {
        let done = peer.join().unwrap();
        assert_eq!(
            (done.code, done.stdout.len()),
            (0, LINES * LINE),
            "{}",
            done.stderr
        );
    }
    writing.join().unwrap();
    drop(held);
    server.stop();
}

/// A peer alone, or the slowest of peers that all read, sets the pace.
#[test]
fn input_in_a_pipe_waits_for_those_who_read() {
    let mut server = Listening::start(&["-v", "--max-lag", "4M"]);
    let mut stdin = server.child.stdin.take().unwrap();
    let peer = wsp()
        .args(["-n", "-c", "200", &server.url])
        .spawn()
        .unwrap();
    wait_for(&mut server.stderr, "peer 1 has come");
    let writing = thread::spawn(move || {
        let line = [vec![b'x'; LINE - 1], vec![b'\n']].concat();
        for _ in 0..200 {
            stdin.write_all(&line).unwrap();
        }
    });
    // It does not read for a while.
    thread::sleep(std::time::Duration::from_millis(300));
    let done = collect(peer);
    assert_eq!(
        (done.code, done.stdout.len()),
        (0, 200 * LINE),
        "{}",
        done.stderr
    );
    writing.join().unwrap();
    server.stop();
}

/// What one peer says is echoed to it alone, however slow it is to read that.
#[test]
fn one_that_reads_no_echo_does_not_hold_up_the_others() {
    let server = Listening::start(&["--echo", "-n", "-o", "/dev/null"]);
    let mut held = deaf(&server.url);
    let frame = [
        &[0x82, 0xff, 0, 0, 0, 0, 0, 1, 0, 0, 1, 2, 3, 4][..],
        &[7; 65536],
    ]
    .concat();
    let writing = thread::spawn(move || {
        held.set_write_timeout(Some(std::time::Duration::from_secs(2)))
            .unwrap();
        while held.write_all(&frame).is_ok() {}
        held
    });
    for _ in 0..3 {
        let done = crate::common::run(&["-m", "hi", "--wait", "0.2", &server.url], b"");
        assert_eq!(done.text(), "hi\n", "{}", done.stderr);
    }
    drop(writing.join().unwrap());
    server.stop();
}

#[test]
fn a_message_that_is_too_big_names_the_option() {
    let server = Listening::start(&["-v", "-n", "--max-message", "1K"]);
    let done = crate::common::run(&["-m", &"x".repeat(2000), &server.url], b"");
    assert_eq!(done.code, 3);
    let mut said = BufReader::new(server.stderr);
    let line = wait_for(&mut said, "peer 1 is lost");
    assert!(
        line.contains("--max-message SIZE") && line.contains("1024 bytes"),
        "{line}"
    );
    let mut child = server.child;
    crate::common::interrupt(&child);
    child.wait().unwrap();
}
