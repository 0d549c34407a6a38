//! A process whose memory and file descriptors are looked at.

use anyhow::{Result, bail};

use crate::process::Process;

pub struct Watched {
    pub name: &'static str,
    pub process: Process,
    /// File descriptors before anything was done.
    pub descriptors: usize,
    samples: Vec<Sample>,
}

#[derive(Clone, Copy)]
struct Sample {
    /// Bytes.
    resident: u64,
    descriptors: usize,
}

/// What the samples of a quarter of the time say: medians.
pub struct Quarter {
    /// Bytes.
    pub resident: u64,
    pub descriptors: usize,
}

impl Watched {
    pub fn new(name: &'static str, process: Process) -> Result<Self> {
        let descriptors = process.descriptors()?;
        let samples = Vec::new();
        Ok(Self {
            name,
            process,
            descriptors,
            samples,
        })
    }

    pub fn sample(&mut self) -> Result<()> {
        if let Some(status) = self.process.ended()? {
            bail!("{} has ended: {status}", self.name);
        }
        self.samples.push(Sample {
            resident: self.process.resident()?,
            descriptors: self.process.descriptors()?,
        });
        Ok(())
    }

    /// Whether it has no more descriptors than before anything was done.
    pub fn is_at_rest(&self) -> bool {
        let now = self.process.descriptors();
        now.is_ok_and(|now| now <= self.descriptors)
    }

    /// A quarter of the time: 0 is the first.
    pub fn quarter(&self, number: usize) -> Quarter {
        let count = self.samples.len();
        let mut samples = self.samples[count * number / 4..count * (number + 1) / 4].to_vec();
        let middle = samples.len() / 2;
        samples.sort_unstable_by_key(|sample| sample.resident);
        let resident = samples.get(middle).map_or(0, |sample| sample.resident);
        samples.sort_unstable_by_key(|sample| sample.descriptors);
        let descriptors = samples.get(middle).map_or(0, |sample| sample.descriptors);
        Quarter {
            resident,
            descriptors,
        }
    }

    /// Bytes, at the most.
    pub fn most(&self) -> u64 {
        let all = self.samples.iter().map(|sample| sample.resident);
        all.max().unwrap_or(0)
    }

    pub fn most_descriptors(&self) -> usize {
        let all = self.samples.iter().map(|sample| sample.descriptors);
        all.max().unwrap_or(0)
    }
}
