//! The part of `adapters/RESULTS.md`.

use std::fmt::Write as _;

use anyhow::Result;

use super::{CONTENDERS, Contender, EPOLL, HUB, Load, MIO, Measures, SIZES};
use crate::measures::Spread;
use crate::report::{machine, percent, ratio, rustc};

/// CPU time a delivery of a plain message, at most so many times the floor's.
const TO_THE_FLOOR: f64 = 1.15;

/// CPU time a delivery of a compressed message, at most so many times that of the plain one.
const TO_PLAIN: f64 = 1.25;

pub(super) fn broadcast(measures: &Measures) -> Result<String> {
    let mut text = String::new();
    writeln!(
        text,
        "## Broadcast\n\nOne message to {} connections: what the server takes of CPU time for each delivery, on one thread, over \
         loopback;\nthe clients on another one, on a processor of their own if there are two. A message follows when all \
         have the one before.\n`floor-epoll` writes one shared frame to each socket; `floor-tasks` wakes a task for each, \
         which does so. axum and\ntokio-tungstenite have a `tokio::sync::broadcast` of `Bytes`. Compression is \
         permessage-deflate as this crate's defaults\nare, of JSON that is another one each time. Rounds of all servers \
         interleaved, medians of {}; ± is half the distance of\nthe quartiles.\n\nMachine: {}.\nVersions: ws-proto \
         0.1.0, axum 0.8, tokio-tungstenite 0.30.0. Built by {}.\n",
        measures.subscribers,
        measures.rounds,
        machine(),
        rustc()
    )?;
    goals(&mut text, measures)?;
    for size in SIZES {
        table(&mut text, measures, size)?;
    }
    memory(&mut text, measures)?;
    Ok(text)
}

fn plain(size: usize) -> Load {
    Load {
        size,
        is_compressed: false,
    }
}

fn compressed(size: usize) -> Load {
    Load {
        size,
        is_compressed: true,
    }
}

fn goals(text: &mut String, measures: &Measures) -> Result<()> {
    writeln!(text, "| goal | measured | at most | |\n|---|---:|---:|---|")?;
    let mut line = |what: String, ours: Option<Spread>, other: Option<Spread>, most: f64| {
        let (Some(ours), Some(other)) = (ours, other) else {
            return Ok(());
        };
        let ratio = ours.median / other.median;
        let verdict = if ratio <= most { "met" } else { "**missed**" };
        writeln!(text, "| {what} | {ratio:.2} | {most:.2} | {verdict} |")
    };
    for size in SIZES {
        for (name, floor) in [
            (EPOLL, "floor-epoll"),
            (MIO, "floor-epoll"),
            (HUB, "floor-tasks"),
        ] {
            let load = plain(size);
            let (ours, floor) = (measures.cpu(name, load), measures.cpu(floor, load));
            line(
                format!("{name}, {load}: CPU time, to the floor"),
                ours,
                floor,
                TO_THE_FLOOR,
            )?;
        }
        for name in [MIO, HUB] {
            let ours = measures.cpu(name, compressed(size));
            let what = format!("{name}, {size} B: CPU time, compressed to plain");
            line(what, ours, measures.cpu(name, plain(size)), TO_PLAIN)?;
        }
    }
    Ok(())
}

/// What the kernel holds is not in it.
fn memory(text: &mut String, measures: &Measures) -> Result<()> {
    writeln!(
        text,
        "\n### Resident memory of a subscriber\n\nAfter messages of {} B; what the kernel holds is not in it.\n\n\
         | server | bytes | with compression |\n|---|---:|---:|",
        SIZES[0]
    )?;
    for Contender { name, .. } in &CONTENDERS {
        let of = |load| {
            let spread = measures.get(name, load, |sample| sample.memory);
            spread.map_or(String::new(), |spread| format!("{:.0}", spread.median))
        };
        writeln!(
            text,
            "| {name} | {} | {} |",
            of(plain(SIZES[0])),
            of(compressed(SIZES[0]))
        )?;
    }
    Ok(())
}

fn table(text: &mut String, measures: &Measures, size: usize) -> Result<()> {
    writeln!(
        text,
        "\n### {size} B\n\n| server | CPU time a delivery, ns | ± | to its floor | compressed, ns | ± | to plain |\n\
         |---|---:|---:|---:|---:|---:|---:|"
    )?;
    for Contender { name, floor, .. } in &CONTENDERS {
        let Some(ours) = measures.cpu(name, plain(size)) else {
            continue;
        };
        let floor = floor.and_then(|floor| measures.cpu(floor, plain(size)));
        let start = format!(
            "| {name} | {:.0} | {} | {}",
            ours.median,
            percent(&ours),
            ratio(&ours, floor)
        );
        match measures.cpu(name, compressed(size)) {
            Some(packed) => writeln!(
                text,
                "{start} | {:.0} | {} | {} |",
                packed.median,
                percent(&packed),
                ratio(&packed, Some(ours))
            )?,
            None => writeln!(text, "{start} | | | |")?,
        }
    }
    Ok(())
}
