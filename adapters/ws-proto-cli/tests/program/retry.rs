//! Connecting again.

use std::io::{BufRead, BufReader, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ws_proto_tokio::{
    Acceptor, CloseCode, Message, Options, PlainResponse, accept, accept_with, read_request,
};

use crate::common::{collect, interrupt, noise, path, run, serve, wsp};

/// Echoes. The first connection is lost after one message, as if the server were restarted.
fn echo_once(connections: &Arc<AtomicUsize>) -> String {
    let connections = Arc::clone(connections);
    let address = serve(move |stream| {
        let number = connections.fetch_add(1, Ordering::SeqCst);
        async move {
            let mut socket = accept(stream).await.unwrap();
            while let Some(Ok(message)) = socket.next().await {
                socket.send(message).await.unwrap();
                if number == 0 {
                    break;
                }
            }
        }
    });
    format!("ws://{address}/")
}

#[test]
fn a_lost_connection_comes_back_and_the_input_goes_on() {
    let connections = Arc::default();
    let url = echo_once(&connections);
    let mut child = wsp().args(["--retry", "-c", "2", &url]).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    stdin.write_all(b"one\n").unwrap();
    stdout.read_line(&mut line).unwrap();
    assert_eq!(line, "one\n");
    // What is typed while there is no connection waits for the next one.
    std::thread::sleep(std::time::Duration::from_millis(200));
    stdin.write_all(b"two\n").unwrap();
    stdout.read_line(&mut line).unwrap();
    assert_eq!(line, "one\ntwo\n");
    drop(stdin);
    let done = collect(child);
    assert_eq!(done.code, 0, "{}", done.stderr);
    assert_eq!(connections.load(Ordering::SeqCst), 2);
    let lines: Vec<&str> = done.stderr.lines().collect();
    assert!(
        lines[0].starts_with("wsp: the connection broke: ") && lines[0].contains("again in "),
        "{lines:?}"
    );
    assert_eq!(lines[1], format!("wsp: connected to {url} again"));
}

#[test]
fn one_that_is_quiet_about_it() {
    let connections = Arc::default();
    let url = echo_once(&connections);
    let mut child = wsp().args(["--retry", "-q", &url]).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    for message in ["one\n", "two\n"] {
        stdin.write_all(message.as_bytes()).unwrap();
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        assert_eq!(line, message);
        std::thread::sleep(std::time::Duration::from_millis(200));
    }
    drop(stdin);
    let done = collect(child);
    assert_eq!((done.code, &*done.stderr), (0, ""));
    assert_eq!(connections.load(Ordering::SeqCst), 2);
}

/// A message that a connection has not taken as a whole goes out on the next one, and a file from its beginning.
#[test]
fn what_was_not_taken_is_sent_again() {
    let file = path("again");
    std::fs::write(&file, noise(8 << 20)).unwrap();
    let file = file.to_str().unwrap();
    for args in [&["-f", file][..], &["-0", "--binary"]] {
        let connections: Arc<AtomicUsize> = Arc::default();
        let counted = Arc::clone(&connections);
        let address = serve(move |stream| {
            let number = counted.fetch_add(1, Ordering::SeqCst);
            async move {
                let config = ws_proto_tokio::Config::new()
                    .max_message(16 << 20)
                    .max_frame(16 << 20);
                let acceptor = Acceptor::new().options(Options::new().config(config));
                let mut socket = accept_with(stream, acceptor).await.unwrap();
                if number == 0 {
                    // A part of it.
                    let _ = socket.next_piece().await;
                    return;
                }
                while let Some(Ok(message)) = socket.next().await {
                    let words = format!("{}", message.len());
                    socket.send(words).await.unwrap();
                }
            }
        });
        let url = format!("ws://{address}/");
        let input = vec![b'x'; 8 << 20];
        let done = run(&[&["--retry"][..], args, &[&*url]].concat(), &input);
        assert_eq!(
            (done.code, done.text().trim_end_matches(['\n', '\0'])),
            (0, "8388608"),
            "{}",
            done.stderr
        );
        assert_eq!(connections.load(Ordering::SeqCst), 2);
    }
}

#[test]
fn a_server_that_is_not_there_yet() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = free.local_addr().unwrap();
    drop(free);
    let url = format!("ws://{address}/");
    let mut child = wsp()
        .args(["--retry", "-n", "-c", "1", &url])
        .spawn()
        .unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    stderr.read_line(&mut line).unwrap();
    assert!(
        line.contains("cannot be reached") && line.contains("again in "),
        "{line}"
    );
    let serving = std::thread::spawn(move || {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        runtime.enable_all().build().unwrap().block_on(async {
            let listener = tokio::net::TcpListener::bind(address).await.unwrap();
            let (stream, _) = listener.accept().await.unwrap();
            let mut socket = accept(stream).await.unwrap();
            socket.send("welcome").await.unwrap();
            while let Some(Ok(Message::Text(_))) = socket.next().await {}
        });
    });
    let done = collect(child);
    assert_eq!((done.code, done.text()), (0, "welcome\n"));
    serving.join().unwrap();
}

#[test]
fn it_gives_up_where_another_attempt_is_useless() {
    for (status, attempts) in [(403, 1), (503, 3)] {
        let connections: Arc<AtomicUsize> = Arc::default();
        let counted = Arc::clone(&connections);
        let address = serve(move |stream| {
            counted.fetch_add(1, Ordering::SeqCst);
            async move {
                let incoming = read_request(stream, Options::new()).await.unwrap();
                incoming.respond(&PlainResponse::new(status)).await.unwrap();
            }
        });
        let done = run(&["--retry=2", "-n", &format!("ws://{address}/")], b"");
        assert_eq!(done.code, 2, "{}", done.stderr);
        let words = format!("refused with status {status}");
        assert_eq!(
            done.stderr.matches(&words).count(),
            attempts,
            "{}",
            done.stderr
        );
        assert_eq!(connections.load(Ordering::SeqCst), attempts);
    }
    // The purpose is fulfilled; the server does not want this client.
    for (code, exit) in [(1000, 0), (1008, 3)] {
        let address = serve(move |stream| async move {
            let mut socket = accept(stream).await.unwrap();
            let _ = socket.close(CloseCode::new(code).unwrap(), "").await;
        });
        let done = run(&["--retry", "-n", &format!("ws://{address}/")], b"");
        assert_eq!(done.code, exit, "{}", done.stderr);
        assert!(!done.stderr.contains("trying again"), "{}", done.stderr);
    }
}

#[test]
fn what_was_sent_is_not_sent_twice() {
    // All is sent, and nothing is left to be done on another connection.
    let connections = Arc::default();
    let url = echo_once(&connections);
    let done = run(&["--retry", "-m", "one", &url], b"");
    assert_eq!((done.code, done.text()), (3, "one\n"), "{}", done.stderr);
    assert_eq!(connections.load(Ordering::SeqCst), 1);
}

#[test]
fn ctrl_c_ends_the_wait_for_the_next_attempt() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = free.local_addr().unwrap();
    drop(free);
    let mut child = wsp()
        .args(["--retry", &format!("ws://{address}/")])
        .spawn()
        .unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    for _ in 0..2 {
        stderr.read_line(&mut line).unwrap();
    }
    interrupt(&child);
    assert_eq!(collect(child).code, 130);
}
