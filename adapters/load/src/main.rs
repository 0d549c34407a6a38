//! Load and faults on loopback. `adapters/load.sh` runs it.

mod faults;
mod process;
mod swarm;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use faults::Check;
use process::Server;
use swarm::{Echoes, Swarm};

/// Ours first; ratios are to the first.
const SERVERS: [&str; 6] = [
    "ws-proto-mio",
    "ws-proto-tokio",
    "ws-proto-smol",
    "tokio-tungstenite",
    "fastwebsockets",
    "tokio-websockets",
];

/// Connections and bytes of a message.
const LOADS: [(usize, usize); 3] = [(100, 32), (1000, 1024), (32, 65_536)];

const ROUNDS: usize = 3;

fn main() -> Result<()> {
    use lexopt::prelude::*;

    let (mut quick, mut mio, mut report) = (false, None, None);
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("quick") => quick = true,
            Long("mio") => mio = Some(PathBuf::from(parser.value()?)),
            Long("report") => report = Some(PathBuf::from(parser.value()?)),
            _ => return Err(argument.unexpected().into()),
        }
    }
    let mio = mio.context("--mio: where the example echo_mio is")?;
    let connections = if quick { 1000 } else { 10_000 };
    let checks = faults::run(&mio, connections);
    if !quick {
        let text = compare(&mio, &checks)?;
        match report {
            Some(path) => std::fs::write(path, text)?,
            None => print!("{text}"),
        }
    }
    let failed = checks.iter().filter(|check| !check.held).count();
    println!("{} passed, {failed} failed", checks.len() - failed);
    ensure!(failed == 0, "bounds that did not hold");
    Ok(())
}

fn start(name: &str, mio: &Path) -> Result<Server> {
    if name == SERVERS[0] {
        return Server::start(mio, &[]);
    }
    let program = std::env::current_exe()?.with_file_name("server");
    Server::start(&program, &[name])
}

fn compare(mio: &Path, checks: &[Check]) -> Result<String> {
    let mut text = String::from(
        "# Load and faults\n\nMade by `adapters/load.sh`: echo servers on one thread each, the same \
         clients on another, over\nloopback. Rounds of all servers interleaved, medians of ",
    );
    writeln!(text, "{ROUNDS}.\n\nMachine: {}.", machine())?;
    writeln!(
        text,
        "Versions: fastwebsockets 0.10.0, tokio-tungstenite 0.30.0, tokio-websockets 0.13.3, all \
         on tokio's\ncurrent-thread runtime, with their defaults.\n"
    )?;
    writeln!(text, "## Bounds\n\n| bound | | |\n|---|---|---|")?;
    for check in checks {
        let held = if check.held { "held" } else { "**not held**" };
        writeln!(text, "| {} | {held} | {} |", check.name, check.said)?;
    }
    for (connections, size) in LOADS {
        echoes(&mut text, mio, connections, size)?;
    }
    memory(&mut text, mio)?;
    Ok(text)
}

fn echoes(text: &mut String, mio: &Path, connections: usize, size: usize) -> Result<()> {
    let mut measured: Vec<Vec<Echoes>> = vec![Vec::new(); SERVERS.len()];
    for _ in 0..ROUNDS {
        for (name, results) in SERVERS.iter().zip(&mut measured) {
            let server = start(name, mio)?;
            let mut swarm = Swarm::connect(server.address, connections, size)
                .with_context(|| format!("{name}, {connections} connections"))?;
            let echoes = swarm.echo_for(Duration::from_millis(1200));
            results.push(echoes.with_context(|| format!("{name}, {size} bytes"))?);
        }
    }
    let median = |of: fn(&Echoes) -> f64| -> Vec<f64> {
        let medians = measured.iter().map(|results| {
            let mut values: Vec<f64> = results.iter().map(of).collect();
            values.sort_by(f64::total_cmp);
            values[values.len() / 2]
        });
        medians.collect()
    };
    let rates = median(|echoes| echoes.per_second);
    let p50 = median(|echoes| echoes.p50);
    let p99 = median(|echoes| echoes.p99);
    writeln!(
        text,
        "\n## Echoes of {size} bytes, {connections} connections\n\nRatios to ws-proto-mio: more \
         echoes are better, less time is.\n\n| server | echoes | p50 | p99 |\n|---|---|---|---|"
    )?;
    for (i, name) in SERVERS.iter().enumerate() {
        let (rate, half, most) = (rates[i] / rates[0], p50[i] / p50[0], p99[i] / p99[0]);
        writeln!(text, "| {name} | {rate:.2} | {half:.2} | {most:.2} |")?;
        println!(
            "{connections} x {size} B, {name}: {rate:.2} echoes, {half:.2} p50, {most:.2} p99"
        );
    }
    Ok(())
}

/// After one echo on each of many connections.
fn memory(text: &mut String, mio: &Path) -> Result<()> {
    const COUNT: usize = 5000;
    writeln!(
        text,
        "\n## Resident memory per connection\n\n{COUNT} connections, idle after one echo of 64 \
         bytes; what the kernel holds is not in it. Ratios to ws-proto-mio.\n\n| server | memory \
         |\n|---|---|"
    )?;
    let mut first = None;
    for name in SERVERS {
        let server = start(name, mio)?;
        let before = server.resident()?;
        let mut swarm = Swarm::connect(server.address, COUNT, 64)?;
        swarm.echo_once()?;
        let each = (server.resident()?.saturating_sub(before) / COUNT as u64).max(1);
        let ratio = each as f64 / *first.get_or_insert(each as f64);
        let unit = if name == SERVERS[0] {
            format!(" ({each} bytes)")
        } else {
            String::new()
        };
        writeln!(text, "| {name} | {ratio:.2}{unit} |")?;
        println!("memory, {name}: {each} bytes a connection");
    }
    Ok(())
}

fn machine() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info
        .lines()
        .find_map(|line| line.strip_prefix("model name"));
    let model = model.map_or("unknown", |name| name.trim_start_matches([' ', '\t', ':']));
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!("{model}, {cores} cores, Linux {}", kernel.trim())
}
