//! Load and faults on loopback. `adapters/load.sh` runs it.

mod broadcast;
mod chart;
mod client;
mod faults;
mod goals;
mod loads;
mod measures;
mod memory;
mod process;
mod report;
#[cfg(feature = "soak")]
mod soak;
mod swarm;
#[path = "../../../benches/shared/wire.rs"]
#[allow(dead_code, reason = "not every package needs all of it")]
mod wire;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use loads::{CONTENDERS, MIO, SMOL, TOKIO};
use measures::Measures;
use process::Target;

/// Those with bounds, and how many bytes of resident memory a connection may take.
const BOUNDED: [(&str, u64); 3] = [(MIO, 2048), (TOKIO, 3072), (SMOL, 3072)];

/// How much of everything.
struct Amount {
    rounds: usize,
    /// For each server, each load and each round.
    time: Duration,
    /// The same of the profile `broadcast`.
    broadcast_rounds: usize,
    /// Of which the memory is measured.
    idle: usize,
    /// At once, in the bounds.
    crowd: usize,
}

const FULL: Amount = Amount {
    rounds: 15,
    time: Duration::from_millis(400),
    broadcast_rounds: 9,
    idle: 5000,
    crowd: 10_000,
};

const QUICK: Amount = Amount {
    rounds: 1,
    time: Duration::from_millis(40),
    broadcast_rounds: 1,
    idle: 500,
    crowd: 1000,
};

fn main() -> Result<()> {
    use lexopt::prelude::*;

    let (mut amount, mut only, mut mio, mut report) = (FULL, None, None, None);
    let mut epoll = None;
    #[cfg(feature = "soak")]
    let (mut seconds, mut seed, mut wsp) = (3600, 0, None);
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("quick") => amount = QUICK,
            Long("only") => only = Some(parser.value()?.string()?),
            Long("mio") => mio = Some(PathBuf::from(parser.value()?)),
            Long("chart") => return draw(Path::new(&parser.value()?), Path::new(&parser.value()?)),
            Long("epoll") => epoll = Some(PathBuf::from(parser.value()?)),
            #[cfg(feature = "soak")]
            Long("seconds") => seconds = parser.value()?.parse()?,
            #[cfg(feature = "soak")]
            Long("seed") => seed = parser.value()?.parse()?,
            #[cfg(feature = "soak")]
            Long("wsp") => wsp = Some(PathBuf::from(parser.value()?)),
            Long("report") => report = Some(PathBuf::from(parser.value()?)),
            _ => return Err(argument.unexpected().into()),
        }
    }
    let is_wanted = |part| only.as_deref().is_none_or(|only| only == part);
    let mut text = String::new();
    if only.as_deref() == Some("broadcast") {
        // Its servers are built apart from the others, so it is asked for by name.
        let epoll = epoll.context("--epoll: where the example epoll is")?;
        text += &broadcast::measure(&epoll, amount.broadcast_rounds, amount.time)?;
        return write(report, text);
    }
    let mio = mio.context("--mio: where the example echo_mio is")?;
    if only.as_deref() == Some("memory") {
        for (name, bytes) in memory::measure(&targets(&mio)?, amount.idle)? {
            println!("{name}: {bytes} bytes");
        }
        return Ok(());
    }
    #[cfg(feature = "soak")]
    if only.as_deref() == Some("soak") {
        // Its servers are built apart too, and it lasts.
        let soak = soak::Soak {
            time: Duration::from_secs(seconds),
            seed,
            mio: &mio,
            wsp: &wsp.context("--wsp: where wsp is")?,
        };
        let (text, passed, failed) = soak::run(&soak)?;
        println!("{text}\n{passed} passed, {failed} failed, 0 skipped");
        write(report, text)?;
        ensure!(failed == 0, "checks that did not hold");
        return Ok(());
    }
    if is_wanted("measures") {
        text += &measure(&mio, &amount)?;
    }
    let mut failed = 0;
    if is_wanted("bounds") {
        for (name, memory) in BOUNDED {
            let checks = faults::run(&loads::target(name, &mio)?, memory, amount.crowd);
            text += &report::bounds(name, &checks)?;
            let held = checks.iter().filter(|check| check.held).count();
            failed += checks.len() - held;
            println!("{held} passed, {} failed", checks.len() - held);
        }
    }
    write(report, text)?;
    ensure!(failed == 0, "bounds that did not hold");
    Ok(())
}

fn write(report: Option<PathBuf>, text: String) -> Result<()> {
    report.map_or(Ok(()), |path| Ok(std::fs::write(path, text)?))
}

fn targets(mio: &Path) -> Result<Vec<Target>> {
    let names = CONTENDERS.iter().map(|contender| contender.name);
    names.map(|name| loads::target(name, mio)).collect()
}

/// The goals and their measurements. A goal that is missed is no failure.
fn measure(mio: &Path, amount: &Amount) -> Result<String> {
    let targets = targets(mio)?;
    let memory = memory::measure(&targets, amount.idle)?;
    let measures = Measures::take(&targets, amount.rounds, amount.time)?;
    let text = report::measures(&measures, &memory, amount.idle)?;
    println!("{text}");
    Ok(text)
}

/// Draws the chart of a report.
fn draw(report: &Path, to: &Path) -> Result<()> {
    let text = std::fs::read_to_string(report).with_context(|| report.display().to_string())?;
    Ok(std::fs::write(to, chart::svg(&text)?)?)
}
