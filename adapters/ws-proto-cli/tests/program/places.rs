//! Where one connects to, and what one asks for there.

use ws_proto_tokio::{Accept, CloseCode, Options, read_request};

#[cfg(unix)]
use crate::common::{Listening, path};
use crate::common::{run, serve};

/// A server that sends the `Host` that it was asked for, and the target. Its address.
fn names_its_host() -> String {
    let address = serve(|stream| async {
        let incoming = read_request(stream, Options::new()).await.unwrap();
        let request = incoming.request();
        let host = request.headers().get("Host").unwrap_or_default();
        let words = format!("{} {}", String::from_utf8_lossy(host), request.path());
        let mut socket = incoming.accept(&Accept::new()).await.unwrap();
        socket.send(words).await.unwrap();
        let _ = socket.close(CloseCode::NORMAL, "").await;
    });
    address.to_string()
}

#[test]
fn one_connects_to_another_place_than_the_url_says() {
    let address = names_its_host();
    for (args, expected) in [
        (
            ["--connect-to", &*address, "ws://vhost.example/a"],
            "vhost.example /a\n",
        ),
        (
            ["--connect-to", &*address, "ws://vhost.example:81/"],
            "vhost.example:81 /\n",
        ),
    ] {
        let done = run(&[&args[..], &["-n"]].concat(), b"");
        assert_eq!((done.code, done.text()), (0, expected), "{}", done.stderr);
    }
    for wrong in ["", "x", "h:", "h:70000", ":", "[::1]"] {
        let done = run(&["--connect-to", wrong, "ws://h/"], b"");
        assert_eq!(done.code, 1, "{wrong}");
        assert!(done.stderr.contains("--connect-to"), "{}", done.stderr);
    }
}

#[test]
fn another_host_is_asked_for_than_the_url_says() {
    let address = names_its_host();
    let url = format!("ws://{address}/a");
    for (host, expected) in [
        ("vhost.example", "vhost.example /a\n"),
        ("vhost.example:9", "vhost.example:9 /a\n"),
        ("[::1]", "[::1] /a\n"),
    ] {
        let done = run(&["-n", "--host", host, &url], b"");
        assert_eq!((done.code, done.text()), (0, expected), "{}", done.stderr);
    }
    // --connect-to is where, --host is what for, the URL is neither then.
    let args = ["--connect-to", &address, "--host", "a.example"];
    let done = run(&[&args[..], &["-n", "ws://b.example/c"]].concat(), b"");
    assert_eq!(done.text(), "a.example /c\n", "{}", done.stderr);
    for wrong in ["", "a/b", "a b", "me@h", "h?x", "h:x"] {
        let done = run(&["--host", wrong, &url], b"");
        assert_eq!(done.code, 1, "{wrong}");
        assert!(done.stderr.contains("--host"), "{}", done.stderr);
    }
}

#[cfg(unix)]
#[test]
fn unix_sockets_in_both_roles() {
    let socket = path("room.sock");
    let socket = socket.to_str().unwrap();
    let room = Listening::start_at(socket, &["--echo", "-n"]);
    assert_eq!(room.url, format!("ws+unix:{socket}"));
    for url in [
        format!("ws+unix:{socket}"),
        format!("ws+unix://{socket}"),
        format!("ws+unix:{socket}:/a?b=1"),
        format!("ws+unix://{socket}:/a?b=1"),
    ] {
        let done = run(&["-v", "-m", "hi", "--wait", "0.2", &url], b"");
        assert_eq!(
            (done.code, done.text()),
            (0, "hi\n"),
            "{url}: {}",
            done.stderr
        );
        let words = format!("connected to {url}");
        assert!(done.stderr.contains(&words), "{}", done.stderr);
    }
    // Someone listens there already.
    let done = run(&["-l", socket], b"");
    assert_eq!(done.code, 2, "{}", done.stderr);
    assert!(done.stderr.contains("--listen"), "{}", done.stderr);
    assert_eq!(room.stop().code, 0);
    assert!(!std::path::Path::new(socket).exists());
}

#[cfg(unix)]
#[test]
fn what_is_asked_for_at_a_unix_socket() {
    use tokio::net::UnixListener;
    let socket = path("asked.sock");
    let _ = std::fs::remove_file(&socket);
    let (ready, is_ready) = std::sync::mpsc::channel();
    let bound = socket.clone();
    std::thread::spawn(move || {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        runtime.enable_all().build().unwrap().block_on(async {
            let listener = UnixListener::bind(bound).unwrap();
            ready.send(()).unwrap();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let incoming = read_request(stream, Options::new()).await.unwrap();
                let request = incoming.request();
                let host = request.headers().get("Host").unwrap_or_default();
                let words = format!("{} {}", String::from_utf8_lossy(host), request.target());
                let mut socket = incoming.accept(&Accept::new()).await.unwrap();
                socket.send(words).await.unwrap();
                let _ = socket.close(CloseCode::NORMAL, "").await;
            }
        });
    });
    is_ready.recv().unwrap();
    let place = socket.display();
    let done = run(&["-n", &format!("ws+unix:{place}:/a?b=1")], b"");
    assert_eq!(done.text(), "localhost /a?b=1\n", "{}", done.stderr);
    let args = ["-n", "--host", "docker", &format!("ws+unix://{place}")];
    assert_eq!(run(&args, b"").text(), "docker /\n");
}

#[cfg(unix)]
#[test]
fn a_socket_that_nobody_listens_at_any_more() {
    let socket = path("left.sock");
    let _ = std::fs::remove_file(&socket);
    drop(std::os::unix::net::UnixListener::bind(&socket).unwrap());
    let place = socket.to_str().unwrap();
    let done = run(&[&format!("ws+unix:{place}")], b"");
    assert_eq!(done.code, 2);
    assert!(done.stderr.contains(place), "{}", done.stderr);
    // The file is of a process that was killed.
    let room = Listening::start_at(place, &["-n"]);
    assert_eq!(room.stop().code, 0);
    // What is no socket stays where it is.
    let file = path("no.sock");
    std::fs::write(&file, "mine").unwrap();
    let done = run(&["-l", file.to_str().unwrap()], b"");
    assert_eq!(done.code, 2, "{}", done.stderr);
    assert_eq!(std::fs::read(&file).unwrap(), b"mine");
    // It is a place for clients only: these options are about TCP.
    let done = run(&["--connect-to", "h:1", &format!("ws+unix:{place}")], b"");
    assert_eq!(done.code, 1, "{}", done.stderr);
}

#[test]
fn a_place_that_cannot_be_reached_is_an_error_that_names_what_to_try() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = free.local_addr().unwrap().to_string();
    drop(free);
    let done = run(&[&*format!("ws://{address}/")], b"");
    assert_eq!(done.code, 2);
    for part in [
        "127.0.0.1 cannot be reached",
        "--connect-to HOST:PORT",
        "--retry",
    ] {
        assert!(done.stderr.contains(part), "{}", done.stderr);
    }
    let done = run(&["ws://no-such-host.invalid/"], b"");
    assert!(
        done.stderr.contains("--connect-to ADDRESS:PORT"),
        "{}",
        done.stderr
    );
    // Where it was given, it is what failed.
    let done = run(&["--connect-to", &address, "ws://h.example/"], b"");
    assert_eq!(done.code, 2);
    let words = format!("--connect-to {address}");
    assert!(done.stderr.contains(&words), "{}", done.stderr);
}
