//! A load that lasts: clients of every shell with servers of every shell, and peers that misbehave, chosen by a seed.
//! Memory and file descriptors of each process must not grow, and every echo must be right.

mod faults;
mod report;
mod watched;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, ChildStdout, Command};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use crate::process::{Process, Target};
use crate::wire;
use faults::Faults;
use watched::Watched;

/// How often memory and descriptors are looked at.
const SAMPLE: Duration = Duration::from_secs(2);

/// How long clients have to end their sessions, and then servers to let go of the connections.
const PATIENCE: Duration = Duration::from_secs(60);

/// The connections of each process of clients. They come and go.
const CONNECTIONS: usize = 40;

/// How many peers misbehave at a time.
const FAULTS: u64 = 24;

const IO: &str = "ws-proto-io";
const MIO: &str = "ws-proto-mio";
const TOKIO: &str = "ws-proto-tokio";
const SMOL: &str = "ws-proto-smol";
const WSP: &str = "wsp";

/// What is to be run.
pub struct Soak<'p> {
    pub time: Duration,
    pub seed: u64,
    /// The example `echo_mio`.
    pub mio: &'p Path,
    /// The program `wsp`.
    pub wsp: &'p Path,
}

/// What somebody has done, counted by name.
struct Done {
    who: &'static str,
    counts: Vec<(String, u64)>,
}

/// Runs it. The report, how many checks have held, and how many have not.
pub fn run(soak: &Soak<'_>) -> Result<(String, usize, usize)> {
    let (mut servers, mut addresses) = (Vec::new(), Vec::new());
    for target in targets(soak)? {
        let server = target.start(&[])?;
        addresses.push(server.address);
        servers.push(Watched::new(target.name, server.into_process())?);
    }
    let (mut clients, mut pipes) = (Vec::new(), Vec::new());
    for mut command in commands(soak, &addresses)? {
        let mut process = Process::client(&mut command.1)?;
        pipes.push(process.pipes().context("no pipes")?);
        clients.push(Watched::new(command.0, process)?);
    }
    let is_over = AtomicBool::new(false);
    let faults = Faults::new(soak, &addresses, &is_over);
    let wsp = pipes.pop().context("no wsp")?;
    let (watching, talk) = thread::scope(|scope| {
        let talk = scope.spawn(|| talk(wsp, soak.seed, &is_over));
        scope.spawn(|| faults.hostile(soak.wsp));
        for index in 0..FAULTS {
            let faults = &faults;
            scope.spawn(move || faults.misbehave(index));
        }
        let started = Instant::now();
        let mut watching = Ok(());
        while watching.is_ok() && started.elapsed() < soak.time {
            thread::sleep(SAMPLE);
            let mut all = servers.iter_mut().chain(&mut clients);
            watching = all.try_for_each(Watched::sample);
        }
        is_over.store(true, Relaxed);
        (watching, talk.join())
    });
    watching?;
    let mut done = vec![faults.done()];
    for (client, pipes) in clients.iter_mut().zip(pipes) {
        done.push(finish(client, pipes)?);
    }
    let talk = talk.unwrap_or_else(|_| Err(anyhow::anyhow!("a panic")));
    let failures = u64::from(talk.is_err());
    let lines = talk.unwrap_or_else(|error| {
        eprintln!("{WSP} as a client: {error:#}");
        0
    });
    let counts = vec![("messages".into(), lines), ("failures".into(), failures)];
    done.push(Done { who: WSP, counts });
    let started = Instant::now();
    while !servers.iter().all(Watched::is_at_rest) && started.elapsed() < PATIENCE {
        thread::sleep(SAMPLE / 4);
    }
    report::make(soak, &servers, &clients, &done)
}

fn targets(soak: &Soak<'_>) -> Result<Vec<Target>> {
    let server = program("server")?;
    let ours = |name| Target {
        name,
        program: server.clone(),
        arguments: vec![name, "--deflate"],
    };
    let mio = Target {
        name: MIO,
        program: soak.mio.to_owned(),
        arguments: vec!["--deflate"],
    };
    // It says on standard error where it listens, and prints every message.
    let script = "exec \"$0\" --listen 127.0.0.1:0 --echo 2>&1 >/dev/null";
    let wsp = soak.wsp.to_str().context("the path of wsp")?;
    let wsp = Target {
        name: WSP,
        program: "sh".into(),
        arguments: vec!["-c", script, Box::leak(wsp.into())],
    };
    Ok(vec![ours(IO), mio, ours(TOKIO), ours(SMOL), wsp])
}

/// The clients, wsp at last.
fn commands(soak: &Soak<'_>, servers: &[SocketAddr]) -> Result<Vec<(&'static str, Command)>> {
    let mut commands = Vec::new();
    for (index, name) in (0..).zip([IO, MIO, TOKIO, SMOL]) {
        let mut command = Command::new(program("soak-client")?);
        command.arg(name.trim_start_matches("ws-proto-"));
        let seed = soak.seed.wrapping_add(index);
        command.args([seed.to_string(), CONNECTIONS.to_string()]);
        command.args(servers.iter().map(ToString::to_string));
        commands.push((name, command));
    }
    let mut wsp = Command::new(soak.wsp);
    wsp.arg("-q").args(servers.last().map(ToString::to_string));
    commands.push((WSP, wsp));
    Ok(commands)
}

fn program(name: &str) -> Result<PathBuf> {
    Ok(std::env::current_exe()?.with_file_name(name))
}

/// Lines through wsp as a client, and back: how many.
fn talk(pipes: (ChildStdin, ChildStdout), seed: u64, is_over: &AtomicBool) -> Result<u64> {
    let (mut input, mut output) = (pipes.0, BufReader::new(pipes.1));
    let mut random = seed | 1;
    let mut lines = 0;
    let mut echo = String::new();
    while !is_over.load(Relaxed) {
        let length = wire::xorshift(&mut random) % 2000;
        let json = wire::json(length as usize, random);
        let line = String::from_utf8(json)? + "\n";
        input.write_all(line.as_bytes())?;
        echo.clear();
        output.read_line(&mut echo)?;
        ensure!(echo == line, "{} bytes that are no echo", echo.len());
        lines += 1;
        thread::sleep(Duration::from_millis(length % 50));
    }
    Ok(lines)
}

/// Ends the input of clients, and waits for their counts and their end.
fn finish(client: &mut Watched, pipes: (ChildStdin, ChildStdout)) -> Result<Done> {
    drop(pipes.0);
    let started = Instant::now();
    let status = loop {
        if let Some(status) = client.process.ended()? {
            break status;
        }
        let name = client.name;
        ensure!(
            started.elapsed() < PATIENCE,
            "the clients on {name} do not end"
        );
        thread::sleep(SAMPLE / 20);
    };
    ensure!(status.success(), "the clients on {}: {status}", client.name);
    let mut text = String::new();
    { pipes.1 }.read_to_string(&mut text)?;
    let counts: Option<Vec<(String, u64)>> = text
        .lines()
        .map(|line| {
            let (name, count) = line.split_once(' ')?;
            Some((name.to_owned(), count.parse().ok()?))
        })
        .collect();
    Ok(Done {
        who: client.name,
        counts: counts.context("no counts")?,
    })
}
