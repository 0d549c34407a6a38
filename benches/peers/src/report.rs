//! The tables.

use std::fmt::Write;
use std::process::Command;

use crate::goals;

/// The crates whose versions matter.
const CRATES: [&str; 14] = [
    "ws-proto",
    "tungstenite",
    "fastwebsockets",
    "tokio-websockets",
    "sockudo-ws",
    "yawc",
    "web-socket",
    "embedded-websocket",
    "tokio",
    "bytes",
    "simdutf8",
    "httparse",
    "flate2",
    "zlib-rs",
];

#[derive(Default)]
pub struct Report(Vec<Table>);

pub struct Table {
    pub name: String,
    pub columns: Vec<String>,
    /// By contender, nanoseconds a column.
    pub lines: Vec<(&'static str, Vec<Option<f64>>)>,
}

impl Table {
    pub fn time(&self, line: &str, column: usize) -> Option<f64> {
        let (_, times) = self.lines.iter().find(|(name, _)| *name == line)?;
        times.get(column).copied().flatten()
    }
}

impl Report {
    pub fn add(
        &mut self,
        table: String,
        column: String,
        times: impl Iterator<Item = (&'static str, f64)>,
    ) {
        if self.0.iter().all(|known| known.name != table) {
            self.0.push(Table {
                name: table.clone(),
                columns: Vec::new(),
                lines: Vec::new(),
            });
        }
        let Some(table) = self.0.iter_mut().find(|known| known.name == table) else {
            return;
        };
        let before = table.columns.len();
        table.columns.push(column);
        for (name, time) in times {
            let line = match table.lines.iter().position(|(known, _)| *known == name) {
                Some(line) => line,
                None => {
                    table.lines.push((name, vec![None; before]));
                    table.lines.len() - 1
                }
            };
            table.lines[line].1.push(Some(time));
        }
        for (_, times) in &mut table.lines {
            times.resize(table.columns.len(), None);
        }
    }

    pub fn markdown(&self, quick: bool) -> String {
        let mut text = String::from("# ws-proto and other crates, in memory\n\n");
        text += "Written by `cargo run --release --manifest-path benches/peers/Cargo.toml";
        if cfg!(feature = "simd") {
            text += " --features simd";
        }
        text += "`. Nanoseconds a\n\
                 message, thread CPU time, medians of interleaved rounds; in brackets the ratio to the floor\n\
                 and to ws-proto `Connection` (`ws-proto` in the handshake and deflate tables). Only ratios of\n\
                 one run mean anything. The versions of one build are shared: `simdutf8` detects the CPU at run\n\
                 time here, because other crates in the build ask for that.\n";
        if quick {
            text += "\n**A quick run: not to be quoted.**\n";
        }
        text += "\n| | |\n|---|---|\n";
        for (name, value) in machine() {
            let _ = writeln!(text, "| {name} | {value} |");
        }
        text += &goals::markdown(&self.0);
        for table in &self.0 {
            let _ = write!(text, "\n## {}\n\n| |", table.name);
            table
                .columns
                .iter()
                .for_each(|column| text += &format!(" {column} |"));
            text += "\n|---|";
            table.columns.iter().for_each(|_| text += "---:|");
            text += "\n";
            for (name, times) in &table.lines {
                let _ = write!(text, "| {name} |");
                for (column, time) in times.iter().enumerate() {
                    text += &cell(table, column, *time);
                }
                text += "\n";
            }
        }
        text
    }
}

fn cell(table: &Table, column: usize, time: Option<f64>) -> String {
    let Some(time) = time else {
        return " |".into();
    };
    let of = |prefix: &str| {
        let line = table
            .lines
            .iter()
            .find(|(name, _)| name.starts_with(prefix));
        let other = line.and_then(|(_, times)| times.get(column).copied().flatten());
        other.map_or_else(|| "-".into(), |other| format!("{:.2}", time / other))
    };
    format!(" {time:.1} ({}; {}) |", of(crate::FLOOR), of("ws-proto"))
}

fn machine() -> Vec<(String, String)> {
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu
        .lines()
        .find_map(|line| line.strip_prefix("model name"))
        .map(|rest| rest.trim_start_matches([' ', '\t', ':']).to_owned())
        .unwrap_or_default();
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let rustc = Command::new("rustc").arg("--version").output();
    let rustc = rustc.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    let mut machine = vec![
        ("CPU".to_owned(), model),
        ("cores".to_owned(), cores.to_string()),
        ("compiler".to_owned(), rustc.unwrap_or_default()),
        (
            "build".to_owned(),
            "release, fat LTO, one codegen unit, no target-cpu".to_owned(),
        ),
        (
            "ws-proto's features".to_owned(),
            if cfg!(feature = "simd") {
                "default, deflate, getrandom, simd"
            } else {
                "default, deflate, getrandom"
            }
            .to_owned(),
        ),
    ];
    let lock = include_str!("../Cargo.lock");
    for wanted in CRATES {
        let start = format!("name = \"{wanted}\"\nversion = \"");
        let versions: Vec<&str> = lock
            .split(&start)
            .skip(1)
            .filter_map(|rest| rest.split('"').next())
            .collect();
        machine.push((wanted.to_owned(), versions.join(", ")));
    }
    machine
}
