//! How messages are cut from the input, and how they are separated in the output.

use std::io::{Read, Write};
use std::time::Duration;

use ws_proto_tokio::{CloseCode, Fin, Message, accept};

use crate::common::{Listening, echo, path, run, serve, wsp};

#[test]
fn a_line_without_end_is_refused_before_it_fills_the_memory() {
    for arg in ["", "--listen"] {
        let mut command = wsp();
        match arg {
            "" => command.arg(echo()),
            _ => command.args(["--listen", "127.0.0.1:0"]),
        };
        let mut child = command.spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let mut stderr = child.stderr.take().unwrap();
        let mut peer = None;
        if arg == "--listen" {
            // Input waits for the first peer.
            let mut line = Vec::new();
            let mut byte = [0];
            while byte != [b'\n'] {
                stderr.read_exact(&mut byte).unwrap();
                line.push(byte[0]);
            }
            let line = String::from_utf8(line).unwrap();
            let url = line.trim().strip_prefix("wsp: listening on ").unwrap();
            peer = Some(wsp().args(["-n", url]).spawn().unwrap());
        }
        let writing = std::thread::spawn(move || {
            let part = vec![b'a'; 1 << 20];
            stdin.write_all(b"fine\n").unwrap();
            (0..200)
                .take_while(|_| stdin.write_all(&part).is_ok())
                .count()
        });
        let mut said = String::new();
        stderr.read_to_string(&mut said).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(1), "{said}");
        assert!(
            said.contains("line 2 of the input is longer than 16 MiB"),
            "{said}"
        );
        assert!(said.contains("-f -"), "{said}");
        // Neither all of it was read nor held.
        assert!(writing.join().unwrap() < 30);
        if let Some(peer) = peer {
            crate::common::collect(peer);
        }
    }
    // What is shorter is one message.
    let line = "b".repeat(10 << 20);
    let done = run(&[&echo()], line.as_bytes());
    assert!(done.code == 0 && done.text().len() == line.len() + 1);
}

#[test]
fn null_bytes_end_messages_both_ways() {
    let url = echo();
    let done = run(&["-0", &url], b"a\nb\0c\r\n\0\0last");
    assert_eq!((done.code, done.text()), (0, "a\nb\0c\r\n\0\0last\0"));
    let done = run(&["--null", "-b", &url], b"\xff\n\0x\0");
    assert_eq!((done.code, &done.stdout[..]), (0, &b"\xff\n\0x\0"[..]));
    let done = run(&["-0", &url], b"a\0\xff\0");
    assert!(
        done.stderr.contains("message 2 of the input is not UTF-8"),
        "{}",
        done.stderr
    );
}

/// The lines of the output, each without its time.
fn objects(text: &str) -> Vec<serde_json::Value> {
    let lines = text.lines();
    lines
        .map(|line| {
            let mut object: serde_json::Value = serde_json::from_str(line).unwrap();
            let time = object.as_object_mut().unwrap().remove("time").unwrap();
            let time = time.as_str().unwrap().to_owned();
            assert!(time.len() == 24 && time.ends_with('Z'), "{time}");
            object
        })
        .collect()
}

#[test]
fn json_is_an_object_a_line() {
    let address = serve(|stream| async {
        let mut socket = accept(stream).await.unwrap();
        socket.ping(b"there").await.unwrap();
        while let Some(Ok(message)) = socket.next().await {
            socket.send(message).await.unwrap();
            socket.send(Message::binary(&b"\xff\0"[..])).await.unwrap();
            let _ = socket.start_close(CloseCode::NORMAL, "b\u{fc}e \"now\"\n\u{202e}");
        }
    });
    let done = run(
        &["--json", "-m", "a\nb\u{200b}", &format!("ws://{address}/")],
        b"",
    );
    assert_eq!(done.code, 0, "{}", done.stderr);
    assert!(
        !done.text().contains(['\u{200b}', '\u{202e}']),
        "{}",
        done.text()
    );
    let mut objects = objects(done.text());
    // Sent and received messages are two orders.
    let ping = objects
        .iter()
        .position(|object| object["type"] == "ping")
        .unwrap();
    let ping = objects.remove(ping);
    assert_eq!(
        ping,
        serde_json::json!({"direction": "received", "type": "ping", "base64": "dGhlcmU="})
    );
    let expected = serde_json::json!([
        {"direction": "sent", "type": "text", "text": "a\nb\u{200b}"},
        {"direction": "received", "type": "text", "text": "a\nb\u{200b}"},
        {"direction": "received", "type": "binary", "base64": "/wA="},
        {"direction": "received", "type": "close", "code": 1000, "reason": "b\u{fc}e \"now\"\n\u{202e}"},
    ]);
    assert_eq!(serde_json::Value::from(objects), expected);
}

#[test]
fn json_has_what_was_sent_and_pongs() {
    let from = path("json-file");
    std::fs::write(&from, b"\xff\xfe\0").unwrap();
    let from = from.to_str().unwrap();
    let done = run(&["--json", "-f", from, &echo()], b"");
    let shown = objects(done.text());
    assert!(shown.contains(
        &serde_json::json!({"direction": "sent", "type": "binary", "file": from, "bytes": 3})
    ));
    assert!(shown.contains(
        &serde_json::json!({"direction": "received", "type": "binary", "base64": "//4A"})
    ));
    assert!(shown.contains(
        &serde_json::json!({"direction": "sent", "type": "close", "code": 1000, "reason": ""})
    ));
    assert!(shown.contains(
        &serde_json::json!({"direction": "received", "type": "close", "code": 1000, "reason": ""})
    ));
    let done = run(&["--json", "--ping=x", "--ping-count", "1", &echo()], b"");
    let shown = objects(done.text());
    assert_eq!(
        shown[0],
        serde_json::json!({"direction": "sent", "type": "ping", "base64": "eA=="})
    );
    assert_eq!(
        (&shown[1]["type"], &shown[1]["base64"]),
        (&"pong".into(), &"eA==".into())
    );
    assert!(shown[1]["ms"].is_f64());
}

