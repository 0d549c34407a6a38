//! The client against servers in this process.

use crate::common::{collect, echo, finish, interrupt, noise, path, run, serve, unanswering, wsp};
use std::io::{BufRead, BufReader, Read};
use std::process::Stdio;
use std::time::Duration;
use ws_proto_tokio::{
    Accept, Acceptor, CloseCode, Deflate, Event, Message, Options, OriginPolicy, PlainResponse,
    accept, accept_with, read_request,
};

#[test]
fn lines_are_messages_and_messages_are_lines() {
    let done = run(&[&echo()], "one\ntwo \u{20ac}\r\n\nfour".as_bytes());
    assert_eq!(done.text(), "one\ntwo \u{20ac}\n\nfour\n");
    assert_eq!((done.code, done.stderr.as_str()), (0, ""));
}

#[test]
fn messages_of_the_command_line_go_without_standard_input() {
    let done = run(&["-m", "one", "-m", "two", &echo()], b"three\n");
    assert_eq!((done.code, done.text()), (0, "one\ntwo\n"));
}

#[test]
fn binary_messages_are_printed_as_they_came() {
    let url = echo();
    let done = run(&["--binary", &url], b"\xff\x00\n\x01\n");
    assert_eq!((done.code, &done.stdout[..]), (0, &b"\xff\x00\x01"[..]));
    let done = run(&[&url], b"fine\n\xff\n");
    assert_eq!((done.code, done.text()), (1, "fine\n"));
    assert!(done.stderr.contains("line 2 of the input is not UTF-8"));
}

#[test]
fn a_file_comes_back_as_it_was() {
    let (from, to) = (path("sent"), path("received"));
    let bytes = noise(5 << 20);
    std::fs::write(&from, &bytes).unwrap();
    let (from, to) = (from.to_str().unwrap(), to.to_str().unwrap());
    let url = echo();
    for compress in [false, true] {
        let mut args = vec!["-f", from, "-o", to, &url];
        if compress {
            args.push("--compress");
        }
        let done = run(&args, b"");
        assert_eq!((done.code, done.stdout.len()), (0, 0), "{}", done.stderr);
        assert!(std::fs::read(to).unwrap() == bytes);
    }
    let done = run(&["-f", from, &url], b"");
    assert!(done.code == 0 && done.stdout == bytes);
    let done = run(&["-f", "-", &url], &bytes);
    assert!(done.code == 0 && done.stdout == bytes);
}

/// Servers bound the number of frames of a message.
#[test]
fn a_big_file_is_sent_in_few_frames() {
    let address = serve(|stream| async {
        let config = ws_proto_tokio::Config::new()
            .max_message(1 << 30)
            .max_frame(1 << 30)
            .max_fragments(256);
        let acceptor = Acceptor::new().options(Options::new().config(config));
        let mut socket = accept_with(stream, acceptor).await.unwrap();
        let mut len = 0;
        while let Some(Ok(piece)) = socket.next_piece().await {
            len += piece.data.len();
            if piece.last {
                socket.send(format!("{len}")).await.unwrap();
            }
        }
    });
    let from = path("in-few-frames");
    std::fs::File::create(&from)
        .unwrap()
        .set_len(50 << 20)
        .unwrap();
    let url = format!("ws://{address}/");
    let done = run(&["-f", from.to_str().unwrap(), &url], b"");
    assert_eq!(
        (done.code, done.text()),
        (0, "52428800\n"),
        "{}",
        done.stderr
    );
}

#[test]
fn a_text_file_is_cut_between_characters() {
    let text = "\u{20ac}\u{1f600}a".repeat(50_000);
    let from = path("text");
    std::fs::write(&from, &text).unwrap();
    let url = echo();
    let done = run(&["--text", "-f", from.to_str().unwrap(), &url], b"");
    assert!(done.code == 0 && done.text() == text + "\n");
    let wrong = path("wrong");
    std::fs::write(&wrong, b"abc\xff").unwrap();
    let done = run(&["--text", "-f", wrong.to_str().unwrap(), &url], b"");
    assert_eq!(done.code, 1);
    assert!(done.stderr.contains("is not UTF-8"), "{}", done.stderr);
}

