//! The goals of ws-proto, compared with the measurements of the same run.

use std::fmt::Write;

use crate::report::Table;
use crate::{FLOOR, PIECES};

const CONNECTION: &str = "ws-proto Connection";
const WEBSOCKET: &str = "ws-proto WebSocket";
/// The crates that most people use.
const COMMON: [&str; 5] = [
    "tungstenite",
    "fastwebsockets",
    "tokio-websockets",
    "sockudo-ws",
    "yawc",
];

/// What is measured against.
#[derive(Clone, Copy)]
enum Other {
    Line(&'static str),
    /// The fastest of the crates that most people use.
    Common,
    /// The fastest of all other crates.
    Peers,
}

struct Goal {
    what: &'static str,
    tables: &'static [&'static str],
    columns: fn(&str) -> bool,
    line: &'static str,
    other: Other,
    /// The most that the ratio of the two may be.
    most: f64,
}

const RECEIVE: &[&str] = &["receive binary", "receive ascii"];
const MIXED: &[&str] = &["receive mixed"];
const FRAGMENTS: &[&str] = &["receive 64 KiB in fragments"];
const MESSAGES: &[&str] = &[
    "receive binary",
    "receive ascii",
    "receive mixed",
    "receive 64 KiB in fragments",
    "send server",
    "send client",
    "echo",
];

fn all(_: &str) -> bool {
    true
}

fn small(column: &str) -> bool {
    matches!(column, "16 B" | "125 B")
}

fn smallest(column: &str) -> bool {
    column == "16 B"
}

fn in_128(column: &str) -> bool {
    column.ends_with("in 128 B")
}

fn goals() -> Vec<Goal> {
    let goal = |what, tables, columns, line, other, most| Goal {
        what,
        tables,
        columns,
        line,
        other,
        most,
    };
    let floor = Other::Line(FLOOR);
    let send_client = &["send client"];
    vec![
        goal(
            "receive binary and ASCII, up to 125 B, to the floor",
            RECEIVE,
            small,
            CONNECTION,
            floor,
            1.5,
        ),
        goal("the same in pieces", RECEIVE, small, PIECES, floor, 1.5),
        goal(
            "receive binary and ASCII, from 1 KiB, to the floor",
            RECEIVE,
            |c| !small(c),
            CONNECTION,
            floor,
            1.15,
        ),
        goal(
            "the same in pieces",
            RECEIVE,
            |c| !small(c),
            PIECES,
            floor,
            1.15,
        ),
        goal(
            "receive binary and ASCII, 16 B, to the fastest common crate",
            RECEIVE,
            smallest,
            CONNECTION,
            Other::Common,
            0.2,
        ),
        goal(
            "receive binary and ASCII, to the fastest common crate",
            RECEIVE,
            all,
            CONNECTION,
            Other::Common,
            1.0,
        ),
        goal(
            "receive mixed text, to the fastest crate",
            MIXED,
            all,
            CONNECTION,
            Other::Peers,
            1.0,
        ),
        goal(
            "fragments of 128 B, assembled, to the fastest crate",
            FRAGMENTS,
            in_128,
            CONNECTION,
            Other::Peers,
            1.0 / 3.0,
        ),
        goal(
            "send server without copying, to the floor",
            &["send server"],
            all,
            PIECES,
            floor,
            1.5,
        ),
        goal(
            "send client, to the floor",
            send_client,
            all,
            CONNECTION,
            floor,
            1.5,
        ),
        goal(
            "send client, to the fastest crate",
            send_client,
            all,
            CONNECTION,
            Other::Peers,
            1.0,
        ),
        goal(
            "the same without copying",
            send_client,
            all,
            PIECES,
            Other::Peers,
            1.0,
        ),
        goal(
            "echo 16 B, to the floor",
            &["echo"],
            smallest,
            CONNECTION,
            floor,
            2.0,
        ),
        goal(
            "`WebSocket`, to `Connection`",
            MESSAGES,
            all,
            WEBSOCKET,
            Other::Line(CONNECTION),
            2.0,
        ),
        goal(
            "`WebSocket`, to the fastest crate",
            MESSAGES,
            all,
            WEBSOCKET,
            Other::Peers,
            1.0,
        ),
        goal(
            "handshake server, to the fastest crate",
            &["handshake server"],
            all,
            "ws-proto",
            Other::Peers,
            1.0,
        ),
        goal(
            "permessage-deflate, to bare zlib-rs",
            &["inflate JSON", "deflate JSON"],
            all,
            "ws-proto",
            floor,
            1.05,
        ),
    ]
}

/// A table of the goals whose rows were measured; empty if there are none.
pub fn markdown(tables: &[Table]) -> String {
    let mut text = String::new();
    for goal in goals() {
        let ratios = goal.ratios(tables);
        let Some((worst, place)) = ratios.iter().max_by(|a, b| a.0.total_cmp(&b.0)) else {
            continue;
        };
        if text.is_empty() {
            text += "\n## Goals\n\nThe time of ws-proto to that of another, worst cell and the rows above the goal.\n\n\
                     | | at most | worst | |\n|---|---:|---|---|\n";
        }
        let _ = write!(
            text,
            "| {} | {:.2} | {worst:.2} ({place}) |",
            goal.what, goal.most
        );
        let missed: Vec<String> = ratios
            .iter()
            .filter(|(ratio, _)| *ratio > goal.most)
            .map(|(ratio, place)| format!("{place} {ratio:.2}"))
            .collect();
        if missed.is_empty() {
            text += " met |\n";
        } else {
            let _ = writeln!(
                text,
                " missed in {} of {}: {} |",
                missed.len(),
                ratios.len(),
                missed.join(", ")
            );
        }
    }
    text
}

impl Goal {
    /// For each cell: the ratio, and where that is.
    fn ratios(&self, tables: &[Table]) -> Vec<(f64, String)> {
        let mut ratios = Vec::new();
        for table in tables
            .iter()
            .filter(|table| self.tables.contains(&&*table.name))
        {
            for (column, name) in table.columns.iter().enumerate() {
                if !(self.columns)(name) {
                    continue;
                }
                if let (Some(ours), Some(other)) =
                    (table.time(self.line, column), self.other(table, column))
                {
                    ratios.push((ours / other, self.place(table, name)));
                }
            }
        }
        ratios
    }

    fn place(&self, table: &Table, column: &str) -> String {
        if self.tables.len() == 1 {
            return column.to_owned();
        }
        let table = table.name.trim_start_matches("receive ");
        format!("{table} {column}")
    }

    fn other(&self, table: &Table, column: usize) -> Option<f64> {
        let is_other = |name: &str| match self.other {
            Other::Line(line) => name == line,
            Other::Common => COMMON.contains(&name),
            Other::Peers => name != FLOOR && !name.starts_with("ws-proto"),
        };
        let lines = table.lines.iter().filter(|(name, _)| is_other(name));
        lines
            .filter_map(|(_, times)| times.get(column).copied().flatten())
            .min_by(f64::total_cmp)
    }
}