#[test]
fn json_of_a_room_says_which_peer() {
    let mut server = Listening::start(&["--json", "--once", "--echo"]);
    let mut stdin = server.child.stdin.take().unwrap();
    let peer = wsp()
        .args(["-c", "2", "-m", "hi", &server.url])
        .spawn()
        .unwrap();
    std::thread::sleep(Duration::from_millis(300));
    stdin.write_all(b"welcome\n").unwrap();
    assert_eq!(crate::common::collect(peer).text(), "hi\nwelcome\n");
    let done = server.finish();
    let shown = objects(done.text());
    for expected in [
        serde_json::json!({"direction": "received", "peer": 1, "type": "text", "text": "hi"}),
        serde_json::json!({"direction": "sent", "peer": 1, "type": "text", "text": "hi"}),
        serde_json::json!({"direction": "sent", "type": "text", "text": "welcome"}),
        serde_json::json!({"direction": "sent", "type": "close", "code": 1001, "reason": ""}),
        serde_json::json!({"direction": "received", "peer": 1, "type": "close", "code": 1000, "reason": ""}),
    ] {
        assert!(shown.contains(&expected), "{expected} in {}", done.text());
    }
}

#[test]
fn pings_and_pongs_are_shown_with_verbose() {
    let address = serve(|stream| async {
        let mut socket = accept(stream).await.unwrap();
        socket.ping(b"there").await.unwrap();
        socket.pong(b"by itself").await.unwrap();
        let _ = socket.close(CloseCode::NORMAL, "").await;
    });
    let url = format!("ws://{address}/");
    let done = run(&["-v", "-n", &url], b"");
    assert!(
        done.stderr.contains("wsp: ping \"there\"\n"),
        "{}",
        done.stderr
    );
    assert!(
        done.stderr.contains("wsp: pong \"by itself\"\n"),
        "{}",
        done.stderr
    );
    assert_eq!(run(&["-n", &url], b"").stderr, "");
}

/// The first connection is lost in the middle of a message.
fn cut_in_the_middle() -> String {
    let is_first = std::sync::atomic::AtomicBool::new(true);
    let address = serve(move |stream| {
        let is_first = is_first.swap(false, std::sync::atomic::Ordering::SeqCst);
        async move {
            let mut socket = accept(stream).await.unwrap();
            if is_first {
                let _ = socket.send_text_part("first half", Fin::No).await;
                let _ = socket.flush().await;
            } else {
                socket.send("whole").await.unwrap();
                let _ = socket.close(CloseCode::NORMAL, "").await;
            }
        }
    });
    format!("ws://{address}/")
}

/// What comes after a message that is cut off is not taken for the rest of it.
#[test]
fn a_message_that_is_cut_off_ends_where_it_is_cut() {
    for (args, expected) in [
        (&["-n", "--retry"][..], "first half\nwhole\n"),
        (&["-n", "--retry", "-0"], "first half\0whole\0"),
        (&["-n"], "first half\n"),
    ] {
        let done = run(&[args, &[&cut_in_the_middle()]].concat(), b"");
        assert_eq!(done.text(), expected, "{args:?}");
        let words = "wsp: the connection broke: ";
        assert!(done.stderr.starts_with(words), "{}", done.stderr);
        assert_eq!(done.code, if args.len() == 1 { 3 } else { 0 });
    }
}

#[test]
fn a_message_may_begin_with_a_dash() {
    let done = run(
        &[
            "-m",
            "- an item",
            "-m",
            "-5",
            "--message",
            "--help",
            &echo(),
        ],
        b"",
    );
    assert_eq!(
        (done.code, done.text()),
        (0, "- an item\n-5\n--help\n"),
        "{}",
        done.stderr
    );
}

/// The file with an earlier output is as it was when nothing can come.
#[test]
fn a_wrong_command_line_leaves_the_output_file_alone() {
    let kept = path("kept");
    std::fs::write(&kept, "kept").unwrap();
    let file = kept.to_str().unwrap();
    for args in [
        &["-n", "--ca", "/nonexistent/ca.pem", "wss://localhost/"][..],
        &["--listen", "127.0.0.1:0", "--cert", "/nonexistent/cert.pem"],
    ] {
        let done = run(&[args, &["-o", file]].concat(), b"");
        assert_eq!(done.code, 1, "{}", done.stderr);
        assert_eq!(std::fs::read(&kept).unwrap(), b"kept", "{args:?}");
    }
}

/// wsp sends Pings of its own with this payload.
#[test]
fn a_ping_may_have_any_payload() {
    let ping = "--ping=wsp: silent?";
    let done = run(&[ping, "--ping-count", "1", "--timeout", "5", &echo()], b"");
    assert_eq!(done.code, 0, "{}", done.stderr);
    assert!(
        done.text().starts_with("pong \"wsp: silent?\" "),
        "{}",
        done.text()
    );
}