#[test]
fn files_that_cannot_be_used_are_errors_of_usage() {
    let url = echo();
    for args in [
        &["-f", "/does/not/exist", &url][..],
        &["-o", "/does/not/exist", &url],
    ] {
        let done = run(args, b"");
        assert_eq!(done.code, 1, "{args:?}");
        assert!(done.stderr.contains("/does/not/exist cannot be"));
    }
}

#[test]
fn pings_are_sent_and_timed() {
    let args = [
        "--ping=are you there",
        "--ping-count",
        "3",
        "--ping-interval",
        "0.01",
    ];
    let done = run(&[&args[..], &[&echo()]].concat(), b"");
    let lines: Vec<&str> = done.text().lines().collect();
    assert_eq!((done.code, lines.len()), (0, 3), "{}", done.text());
    for line in lines {
        assert!(line.starts_with("pong \"are you there\" ") && line.ends_with(" ms"));
    }
}

#[test]
fn a_ping_that_nobody_answers_is_an_error() {
    let address = serve(|stream| async {
        let config = ws_proto_tokio::Config::new().manual_pong(true);
        let acceptor = Acceptor::new().options(Options::new().config(config));
        let mut socket = accept_with(stream, acceptor).await.unwrap();
        while let Some(Ok(Event::Ping(_))) = socket.next_event().await {}
    });
    let url = format!("ws://{address}/");
    let done = run(
        &["--ping", "--ping-count", "1", "--timeout", "2", &url],
        b"",
    );
    assert_eq!(done.code, 3);
    assert!(done.stderr.contains("no answer to a Ping within 2 s"));
}

#[test]
fn the_handshake_says_what_it_was_told_to() {
    let address = serve(|stream| async {
        let incoming = read_request(stream, Options::new()).await.unwrap();
        let request = incoming.request().clone();
        let field = |name| request.headers().get(name).map(String::from_utf8_lossy);
        let said = format!(
            "{} {:?} {:?} {:?}",
            request.target(),
            field("X-Token").unwrap(),
            field("Origin").unwrap(),
            request.subprotocols().collect::<Vec<_>>(),
        );
        let accept = Accept::new()
            .subprotocol("two")
            .origins(OriginPolicy::any())
            .headers(&[("X-Room", b"7")]);
        let mut socket = incoming.accept(&accept).await.unwrap();
        socket.send(said).await.unwrap();
        socket
            .close(CloseCode::NORMAL, "that is all")
            .await
            .unwrap();
    });
    let url = format!("ws://{address}/chat?room=1");
    let mut args = vec![
        "-n",
        "-v",
        "-H",
        "X-Token: a:b",
        "--origin",
        "https://example.com",
    ];
    args.extend(["-s", "one", "-s", "two", &url]);
    let done = run(&args, b"");
    let expected = "/chat?room=1 \"a:b\" \"https://example.com\" [\"one\", \"two\"]\n";
    assert_eq!((done.code, done.text()), (0, expected));
    assert!(
        done.stderr
            .contains(&format!("connected to {url}, subprotocol two"))
    );
    assert!(done.stderr.contains("X-Room: 7"));
    assert!(done.stderr.contains("closed with 1000 (that is all)"));
}

#[test]
fn what_the_handshake_cannot_say_is_wrong_usage() {
    let url = echo();
    let done = run(&["-H", "no colon", &url], b"");
    assert_eq!(done.code, 1, "{}", done.stderr);
    for args in [&["ftp://example.com/"][..], &[], &["-c", "x", "ws://h/"]] {
        assert_eq!(run(args, b"").code, 1, "{args:?}");
    }
}

