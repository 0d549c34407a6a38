//! `--record`, `--show`, `--replay`, `--hostile`.

use std::fs;
use std::process::Stdio;

use crate::common::{Listening, collect, path, run, wsp};

#[test]
fn a_session_is_recorded_shown_and_played_again() {
    let (client, server) = (path("client.jsonl"), path("server.jsonl"));
    let (client, server) = (client.to_str().unwrap(), server.to_str().unwrap());
    let echo = Listening::start(&["--echo", "-z", "--once", "--record", server]);
    let long = "a long text that compresses, ".repeat(20);
    let url = echo.url.clone();
    let done = run(
        &[
            "-z", "-m", "hello", "-m", &long, "-c", "2", "--record", client, &url,
        ],
        b"",
    );
    assert_eq!(done.code, 0, "{}", done.stderr);
    echo.finish();
    for (file, lines) in [
        (
            client,
            [
                "stream of a client: wsp",
                "> GET / HTTP/1.1",
                "> text, masked ",
                "< text, 5 bytes: \"hello\"",
                "1000",
            ],
        ),
        (
            server,
            [
                "stream of a server: wsp",
                "< GET / HTTP/1.1",
                "< text, masked ",
                "> text, 5 bytes: \"hello\"",
                "1000",
            ],
        ),
    ] {
        let shown = run(&["--show", file], b"");
        assert_eq!(shown.code, 0, "{}", shown.stderr);
        for line in lines
            .into_iter()
            .chain([", compressed, ", ", inflated to 580: \"a long text"])
        {
            assert!(shown.text().contains(line), "{line}: {}", shown.text());
        }
        let replayed = run(&["--replay", file], b"");
        assert_eq!(replayed.code, 0, "{}", replayed.stderr);
        assert!(
            replayed.text().contains("all the same"),
            "{}",
            replayed.text()
        );
    }
    // Another text was sent than the engine says.
    let text = fs::read_to_string(server).unwrap();
    let changed = text.replace("gQVoZWxsbw", "gQVoZWxsbQ");
    assert_ne!(changed, text);
    fs::write(server, changed.replace("\"gQ", "\"kQ")).unwrap();
    let replayed = run(&["--replay", server], b"");
    assert_eq!(replayed.code, 3, "{}", replayed.text());
}

#[test]
fn what_is_no_recording_is_named() {
    let missing = run(&["--show", "/nowhere/at-all.jsonl"], b"");
    assert_eq!(missing.code, 1);
    assert!(
        missing
            .stderr
            .contains("/nowhere/at-all.jsonl cannot be read as a recording")
    );
    let file = path("wrong.jsonl");
    fs::write(&file, "hello\n").unwrap();
    let wrong = run(&["--replay", file.to_str().unwrap()], b"");
    assert_eq!(wrong.code, 1);
    assert!(wrong.stderr.contains("line 1"), "{}", wrong.stderr);
    let unwritten = run(
        &["--record", "/nowhere/x.jsonl", "-m", "x", "127.0.0.1:1"],
        b"",
    );
    assert_eq!(unwritten.code, 1);
    assert!(
        unwritten
            .stderr
            .contains("--record /nowhere/x.jsonl cannot be written")
    );
}

#[test]
fn an_old_recording_is_kept_until_there_is_a_connection() {
    let file = path("old.jsonl");
    let old = "a recording of yesterday, ".repeat(400);
    fs::write(&file, &old).unwrap();
    let record = |url: &str| run(&["--record", file.to_str().unwrap(), "-m", "new", url], b"");
    assert_eq!(record("127.0.0.1:1").code, 2);
    assert_eq!(fs::read_to_string(&file).unwrap(), old);
    let echo = Listening::start(&["--echo", "--once"]);
    let url = echo.url.clone();
    assert_eq!(record(&url).code, 0);
    echo.finish();
    let shown = run(&["--show", file.to_str().unwrap()], b"");
    assert!(shown.text().contains("\"new\""), "{}", shown.text());
    assert!(!fs::read_to_string(&file).unwrap().contains("yesterday"));
}

