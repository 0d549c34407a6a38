//! Servers, each a process of its own.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result};

/// A server that runs until this is dropped.
pub struct Server {
    child: Child,
    output: BufReader<std::process::ChildStdout>,
    pub address: SocketAddr,
}

impl Server {
    /// Starts `program` and waits until it has said where it listens.
    pub fn start(program: &Path, arguments: &[&str]) -> Result<Self> {
        let mut command = Command::new(program);
        command.args(arguments);
        Self::run(command)
    }

    /// As `start`, with so many file descriptors.
    pub fn start_limited(program: &Path, descriptors: usize) -> Result<Self> {
        let mut command = Command::new("sh");
        let script = format!("ulimit -n {descriptors}; exec \"$0\"");
        command.arg("-c").arg(script).arg(program);
        Self::run(command)
    }

    fn run(mut command: Command) -> Result<Self> {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("{command:?}"))?;
        let mut output = BufReader::new(child.stdout.take().context("no output")?);
        let mut line = String::new();
        output.read_line(&mut line)?;
        let address = line.rsplit(' ').next().unwrap_or_default().trim();
        let address = address.parse().with_context(|| format!("{line:?}"))?;
        Ok(Self {
            child,
            output,
            address,
        })
    }

    /// Resident memory, in bytes.
    pub fn resident(&self) -> Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib: u64 = line
            .and_then(|line| line.split_whitespace().next())
            .context("no VmRSS")?
            .parse()?;
        Ok(kib * 1024)
    }

    /// Ends it and returns what it says at the end; a number of it by its name.
    pub fn finish(mut self) -> Result<Stats> {
        drop(self.child.stdin.take());
        let mut text = String::new();
        self.output.read_to_string(&mut text)?;
        self.child.wait()?;
        Ok(Stats(text))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What the mio example has counted: `accepted 3, opened 2, ...`.
pub struct Stats(String);

impl Stats {
    pub fn count(&self, name: &str) -> Option<u64> {
        let mut items = self.0.trim().split(", ");
        items.find_map(|item| item.strip_prefix(name)?.trim().parse().ok())
    }
}