#[test]
fn refusals_are_shown() {
    let address = serve(|stream| async {
        let incoming = read_request(stream, Options::new()).await.unwrap();
        let away = [("Location", &b"wss://example.com/new"[..])];
        let reply = match incoming.request().path() {
            "/old" => PlainResponse::new(301).headers(&away),
            _ => PlainResponse::new(403).body(b"members only \x1b[31m"),
        };
        incoming.respond(&reply).await.unwrap();
    });
    let done = run(&[&format!("ws://{address}/")], b"");
    assert_eq!((done.code, done.text()), (2, ""));
    assert!(done.stderr.starts_with("wsp: refused with status 403: "));
    assert!(done.stderr.contains("\n  Content-Length: "));
    assert!(done.stderr.ends_with("\n  | members only \\u{1b}[31m\n"));
    let done = run(&[&format!("ws://{address}/old")], b"");
    assert_eq!(done.code, 2);
    let said = "refused with status 301, which leads to wss://example.com/new";
    assert!(done.stderr.contains(said), "{}", done.stderr);
}

#[test]
fn hosts_that_are_not_there_are_named() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = free.local_addr().unwrap();
    drop(free);
    let done = run(&[&format!("ws://{address}/")], b"");
    assert_eq!(done.code, 2);
    assert!(
        done.stderr
            .contains(&format!("127.0.0.1 cannot be reached: {address}: ")),
        "{}",
        done.stderr
    );
    let done = run(&["ws://no-such-host.invalid/"], b"");
    assert_eq!(done.code, 2);
    assert!(
        done.stderr
            .contains("no-such-host.invalid cannot be resolved: "),
        "{}",
        done.stderr
    );
}

#[test]
fn a_server_that_says_nothing_has_its_time() {
    let address = serve(|stream| async move {
        tokio::time::sleep(Duration::from_secs(600)).await;
        drop(stream);
    });
    let done = run(&["--timeout", "1", &format!("ws://{address}/")], b"");
    assert_eq!(done.code, 2);
    assert!(
        done.stderr
            .contains("the handshake was not finished in time ("),
        "{}",
        done.stderr
    );
}

/// A server that closes at once, with a code or without any closing handshake.
fn closing(code: Option<u16>) -> String {
    let address = serve(move |stream| async move {
        let mut socket = accept(stream).await.unwrap();
        if let Some(code) = code {
            let code = CloseCode::try_from(code).unwrap();
            socket.close(code, "so \u{7}it is").await.unwrap();
        }
    });
    format!("ws://{address}/")
}

#[test]
fn how_it_was_closed_is_the_exit_code() {
    for (code, exit, meaning) in [
        (1000, 0, ""),
        (1001, 0, ", going away"),
        (1008, 3, ", against the policy"),
        (1011, 3, ", internal error"),
        (4000, 3, ""),
    ] {
        let done = run(&["-n", &closing(Some(code))], b"");
        assert_eq!(done.code, exit, "{code}: {}", done.stderr);
        if exit != 0 {
            let said = format!("wsp: closed with {code}{meaning} (so \\u{{7}}it is)\n");
            assert_eq!(done.stderr, said);
        }
    }
    let done = run(&["-n", &closing(None)], b"");
    assert_eq!(done.code, 3);
    assert!(
        done.stderr.contains("the connection broke"),
        "{}",
        done.stderr
    );
}

#[test]
fn count_ends_it_after_so_many_messages() {
    let address = serve(|stream| async {
        let mut socket = accept(stream).await.unwrap();
        for i in 0..5 {
            socket.send(format!("{i}")).await.unwrap();
        }
        let _ = socket.close(CloseCode::NORMAL, "").await;
    });
    let url = format!("ws://{address}/");
    let done = run(&["-c", "3", &url], b"");
    assert_eq!((done.code, done.text()), (0, "0\n1\n2\n"));
    let done = run(&["-c", "9", &url], b"");
    assert_eq!((done.code, done.text()), (4, "0\n1\n2\n3\n4\n"));
    assert!(done.stderr.contains("5 of 9 messages had come"));
}