#[test]
fn each_connection_has_its_own_recording() {
    let file = path("many.jsonl");
    let second = path("many-2.jsonl");
    let echo = Listening::start(&["--echo", "--record", file.to_str().unwrap()]);
    for text in ["first", "second"] {
        let done = run(&["-m", text, "-c", "1", &echo.url], b"");
        assert_eq!(done.code, 0, "{}", done.stderr);
    }
    echo.stop();
    for (file, text) in [(&file, "first"), (&second, "second")] {
        let shown = run(&["--show", file.to_str().unwrap()], b"");
        assert!(
            shown.text().contains(&format!("\"{text}\"")),
            "{}",
            shown.text()
        );
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_is_reported_and_the_session_goes_on() {
    let echo = Listening::start(&["--echo"]);
    let done = run(
        &["--record", "/dev/full", "-m", "hello", "-c", "1", &echo.url],
        b"",
    );
    echo.stop();
    assert_eq!((done.code, done.text()), (0, "hello\n"), "{}", done.stderr);
    let words = "the rest of this connection is not recorded: No space left";
    assert_eq!(done.stderr.matches(words).count(), 1, "{}", done.stderr);
}

#[test]
#[cfg(unix)]
fn a_recording_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;

    let file = path("own.jsonl");
    let _ = fs::remove_file(&file);
    let url = "ws://127.0.0.1:1/";
    run(&["--record", file.to_str().unwrap(), "-m", "x", url], b"");
    let mode = fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_misbehaving_client_tries_every_address_of_a_host() {
    // `localhost` is ::1 first, on many machines; a program listens on 127.0.0.1 only.
    let echo = Listening::start(&["--echo"]);
    let (_, port) = echo.url.trim_end_matches('/').rsplit_once(':').unwrap();
    let done = run(
        &["--hostile", "bad-utf8", &format!("localhost:{port}")],
        b"",
    );
    echo.stop();
    assert_eq!(done.code, 0, "{}", done.stderr);
}

#[test]
fn ways_to_misbehave_are_listed() {
    let done = run(&["--hostile", "list"], b"");
    assert_eq!(done.code, 0, "{}", done.stderr);
    let lines = done.text().lines().count();
    assert!(lines > 80, "{lines}");
    for (args, words) in [
        (&["--hostile", "x", ":1"][..], "--hostile x is not known"),
        (&["--hostile", "bomb"], "needs a URL"),
        (&["--hostile", "no-key", "--listen", "0"], "is for clients"),
        (&["--hostile", "wrong-accept", ":1"], "is for servers"),
        (&["--hostile", "bomb", "wss://h/"], "ws over TCP only"),
        (
            &["--hostile", "bomb", "127.0.0.1:1"],
            "127.0.0.1:1 cannot be reached",
        ),
    ] {
        let done = run(args, b"");
        assert!(done.code == 1 || done.code == 2, "{args:?}");
        assert!(done.stderr.contains(words), "{args:?}: {}", done.stderr);
    }
}

#[test]
fn a_hostile_client_and_what_the_server_does() {
    let echo = Listening::start(&["--echo", "-z"]);
    for name in [
        "bad-utf8",
        "wrong-mask",
        "huge-frame",
        "bomb",
        "no-key",
        "burst",
        "end-in-frame",
        "foreign-origin",
    ] {
        let done = run(&["--hostile", name, &echo.url], b"");
        assert_eq!(done.code, 0, "{name}: {} {}", done.text(), done.stderr);
        assert!(
            done.text().ends_with("1 passed, 0 failed, 0 skipped\n"),
            "{}",
            done.text()
        );
    }
    assert_eq!(echo.stop().code, 0);
}

#[test]
fn a_hostile_server_and_what_the_client_does() {
    for (name, code) in [
        ("wrong-accept", 2),
        ("bad-utf8", 3),
        ("end-in-frame", 3),
        ("trickle", 0),
    ] {
        let hostile = Listening::start(&["--hostile", name, "--once"]);
        let client = wsp()
            .args(["-m", "hello", "-c", "1", &hostile.url])
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        let done = collect(client);
        assert_eq!(done.code, code, "{name}: {}", done.stderr);
        let done = hostile.finish();
        assert_eq!(done.code, 0, "{name}: {} {}", done.text(), done.stderr);
    }
}

#[test]
fn a_server_that_does_not_do_what_it_should_is_reported() {
    // It takes every byte, and says nothing.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}/", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
        std::io::Write::write_all(&mut stream, answer).unwrap();
    });
    let done = run(&["--hostile", "no-key", "-v", &url], b"");
    assert_eq!(done.code, 3, "{}", done.text());
    assert!(
        done.text()
            .contains("failed: no-key: it answered with 200; expected: it refuses, with 400")
    );
    assert!(
        done.text().contains("a head: HTTP/1.1 200 OK"),
        "{}",
        done.text()
    );
}
