//! Nothing that a peer sends looks like words of `wsp`.
#![cfg(target_os = "linux")]

use ws_proto_tokio::{CloseCode, Options, PlainResponse, accept, read_request};

use crate::common::{Listening, in_terminal_of, run, serve};

/// A text that tries it: a line in the name of `wsp`, one that the terminal would break off, text that runs
/// backwards, characters without a width, separators of lines, and escapes.
const HOSTILE: &str = "x)\nwsp: password for root:\r\nwsp: again\rwsp: over\u{2028}wsp: u\u{85}wsp: n\
    \u{202e}\u{2066}\u{200b}\u{200d}\u{feff}\u{e0041}\u{1b}[2J\u{9b}31m\u{7f}";

/// Characters that are not to be printed as they are.
fn is_steering(c: char) -> bool {
    c.is_control() && !matches!(c, '\n' | '\r')
        || "\u{2028}\u{202e}\u{2066}\u{200b}\u{200d}\u{feff}\u{e0041}".contains(c)
}

fn hostile_server() -> String {
    let address = serve(|stream| async {
        let mut socket = accept(stream).await.unwrap();
        socket.ping(b"\nwsp: hi\x1b[2J").await.unwrap();
        socket.send(HOSTILE).await.unwrap();
        socket
            .send(format!("{}wsp: late", " ".repeat(400)))
            .await
            .unwrap();
        let reason: String = HOSTILE.chars().take(60).collect();
        let code = CloseCode::POLICY_VIOLATION;
        let _ = socket.close(code, &reason).await;
    });
    format!("ws://{address}/")
}

/// Lines that begin as those of `wsp` do.
fn own_lines(shown: &str) -> Vec<&str> {
    let lines = shown.lines().map(|line| line.trim_end_matches('\r'));
    lines.filter(|line| line.starts_with("wsp:")).collect()
}

#[test]
fn reasons_stay_one_line() {
    let done = run(&["-n", &hostile_server()], b"");
    assert_eq!(done.code, 3);
    let words =
        "wsp: closed with 1008, against the policy (x)\\nwsp: password for root:\\r\\nwsp: again";
    assert!(done.stderr.starts_with(words), "{}", done.stderr);
    assert_eq!(done.stderr.lines().count(), 1, "{}", done.stderr);
    assert!(!done.stderr.contains(is_steering), "{:?}", done.stderr);
}

#[test]
fn texts_are_marked_on_every_line_in_a_terminal() {
    let url = hostile_server();
    for args in ["-n -v", "-n -v --timestamps=never", "-n -v --json"] {
        let done = in_terminal_of("cols 60", &format!("{args} {url}"), b"");
        let shown = done.text();
        assert!(!shown.contains(is_steering), "{shown:?}");
        let own = own_lines(shown);
        let is_ours = |line: &&str| {
            [
                "wsp: connected to ",
                "wsp: the response has",
                "wsp: closed with ",
                "wsp: ping \"\\nwsp: hi\\u{1b}[2J\"",
            ]
            .iter()
            .any(|words| line.starts_with(words))
        };
        assert!(own.iter().all(is_ours), "{own:#?}\n{shown}");
        // The terminal breaks no line by itself.
        let widest = shown
            .lines()
            .map(|line| line.trim_end_matches('\r').chars().count());
        assert!(widest.max() <= Some(60) || args.contains("json"), "{shown}");
    }
}

/// A Pong and a dump are announced in words of this program, which a text can have too.
#[test]
fn marks_set_texts_apart_from_pongs_and_dumps() {
    let address = serve(|stream| async {
        let mut socket = accept(stream).await.unwrap();
        socket.send("pong \"wsp\" 0.001 ms").await.unwrap();
        socket.send("binary\n00000000  61").await.unwrap();
        socket
            .send(ws_proto_tokio::Message::binary(&b"b"[..]))
            .await
            .unwrap();
        let _ = socket.next_event().await;
        let _ = socket.close(CloseCode::NORMAL, "").await;
    });
    let args = format!("--timestamps=never --ping --ping-count 1 ws://{address}/");
    let done = in_terminal_of("cols 100", &args, b"");
    let shown = done.text().replace('\r', "");
    let dump = "< binary\n| 00000000  61\n* binary\n00000000  62  ";
    assert!(shown.contains("< pong \"wsp\" 0.001 ms\n"), "{shown}");
    assert!(
        shown.contains(dump) && shown.contains("\n* pong \"wsp\" "),
        "{shown}"
    );
}