#[test]
fn exit_after_waits_for_late_answers() {
    let address = serve(|stream| async {
        let mut socket = accept(stream).await.unwrap();
        let asked = socket.next().await.unwrap().unwrap();
        // A Close would come here.
        let quiet = tokio::time::timeout(Duration::from_millis(200), socket.next());
        assert!(quiet.await.is_err());
        socket.send(asked).await.unwrap();
        socket.close(CloseCode::NORMAL, "").await.unwrap();
    });
    let url = format!("ws://{address}/");
    let done = run(&["-m", "late", "-e", "60", &url], b"");
    assert_eq!((done.code, done.text()), (0, "late\n"));
}

#[test]
fn a_message_over_the_limit_ends_it() {
    let done = run(
        &["--max-message", "1K", "-m", &"x".repeat(1025), &echo()],
        b"",
    );
    assert_eq!((done.code, done.text()), (3, ""));
    let done = run(
        &["--max-message", "1K", "-m", &"x".repeat(1024), &echo()],
        b"",
    );
    assert_eq!((done.code, done.text().len()), (0, 1025));
}

#[test]
fn compression_is_offered_if_wanted() {
    let address = serve(|stream| async {
        let deflate = Deflate::new();
        let acceptor = Acceptor::new().deflate(&deflate);
        let mut socket = accept_with(stream, acceptor).await.unwrap();
        let is_on = socket.deflate().is_some();
        while let Some(Ok(message)) = socket.next().await {
            let said = format!("{is_on} {}", message.as_text().unwrap());
            socket.send(said).await.unwrap();
        }
    });
    let url = format!("ws://{address}/");
    assert_eq!(run(&["-m", "hi", &url], b"").text(), "false hi\n");
    let done = run(&["-z", "-v", "-m", &"hi ".repeat(50), &url], b"");
    assert_eq!(done.text(), format!("true {}\n", "hi ".repeat(50)));
    assert!(done.stderr.contains(", compressed\n"));
}

#[test]
fn a_server_that_closes_early_has_not_got_everything() {
    let address = serve(|stream| async {
        let mut socket = accept(stream).await.unwrap();
        let _ = socket.next_piece().await;
        let _ = socket.close(CloseCode::NORMAL, "enough").await;
    });
    let from = path("big");
    std::fs::write(&from, noise(64 << 20)).unwrap();
    let args = ["-f", from.to_str().unwrap(), &format!("ws://{address}/")];
    let done = run(&args, b"");
    assert_eq!(done.code, 4, "{}", done.stderr);
    assert!(done.stderr.contains("closed before everything was sent"));
}

#[test]
fn ctrl_c_closes_in_order() {
    let (tell, told) = std::sync::mpsc::channel();
    let address = serve(move |stream| {
        let tell = tell.clone();
        async move {
            let mut socket = accept(stream).await.unwrap();
            socket.send("welcome").await.unwrap();
            while let Some(Ok(_)) = socket.next().await {}
            tell.send(socket.closed().unwrap().code).unwrap();
        }
    });
    let mut child = wsp().arg(format!("ws://{address}/")).spawn().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    assert_eq!(line, "welcome\n");
    interrupt(&child);
    let stdin = child.stdin.take();
    assert_eq!(collect(child).code, 0);
    drop(stdin);
    assert_eq!(told.recv().unwrap(), Some(CloseCode::GOING_AWAY));
}

#[test]
fn a_reader_that_has_enough_is_no_error() {
    let address = serve(|stream| async {
        let mut socket = accept(stream).await.unwrap();
        while socket.send("again and again").await.is_ok() {
            if let std::task::Poll::Ready(None) = poll(&mut socket) {
                break;
            }
        }
    });
    let mut child = wsp();
    let mut child = child
        .args(["-n", &format!("ws://{address}/")])
        .spawn()
        .unwrap();
    let mut some = [0; 100];
    let mut stdout = child.stdout.take().unwrap();
    stdout.read_exact(&mut some).unwrap();
    drop(stdout);
    let done = finish(child, b"");
    assert_eq!((done.code, done.stderr.as_str()), (0, ""));
}

