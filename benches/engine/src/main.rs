//! Instruction counts of ws-proto: they repeat exactly, also on a busy machine.
//!
//! ```text
//! benches/engine/run.sh             # print and check
//! benches/engine/run.sh --update    # write the baselines
//! benches/engine/run.sh echo        # rows with that in the name
//! ```
//!
//! Each row runs alone in a process of its own under `valgrind --tool=callgrind`, so that no row
//! depends on what ran before it. Only what happens inside [`callgrind::collected`] is counted. It
//! is a runner of its own because that is all there is to it: a framework would need its own
//! runner installed, in the version that fits, before anybody could repeat a number.

#[path = "../../shared/baseline.rs"]
mod baseline;
#[path = "../../shared/callgrind.rs"]
mod callgrind;
mod deflate;
#[path = "../../shared/floor.rs"]
mod floor;
mod prepared;
mod rows;
mod scaling;
#[path = "../../shared/wire.rs"]
mod wire;
#[path = "../../shared/work.rs"]
mod work;

use std::collections::BTreeMap;
use std::error::Error;
use std::process::ExitCode;

use baseline::Checked;
use work::Row;

/// One byte at a time should take at most this many times the instructions of one feed: a goal that
/// is shown, while the baselines hold the best results.
const BYTEWISE: f64 = 25.0;

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [flag, name] = arguments.as_slice()
        && flag == callgrind::MEASURE
    {
        let row = all().into_iter().find(|row| row.name == *name);
        callgrind::run(row.ok_or("no such row")?);
        return Ok(ExitCode::SUCCESS);
    }
    let update = arguments.iter().any(|argument| argument == "--update");
    let filter = arguments
        .iter()
        .find(|argument| !argument.starts_with("--"));
    let rows: Vec<Row> = all()
        .into_iter()
        .filter(|row| filter.is_none_or(|filter| row.name.contains(filter.as_str())))
        .collect();
    let counts = callgrind::measure(rows.iter().map(|row| row.name.clone()))?;
    let counts = callgrind::instructions(&counts);
    print_table(&rows, &counts);
    let ratios = print_ratios(&counts);
    if update {
        baseline::write(&counts, filter.is_none())?;
        println!("\nThe baselines are written.");
        return Ok(ExitCode::SUCCESS);
    }
    let rows = baseline::check(&counts, filter.is_none())?;
    let failed = rows.failed + ratios.failed;
    println!("\n{} passed, {failed} failed", rows.passed + ratios.passed);
    Ok(if failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn all() -> Vec<Row> {
    let mut rows = rows::all();
    rows.extend(deflate::all());
    rows.extend(prepared::all());
    rows.extend(scaling::all());
    rows
}

fn print_table(rows: &[Row], counts: &BTreeMap<String, u64>) {
    println!("| row | instructions a unit | a byte | times the floor |\n|---|---:|---:|---:|");
    for row in rows.iter().filter(|row| !scaling::is_one(&row.name)) {
        let Some(&count) = counts.get(&row.name) else {
            continue;
        };
        let unit = count as f64 / row.units as f64;
        let byte = if row.bytes > 0 {
            format!("{:.2}", unit / row.bytes as f64)
        } else {
            String::new()
        };
        let floor = row
            .floor
            .as_ref()
            .and_then(|floor| counts.get(floor))
            .map(|floor| format!("{:.2}", count as f64 / *floor as f64))
            .unwrap_or_default();
        println!("| {} | {unit:.1} | {byte} | {floor} |", row.name);
    }
}

/// The rows that are held against each other. Goals that are only shown are not counted.
fn print_ratios(counts: &BTreeMap<String, u64>) -> Checked {
    let mut pairs: Vec<(String, String, String, f64)> = scaling::pairs()
        .into_iter()
        .map(|(name, one, two)| (format!("twice the {name}"), two, one, scaling::LIMIT))
        .collect();
    for size in rows::BYTEWISE_SIZES {
        pairs.push((
            format!("{size} B text, one byte at a time"),
            format!("bytewise/{size}"),
            format!("receive/ascii/{size}/one"),
            BYTEWISE,
        ));
    }
    for what in ["bytes of a head", "bytes of an answer"] {
        pairs.push((
            format!("{what}, one at a time"),
            format!("scaling/{what}, one at a time/1"),
            format!("scaling/{what}/1"),
            BYTEWISE,
        ));
    }
    for (name, prepared, ordinary, most) in prepared::goals() {
        pairs.push((
            name.to_owned(),
            prepared.to_owned(),
            ordinary.to_owned(),
            most,
        ));
    }
    println!("\n| | instructions | times | at most | |\n|---|---:|---:|---:|---|");
    let mut checked = Checked::default();
    for (name, many, one, limit) in pairs {
        let (Some(many), Some(one)) = (counts.get(&many), counts.get(&one)) else {
            continue;
        };
        let ratio = *many as f64 / *one as f64;
        let verdict = if ratio <= limit { "met" } else { "MISSED" };
        if ratio <= limit {
            checked.passed += 1;
        } else if limit != BYTEWISE {
            checked.failed += 1;
        }
        println!("| {name} | {one} -> {many} | {ratio:.3} | {limit} | {verdict} |");
    }
    checked
}
