//! What the README shows is what a terminal shows.
#![cfg(target_os = "linux")]

use std::process::{Command, Stdio};

use crate::common::{Listening, collect};

/// Numbers differ from run to run, in their length too: each is shown as `0`.
fn without_numbers(text: &str) -> String {
    let mut shown = String::new();
    for c in text.chars().filter(|c| *c != '\r') {
        if !c.is_ascii_digit() {
            shown.push(c);
        } else if !shown.ends_with('0') {
            shown.push('0');
        }
    }
    shown
}

/// The commands of the blocks called `console`, each with what it shows.
fn sessions() -> Vec<(String, String)> {
    let readme = include_str!("../../README.md");
    let mut sessions: Vec<(String, String)> = Vec::new();
    for block in readme.split("```console\n").skip(1) {
        for line in block.lines().take_while(|line| *line != "```") {
            match (line.strip_prefix("$ "), sessions.last_mut()) {
                (Some(command), _) => sessions.push((command.to_owned(), String::new())),
                (None, Some((_, shown))) => *shown += &format!("{line}\n"),
                (None, None) => panic!("a block begins with a command"),
            }
        }
    }
    sessions
}

#[test]
fn its_sessions_are_true() {
    let server = Listening::start(&["--echo", "-n"]);
    let address = server.url.trim_start_matches("ws://").trim_end_matches('/');
    let program = std::path::Path::new(env!("CARGO_BIN_EXE_wsp"));
    let path = format!("{}:/usr/bin:/bin", program.parent().unwrap().display());
    let mut shown = 0;
    for (command, expected) in sessions() {
        let command = command.replace("127.0.0.1:9001", address);
        let mut script = Command::new("script");
        script
            .args(["-qec", &command, "/dev/null"])
            .env("PATH", &path)
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        let done = collect(script.spawn().unwrap());
        let port = |text: &str| text.replace(address, "127.0.0.1:9001");
        let got = without_numbers(&port(done.text()));
        assert_eq!(got, without_numbers(&expected), "{command}");
        shown += 1;
    }
    println!("{shown} commands");
    assert!(shown >= 5);
    server.stop();
}