fn poll(
    socket: &mut ws_proto_tokio::WebSocket<tokio::net::TcpStream>,
) -> std::task::Poll<Option<Result<Message, ws_proto_tokio::Error>>> {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    let next = std::pin::pin!(socket.next());
    next.poll(&mut context)
}

#[test]
fn timestamps_can_be_had_in_a_pipe() {
    let url = echo();
    let done = run(&["--timestamps", "-m", "now", &url], b"");
    let (time, text) = done.text().split_once(' ').unwrap();
    assert_eq!(text, "now\n");
    let shape: String = time
        .chars()
        .map(|c| if c.is_ascii_digit() { '0' } else { c })
        .collect();
    assert!(shape.starts_with("0000-00-00T00:00:00.000"), "{time}");
    let done = wsp()
        .args(["-m", "x", "-q", &url])
        .stdin(Stdio::null())
        .spawn()
        .unwrap();
    assert_eq!(collect(done).text(), "x\n");
}

#[test]
fn help_tells_what_there_is() {
    let done = run(&["--help"], b"");
    assert_eq!((done.code, done.stderr.as_str()), (0, ""));
    let help = done.text();
    for part in [
        "Examples:",
        "Exit codes:",
        "What is sent:",
        "As a server:",
        "TLS:",
    ] {
        assert!(help.contains(part), "{part}");
    }
    let widest = help.lines().map(|line| line.chars().count()).max();
    assert!(widest <= Some(100), "{widest:?}");
    let done = run(&["--version"], b"");
    assert_eq!(
        (done.code, done.text()),
        (0, concat!("wsp ", env!("CARGO_PKG_VERSION"), "\n"))
    );
}

#[test]
fn a_second_ctrl_c_does_not_wait() {
    let (url, told) = unanswering();
    let mut child = wsp().arg(url).spawn().unwrap();
    let mut welcome = [0; 8];
    let stdout = child.stdout.as_mut().unwrap();
    stdout.read_exact(&mut welcome).unwrap();
    interrupt(&child);
    told.recv().unwrap();
    interrupt(&child);
    let stdin = child.stdin.take();
    let done = collect(child);
    assert_eq!(
        (done.code, done.stderr.as_str()),
        (130, "wsp: interrupted\n")
    );
    drop(stdin);
}

#[test]
fn what_is_to_be_sent_is_sent_though_enough_has_come() {
    const LEN: usize = 8 << 20;
    let (tell, told) = std::sync::mpsc::channel();
    let address = serve(move |stream| {
        let tell = tell.clone();
        async move {
            let mut socket = accept(stream).await.unwrap();
            socket.send("one").await.unwrap();
            socket.send("two").await.unwrap();
            let mut len = 0;
            while let Some(Ok(piece)) = socket.next_piece().await {
                len += piece.data.len();
            }
            tell.send(len).unwrap();
        }
    });
    let from = path("to-be-sent");
    std::fs::write(&from, noise(LEN)).unwrap();
    let url = format!("ws://{address}/");
    let done = run(&["-c", "1", "-f", from.to_str().unwrap(), &url], b"");
    assert_eq!((done.code, done.text()), (0, "one\n"));
    assert_eq!(told.recv().unwrap(), LEN);
}

#[test]
fn ctrl_c_ends_what_has_not_begun() {
    let (tell, told) = std::sync::mpsc::channel();
    let address = serve(move |stream| {
        let tell = tell.clone();
        async move {
            stream.readable().await.unwrap();
            tell.send(()).unwrap();
            tokio::time::sleep(Duration::from_secs(600)).await;
        }
    });
    let args = ["--timeout", "600", &format!("ws://{address}/")];
    let child = wsp().args(args).spawn().unwrap();
    told.recv().unwrap();
    interrupt(&child);
    let done = collect(child);
    assert_eq!(
        (done.code, done.stderr.as_str()),
        (130, "wsp: interrupted\n")
    );
}
