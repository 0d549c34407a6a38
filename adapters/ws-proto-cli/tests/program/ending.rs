//! When a client ends, and its report then.

use std::io::{BufRead, BufReader, Read};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::sleep;
use ws_proto_tokio::{CloseCode, accept};

use crate::common::{Listening, collect, echo, finish, run, serve, signal, unanswering, wsp};

/// A server that hands its answers to another task, which takes `delay` for each. A Close is answered at
/// once, with anything queued.
fn slow_writer(delay: Duration) -> String {
    let address = serve(move |stream| async move {
        let (mut read, mut write) = accept(stream).await.unwrap().split();
        let (queue, mut queued) = tokio::sync::mpsc::unbounded_channel::<ws_proto_tokio::Message>();
        tokio::spawn(async move {
            while let Some(message) = queued.recv().await {
                sleep(delay).await;
                if write.send(message).await.is_err() {
                    break;
                }
            }
        });
        while let Some(Ok(message)) = read.next().await {
            let _ = queue.send(message);
        }
    });
    format!("ws://{address}/")
}

/// The first bytes of the frames of a client that has sent these bytes; all are short.
fn frames(mut bytes: &[u8]) -> Vec<u8> {
    let mut first = Vec::new();
    while let [head, len, ..] = bytes {
        first.push(*head);
        bytes = bytes.get(6 + usize::from(len & 0x7f)..).unwrap_or_default();
    }
    first
}

/// A message that takes longer to come than the server may be silent is no silence.
#[test]
fn a_long_message_that_is_on_its_way_is_waited_for() {
    for print in ["-q", "--json", "-v"] {
        let (tell, told) = std::sync::mpsc::channel();
        let address = serve(move |stream| {
            let tell = tell.clone();
            async move {
                let mut stream = accept(stream).await.unwrap().into_inner();
                stream.write_all(b"\x81\x7e\x04\x00").await.unwrap();
                for _ in 0..16 {
                    sleep(Duration::from_millis(100)).await;
                    stream.write_all(&[b'x'; 64]).await.unwrap();
                }
                let mut read = [0; 1000];
                let len = stream.try_read(&mut read).unwrap();
                tell.send(frames(&read[..len])).unwrap();
                sleep(Duration::from_secs(1)).await;
            }
        });
        let url = format!("ws://{address}/");
        let done = run(
            &[print, "--wait", "0.4", "--timeout", "2", "-m", "long", &url],
            b"",
        );
        assert!(done.text().contains(&"x".repeat(1024)), "{done:?}");
        let frames = told.recv().unwrap();
        assert!(
            frames.starts_with(&[0x81]) && !frames.contains(&0x88),
            "{frames:x?}"
        );
    }
}

/// A server that reads and says nothing.
fn silent() -> String {
    let address = serve(|stream| async {
        let mut socket = accept(stream).await.unwrap();
        while let Some(Ok(_)) = socket.next().await {}
    });
    format!("ws://{address}/")
}

#[test]
fn answers_that_take_a_while_are_printed() {
    let url = slow_writer(Duration::from_millis(200));
    let done = run(&["-m", "one", &url], b"");
    assert_eq!((done.code, done.text()), (0, "one\n"), "{}", done.stderr);
    // The input fails after it.
    let done = run(&[&url], b"one\n\xff\n");
    assert_eq!((done.code, done.text()), (1, "one\n"), "{}", done.stderr);
    // The last of them comes later than the wait after the last message.
    let done = run(&["--wait", "0.6", &url], b"1\n2\n3\n4\n5\n");
    assert_eq!((done.code, done.text()), (0, "1\n2\n3\n4\n5\n"));
    for print in ["-v", "--json"] {
        let done = run(&[print, "--wait", "0.6", &url], b"1\n2\n3\n4\n5\n");
        assert!(done.code == 0 && done.text().contains('5'), "{done:?}");
    }
}

#[test]
fn a_server_that_answers_nothing_is_reported() {
    let url = silent();
    let started = Instant::now();
    let done = run(&["-m", "hello", &url], b"");
    assert_eq!((done.code, done.text()), (4, ""));
    assert_eq!(
        done.stderr,
        "wsp: nothing came back within 1 s: --wait SECONDS waits longer, --wait 0 expects no answer\n"
    );
    assert!(started.elapsed() >= Duration::from_secs(1));
    // Who expects nothing does not wait.
    let done = run(&["--wait", "0", "-m", "hello", &url], b"");
    assert_eq!((done.code, done.text(), &*done.stderr), (0, "", ""));
    // Nothing was sent.
    let done = run(&[&url], b"");
    assert_eq!((done.code, &*done.stderr), (0, ""));
}

