//! The committed counts, and whether the new ones are worse.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::Write;
use std::path::PathBuf;
use std::process::Command;

/// How much a row may grow.
const GROWTH: f64 = 1.02;

/// The outcome of a number of checks.
#[derive(Clone, Copy, Default)]
pub struct Checked {
    pub passed: usize,
    pub failed: usize,
}

fn path() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/baselines.tsv"))
}

/// What else the counts depend on.
fn made_with() -> String {
    let version = |program: &str| {
        Command::new(program)
            .arg("--version")
            .output()
            .map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
            .unwrap_or_default()
    };
    format!("{}, {}", version("rustc"), version("valgrind"))
}

fn read() -> Result<BTreeMap<String, u64>, Box<dyn Error>> {
    let text = match std::fs::read_to_string(path()) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        text => text?,
    };
    let mut counts = BTreeMap::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (name, count) = line.split_once('\t').ok_or("baselines.tsv: no tab")?;
        counts.insert(name.to_owned(), count.parse()?);
    }
    Ok(counts)
}

/// Writes `counts`; rows that are not in it stay, unless it is all of them.
pub fn write(counts: &BTreeMap<String, u64>, all: bool) -> Result<(), Box<dyn Error>> {
    let mut merged = if all { BTreeMap::new() } else { read()? };
    merged.extend(counts.clone());
    let mut text = format!("# {}\n", made_with());
    for (name, count) in merged {
        writeln!(text, "{name}\t{count}")?;
    }
    std::fs::write(path(), text)?;
    Ok(())
}

/// How many rows have not grown, and how many have, have no baseline or, if these are all rows, are
/// in the baselines only.
pub fn check(counts: &BTreeMap<String, u64>, all: bool) -> Result<Checked, Box<dyn Error>> {
    let baselines = read()?;
    let mut failed = 0;
    println!();
    for (name, &count) in counts {
        match baselines.get(name) {
            None => {
                println!("{name}: no baseline");
                failed += 1;
            }
            Some(&before) if count as f64 > before as f64 * GROWTH => {
                println!("{name}: GREW {}", change(before, count));
                failed += 1;
            }
            Some(&before) if (count as f64) * GROWTH < before as f64 => {
                println!(
                    "{name}: shrank {}; --update keeps it so",
                    change(before, count)
                );
            }
            Some(_) => {}
        }
    }
    let mut gone = 0;
    for name in baselines
        .keys()
        .filter(|name| all && !counts.contains_key(*name))
    {
        println!("{name}: the row is gone, its baseline is not");
        gone += 1;
    }
    failed += gone;
    if failed == 0 {
        println!("No row is more than 2 percent above its baseline.");
    } else {
        println!(
            "\nIf that is meant, put the new counts into the same commit: --update.\n\
             This is {}, the baselines say what they were made with.",
            made_with()
        );
    }
    Ok(Checked {
        passed: (counts.len() + gone).saturating_sub(failed),
        failed,
    })
}

fn change(before: u64, now: u64) -> String {
    let percent = (now as f64 / before as f64 - 1.0) * 100.0;
    format!("from {before} to {now} ({percent:+.1} %)")
}
