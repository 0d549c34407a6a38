//! Instructions an echo through each shell, through its floor, and through other implementations.
//!
//! ```text
//! benches/shells/run.sh             # print and check
//! benches/shells/run.sh --ours      # without the other implementations
//! benches/shells/run.sh --update    # write the baselines
//! benches/shells/run.sh tokio/      # rows with that in the name, and their floors
//! ```
//!
//! One thread and a socket pair: the server runs on its runtime or loop, as its users run it; whenever
//! it waits, the client writes the next messages and looks at the answers, which is not counted. So the
//! counts repeat, also on a busy machine. The mechanism is that of `benches/engine`. The kernel's work is
//! not in the counts: reads and writes are printed beside them.

#[path = "../../shared/baseline.rs"]
mod baseline;
mod blocking;
#[path = "../../shared/callgrind.rs"]
mod callgrind;
mod client;
mod counted;
#[path = "../../shared/echo/mod.rs"]
mod echo;
mod epoll;
mod goals;
mod quiet;
mod rows;
mod task;
#[path = "../../shared/wire.rs"]
#[allow(dead_code, reason = "not every package needs all of it")]
mod wire;
#[path = "../../shared/work.rs"]
mod work;

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::process::ExitCode;

use callgrind::Count;
use work::Row;

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [flag, name] = arguments.as_slice()
        && flag == callgrind::MEASURE
    {
        let row = rows::all().into_iter().find(|row| row.name == *name);
        callgrind::run(row.ok_or("no such row")?);
        return Ok(ExitCode::SUCCESS);
    }
    let has = |flag: &str| arguments.iter().any(|argument| argument == flag);
    let filter = arguments
        .iter()
        .find(|argument| !argument.starts_with("--"));
    let rows = wanted(filter.map_or("", String::as_str), has("--ours"));
    let counts = callgrind::measure(rows.iter().map(|row| row.name.clone()))?;
    print_table(&rows, &counts);
    goals::print(&rows, &counts);
    let mut instructions = callgrind::instructions(&counts);
    instructions.retain(|name, _| rows::is_ours(name));
    if has("--update") {
        baseline::write(&instructions, filter.is_none())?;
        println!("\nThe baselines are written.");
        return Ok(ExitCode::SUCCESS);
    }
    let checked = baseline::check(&instructions, filter.is_none())?;
    println!("\n{} passed, {} failed", checked.passed, checked.failed);
    Ok(if checked.failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Rows with `part` in the name, and their floors.
fn wanted(part: &str, ours: bool) -> Vec<Row> {
    let mut rows = rows::all();
    rows.retain(|row| !ours || rows::is_ours(&row.name));
    let named = |row: &&Row| row.name.contains(part);
    let names: BTreeSet<String> = rows
        .iter()
        .filter(named)
        .flat_map(|row| [Some(row.name.clone()), row.floor.clone()])
        .flatten()
        .collect();
    rows.retain(|row| names.contains(&row.name));
    rows
}

/// What is counted of one echo.
pub struct Each {
    pub instructions: f64,
    pub reads: f64,
    pub writes: f64,
}

pub fn each(row: &Row, counts: &BTreeMap<String, Count>) -> Option<Each> {
    let count = counts.get(&row.name)?;
    let mut traffic = count.report.split_whitespace().map(str::parse);
    let mut next = || traffic.next()?.ok();
    let (reads, writes): (u64, u64) = (next()?, next()?);
    let units = row.units as f64;
    Some(Each {
        instructions: count.instructions as f64 / units,
        reads: reads as f64 / units,
        writes: writes as f64 / units,
    })
}

fn print_table(rows: &[Row], counts: &BTreeMap<String, Count>) {
    println!(
        "| row | instructions an echo | times the floor | over the floor | reads | writes |\n\
         |---|---:|---:|---:|---:|---:|"
    );
    for row in rows {
        let Some(count) = each(row, counts) else {
            continue;
        };
        let (times, over) = match goals::floor(row, rows, counts) {
            Some(floor) => (
                format!("{:.2}", count.instructions / floor),
                format!("{:+.0}", count.instructions - floor),
            ),
            None => Default::default(),
        };
        println!(
            "| {} | {:.0} | {times} | {over} | {:.2} | {:.2} |",
            row.name, count.instructions, count.reads, count.writes
        );
    }
}
