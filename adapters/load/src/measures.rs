//! Rounds of all loads on all servers, interleaved.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::client::{Sample, measure};
use crate::loads::{LOADS, LONE, Load};
use crate::process::Target;

/// A median, and the quartiles around it.
#[derive(Clone, Copy)]
pub struct Spread {
    pub low: f64,
    pub median: f64,
    pub high: f64,
}

impl Spread {
    pub fn of(mut values: Vec<f64>) -> Option<Self> {
        values.sort_by(f64::total_cmp);
        let last = values.len().checked_sub(1)?;
        let at = |share: f64| {
            let position = last as f64 * share;
            let (below, above) = (position.floor() as usize, position.ceil() as usize);
            values[below] + (values[above] - values[below]) * position.fract()
        };
        Some(Self {
            low: at(0.25),
            median: at(0.5),
            high: at(0.75),
        })
    }

    /// Whether this is less, or as much within the spread of the rounds.
    pub fn is_level_with(&self, other: &Self) -> bool {
        self.low <= other.high
    }

    /// Half the distance of the quartiles, as a share of the median.
    pub fn relative(&self) -> f64 {
        (self.high - self.low) / 2.0 / self.median
    }
}

/// All samples.
pub struct Measures {
    samples: BTreeMap<(String, &'static str), Vec<Sample>>,
    pub rounds: usize,
}

impl Measures {
    /// Each server takes each load for `time` in each round, in a process of its own.
    pub fn take(targets: &[Target], rounds: usize, time: Duration) -> Result<Self> {
        let mut samples = BTreeMap::<_, Vec<Sample>>::new();
        for round in 1..=rounds {
            for load in LOADS.into_iter().chain([LONE]) {
                for target in targets {
                    let server = target.start(&[])?;
                    let sample = measure(&server, &load, time)
                        .with_context(|| format!("{}, {load}", target.name))?;
                    let key = (load.to_string(), target.name);
                    samples.entry(key).or_default().push(sample);
                }
            }
            println!("round {round} of {rounds} is done");
        }
        Ok(Self { samples, rounds })
    }

    pub fn get(&self, load: &Load, name: &'static str, of: fn(&Sample) -> f64) -> Option<Spread> {
        let samples = self.samples.get(&(load.to_string(), name))?;
        Spread::of(samples.iter().map(of).collect())
    }

    /// Of the server's CPU time an echo, in nanoseconds.
    pub fn cpu(&self, load: &Load, name: &'static str) -> Option<Spread> {
        self.get(load, name, |sample| sample.cpu)
    }
}
