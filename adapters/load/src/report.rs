//! The tables of `adapters/RESULTS.md`.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anyhow::Result;

use crate::faults::Check;
use crate::goals;
use crate::loads::{CONTENDERS, Contender, LOADS, LONE, Load};
use crate::measures::{Measures, Spread};

/// What was measured, the goals first.
pub fn measures(
    measures: &Measures,
    memory: &BTreeMap<&'static str, u64>,
    connections: usize,
) -> Result<String> {
    let mut text = String::new();
    writeln!(
        text,
        "Echo servers on one thread each, over loopback; the clients on another thread, and on a \
         processor of their\nown if there are two. A floor is `Connection` driven by hand on the same \
         runtime or loop. Servers called\n`-feed` answer with `feed`, others with `send`. Rounds of all \
         servers interleaved, medians of {}; ± is half the\ndistance of the quartiles. Two are level if \
         the ranges between their quartiles meet.\n\nMachine: {}.\nVersions: ws-proto 0.1.0, \
         fastwebsockets 0.10.0, tokio-tungstenite 0.30.0, tokio-websockets 0.13.3;\nthe other crates on \
         tokio's current-thread runtime, all with their defaults.\nBuilt by {}.\n\n## Goals\n",
        measures.rounds,
        machine(),
        rustc()
    )?;
    goals::write(&mut text, measures, memory)?;
    for load in &LOADS {
        cpu_time(&mut text, measures, load)?;
    }
    latency(&mut text, measures)?;
    resident(&mut text, memory, connections)?;
    Ok(text)
}

fn cpu_time(text: &mut String, measures: &Measures, load: &Load) -> Result<()> {
    writeln!(
        text,
        "\n## {load}\n\n| server | CPU time an echo, ns | ± | to its floor | echoes a second |\n\
         |---|---:|---:|---:|---:|"
    )?;
    for Contender { name, floor } in &CONTENDERS {
        let rate = measures.get(load, name, |sample| sample.rate);
        let (Some(cpu), Some(rate)) = (measures.cpu(load, name), rate) else {
            continue;
        };
        let floor = floor.and_then(|floor| measures.cpu(load, floor));
        writeln!(
            text,
            "| {name} | {:.0} | {} | {} | {:.0} |",
            cpu.median,
            percent(&cpu),
            ratio(&cpu, floor),
            rate.median
        )?;
    }
    Ok(())
}

fn latency(text: &mut String, measures: &Measures) -> Result<()> {
    writeln!(
        text,
        "\n## Latency of a lone message of {} bytes\n\n| server | p50, us | ± | to its floor | p99, us | \
         ± | to its floor |\n|---|---:|---:|---:|---:|---:|---:|",
        LONE.size
    )?;
    for Contender { name, floor } in &CONTENDERS {
        let p50 = |name| measures.get(&LONE, name, |sample| sample.p50);
        let p99 = |name| measures.get(&LONE, name, |sample| sample.p99);
        let (Some(half), Some(most)) = (p50(name), p99(name)) else {
            continue;
        };
        writeln!(
            text,
            "| {name} | {:.1} | {} | {} | {:.1} | {} | {} |",
            half.median,
            percent(&half),
            ratio(&half, floor.and_then(p50)),
            most.median,
            percent(&most),
            ratio(&most, floor.and_then(p99)),
        )?;
    }
    Ok(())
}

fn resident(
    text: &mut String,
    memory: &BTreeMap<&'static str, u64>,
    connections: usize,
) -> Result<()> {
    writeln!(
        text,
        "\n## Resident memory of a connection\n\n{connections} connections, idle after one echo of 64 \
         bytes; what the kernel holds is not in it.\n\n| server | bytes |\n|---|---:|"
    )?;
    for Contender { name, .. } in &CONTENDERS {
        if let Some(bytes) = memory.get(name) {
            writeln!(text, "| {name} | {bytes} |")?;
        }
    }
    Ok(())
}

pub fn percent(spread: &Spread) -> String {
    format!("{:.1} %", spread.relative() * 100.0)
}

pub fn ratio(spread: &Spread, floor: Option<Spread>) -> String {
    let ratio = floor.map(|floor| format!("{:.2}", spread.median / floor.median));
    ratio.unwrap_or_default()
}

/// The bounds of one server.
pub fn bounds(name: &str, checks: &[Check]) -> Result<String> {
    let mut text = format!("\n## Bounds of {name}\n\n| bound | | |\n|---|---|---|\n");
    for check in checks {
        let held = if check.held { "held" } else { "**not held**" };
        writeln!(text, "| {} | {held} | {} |", check.name, check.said)?;
    }
    Ok(text)
}

pub fn rustc() -> String {
    let said = std::process::Command::new("rustc")
        .arg("--version")
        .output();
    let said = said.map(|said| String::from_utf8_lossy(&said.stdout).trim().to_owned());
    said.unwrap_or_else(|_| "an unknown compiler".into())
}

pub fn machine() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let of = |name: &str| {
        let lines = info.lines().filter(|line| line.starts_with(name));
        let values = lines.filter_map(|line| Some(line.split_once(": ")?.1.trim().to_owned()));
        values.collect::<Vec<_>>()
    };
    let models = of("model name");
    let model = models.first().map_or("unknown", String::as_str);
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let cores = of("processor").len();
    format!("{model}, {cores} cores, Linux {}", kernel.trim())
}
