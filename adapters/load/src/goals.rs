//! The goals, and whether the measurements meet them.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anyhow::Result;

use crate::client::Sample;
use crate::loads::{
    ALONE, BURSTS_OF_16, BURSTS_OF_64, CONTENDERS, LOADS, LONE, Load, MIO, OTHERS, SMOL,
    SMOL_BATCH, SMOL_FEED, TOKIO, TOKIO_BATCH, TOKIO_FEED,
};
use crate::measures::{Measures, Spread};

/// CPU time an echo, at most so many times the floor's.
const TO_THE_FLOOR: [(&str, Load, f64); 13] = [
    (TOKIO, ALONE, 1.05),
    (SMOL, ALONE, 1.05),
    (TOKIO_FEED, BURSTS_OF_16, 1.5),
    (TOKIO_FEED, BURSTS_OF_64, 2.0),
    (SMOL_FEED, BURSTS_OF_16, 1.5),
    (TOKIO_BATCH, BURSTS_OF_16, 1.15),
    (TOKIO_BATCH, BURSTS_OF_64, 1.15),
    (SMOL_BATCH, BURSTS_OF_16, 1.15),
    (SMOL_BATCH, BURSTS_OF_64, 1.15),
    (SMOL_FEED, BURSTS_OF_64, 2.0),
    (MIO, ALONE, 1.05),
    (MIO, BURSTS_OF_16, 1.05),
    (MIO, BURSTS_OF_64, 1.05),
];

/// Bytes of resident memory of an idle connection.
const MEMORY: [(&str, u64); 2] = [(MIO, 400), (TOKIO, 2500)];

/// The latency of a lone message is the floor's: no more than so many times it, or level.
const LATENCY: f64 = 1.05;

/// Lines of a table: goal, measurement, the most it may be, and the verdict.
pub fn write(
    text: &mut String,
    measures: &Measures,
    memory: &BTreeMap<&'static str, u64>,
) -> Result<()> {
    writeln!(text, "| goal | measured | at most | |\n|---|---:|---:|---|")?;
    for (name, load, most) in TO_THE_FLOOR {
        let Some((ours, floor)) = with_floor(measures, &load, name, |sample| sample.cpu) else {
            continue;
        };
        let ratio = ours.median / floor.median;
        let what = format!("{name}, {load}: CPU time, to the floor");
        line(
            text,
            &what,
            &format!("{ratio:.2}"),
            &format!("{most:.2}"),
            ratio <= most,
        )?;
    }
    for load in &LOADS {
        let fastest = OTHERS
            .iter()
            .filter_map(|name| Some((name, measures.cpu(load, name)?)))
            .min_by(|a, b| a.1.median.total_cmp(&b.1.median));
        let Some((other, theirs)) = fastest else {
            continue;
        };
        let ours = if load.in_flight == 1 {
            TOKIO
        } else {
            TOKIO_FEED
        };
        let Some(spread) = measures.cpu(load, ours) else {
            continue;
        };
        let what = format!("{ours}, {load}: CPU time, to {other}");
        let ratio = format!("{:.2}", spread.median / theirs.median);
        line(text, &what, &ratio, "level", spread.is_level_with(&theirs))?;
    }
    for (name, most) in MEMORY {
        if let Some(&bytes) = memory.get(name) {
            let what = format!("{name}: bytes of an idle connection");
            line(
                text,
                &what,
                &bytes.to_string(),
                &most.to_string(),
                bytes <= most,
            )?;
        }
    }
    for name in [MIO, TOKIO, SMOL] {
        for (percentile, of) in [
            ("p50", (|sample| sample.p50) as fn(&Sample) -> f64),
            ("p99", |sample| sample.p99),
        ] {
            let Some((ours, floor)) = with_floor(measures, &LONE, name, of) else {
                continue;
            };
            let ratio = ours.median / floor.median;
            let what = format!("{name}, a lone message: {percentile}, to the floor");
            let met = ratio <= LATENCY || ours.is_level_with(&floor);
            let most = format!("{LATENCY:.2} or level");
            line(text, &what, &format!("{ratio:.2}"), &most, met)?;
        }
    }
    Ok(())
}

fn with_floor(
    measures: &Measures,
    load: &Load,
    name: &'static str,
    of: fn(&Sample) -> f64,
) -> Option<(Spread, Spread)> {
    let floor = CONTENDERS.iter().find(|known| known.name == name)?.floor?;
    Some((
        measures.get(load, name, of)?,
        measures.get(load, floor, of)?,
    ))
}

fn line(text: &mut String, what: &str, measured: &str, most: &str, met: bool) -> Result<()> {
    let verdict = if met { "met" } else { "**missed**" };
    writeln!(text, "| {what} | {measured} | {most} | {verdict} |")?;
    Ok(())
}
