//! The chart of the README: echoes and memory beside other crates, read from `adapters/RESULTS.md`, so that it
//! shows what the report says, losses too.

use std::fmt::Write as _;

use anyhow::{Context, Result, ensure};

/// In the order of the bars.
const SERVERS: [&str; 6] = [
    "ws-proto-mio",
    "ws-proto-tokio",
    "ws-proto-smol",
    "fastwebsockets",
    "tokio-websockets",
    "tokio-tungstenite",
];

/// How many loads it shows, of those of the report that have all servers: the first, the last, and between them.
const LOADS: usize = 3;

const WIDTH: usize = 860;
/// Where the bars begin, below the titles.
const TOP: usize = 58;
const BAR: usize = 16;
/// Where bars begin, and how long the longest is.
const LEFT: usize = 150;
const LONGEST: usize = 210;
/// Where the bars of the memory begin.
const RIGHT: usize = 590;
const LONGEST_MEMORY: usize = 180;

/// A table of the report: a number for each of [`SERVERS`].
struct Group {
    title: String,
    values: Vec<f64>,
}

/// The chart, as SVG that can be read on a light and on a dark page.
pub fn svg(report: &str) -> Result<String> {
    let machine = report.lines().find(|line| line.starts_with("Machine: "));
    let machine = machine.context("no line about the machine")?;
    let mut loads = Vec::new();
    let mut memory = None;
    for section in report.split("\n## ").skip(1) {
        let title = section.lines().next().unwrap_or_default().to_owned();
        if title.starts_with("Resident memory") {
            memory = column(section, &["bytes", "memory"]).map(|values| Group { title, values });
        } else {
            let values = column(section, &["echoes a second", "echoes"]);
            loads.extend(values.map(|values| Group { title, values }));
        }
    }
    let memory = memory.context("no table of resident memory")?;
    ensure!(
        loads.len() >= LOADS,
        "{} loads with all servers",
        loads.len()
    );
    let last = loads.len() - 1;
    let shown = (0..LOADS).map(|n| &loads[last * n / (LOADS - 1)]);

    let rows = LOADS * (SERVERS.len() * (BAR + 4) + 34);
    let height = rows + TOP + 62;
    let mut text = head(height);
    label(&mut text, "title", 20, 30, "Echoes per second")?;
    label(
        &mut text,
        "note",
        20,
        50,
        "relative to the fastest; longer is better",
    )?;
    let left = RIGHT - 130;
    label(&mut text, "title", left, 30, "Memory of an idle connection")?;
    label(
        &mut text,
        "note",
        left,
        50,
        "resident bytes; shorter is better",
    )?;
    let mut y = TOP;
    for load in shown {
        y = bars(&mut text, load, y)?;
    }
    resident(&mut text, &memory)?;
    let machine = machine.trim_end_matches('.');
    label(
        &mut text,
        "note",
        20,
        height - 36,
        "One thread for the server, one for the clients, loopback. Defaults of every crate.",
    )?;
    label(&mut text, "note", 20, height - 18, machine)?;
    text += "</svg>\n";
    Ok(text)
}

/// The numbers of the first column that has one of these names, of every server; `None` if one is missing.
fn column(section: &str, names: &[&str]) -> Option<Vec<f64>> {
    let cells = |line: &str| -> Vec<String> {
        line.trim_matches('|')
            .split('|')
            .map(|cell| cell.trim().to_owned())
            .collect()
    };
    let mut table = section
        .lines()
        .filter(|line| line.starts_with('|'))
        .map(cells);
    let header = table.next()?;
    let at = header.iter().position(|name| names.contains(&&**name))?;
    let rows: Vec<Vec<String>> = table.collect();
    let values = SERVERS.iter().map(|server| {
        let row = rows
            .iter()
            .find(|row| row.first().is_some_and(|name| name == server))?;
        number(row.get(at)?)
    });
    values.collect()
}

/// A cell is a number, or a ratio with the number in brackets.
fn number(cell: &str) -> Option<f64> {
    let inner = cell.split_once('(').map_or(cell, |(_, inner)| inner);
    inner.split([' ', ')']).next()?.parse().ok()
}

fn bars(text: &mut String, load: &Group, mut y: usize) -> Result<usize> {
    y += 22;
    label(text, "load", 20, y, &load.title)?;
    y += 10;
    let fastest = load.values.iter().copied().fold(f64::MIN, f64::max);
    for (server, value) in SERVERS.iter().zip(&load.values) {
        let part = value / fastest;
        let shown = format!("{:.0} %", part * 100.0);
        bar(text, server, (LEFT, y), part * LONGEST as f64, &shown)?;
        y += BAR + 4;
    }
    Ok(y + 2)
}

fn resident(text: &mut String, memory: &Group) -> Result<()> {
    let mut y = TOP + 32;
    let most = memory.values.iter().copied().fold(f64::MIN, f64::max);
    for (server, value) in SERVERS.iter().zip(&memory.values) {
        let length = value / most * LONGEST_MEMORY as f64;
        bar(text, server, (RIGHT, y), length, &format!("{value:.0}"))?;
        y += BAR + 4;
    }
    Ok(())
}

fn bar(
    text: &mut String,
    server: &str,
    at: (usize, usize),
    length: f64,
    shown: &str,
) -> Result<()> {
    let (x, y) = at;
    let class = if server.starts_with("ws-proto") {
        "ours"
    } else {
        "other"
    };
    let middle = y + BAR - 4;
    let end = x as f64 + length.max(1.0) + 6.0;
    writeln!(
        text,
        "<text class=\"name\" x=\"{}\" y=\"{middle}\">{server}</text>\n\
         <rect class=\"{class}\" x=\"{x}\" y=\"{y}\" width=\"{:.1}\" height=\"{BAR}\" rx=\"2\"/>\n\
         <text class=\"value\" x=\"{end:.1}\" y=\"{middle}\">{shown}</text>",
        x - 8,
        length.max(1.0)
    )?;
    Ok(())
}

fn label(text: &mut String, class: &str, x: usize, y: usize, words: &str) -> Result<()> {
    let words = words.replace('&', "&amp;").replace('<', "&lt;");
    writeln!(
        text,
        "<text class=\"{class}\" x=\"{x}\" y=\"{y}\">{words}</text>"
    )?;
    Ok(())
}

fn head(height: usize) -> String {
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" \
         aria-label=\"Echoes per second and memory of an idle connection, beside other crates\">\n\
         <!-- Written by adapters/load.sh from adapters/RESULTS.md. -->\n\
         <style>\n\
         .back {{ fill: #ffffff; stroke: #d0d7de }}\n\
         text {{ font: 13px system-ui, sans-serif; fill: #1f2328 }}\n\
         .title {{ font-size: 16px; font-weight: 600 }}\n\
         .load {{ font-weight: 600 }}\n\
         .note {{ fill: #59636e; font-size: 12px }}\n\
         .name {{ text-anchor: end }}\n\
         .ours {{ fill: #0969da }}\n\
         .other {{ fill: #8c959f }}\n\
         @media (prefers-color-scheme: dark) {{\n\
         .back {{ fill: #0d1117; stroke: #3d444d }}\n\
         text {{ fill: #e6edf3 }}\n\
         .note {{ fill: #9198a1 }}\n\
         .ours {{ fill: #4493f8 }}\n\
         .other {{ fill: #656c76 }}\n\
         }}\n\
         </style>\n\
         <rect class=\"back\" x=\"0.5\" y=\"0.5\" width=\"{}\" height=\"{}\" rx=\"6\"/>\n",
        WIDTH - 1,
        height - 1
    )
}
