//! The profile `broadcast`: what the server takes for a delivery when one message goes to many.

mod report;
mod subscribers;

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::measures::Spread;
use crate::process::Target;

/// How many connections get each message.
const SUBSCRIBERS: usize = 1000;
const FEW_SUBSCRIBERS: usize = 100;

/// A message that goes to all.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Load {
    /// Its payload, in bytes.
    size: usize,
    is_compressed: bool,
}

impl fmt::Display for Load {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let how = if self.is_compressed {
            "compressed"
        } else {
            "plain"
        };
        write!(f, "{} B, {how}", self.size)
    }
}

const SIZES: [usize; 2] = [100, 4096];

/// A server of `broadcast-server`, or the example `epoll`.
struct Contender {
    name: &'static str,
    floor: Option<&'static str>,
    compresses: bool,
}

const EPOLL: &str = "example-epoll";
const MIO: &str = "ws-proto-mio";
const HUB: &str = "ws-proto-hub";

const CONTENDERS: [Contender; 7] = [
    contender("floor-epoll", None, false),
    contender(EPOLL, Some("floor-epoll"), false),
    contender(MIO, Some("floor-epoll"), true),
    contender("floor-tasks", None, false),
    contender(HUB, Some("floor-tasks"), true),
    contender("axum", Some("floor-tasks"), false),
    contender("tokio-tungstenite", Some("floor-tasks"), false),
];

const fn contender(name: &'static str, floor: Option<&'static str>, compresses: bool) -> Contender {
    Contender {
        name,
        floor,
        compresses,
    }
}

/// What was measured in one round.
#[derive(Clone, Copy)]
struct Sample {
    /// Nanoseconds of the server's CPU time a delivery, user and system.
    cpu: f64,
    /// Bytes of resident memory that a subscriber has added.
    memory: f64,
}

/// All samples, by server and load.
struct Measures {
    samples: BTreeMap<(&'static str, Load), Vec<Sample>>,
    rounds: usize,
    subscribers: usize,
}

impl Measures {
    fn get(&self, name: &'static str, load: Load, of: fn(&Sample) -> f64) -> Option<Spread> {
        let samples = self.samples.get(&(name, load))?;
        Spread::of(samples.iter().map(of).collect())
    }

    fn cpu(&self, name: &'static str, load: Load) -> Option<Spread> {
        self.get(name, load, |sample| sample.cpu)
    }
}

/// Measures all, and returns the part of `adapters/RESULTS.md`. `epoll` is the example of that name.
pub fn measure(epoll: &Path, rounds: usize, time: Duration) -> Result<String> {
    let subscribers = if rounds > 1 {
        SUBSCRIBERS
    } else {
        FEW_SUBSCRIBERS
    };
    let mut measures = Measures {
        samples: BTreeMap::new(),
        rounds,
        subscribers,
    };
    for round in 1..=rounds {
        for size in SIZES {
            for contender in &CONTENDERS {
                let target = target(contender.name, epoll)?;
                for is_compressed in [false, true] {
                    if is_compressed && !contender.compresses {
                        continue;
                    }
                    let load = Load {
                        size,
                        is_compressed,
                    };
                    let server = target.start(&[])?;
                    let sample = subscribers::measure(&server, load, subscribers, time)
                        .with_context(|| format!("{}, {load}", contender.name))?;
                    let samples = measures.samples.entry((contender.name, load));
                    samples.or_default().push(sample);
                }
            }
        }
        println!("round {round} of {rounds} is done");
    }
    let text = report::broadcast(&measures)?;
    println!("{text}");
    Ok(text)
}

fn target(name: &'static str, epoll: &Path) -> Result<Target> {
    if name == EPOLL {
        return Ok(Target {
            name,
            program: epoll.to_owned(),
            arguments: vec!["127.0.0.1:0"],
        });
    }
    Ok(Target {
        name,
        program: std::env::current_exe()?.with_file_name("broadcast-server"),
        arguments: vec![name],
    })
}
