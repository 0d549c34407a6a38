//! Goals: shown, while the baselines hold the best results.

use std::collections::BTreeMap;

use crate::callgrind::Count;
use crate::rows::{BURSTS, OTHER, SIZES};
use crate::work::Row;
use crate::{Each, each};

/// The size of messages for which the shells have goals over the floor. Bigger ones show the cost
/// to copy.
const SIZE: usize = 32;

/// The most instructions an echo over the floor.
const OVER_THE_FLOOR: [(&str, &str, f64); 8] = [
    ("tokio/send", "alone", 700.0),
    ("smol/send", "alone", 700.0),
    ("tokio/feed", "burst", 300.0),
    ("smol/feed", "burst", 300.0),
    ("tokio/batch", "burst", 100.0),
    ("smol/batch", "burst", 100.0),
    ("mio", "alone", 100.0),
    ("mio", "burst", 100.0),
];

/// They answer a burst that comes in one read with one write.
const ONE_WRITE: [&str; 6] = [
    "tokio/feed",
    "tokio/batch",
    "smol/feed",
    "smol/batch",
    "mio",
    "io",
];

/// The rows that are compared with other implementations, which are on tokio.
const AHEAD: [&str; 3] = ["tokio/send", "tokio/feed", "tokio/batch"];

/// The floor's instructions an echo.
pub fn floor(row: &Row, rows: &[Row], counts: &BTreeMap<String, Count>) -> Option<f64> {
    let floor = row.floor.as_ref()?;
    let floor = rows.iter().find(|row| row.name == *floor)?;
    Some(each(floor, counts)?.instructions)
}

/// Prints the goals whose rows have been counted.
pub fn print(rows: &[Row], counts: &BTreeMap<String, Count>) {
    println!("\n| goal | counted | at most | |\n|---|---:|---:|---|");
    let find = |name: &str| -> Option<(&Row, Each)> {
        let row = rows.iter().find(|row| row.name == name)?;
        Some((row, each(row, counts)?))
    };
    for (name, traffic, most) in OVER_THE_FLOOR {
        let name = format!("{name}/{SIZE}/{traffic}");
        let Some((row, count)) = find(&name) else {
            continue;
        };
        if let Some(floor) = floor(row, rows, counts) {
            let over = count.instructions - floor;
            line(
                &format!("{name}: instructions over the floor"),
                over,
                most,
                0,
            );
        }
    }
    for (together, traffic) in BURSTS {
        for name in ONE_WRITE {
            if let Some((_, count)) = find(&format!("{name}/{SIZE}/{traffic}")) {
                let writes = count.writes * together as f64;
                let what = format!("{name}/{SIZE}/{traffic}: writes for {together}");
                line(&what, writes, 1.0, 1);
            }
        }
    }
    for size in SIZES {
        for (_, traffic) in BURSTS {
            let end = format!("/{size}/{traffic}");
            let others = rows.iter().filter_map(|row| {
                let name = row.name.strip_prefix(OTHER)?.strip_suffix(&end)?;
                Some((name, each(row, counts)?.instructions))
            });
            let Some((fastest, most)) = others.min_by(|a, b| a.1.total_cmp(&b.1)) else {
                continue;
            };
            for ours in AHEAD.map(|ours| format!("{ours}{end}")) {
                if let Some((_, count)) = find(&ours) {
                    line(
                        &format!("{ours}: to {fastest}"),
                        count.instructions,
                        most,
                        0,
                    );
                }
            }
        }
    }
}

fn line(what: &str, counted: f64, most: f64, digits: usize) {
    let verdict = if counted <= most { "met" } else { "MISSED" };
    println!("| {what} | {counted:.digits$} | {most:.0} | {verdict} |");
}
