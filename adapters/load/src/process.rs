//! Servers, each a process of its own.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result};

/// A program that serves.
pub struct Target {
    pub name: &'static str,
    pub program: PathBuf,
    pub arguments: Vec<&'static str>,
    /// How many bytes of resident memory a connection may take.
    pub memory: u64,
}

impl Target {
    /// Starts it and waits until it has said where it listens.
    pub fn start(&self, arguments: &[&str]) -> Result<Server> {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).args(arguments);
        Server::run(command)
    }

    /// As `start`, with so many file descriptors.
    pub fn start_limited(&self, descriptors: usize) -> Result<Server> {
        let mut command = Command::new("sh");
        let script = format!("ulimit -n {descriptors}; exec \"$0\" \"$@\"");
        command.arg("-c").arg(script).arg(&self.program);
        command.args(&self.arguments);
        Server::run(command)
    }
}

/// A server that runs until this is dropped.
pub struct Server {
    child: Child,
    pub address: SocketAddr,
}

impl Server {
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
        Ok(Self { child, address })
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

    /// How many file descriptors it has open.
    pub fn descriptors(&self) -> Result<usize> {
        Ok(std::fs::read_dir(format!("/proc/{}/fd", self.child.id()))?.count())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
