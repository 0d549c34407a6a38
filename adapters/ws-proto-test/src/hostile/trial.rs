//! Every misbehaviour against one program.

use std::fmt;
use std::future::Future;
use std::time::Duration;

use super::{Expected, Misbehaviour, Setup, catalogue};
use crate::Side;
use crate::link::{BlockingEnd, End, Link, Time};
use crate::peer::{Item, Report};
use crate::task::join;

/// How long a program may be busy with a peer that misbehaves.
const LIMIT: Duration = Duration::from_secs(240);

/// The result of a misbehaviour.
///
/// ```
/// use ws_proto_test::Side;
/// use ws_proto_test::hostile::{Setup, Verdict, find};
/// use ws_proto_test::link::Link;
///
/// let misbehaviour = find("bad-utf8").unwrap();
/// let client = misbehaviour.peer(&Setup::client()).unwrap();
/// // A server that closes the stream at once.
/// let ((), report) = Link::new().run_threads(drop, |end| client.play_blocking(end));
/// let Verdict::Failed(why) = misbehaviour.verdict(Side::Client, &report) else { panic!() };
/// assert!(why.ends_with("expected: it fails the connection, with 1007"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Verdict {
    /// The endpoint did as expected.
    Passed,
    /// It did something else: this.
    Failed(String),
    /// The peer could not misbehave, because the endpoint never did the step before: the reason.
    Untried(String),
}

/// A misbehaviour that was played: see [`try_all`]. `Display` has the report if it failed.
///
/// ```
/// use ws_proto_test::Side;
/// use ws_proto_test::hostile::{Verdict, try_all};
///
/// let trials = try_all(Side::Client, drop); // a server that closes every stream at once
/// let trial = trials.iter().find(|trial| trial.misbehaviour.name == "bad-utf8").unwrap();
/// assert!(matches!(trial.verdict, Verdict::Failed(_)));
/// assert!(trial.to_string().starts_with("failed: bad-utf8: "));
/// println!("after {:?}, {}", trial.took, trial.report);
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Trial {
    /// Which one.
    pub misbehaviour: &'static Misbehaviour,
    /// What the endpoint did.
    pub report: Report,
    /// How long the program was busy with it.
    pub took: Duration,
    /// Whether that is as expected.
    pub verdict: Verdict,
}

impl fmt::Display for Trial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.misbehaviour.name;
        match &self.verdict {
            Verdict::Passed => write!(f, "passed: {name}"),
            Verdict::Failed(why) => write!(f, "failed: {name}: {why}\n{}", self.report),
            Verdict::Untried(why) => write!(f, "not tried: {name}: {why}"),
        }
    }
}

impl Trial {
    fn new(
        misbehaviour: &'static Misbehaviour,
        side: Side,
        report: Report,
        took: Duration,
    ) -> Self {
        let mut verdict = misbehaviour.verdict(side, &report);
        if verdict == Verdict::Passed && took > LIMIT {
            verdict = Verdict::Failed(format!("it was still there after {took:?}"));
        }
        Self {
            misbehaviour,
            report,
            took,
            verdict,
        }
    }
}

/// Plays everything that `side` can do wrong against a blocking program, each over a [`Link`] in virtual time.
///
/// The program gets one end of the link, does its handshake, and returns when it is done with the connection, in four
/// minutes of that time. The clock of the machine does not show that time: a program with time limits takes the time
/// from [`BlockingEnd::time`].
///
/// ```
/// use ws_proto::opening::Acceptor;
/// use ws_proto_test::Side;
/// use ws_proto_test::hostile::{Verdict, try_all};
/// use ws_proto_test::link::BlockingEnd;
///
/// // A server without time limits, which reads whatever its clients send.
/// fn echo(mut stream: BlockingEnd) {
///     let Ok(mut server) = Acceptor::new().accept(&mut stream) else { return };
///     while server.exchange(&mut stream).unwrap_or(false) {
///         while let Ok(Some((message, mut sender))) = server.next_message() {
///             let _ = sender.send(message);
///         }
///     }
/// }
///
/// let trials = try_all(Side::Client, echo);
/// let passed = trials.iter().filter(|trial| trial.verdict == Verdict::Passed);
/// println!("{} of {} passed", passed.count(), trials.len());
/// for trial in trials.iter().filter(|trial| matches!(trial.verdict, Verdict::Failed(_))) {
///     println!("{trial}");
/// }
/// ```
#[must_use]
pub fn try_all(side: Side, program: impl Fn(BlockingEnd) + Sync) -> Vec<Trial> {
    let setup = Setup::side(side);
    let tried = catalogue().iter().filter_map(|misbehaviour| {
        let peer = misbehaviour.peer(&setup)?;
        let link = Link::new();
        let run = |end: BlockingEnd| {
            program(end);
            link.time().now()
        };
        let (took, report) = link.run_threads(run, |end| peer.play_blocking(end));
        Some(Trial::new(misbehaviour, side, report, took))
    });
    tried.collect()
}