#[test]
fn a_count_is_given_up_after_a_wait_that_was_asked_for() {
    let done = run(&["-c", "2", "--wait", "0.3", "-m", "one", &echo()], b"");
    assert_eq!((done.code, done.text()), (4, "one\n"));
    assert!(done.stderr.contains("1 of 2 messages"), "{}", done.stderr);
    let done = run(&["-n", "--wait", "0.3", &silent()], b"");
    assert_eq!((done.code, &*done.stderr), (0, ""));
    let done = run(&["--wait", "1", "-e", "1", &silent()], b"");
    assert_eq!(done.code, 1);
}

#[test]
fn sigterm_closes_in_order() {
    for args in [&["-n"][..], &[]] {
        let (tell, told) = std::sync::mpsc::channel();
        let address = serve(move |stream| {
            let tell = tell.clone();
            async move {
                let mut socket = accept(stream).await.unwrap();
                socket.send("welcome").await.unwrap();
                while let Some(Ok(_)) = socket.next().await {}
                tell.send(socket.closed().map(|closed| closed.code))
                    .unwrap();
            }
        });
        let mut command = wsp();
        command.args(args).arg(format!("ws://{address}/"));
        let mut child = command.spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        signal(&child, "TERM");
        let stdin = child.stdin.take();
        assert_eq!(collect(child).code, 0);
        drop(stdin);
        assert_eq!(told.recv().unwrap(), Some(Some(CloseCode::GOING_AWAY)));
    }
}

#[test]
fn sigterm_closes_a_room_in_order() {
    let server = Listening::start(&["-n"]);
    let peer = wsp().args(["-v", "-n", &server.url]).spawn().unwrap();
    let mut peer = peer;
    let mut said = BufReader::new(peer.stderr.take().unwrap());
    let mut line = String::new();
    said.read_line(&mut line).unwrap();
    signal(&server.child, "TERM");
    assert_eq!(server.finish().code, 0);
    let mut rest = String::new();
    said.read_to_string(&mut rest).unwrap();
    assert!(
        rest.ends_with("wsp: closed with 1001, going away\n"),
        "{rest}"
    );
    assert_eq!(collect(peer).code, 0);
}

#[test]
fn a_second_sigterm_does_not_wait() {
    let (url, told) = unanswering();
    let mut child = wsp().arg(url).spawn().unwrap();
    let mut welcome = [0; 8];
    let stdout = child.stdout.as_mut().unwrap();
    stdout.read_exact(&mut welcome).unwrap();
    signal(&child, "TERM");
    told.recv().unwrap();
    signal(&child, "TERM");
    let stdin = child.stdin.take();
    let done = collect(child);
    assert_eq!((done.code, &*done.stderr), (143, "wsp: terminated\n"));
    drop(stdin);
}

#[test]
fn a_message_over_the_limit_names_the_option() {
    let text = "x".repeat(1500);
    for args in [&[][..], &["-z"], &["--json"]] {
        let address = serve(|stream| async {
            let deflate = ws_proto_tokio::Deflate::new();
            let acceptor = ws_proto_tokio::Acceptor::new().deflate(&deflate);
            let mut socket = ws_proto_tokio::accept_with(stream, acceptor).await.unwrap();
            while let Some(Ok(message)) = socket.next().await {
                let _ = socket.send(message).await;
            }
        });
        let url = format!("ws://{address}/");
        let done = run(
            &[args, &["--max-message", "1K", "-m", &text, &url]].concat(),
            b"",
        );
        assert_eq!(done.code, 3, "{}", done.stderr);
        assert!(!done.text().contains("received"), "{}", done.text());
        assert!(
            done.stderr.contains("longer than 1024 bytes"),
            "{}",
            done.stderr
        );
        // How long a compressed one would be is not known.
        let size = if args == ["-z"] {
            "came"
        } else {
            "of 1500 bytes"
        };
        assert!(done.stderr.contains(size), "{}", done.stderr);
        assert!(
            done.stderr.contains("--max-message SIZE"),
            "{}",
            done.stderr
        );
    }
}

