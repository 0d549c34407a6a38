//! What can be typed in a terminal.
#![cfg(target_os = "linux")]

use ws_proto_tokio::accept;

use crate::common::{echo, in_terminal_of, run, serve};

#[test]
fn commands_of_a_session() {
    let url = echo();
    let typed = b"/help\n/ping are you there\n//slash\n/nonsense\nplain\n/close 4000 bye bye\n";
    let done = in_terminal_of("cols 100", &format!("-v {url}"), typed);
    let shown = done.text().replace('\r', "");
    assert_eq!(done.code, 0, "{shown}");
    for part in [
        "/close [CODE [REASON]]",
        "* pong \"are you there\" ",
        "< /slash\n",
        "wsp: there is no command /nonsense: /help lists them, //nonsense sends /nonsense\n",
        "< plain\n",
        "wsp: closed with 4000",
    ] {
        assert!(shown.contains(part), "no {part:?} in {shown}");
    }
}

#[test]
fn a_close_that_cannot_be_said_is_not() {
    for (typed, words) in [
        ("/close 1005", "1005 is not a code that can be sent"),
        ("/close 99", "99 is not a code that can be sent"),
        ("/close x", "x is not a code that can be sent"),
        (&*format!("/close 4000 {}", "r".repeat(124)), "123 bytes"),
        (&*format!("/ping {}", "r".repeat(126)), "125 bytes"),
    ] {
        let done = in_terminal_of(
            "cols 200",
            &echo(),
            format!("{typed}\nstill here\n/close\n").as_bytes(),
        );
        let shown = done.text().replace('\r', "");
        assert_eq!(done.code, 0, "{shown}");
        assert!(shown.contains(words), "{shown}");
        assert!(
            shown.contains("< still here\n") && shown.contains("closed with 1000\n"),
            "{shown}"
        );
    }
}

#[test]
fn a_pipe_has_no_commands() {
    let done = run(&[&echo()], b"/close\n//x\n/help\n");
    assert_eq!((done.code, done.text()), (0, "/close\n//x\n/help\n"));
}

#[test]
fn commands_of_a_room() {
    let (tell, told) = std::sync::mpsc::channel();
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    let peer = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        runtime.unwrap().block_on(async {
            let url = format!("ws://127.0.0.1:{port}/");
            let (mut socket, _) = loop {
                match ws_proto_tokio::connect(&url).await {
                    Ok(connected) => break connected,
                    Err(_) => tokio::time::sleep(std::time::Duration::from_millis(20)).await,
                }
            };
            tell.send(()).unwrap();
            let mut events = Vec::new();
            while let Some(Ok(event)) = socket.next_event().await {
                events.push(format!("{event:?}"));
            }
            events
        })
    });
    let typed = move || {
        told.recv().unwrap();
        std::thread::sleep(std::time::Duration::from_millis(200));
        b"/help\n/ping hey\nhello\n//hello\n/close 4001 done\n".to_vec()
    };
    let done =
        crate::common::in_terminal_typing("cols 100", &format!("--listen {port} --once"), typed);
    let shown = done.text().replace('\r', "");
    assert_eq!(done.code, 0, "{shown}");
    assert!(shown.contains("1* pong \"hey\" "), "{shown}");
    let events = peer.join().unwrap().join("\n");
    for part in ["Ping(b\"hey\")", "hello", "/hello", "4001", "done"] {
        assert!(events.contains(part), "{events}");
    }
}

#[test]
fn a_room_without_peers_keeps_nothing_and_takes_commands() {
    let done = in_terminal_of(
        "cols 100",
        "--listen 127.0.0.1:0",
        b"hello\n/ping\n/close\n",
    );
    let shown = done.text().replace('\r', "");
    assert_eq!(done.code, 0, "{shown}");
    let words = "wsp: nobody is here: that went to nobody\n";
    assert_eq!(shown.matches(words).count(), 2, "{shown}");
}

