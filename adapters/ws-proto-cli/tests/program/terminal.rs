//! What a person sees: the program in a terminal, which `script` makes.
#![cfg(target_os = "linux")]

use std::process::{Command, Stdio};

use crate::common::{Done, collect, echo, noise, path};

/// Runs it with a terminal for all of its streams; the text it shows comes as standard output.
fn in_terminal(args: &[&str]) -> Done {
    let quoted: Vec<String> = args.iter().map(|arg| format!("'{arg}'")).collect();
    let line = format!("{} {}", env!("CARGO_BIN_EXE_wsp"), quoted.join(" "));
    let mut script = Command::new("script");
    script
        .args(["-qec", &line, "/dev/null"])
        .env("NO_COLOR", "1")
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    collect(script.spawn().unwrap())
}

#[test]
fn messages_have_the_time_in_front() {
    let url = echo();
    let done = in_terminal(&["-m", "hello\u{1b}[2J", &url]);
    let shown = done.text();
    assert_eq!(done.code, 0, "{shown}");
    assert!(shown.contains(&format!("wsp: connected to {url}")));
    let line = shown.lines().find(|line| line.contains("hello")).unwrap();
    assert!(line.trim_end().ends_with(" < hello\\u{1b}[2J"), "{line:?}");
    let time: String = line.chars().take(12).collect();
    let shape: String = time
        .chars()
        .map(|c| if c.is_ascii_digit() { '0' } else { c })
        .collect();
    assert_eq!(shape, "00:00:00.000");
    assert!(shown.contains("wsp: closed with 1000"));
}

#[test]
fn binary_messages_are_dumped_in_hex() {
    let done = in_terminal(&["--binary", "-m", "0123456789abcdefX", &echo()]);
    let shown = done.text().replace('\r', "");
    assert_eq!(done.code, 0, "{shown}");
    let dump = "* binary
00000000  30 31 32 33 34 35 36 37  38 39 61 62 63 64 65 66  |0123456789abcdef|
00000010  58                                                |X|
17 bytes\n";
    assert!(shown.contains(dump), "{shown}");
}

#[test]
fn a_file_has_a_progress_bar() {
    let from = path("with-progress");
    std::fs::write(&from, noise(12 << 20)).unwrap();
    let to = path("after-progress");
    let args = ["-f", from.to_str().unwrap(), "-o", to.to_str().unwrap()];
    let done = in_terminal(&[&args[..], &["--max-message", "1G", &echo()]].concat());
    assert_eq!(done.code, 0, "{}", done.text());
    assert!(done.text().contains("/12.00 MiB"), "{}", done.text());
    assert!(std::fs::read(to).unwrap() == noise(12 << 20));
}