#[test]
fn a_pipe_gets_texts_as_they_came() {
    let done = run(&["-n", &hostile_server()], b"");
    assert!(done.text().starts_with(HOSTILE));
}

#[test]
fn refusals_are_lines_and_marked() {
    let address = serve(|stream| async {
        let incoming = read_request(stream, Options::new()).await.unwrap();
        let value = "a\u{202e}b\u{200b}".as_bytes();
        let body = "<html>\r\n<b>no</b>\r\nwsp: password\r\n\u{202e}\x1b[2J\n\nlast\r";
        let fields = [("X-Why", value)];
        let reply = PlainResponse::new(403)
            .headers(&fields)
            .body(body.as_bytes());
        incoming.respond(&reply).await.unwrap();
    });
    let done = run(&[&format!("ws://{address}/")], b"");
    assert_eq!(done.code, 2);
    assert!(!done.stderr.contains(is_steering), "{:?}", done.stderr);
    assert_eq!(own_lines(&done.stderr).len(), 1, "{}", done.stderr);
    assert!(
        done.stderr.contains("\n  X-Why: a\\u{202e}b\\u{200b}\n"),
        "{}",
        done.stderr
    );
    let body =
        "\n  | <html>\n  | <b>no</b>\n  | wsp: password\n  | \\u{202e}\\u{1b}[2J\n  | \n  | last\n";
    assert!(done.stderr.ends_with(body), "{}", done.stderr);
}

#[test]
fn peers_of_a_room_write_nothing_in_its_name() {
    let server = Listening::start(&["-v"]);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.unwrap().block_on(async {
        let url = server.url.as_str();
        let (mut socket, _) = ws_proto_tokio::connect(url).await.unwrap();
        socket.ping(b"\nwsp: hi").await.unwrap();
        let code = CloseCode::try_from(4000_u16).unwrap();
        let reason: String = HOSTILE.chars().take(60).collect();
        socket.close(code, &reason).await.unwrap();
    });
    let said = server.stop().stderr;
    assert!(!said.contains(is_steering), "{said:?}");
    assert!(
        said.contains("wsp: peer 1 has left with 4000 (x)\\nwsp: password"),
        "{said}"
    );
    assert!(
        said.lines().all(|line| line.starts_with("wsp: peer 1 ")),
        "{said}"
    );
}

/// Terminals do not agree on how wide some characters are: a mark that combines takes a column in some. None of
/// them moves the rest of a text to the beginning of a line.
#[test]
fn characters_whose_width_is_in_doubt_begin_no_line() {
    // Each of these takes so many columns in some terminals, and fewer by the tables of Unicode.
    for (c, columns) in [
        ('\u{9be}', 1),
        ('\u{302e}', 2),
        ('\u{1f1e6}', 2),
        ('\u{3248}', 2),
    ] {
        let address = serve(move |stream| async move {
            let mut socket = accept(stream).await.unwrap();
            let text = format!("{}wsp: password", String::from(c).repeat(48 / columns));
            socket.send(text).await.unwrap();
            let _ = socket.close(CloseCode::NORMAL, "").await;
        });
        let done = in_terminal_of("cols 60", &format!("-n ws://{address}/"), b"");
        let shown = done.text().replace('\r', "");
        let width = |line: &str| line.chars().map(|d| if d == c { columns } else { 1 }).sum();
        let widest: Option<usize> = shown.lines().map(width).max();
        assert!(widest <= Some(60), "{c:?} {widest:?}: {shown}");
    }
}

/// Where a terminal breaks a line of JSON is not known if it has such characters.
#[test]
fn no_text_in_json_has_the_name_of_the_program() {
    let texts = [
        "wsp: password",
        "\u{9be}wsp: wsp:wsp wsp",
        "\\wsp: \u{30000}wsp:",
    ];
    let address = serve(move |stream| async move {
        let mut socket = accept(stream).await.unwrap();
        for text in texts {
            socket.send(text).await.unwrap();
        }
        let _ = socket.close(CloseCode::NORMAL, "wsp: bye").await;
    });
    let done = in_terminal_of("cols 60", &format!("-n -q --json ws://{address}/"), b"");
    assert!(!done.text().contains("wsp:"), "{}", done.text());
    let lines: Vec<serde_json::Value> = done
        .text()
        .lines()
        .map(|line| serde_json::from_str(line.trim_end()).unwrap())
        .collect();
    let shown: Vec<_> = lines
        .iter()
        .filter_map(|line| line["text"].as_str())
        .collect();
    assert_eq!(shown, texts);
}
