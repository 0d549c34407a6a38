//! What the README shows is what a terminal shows.
#![cfg(target_os = "linux")]

use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::common::{Listening, collect, in_terminal_of, path, without_proxies};

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

const README: &str = include_str!("../../README.md");

/// The blocks of this name.
fn blocks(name: &str) -> impl Iterator<Item = &'static str> {
    let start = format!("```{name}\n");
    let blocks = README
        .match_indices(&start)
        .map(|(at, start)| &README[at + start.len()..]);
    let blocks: Vec<_> = blocks
        .map(|rest| rest.split("```").next().unwrap())
        .collect();
    blocks.into_iter()
}

/// The commands of the blocks called `console`, each with its output.
fn sessions() -> Vec<(String, String)> {
    let mut sessions: Vec<(String, String)> = Vec::new();
    for block in blocks("console") {
        for line in block.lines() {
            match (line.strip_prefix("$ "), sessions.last_mut()) {
                (Some(command), _) => sessions.push((command.to_owned(), String::new())),
                // A quote is open: the command goes on.
                (None, Some((command, _))) if command.matches('\'').count() % 2 == 1 => {
                    *command += &format!("\n{line}");
                }
                (None, Some((_, shown))) => *shown += &format!("{line}\n"),
                (None, None) => panic!("a block begins with a command"),
            }
        }
    }
    sessions
}

/// Where the files are that the sessions name: the certificate of `localhost` and its key.
fn folder() -> PathBuf {
    let folder = path("readme");
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    std::fs::write(folder.join("cert.pem"), made.cert.pem()).unwrap();
    std::fs::write(folder.join("key.pem"), made.signing_key.serialize_pem()).unwrap();
    folder
}

fn free_port() -> String {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    free.local_addr().unwrap().port().to_string()
}

#[test]
fn its_sessions_are_true() {
    let mut server = Listening::start(&["--echo", "-n"]);
    // What is not read holds it up in the end.
    let mut printed = server.child.stdout.take().unwrap();
    std::thread::spawn(move || std::io::copy(&mut printed, &mut std::io::sink()));
    let address = server.url.trim_start_matches("ws://").trim_end_matches('/');
    let program = std::path::Path::new(env!("CARGO_BIN_EXE_wsp"));
    let path = format!("{}:/usr/bin:/bin", program.parent().unwrap().display());
    let (folder, free) = (folder(), free_port());
    let mut shown = 0;
    for (command, expected) in sessions() {
        if command.contains("| jq") && Command::new("jq").arg("--version").output().is_err() {
            continue;
        }
        // Old versions of jq know nothing of NO_COLOR.
        let command = command
            .replace("127.0.0.1:9001", address)
            .replace("9443", &free)
            .replace("jq -c", "jq -Mc");
        let mut script = Command::new("script");
        script
            .args(["-qec", &command, "/dev/null"])
            .current_dir(&folder)
            .env("NO_COLOR", "1")
            .env("PATH", &path)
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        without_proxies(&mut script);
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

/// The block called `session`: a command, typed lines, and the output.
#[test]
fn what_is_typed_in_it_does_that() {
    let server = Listening::start(&["--echo", "-n"]);
    let address = server.url.trim_start_matches("ws://").trim_end_matches('/');
    let block = blocks("session").next().unwrap();
    let (command, expected) = block.split_once('\n').unwrap();
    let args = command.strip_prefix("$ wsp ").unwrap();
    let is_typed = |line: &&str| {
        let shown = ["wsp: ", "  ", "Ctrl-"]
            .iter()
            .any(|start| line.starts_with(start));
        !shown && !line.starts_with(|c: char| c.is_ascii_digit())
    };
    let typed: String = expected
        .lines()
        .filter(is_typed)
        .map(|line| format!("{line}\n"))
        .collect();
    let args = args.replace("127.0.0.1:9001", address);
    let done = in_terminal_of("cols 80", &args, typed.as_bytes());
    let shown = done.text().replace(address, "127.0.0.1:9001");
    assert_eq!(without_numbers(&shown), without_numbers(expected));
    server.stop();
}
