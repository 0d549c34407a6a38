//! What has become of memory, file descriptors and messages.

use std::fmt::Write as _;

use anyhow::Result;

use super::watched::Watched;
use super::{CONNECTIONS, Done, FAULTS, SAMPLE, Soak};
use crate::report::{machine, rustc};

const MIB: u64 = 1 << 20;

/// How much more memory the last quarter may take than the second: a tenth of that, and this, because big messages
/// come and go.
const SLACK: u64 = 2 * MIB;

/// The text, how many checks have held, and how many have not.
pub fn make(
    soak: &Soak<'_>,
    servers: &[Watched],
    clients: &[Watched],
    done: &[Done],
) -> Result<(String, usize, usize)> {
    let mut checks = Checks::default();
    let mut text = format!(
        "{} s with the seed {}. A server of each shell echoes to {CONNECTIONS} clients of each shell, which come and go, \
         while {FAULTS} peers\nmisbehave.\n\nMachine: {}. Built by {}.\n\n\
         Resident memory and descriptors of each process are read every {} s. A quarter of the time has its median, and \
         the\nfirst is for warming up. Flat is what takes at most a tenth and {} MiB more memory in the last quarter \
         than in the\nsecond. A server has at most its first descriptors again when all clients are gone; clients have \
         at most a tenth more\nin the last quarter than in the second.\n\n",
        soak.time.as_secs(),
        soak.seed,
        machine(),
        rustc(),
        SAMPLE.as_secs(),
        SLACK / MIB,
    );
    text += "| process | second quarter, MiB | last, MiB | most, MiB | | descriptors: first | most | end | |\n\
             |---|---:|---:|---:|---|---:|---:|---:|---|\n";
    for server in servers {
        let end = server.process.descriptors()?;
        let name = format!("{}, server", server.name);
        row(
            &mut text,
            &mut checks,
            server,
            &name,
            end,
            end <= server.descriptors,
        )?;
    }
    for client in clients {
        let (second, last) = (client.quarter(1).descriptors, client.quarter(3).descriptors);
        let name = format!("{}, clients", client.name);
        row(
            &mut text,
            &mut checks,
            client,
            &name,
            last,
            last <= second + second / 10,
        )?;
    }
    text += "\n| who | |\n|---|---|\n";
    for Done { who, counts } in done {
        let said: Vec<String> = counts
            .iter()
            .map(|(name, count)| format!("{name}: {count}"))
            .collect();
        writeln!(text, "| {who} | {} |", said.join("; "))?;
        let of = |wanted: &str| counts.iter().find(|(name, _)| name == wanted);
        checks.note(of("failures").is_some_and(|(_, count)| *count == 0));
        if let Some((_, messages)) = of("messages") {
            checks.note(*messages > 0);
        }
    }
    Ok((text, checks.held, checks.missed))
}

#[derive(Default)]
struct Checks {
    held: usize,
    missed: usize,
}

impl Checks {
    fn note(&mut self, held: bool) -> &'static str {
        *(if held {
            &mut self.held
        } else {
            &mut self.missed
        }) += 1;
        if held { "ok" } else { "**not ok**" }
    }
}

fn row(
    text: &mut String,
    checks: &mut Checks,
    watched: &Watched,
    name: &str,
    end: usize,
    is_at_rest: bool,
) -> Result<()> {
    let mib = |bytes: u64| bytes as f64 / MIB as f64;
    let (second, last) = (watched.quarter(1).resident, watched.quarter(3).resident);
    let is_flat = last <= second + second / 10 + SLACK;
    writeln!(
        text,
        "| {name} | {:.1} | {:.1} | {:.1} | {} | {} | {} | {end} | {} |",
        mib(second),
        mib(last),
        mib(watched.most()),
        checks.note(is_flat),
        watched.descriptors,
        watched.most_descriptors(),
        checks.note(is_at_rest),
    )?;
    Ok(())
}
