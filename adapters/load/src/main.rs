//! Load and faults on loopback. `adapters/load.sh` runs it.

mod faults;
mod process;
mod swarm;

use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use faults::Check;
use process::Target;
use swarm::{Echoes, Swarm};

/// What is measured; ours first, ratios are to the first.
const OURS: [(&str, u64); 3] = [
    ("ws-proto-mio", 2048),
    ("ws-proto-tokio", 6144),
    ("ws-proto-smol", 6144),
];
const OTHERS: [&str; 3] = ["tokio-tungstenite", "fastwebsockets", "tokio-websockets"];

/// Connections and bytes of a message.
const LOADS: [(usize, usize); 3] = [(100, 32), (1000, 1024), (32, 65_536)];

const ROUNDS: usize = 5;

fn main() -> Result<()> {
    use lexopt::prelude::*;

    let (mut quick, mut only, mut mio, mut report) = (false, None, None, None);
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("quick") => quick = true,
            Long("only") => only = Some(parser.value()?.string()?),
            Long("mio") => mio = Some(PathBuf::from(parser.value()?)),
            Long("report") => report = Some(PathBuf::from(parser.value()?)),
            _ => return Err(argument.unexpected().into()),
        }
    }
    let targets = targets(mio.context("--mio: where the example echo_mio is")?)?;
    let is_wanted = |part| only.as_deref().is_none_or(|only| only == part);
    let mut text = String::new();
    if is_wanted("echoes") && !quick {
        compare(&mut text, &targets)?;
    }
    if is_wanted("memory") && !quick {
        memory(&mut text, &targets)?;
    }
    let mut failed = 0;
    if is_wanted("bounds") {
        let connections = if quick { 1000 } else { 10_000 };
        for ours in targets.iter().take(OURS.len()) {
            let checks = faults::run(ours, connections);
            describe(&mut text, ours.name, &checks)?;
            let held = checks.iter().filter(|check| check.held).count();
            failed += checks.len() - held;
            println!("{held} passed, {} failed", checks.len() - held);
        }
    }
    if let Some(path) = report {
        std::fs::write(path, text)?;
    }
    ensure!(failed == 0, "bounds that did not hold");
    Ok(())
}

fn targets(mio: PathBuf) -> Result<Vec<Target>> {
    let server = std::env::current_exe()?.with_file_name("server");
    let others = OTHERS.map(|name| (name, u64::MAX));
    let mut targets: Vec<Target> = OURS
        .into_iter()
        .chain(others)
        .map(|(name, memory)| Target {
            name,
            program: server.clone(),
            arguments: vec![name],
            memory,
        })
        .collect();
    // The example is a server of its own.
    targets[0].program = mio;
    targets[0].arguments.clear();
    Ok(targets)
}

/// The same echo everywhere, as ratios.
fn compare(text: &mut String, targets: &[Target]) -> Result<()> {
    writeln!(
        text,
        "Echo servers on one thread each, the same clients on another, over loopback. Rounds of all \
         servers\ninterleaved, medians of {ROUNDS}.\n\nMachine: {}.\nVersions: ws-proto 0.1.0, \
         fastwebsockets 0.10.0, tokio-tungstenite 0.30.0, tokio-websockets 0.13.3;\nall but \
         ws-proto-mio and ws-proto-smol on tokio's current-thread runtime, all with their \
         defaults.\nBuilt by {}.\n",
        machine(),
        rustc()
    )?;
    for (connections, size) in LOADS {
        echoes(text, targets, connections, size)?;
    }
    Ok(())
}

fn describe(text: &mut String, name: &str, checks: &[Check]) -> Result<()> {
    writeln!(
        text,
        "\n## Bounds of {name}\n\n| bound | | |\n|---|---|---|"
    )?;
    for check in checks {
        let held = if check.held { "held" } else { "**not held**" };
        writeln!(text, "| {} | {held} | {} |", check.name, check.said)?;
    }
    Ok(())
}

fn echoes(text: &mut String, targets: &[Target], connections: usize, size: usize) -> Result<()> {
    let mut measured: Vec<Vec<Echoes>> = vec![Vec::new(); targets.len()];
    for _ in 0..ROUNDS {
        for (target, results) in targets.iter().zip(&mut measured) {
            let name = target.name;
            let server = target.start(&[])?;
            let mut swarm = Swarm::connect(server.address, connections, size)
                .with_context(|| format!("{name}, {connections} connections"))?;
            let echoes = swarm.echo_for(Duration::from_millis(450));
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
        "## Echoes of {size} bytes, {connections} connections\n\nRatios to ws-proto-mio: more \
         echoes are better, less time is.\n\n| server | echoes | p50 | p99 |\n|---|---|---|---|"
    )?;
    for (i, Target { name, .. }) in targets.iter().enumerate() {
        let (rate, half, most) = (rates[i] / rates[0], p50[i] / p50[0], p99[i] / p99[0]);
        writeln!(text, "| {name} | {rate:.2} | {half:.2} | {most:.2} |")?;
        println!(
            "{connections} x {size} B, {name}: {rate:.2} echoes, {half:.2} p50, {most:.2} p99 \
             ({:.0}/s, {:.0} us, {:.0} us)",
            rates[i], p50[i], p99[i]
        );
    }
    writeln!(text)?;
    Ok(())
}

/// After one echo on each of many connections.
fn memory(text: &mut String, targets: &[Target]) -> Result<()> {
    const COUNT: usize = 5000;
    writeln!(
        text,
        "## Resident memory per connection\n\n{COUNT} connections, idle after one echo of 64 \
         bytes; what the kernel holds is not in it. Ratios to ws-proto-mio.\n\n| server | memory \
         |\n|---|---|"
    )?;
    let mut first = None;
    for target in targets {
        let name = target.name;
        let server = target.start(&[])?;
        let before = server.resident()?;
        let mut swarm = Swarm::connect(server.address, COUNT, 64)?;
        swarm.echo_once()?;
        let each = (server.resident()?.saturating_sub(before) / COUNT as u64).max(1);
        let ratio = each as f64 / *first.get_or_insert(each as f64);
        writeln!(text, "| {name} | {ratio:.2} ({each} bytes) |")?;
        println!("memory, {name}: {each} bytes a connection");
    }
    Ok(())
}

fn rustc() -> String {
    let said = std::process::Command::new("rustc")
        .arg("--version")
        .output();
    let said = said.map(|said| String::from_utf8_lossy(&said.stdout).trim().to_owned());
    said.unwrap_or_else(|_| "an unknown compiler".into())
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