#[test]
fn colour_is_for_terminals_that_want_it() {
    let address = serve(|stream| async {
        let mut socket = accept(stream).await.unwrap();
        socket.send("hello").await.unwrap();
        let _ = socket.close(ws_proto_tokio::CloseCode::NORMAL, "").await;
    });
    let url = format!("ws://{address}/");
    // `script` gives it a terminal; what the tests run in says nothing of colours.
    let coloured = in_terminal_of(
        "cols 100; export TERM=xterm-256color; unset NO_COLOR",
        &format!("-n {url}"),
        b"",
    );
    assert!(coloured.text().contains("\u{1b}["), "{:?}", coloured.text());
    for setting in ["export TERM=xterm-256color NO_COLOR=1", "export TERM=dumb"] {
        let plain = in_terminal_of(&format!("cols 100; {setting}"), &format!("-n {url}"), b"");
        assert!(
            plain.text().contains("hello") && !plain.text().contains('\u{1b}'),
            "{:?}",
            plain.text()
        );
    }
    let piped = run(&["-n", "-v", &url], b"");
    assert!(!piped.stderr.contains('\u{1b}') && !piped.text().contains('\u{1b}'));
}

/// A terminal cuts lines, at 4095 bytes on Linux: half of what was pasted is not sent.
#[test]
fn a_line_that_the_terminal_has_cut_is_not_sent() {
    let typed = format!("{}\n{}\n/close\n", "x".repeat(5000), "y".repeat(4000));
    let done = in_terminal_of("cols 200", &echo(), typed.as_bytes());
    let shown = done.text().replace('\r', "");
    assert_eq!(done.code, 0, "{shown}");
    assert!(!shown.contains("< x"), "{shown}");
    assert!(shown.contains("< y"), "{shown}");
    let words = "wsp: that was not sent: the terminal cuts lines";
    assert!(
        shown.contains(words) && shown.contains("-f FILE"),
        "{shown}"
    );
}

/// Ctrl-D after the beginning of a line hands that over, and the second one is the end.
#[test]
fn the_end_of_the_input_is_the_end() {
    let done = in_terminal_of("cols 100", &echo(), b"part\x04\x04later\n");
    let shown = done.text();
    assert_eq!(done.code, 0, "{shown}");
    assert!(
        shown.contains("< part") && !shown.contains("< later"),
        "{shown}"
    );
}

#[test]
fn commands_are_commands_where_lines_are_binary() {
    let typed = b"//slash\n/close 4000 that is all\n";
    let done = in_terminal_of("cols 100", &format!("--binary {}", echo()), typed);
    let shown = done.text().replace('\r', "");
    assert_eq!(done.code, 0, "{shown}");
    assert!(shown.contains("|/slash|"), "{shown}");
    assert!(shown.contains("wsp: closed with 4000"), "{shown}");
}

/// What is printed into a pipe is messages; how long an answer took is for the person.
#[test]
fn a_pong_is_no_part_of_the_output() {
    let to = crate::common::path("without-pongs");
    let args = format!("{} >{}", echo(), to.display());
    let done = in_terminal_of("cols 100", &args, b"/ping\nhello\n/close\n");
    let shown = done.text().replace('\r', "");
    assert_eq!(done.code, 0, "{shown}");
    assert_eq!(std::fs::read_to_string(to).unwrap(), "hello\n");
    assert!(shown.contains("wsp: pong \"wsp\" "), "{shown}");
}

/// The end of the input ends a client and not a room.
#[test]
fn the_help_of_a_room_is_about_a_room() {
    let typed = b"/help\n\x04\n\x03";
    let done = in_terminal_of("cols 100", "--listen 127.0.0.1:0", typed);
    let room = done.text();
    let done = in_terminal_of("cols 100", &echo(), b"/help\n/close\n");
    let client = done.text();
    assert!(
        client.contains("closes once everything has come"),
        "{client}"
    );
    assert!(!room.contains("closes once everything has come"), "{room}");
    assert!(room.contains("goes to all peers"), "{room}");
    let words = "wsp: nothing more is sent: Ctrl-C ends the room";
    assert!(room.contains(words), "{room}");
}
