//! What can be asked for, and words about what cannot.

use ws_proto_tokio::{Accept, CloseCode, Options, read_request};

use crate::common::{echo, run, serve};

#[test]
fn a_field_that_the_handshake_writes_is_named_with_its_option() {
    let url = echo();
    for (field, hint) in [
        ("Host: vhost", "--host"),
        ("host: vhost", "--connect-to"),
        ("Origin: https://a.example", "--origin"),
        ("Sec-WebSocket-Protocol: chat", "--subprotocol"),
        ("Sec-WebSocket-Extensions: x", "--compress"),
        ("Sec-WebSocket-Key: mine", "a random one"),
        ("Upgrade: x", "by itself"),
        ("X Y: 1", "is not a name"),
        ("X: a\u{1}b", "the value of X"),
    ] {
        let done = run(&["-H", field, &url], b"");
        assert_eq!(done.code, 1, "{field}: {}", done.stderr);
        let (name, _) = field.split_once(':').unwrap();
        for part in ["--header", name, hint] {
            assert!(
                done.stderr.contains(part),
                "{field}: no {part} in {}",
                done.stderr
            );
        }
    }
    for (args, option) in [
        (["-s", "a b"], "--subprotocol"),
        (["--origin", "a\u{1}b"], "--origin"),
        (["--ping-interval", "x"], "--ping-interval"),
        (["--wait", "x"], "--wait"),
    ] {
        let done = run(&[&args[..], &["--ping", &url]].concat(), b"");
        assert_eq!(done.code, 1, "{args:?}");
        assert!(done.stderr.contains(option), "{}", done.stderr);
    }
    let done = run(&["-s", "a", "-s", "a", &url], b"");
    assert_eq!(done.code, 1);
    assert!(
        done.stderr.contains("--subprotocol a is given twice"),
        "{}",
        done.stderr
    );
}

#[test]
fn addresses_are_taken_as_people_type_them() {
    let url = echo();
    let address = url
        .trim_start_matches("ws://")
        .trim_end_matches('/')
        .to_owned();
    let port = address.rsplit(':').next().unwrap();
    for typed in [
        address.clone(),
        format!("{address}/a?b=1"),
        format!("http://{address}"),
        format!("HTTP://{address}/"),
        format!("localhost:{port}"),
        format!(":{port}"),
    ] {
        let done = run(&["-m", "hi", "--wait", "0.2", &typed], b"");
        assert_eq!(
            (done.code, done.text()),
            (0, "hi\n"),
            "{typed}: {}",
            done.stderr
        );
    }
    for (typed, hint) in [
        ("nowhere", "ws://nowhere/"),
        ("ftp://example.com/", "ws, wss, http or https"),
        ("ws://", "without a host"),
        ("ws://h/a b", "' '"),
        ("ws://me:secret@h/", "--header 'Authorization: Basic "),
    ] {
        let done = run(&[typed], b"");
        assert_eq!(done.code, 1, "{typed}");
        assert!(done.stderr.contains(hint), "{typed}: {}", done.stderr);
    }
    // TLS, where there is none.
    let done = run(&[&format!("https://{address}/"), "--timeout", "5"], b"");
    assert_eq!(done.code, 2);
    assert!(done.stderr.contains("TLS"), "{}", done.stderr);
}

#[test]
fn the_program_names_itself() {
    let address = serve(|stream| async {
        let incoming = read_request(stream, Options::new()).await.unwrap();
        let agents: Vec<String> = incoming
            .request()
            .headers()
            .get_all("User-Agent")
            .map(|value| String::from_utf8_lossy(value).into_owned())
            .collect();
        let mut socket = incoming.accept(&Accept::new()).await.unwrap();
        socket.send(agents.join(" and ")).await.unwrap();
        let _ = socket.close(CloseCode::NORMAL, "").await;
    });
    let url = format!("ws://{address}/");
    let ours = concat!("wsp/", env!("CARGO_PKG_VERSION"), "\n");
    assert_eq!(run(&["-n", &url], b"").text(), ours);
    let done = run(&["-n", "-H", "user-agent: Mine/1", &url], b"");
    assert_eq!(done.text(), "Mine/1\n");
    assert_eq!(run(&["-n", "-H", "User-Agent:", &url], b"").text(), "\n");
}

#[test]
fn a_value_that_is_wrong_is_explained_with_its_option() {
    let url = echo();
    for (args, words) in [
        (
            ["--wait=nan", ""],
            "--wait <SECONDS>': not a number of seconds",
        ),
        (
            ["--wait=-1", ""],
            "--wait <SECONDS>': not a number of seconds",
        ),
        (
            ["-e", "soon"],
            "--exit-after <SECONDS>': not a number of seconds",
        ),
        (["--max-message", "5X"], "--max-message <SIZE>'"),
        (["-f", "/"], "--file / cannot be read"),
    ] {
        let args: Vec<&str> = args.into_iter().filter(|arg| !arg.is_empty()).collect();
        let done = run(&[&args[..], &[&url]].concat(), b"");
        assert_eq!(done.code, 1, "{args:?}");
        assert!(done.stderr.contains(words), "{}", done.stderr);
    }
}
