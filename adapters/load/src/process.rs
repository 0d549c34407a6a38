//! Servers, each a process of its own.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use anyhow::{Context, Result};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// The processors of servers and of clients, if there are two: they do not disturb each other, and are
/// not moved.
static PROCESSORS: OnceLock<Option<[usize; 2]>> = OnceLock::new();
const SERVERS: usize = 0;
const CLIENTS: usize = 1;

/// Keeps this thread, and threads that it starts, on the processor of servers or of clients.
fn stay_on(which: usize) -> Result<()> {
    let allowed = sched_getaffinity(None)?;
    let processors = PROCESSORS.get_or_init(|| {
        let mut allowed = (0..CpuSet::MAX_CPU).filter(|n| allowed.is_set(*n));
        Some([allowed.next()?, allowed.next()?])
    });
    if let Some(processors) = processors {
        let mut set = CpuSet::new();
        set.set(processors[which]);
        sched_setaffinity(None, &set)?;
    }
    Ok(())
}

/// A program that serves.
pub struct Target {
    pub name: &'static str,
    pub program: PathBuf,
    pub arguments: Vec<&'static str>,
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
        stay_on(SERVERS)?; // which the server inherits
        let spawned = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        stay_on(CLIENTS)?;
        let mut child = spawned.with_context(|| format!("{command:?}"))?;
        let mut output = BufReader::new(child.stdout.take().context("no output")?);
        let mut line = String::new();
        output.read_line(&mut line)?;
        let address = line.rsplit([' ', '/']).next().unwrap_or_default().trim();
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

    /// The CPU time that all its threads have taken, in user mode and in the kernel. Exact while it
    /// waits.
    pub fn cpu_time(&self) -> Result<Duration> {
        let mut nanos = 0;
        for thread in std::fs::read_dir(format!("/proc/{}/task", self.child.id()))? {
            let stat = std::fs::read_to_string(thread?.path().join("schedstat"))?;
            let time = stat.split_whitespace().next().context("no CPU time")?;
            nanos += time.parse::<u64>()?;
        }
        Ok(Duration::from_nanos(nanos))
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