#[test]
fn nobody_has_to_read_what_it_reports() {
    for args in [&["-v", "-n"][..], &["-v", "--listen", "127.0.0.1:0"]] {
        let address = serve(|stream| async {
            let mut socket = accept(stream).await.unwrap();
            let _ = socket.close(CloseCode::NORMAL, "").await;
        });
        let url = format!("ws://{address}/");
        let mut command = wsp();
        command.args(args);
        if args.len() == 2 {
            command.arg(&url);
        }
        let mut child = command.spawn().unwrap();
        drop(child.stderr.take());
        if args.len() == 3 {
            std::thread::sleep(Duration::from_millis(300));
            signal(&child, "TERM");
        }
        assert_eq!(finish(child, b"").code, 0, "{args:?}");
    }
}

/// Sends without end, and reads; reports that a Close has come, and does not answer it.
fn flood() -> (String, std::sync::mpsc::Receiver<()>) {
    let (tell, told) = std::sync::mpsc::channel();
    let address = serve(move |stream| {
        let tell = tell.clone();
        async move {
            let stream = accept(stream).await.unwrap().into_inner();
            let (mut read, mut write) = stream.into_split();
            tokio::spawn(async move { while write.write_all(b"\x81\x03abc").await.is_ok() {} });
            let mut bytes = [0; 1000];
            while let Ok(len) = read.read(&mut bytes).await {
                if len == 0 {
                    break;
                }
                if frames(&bytes[..len]).contains(&0x88) {
                    tell.send(()).unwrap();
                }
            }
        }
    });
    (format!("ws://{address}/"), told)
}

/// Nor for who reads the output, or does not.
#[test]
fn a_second_sigterm_does_not_wait_for_the_output() {
    for args in [&["-n"][..], &["-n", "--json"]] {
        let (url, told) = flood();
        let mut child = wsp().args(args).arg(url).spawn().unwrap();
        let mut first = [0; 3];
        let stdout = child.stdout.as_mut().unwrap();
        stdout.read_exact(&mut first).unwrap();
        // The pipe fills.
        std::thread::sleep(Duration::from_secs(1));
        signal(&child, "TERM");
        told.recv_timeout(Duration::from_secs(30)).unwrap();
        signal(&child, "TERM");
        assert_eq!(crate::common::wait(&mut child), 143);
        let mut said = String::new();
        let mut stderr = child.stderr.take().unwrap();
        stderr.read_to_string(&mut said).unwrap();
        assert_eq!(said, "wsp: terminated\n");
    }
}

/// As `head` does.
#[test]
fn when_nobody_reads_the_output_the_server_is_not_waited_for() {
    let (url, told) = flood();
    let mut child = wsp().args(["-n", &url]).spawn().unwrap();
    let mut stdout = child.stdout.take().unwrap();
    let mut first = [0; 4];
    stdout.read_exact(&mut first).unwrap();
    drop(stdout);
    told.recv_timeout(Duration::from_secs(30)).unwrap();
    let started = Instant::now();
    let done = collect(child);
    assert_eq!((done.code, &*done.stderr), (0, ""));
    // An answer to Close has 10 s.
    assert!(started.elapsed() < Duration::from_secs(8));
}

/// Nor does who reads the reports, or does not.
#[test]
fn reports_that_nobody_reads_hold_nothing_up() {
    let (tell, told) = std::sync::mpsc::channel();
    let address = serve(move |stream| {
        let tell = tell.clone();
        async move {
            let mut socket = accept(stream).await.unwrap();
            // More than a pipe holds.
            for _ in 0..20_000 {
                socket.ping(b"reported").await.unwrap();
            }
            socket.send("after them").await.unwrap();
            while let Some(Ok(_)) = socket.next().await {}
            tell.send(socket.closed().map(|closed| closed.code))
                .unwrap();
        }
    });
    let url = format!("ws://{address}/");
    let mut child = wsp().args(["-n", "-v", &url]).spawn().unwrap();
    let mut text = [0; 10];
    let mut stdout = child.stdout.take().unwrap();
    stdout.read_exact(&mut text).unwrap();
    assert_eq!(&text, b"after them");
    signal(&child, "TERM");
    assert_eq!(crate::common::wait(&mut child), 0);
    let code = told.recv_timeout(Duration::from_secs(30)).unwrap();
    assert_eq!(code, Some(Some(CloseCode::GOING_AWAY)));
}
