//! `--hostile`: a peer that misbehaves, over TCP.

use std::io::{self, ErrorKind};
use std::net::{TcpListener, TcpStream, ToSocketAddrs};
use std::time::Duration;

use anyhow::Context;
use ws_proto_test::Side;
use ws_proto_test::hostile::{Misbehaviour, Setup, Verdict, catalogue, find};
use ws_proto_tokio::Uri;

use super::print;
use crate::args::{Address, Args};
use crate::failure::{Exit, Failure, OrExit, failure};
use crate::notices::Notices;
use crate::target::Target;

/// How long the other end has to react: longer than the usual time limits.
const PATIENCE: Duration = Duration::from_secs(90);

pub(super) fn run(args: &Args, name: &str) -> Result<(), Failure> {
    if name == "list" {
        return list();
    }
    let counts = match (&args.listen, &args.url) {
        (Some(address), _) => listen(args, address, &ways(name, Side::Server)?)?,
        (None, Some(target)) => connect(args, target, &ways(name, Side::Client)?)?,
        (None, None) => {
            let words = "--hostile needs a URL, or --listen ADDRESS; --hostile list names the ways";
            return Err(failure(Exit::Usage, words));
        }
    };
    counts.finish()
}

/// The ways of that name.
fn ways(name: &str, side: Side) -> Result<Vec<&'static Misbehaviour>, Failure> {
    if name == "all" {
        return Ok(catalogue().iter().filter(|one| one.is_of(side)).collect());
    }
    let Some(one) = find(name) else {
        let words = format!("--hostile {name} is not known: --hostile list names the ways");
        return Err(failure(Exit::Usage, words));
    };
    if !one.is_of(side) {
        let words = match side {
            Side::Server => format!("--hostile {name} is for clients: without --listen"),
            Side::Client => format!("--hostile {name} is for servers: with --listen"),
        };
        return Err(failure(Exit::Usage, words));
    }
    Ok(vec![one])
}

fn list() -> Result<(), Failure> {
    let mut text = String::new();
    for one in catalogue() {
        let sides = match (one.is_of(Side::Server), one.is_of(Side::Client)) {
            (true, true) => "both",
            (true, false) => "server",
            (false, _) => "client",
        };
        text.push_str(&format!(
            "{:<24} {sides:<7} {} ({}); the other end {}\n",
            one.name, one.what, one.source, one.expected
        ));
    }
    print(&text)
}

#[derive(Debug, Default)]
struct Counts {
    passed: usize,
    failed: usize,
    skipped: usize,
}

impl Counts {
    /// Plays one over a stream, and prints the result.
    fn play(
        &mut self,
        args: &Args,
        one: &Misbehaviour,
        (side, setup): (Side, &Setup),
        stream: TcpStream,
    ) -> Result<(), Failure> {
        let _ = stream.set_nodelay(true);
        let Some(peer) = one.peer(setup) else {
            return Ok(());
        };
        let report = peer.patience(PATIENCE).play_blocking(stream);
        let text = match one.verdict(side, &report) {
            Verdict::Passed => {
                self.passed += 1;
                format!("passed: {}: it {}\n", one.name, one.expected)
            }
            Verdict::Untried(why) => {
                self.skipped += 1;
                format!("skipped: {}: {}\n", one.name, why.escape_debug())
            }
            Verdict::Failed(why) => {
                self.failed += 1;
                format!("failed: {}: {}\n", one.name, why.escape_debug())
            }
            verdict => {
                self.failed += 1;
                format!("failed: {}: {verdict:?}\n", one.name)
            }
        };
        print(&text)?;
        if args.verbose {
            // What the other end has sent is escaped: it does not steer the terminal.
            let lines: Vec<String> = report
                .to_string()
                .lines()
                .map(|line| format!("  {}\n", line.escape_debug()))
                .collect();
            print(&lines.concat())?;
        }
        Ok(())
    }

    fn finish(self) -> Result<(), Failure> {
        let Self {
            passed,
            failed,
            skipped,
        } = self;
        print(&format!(
            "{passed} passed, {failed} failed, {skipped} skipped\n"
        ))?;
        if failed > 0 {
            let words = format!("the other end did not do what it should in {failed} of the ways");
            return Err(failure(Exit::Closed, words));
        }
        Ok(())
    }
}

fn connect(args: &Args, target: &Target, ways: &[&Misbehaviour]) -> Result<Counts, Failure> {
    if target.is_secure() || target.socket.is_some() {
        return Err(failure(Exit::Usage, "--hostile speaks ws over TCP only"));
    }
    let uri = Uri::parse(&target.url)
        .with_context(|| format!("{} is not the URL of a WebSocket server", target.name))
        .or_exit(Exit::Usage)?;
    let (_, rest) = target.url.split_once("://").unwrap_or_default();
    let (host, path) = match rest.find(['/', '?']) {
        Some(at) => rest.split_at(at),
        None => (rest, "/"),
    };
    let host = args.host.as_deref().unwrap_or(host);
    let mut setup = Setup::client().path(path).field("Host", host);
    for (name, value) in &args.headers {
        setup = setup.field(name, value);
    }
    let place = match &args.connect_to {
        Some(place) => (place.host.clone(), place.port),
        None => (uri.connect_host().to_string(), uri.port()),
    };
    let mut counts = Counts::default();
    for one in ways {
        let stream = reach(&place, args.timeout)
            .with_context(|| format!("{}:{} cannot be reached", place.0, place.1))
            .or_exit(Exit::Connect)?;
        counts.play(args, one, (Side::Client, &setup), stream)?;
    }
    Ok(counts)
}

/// The first address of the place that can be reached.
fn reach(place: &(String, u16), timeout: Duration) -> io::Result<TcpStream> {
    let mut last = io::Error::from(ErrorKind::NotFound);
    for address in place.to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, timeout) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// One for each connection that comes, and with more than one way or with `--once` each way once.
fn listen(args: &Args, address: &Address, ways: &[&Misbehaviour]) -> Result<Counts, Failure> {
    let Address::Tcp(address) = address else {
        return Err(failure(Exit::Usage, "--hostile speaks ws over TCP only"));
    };
    let unbound = || format!("--listen {address} cannot be listened on");
    let listener = TcpListener::bind(address)
        .with_context(unbound)
        .or_exit(Exit::Connect)?;
    let bound = listener
        .local_addr()
        .with_context(unbound)
        .or_exit(Exit::Connect)?;
    Notices::new(args).announce(format_args!("listening on ws://{bound}/"));
    let setup = Setup::server();
    let mut counts = Counts::default();
    let rounds = if args.once || ways.len() > 1 {
        1
    } else {
        usize::MAX
    };
    for one in ways.iter().cycle().take(ways.len().saturating_mul(rounds)) {
        let (stream, _) = listener
            .accept()
            .with_context(unbound)
            .or_exit(Exit::Connect)?;
        counts.play(args, one, (Side::Server, &setup), stream)?;
    }
    Ok(counts)
}