/// Plays everything that `side` can do wrong against an asynchronous program, each over a [`Link`] in the time that
/// `time` gives: `Time::tokio`, inside of a runtime whose clock is paused, or [`Time::new`], in its
/// [`run`](Time::run).
///
/// The program returns as that of [`try_all`] does.
///
/// ```
/// # #[cfg(feature = "tokio")]
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() {
/// use ws_proto_test::Side;
/// use ws_proto_test::hostile::{Verdict, try_all_async};
/// use ws_proto_test::link::Time;
///
/// let trials = try_all_async(Side::Server, Time::tokio, async |stream| {
///     let Ok((mut client, _)) = ws_proto_tokio::connect_over(stream, "ws://localhost/").await else { return };
///     while let Some(Ok(_)) = client.next().await {}
/// })
/// .await;
/// assert!(!trials.iter().any(|trial| matches!(trial.verdict, Verdict::Failed(_))));
/// # }
/// # #[cfg(not(feature = "tokio"))]
/// # fn main() {}
/// ```
pub async fn try_all_async<F: Future<Output = ()>>(
    side: Side,
    time: impl Fn() -> Time,
    program: impl Fn(End) -> F,
) -> Vec<Trial> {
    let mut trials = Vec::new();
    let setup = Setup::side(side);
    for misbehaviour in catalogue() {
        let Some(peer) = misbehaviour.peer(&setup) else {
            continue;
        };
        let time = time();
        let (left, right) = Link::new().at(&time).ends();
        let began = time.now();
        let run = async {
            program(left).await;
            time.now() - began
        };
        let (took, report) = join(run, peer.play(right)).await;
        trials.push(Trial::new(misbehaviour, side, report, took));
    }
    trials
}

pub(super) fn verdict(misbehaviour: &Misbehaviour, side: Side, report: &Report) -> Verdict {
    let expected = misbehaviour.expected;
    let failed = |why: String| Verdict::Failed(format!("{why}; expected: it {expected}"));
    if let Some(wrong) = report.items().find(|item| matches!(item, Item::Wrong(_))) {
        return failed(format!("it sent {wrong}"));
    }
    let is_shut_out = side == Side::Client
        && report.status().is_some_and(|status| status != 101)
        && !matches!(expected, Expected::Refuses(_) | Expected::Ends);
    if is_shut_out {
        let status = report.status().unwrap_or_default();
        return Verdict::Untried(format!("the handshake was refused with {status}"));
    }
    let late = match &report.mismatch {
        Some(mismatch) if mismatch.contains("a Close, and nothing") => {
            return Verdict::Untried(mismatch.clone());
        }
        late => late.as_deref(),
    };
    let has_ended = report.has_ended();
    match expected {
        Expected::Fails(codes) => match report.close_code() {
            Some(Some(code)) if codes.contains(&code) => {
                in_time(late, has_ended || side == Side::Server, &failed)
            }
            Some(code) => failed(format!("its Close has {code:?}")),
            None => in_time(late, has_ended, &failed),
        },
        Expected::Refuses(statuses) => match report.status() {
            Some(status) if !statuses.contains(&status) => {
                failed(format!("it answered with {status}"))
            }
            _ => in_time(late, has_ended, &failed),
        },
        Expected::GivesUp => {
            let sent = report
                .items()
                .find(|item| !matches!(item, Item::Head(_) | Item::End | Item::Reset));
            match sent {
                Some(item) => failed(format!("it sent {item}")),
                None => in_time(late, has_ended, &failed),
            }
        }
        // Whoever has closed or reset the stream first, or reads nothing, does not see how it ends.
        Expected::Ends => in_time(late, true, &failed),
        Expected::Bears => match (late, report.close_code()) {
            (Some(late), _) => failed(late.to_owned()),
            (None, Some(Some(code))) if !matches!(code, 1000 | 1001) => {
                failed(format!("its Close has {code}"))
            }
            _ => Verdict::Passed,
        },
    }
}

fn in_time(late: Option<&str>, is_enough: bool, failed: &impl Fn(String) -> Verdict) -> Verdict {
    match late {
        Some(late) => failed(late.to_owned()),
        None if !is_enough => failed("it did not end the stream".to_owned()),
        None => Verdict::Passed,
    }
}
