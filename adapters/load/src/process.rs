//! Servers, each a process of its own.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::ops::Deref;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
#[cfg(feature = "soak")]
use std::process::{ChildStdin, ChildStdout, ExitStatus};
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

/// A program that runs until this is dropped.
pub struct Process(Child);

/// A server that runs until this is dropped.
pub struct Server {
    process: Process,
    pub address: SocketAddr,
}

impl Deref for Server {
    type Target = Process;

    fn deref(&self) -> &Process {
        &self.process
    }
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
        let address = line.trim().trim_end_matches('/');
        let address = address.rsplit([' ', '/']).next().unwrap_or_default();
        let address = address.parse().with_context(|| format!("{line:?}"))?;
        let process = Process(child);
        Ok(Self { process, address })
    }

    /// The program, which runs until that is dropped.
    #[cfg(feature = "soak")]
    pub fn into_process(self) -> Process {
        self.process
    }
}

#[cfg(feature = "soak")]
impl Process {
    /// Starts a client, on the processor of clients, with pipes for input and output.
    pub fn client(command: &mut Command) -> Result<Self> {
        stay_on(CLIENTS)?;
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let child = command.spawn().with_context(|| format!("{command:?}"))?;
        Ok(Self(child))
    }

    /// The pipes of its input and its output, once.
    pub fn pipes(&mut self) -> Option<(ChildStdin, ChildStdout)> {
        self.0.stdin.take().zip(self.0.stdout.take())
    }

    /// Its status if it has ended.
    pub fn ended(&mut self) -> Result<Option<ExitStatus>> {
        Ok(self.0.try_wait()?)
    }
}

impl Process {
    /// Resident memory, in bytes.
    pub fn resident(&self) -> Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.0.id()))?;
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
        for thread in std::fs::read_dir(format!("/proc/{}/task", self.0.id()))? {
            let stat = std::fs::read_to_string(thread?.path().join("schedstat"))?;
            let time = stat.split_whitespace().next().context("no CPU time")?;
            nanos += time.parse::<u64>()?;
        }
        Ok(Duration::from_nanos(nanos))
    }

    /// How many file descriptors it has open.
    pub fn descriptors(&self) -> Result<usize> {
        Ok(std::fs::read_dir(format!("/proc/{}/fd", self.0.id()))?.count())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
