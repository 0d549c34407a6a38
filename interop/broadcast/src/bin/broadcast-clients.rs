//! Clients of a cluster: `broadcast-clients CLIENTS MESSAGES URL...`. It prints `restart` when the server of the backplane is
//! to be restarted, and waits for a line of the standard input after that.
//!
//! Each process has CLIENTS clients that read all. One more at each publishes its part of MESSAGES. It checks that everybody gets each
//! message once and in order, then publishes while the server restarts, then for readers that stop reading.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use tokio::io::{AsyncBufReadExt as _, BufReader, stdin};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use ws_proto_tokio::{ClientStream, CloseCode, WebSocket, connect};

type Socket = WebSocket<ClientStream>;

const LONG: Duration = Duration::from_secs(60);

/// Checks, and when each was done.
struct Counts {
    began: Instant,
    passed: u32,
    failed: u32,
}

impl Counts {
    fn check(&mut self, name: &str, holds: bool, saw: &str) {
        self.note(&format!(
            "{}: {name}: {saw}",
            if holds { "ok" } else { "failed" }
        ));
        *(if holds {
            &mut self.passed
        } else {
            &mut self.failed
        }) += 1;
    }

    fn note(&self, text: &str) {
        println!("{:5.1} s  {text}", self.began.elapsed().as_secs_f32());
    }
}

/// What a client has got of the messages with a mark: how many, doubled or out of order, and lost in between.
#[derive(Clone, Copy, Debug, Default)]
struct Got {
    messages: u64,
    wrong: u64,
    gaps: u64,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let [clients, messages, urls @ ..] = &arguments[..] else {
        anyhow::bail!("CLIENTS MESSAGES URL...");
    };
    let (clients, messages): (usize, u64) = (clients.parse()?, messages.parse()?);
    let mut counts = Counts {
        began: Instant::now(),
        passed: 0,
        failed: 0,
    };

    let mut readers = Vec::new();
    let mut publishers = Vec::new();
    for url in urls {
        for _ in 0..clients {
            readers.push(join(url, "all").await?);
        }
        publishers.push(join(url, "latest").await?);
    }
    phase(&mut publishers, &mut readers, "start", 0, None).await?;
    counts.note("all get what all publish");

    let began = Instant::now();
    let each = messages / urls.len() as u64;
    let (got, _) = phase(&mut publishers, &mut readers, "a", each, None).await?;
    let sum = got.iter().map(|got| got.messages).sum::<u64>();
    let complete = got
        .iter()
        .all(|got| (got.messages, got.wrong, got.gaps) == (each * urls.len() as u64, 0, 0));
    counts.check(
        "everyone gets each message once and in order",
        complete,
        &format!(
            "{} clients, {sum} deliveries in {:.1?}",
            got.len(),
            began.elapsed()
        ),
    );

    // The script restarts the server, and says so when the processes have reported it.
    println!("restart");
    let is_back = Arc::new(AtomicBool::new(false));
    let mut line = String::new();
    let restarted = async {
        BufReader::new(stdin()).read_line(&mut line).await?;
        counts.note("all processes have reported the return");
        is_back.store(true, Relaxed);
        anyhow::Ok(())
    };
    let during = phase(
        &mut publishers,
        &mut readers,
        "r",
        500,
        Some(Arc::clone(&is_back)),
    );
    let (restarted, got) = tokio::join!(restarted, during);
    restarted?;
    let (got, published) = got?;
    let wrong: u64 = got.iter().map(|got| got.wrong).sum();
    let least = got.iter().map(|got| got.messages).min().unwrap_or(0);
    let most = got.iter().map(|got| got.messages).max().unwrap_or(0);
    counts.check(
        "nothing is doubled or out of order while the server restarts",
        wrong == 0,
        &format!("of {published} messages {least} to {most} came"),
    );
    phase(&mut publishers, &mut readers, "again", 0, None).await?;
    counts.note("all get what all publish again");
    let (got, _) = phase(&mut publishers, &mut readers, "b", 100, None).await?;
    let complete = got
        .iter()
        .all(|got| (got.messages, got.wrong) == (100 * urls.len() as u64, 0));
    counts.check(
        "it goes on after that",
        complete,
        &format!("{} clients", got.len()),
    );

    slow(&mut counts, &mut publishers, &mut readers, &urls[0]).await?;
    println!("{} passed, {} failed", counts.passed, counts.failed);
    Ok(())
}

async fn join(url: &str, policy: &str) -> Result<Socket> {
    Ok(connect(&*format!("{url}/{policy}")).await?.0)
}

async fn text(socket: &mut Socket) -> Result<String> {
    let next = timeout(LONG, socket.next())
        .await
        .context("nothing comes")?;
    let message = next.context("the connection has ended")??;
    Ok(message.as_text().context("no text")?.to_owned())
}

/// Drops the received bytes.
async fn drain(socket: &mut Socket) -> Result<()> {
    while let Ok(next) = timeout(Duration::ZERO, socket.next()).await {
        next.context("the connection has ended")??;
    }
    Ok(())
}

/// Each publisher publishes so many messages, and then an end, until that has come to all readers. With `until` it
/// takes its time, and goes on until that is set. Returns what the readers have got, and how many messages were published.
async fn phase(
    publishers: &mut Vec<Socket>,
    readers: &mut Vec<Socket>,
    mark: &'static str,
    each: u64,
    until: Option<Arc<AtomicBool>>,
) -> Result<(Vec<Got>, u64)> {
    let ends = publishers.len();
    let mut reading = JoinSet::new();
    for (at, mut reader) in readers.drain(..).enumerate() {
        reading.spawn(async move {
            let mut got = Got::default();
            let mut next: HashMap<String, u64> = HashMap::new();
            let mut ended = vec![false; ends];
            while ended.contains(&false) {
                let text = text(&mut reader).await?;
                let mut words = text.split(' ');
                if words.next() != Some(mark) {
                    continue;
                }
                let publisher = words.next().context("a publisher")?.to_owned();
                let number = words.next().context("a number")?;
                if number == "end" {
                    ended[publisher.parse::<usize>()?] = true;
                    continue;
                }
                let number: u64 = number.parse()?;
                let next = next.entry(publisher).or_default();
                got.messages += 1;
                got.wrong += u64::from(number < *next);
                got.gaps += number.saturating_sub(*next);
                *next = number + 1;
            }
            anyhow::Ok((at, reader, got))
        });
    }
    let mut publishing = JoinSet::new();
    for (n, mut publisher) in publishers.drain(..).enumerate() {
        let until = until.clone();
        publishing.spawn(async move {
            let mut number = 0;
            while number < each || until.as_ref().is_some_and(|until| !until.load(Relaxed)) {
                publisher.feed(format!("{mark} {n} {number}")).await?;
                number += 1;
                if until.is_some() {
                    publisher.flush().await?;
                    sleep(Duration::from_millis(8)).await;
                    drain(&mut publisher).await?;
                } else if number % 20 == 0 {
                    publisher.flush().await?;
                }
            }
            publisher.flush().await?;
            anyhow::Ok((n, publisher, number))
        });
    }
    let mut all = Vec::new();
    while let Some(done) = publishing.join_next().await {
        all.push(done??);
    }
    all.sort_by_key(|(n, ..)| *n);
    let published = all.iter().map(|(.., number)| number).sum();
    publishers.extend(all.into_iter().map(|(_, publisher, _)| publisher));
    // The ends again and again: one may be lost in a restart.
    let mut all = Vec::new();
    while !reading.is_empty() {
        for (n, publisher) in publishers.iter_mut().enumerate() {
            publisher.send(format!("{mark} {n} end")).await?;
            drain(publisher).await?;
        }
        while let Ok(Some(done)) = timeout(Duration::from_millis(300), reading.join_next()).await {
            all.push(done??);
        }
    }
    ensure!(!all.is_empty(), "nobody has read");
    all.sort_by_key(|(at, ..)| *at);
    let got = all.into_iter().map(|(_, reader, got)| {
        readers.push(reader);
        got
    });
    Ok((got.collect(), published))
}

/// Readers that stop reading, one for each policy, while others read 8 MiB.
async fn slow(
    counts: &mut Counts,
    publishers: &mut [Socket],
    readers: &mut [Socket],
    url: &str,
) -> Result<()> {
    let mut oldest = join(url, "oldest").await?;
    let mut latest = join(url, "latest").await?;
    let mut closed = join(url, "close").await?;
    let publisher = &mut publishers[0];
    let filler = "x".repeat(8000);
    let last = 2000;
    let began = Instant::now();
    for number in 0..=last {
        publisher.send(format!("s 0 {number} {filler}")).await?;
        let wanted = format!("s 0 {number} ");
        while !text(&mut readers[0]).await?.starts_with(&wanted) {}
        drain(publisher).await?;
    }
    counts.check(
        "others go on beside readers that do not read",
        true,
        &format!("{:.1?}", began.elapsed()),
    );
    let (mut got, mut missed) = (0, 0);
    let mut at = None;
    while at != Some(last) {
        let text = text(&mut oldest).await?;
        if let Some(count) = text.strip_prefix("missed ") {
            missed += count.parse::<i64>()?;
        } else if let Some(rest) = text.strip_prefix("s 0 ") {
            at = rest
                .split(' ')
                .next()
                .and_then(|number| number.parse().ok());
            got += 1;
        }
    }
    counts.check(
        "oldest: what is missed is reported",
        got + missed == last + 1 && missed > 0,
        &format!("{got} came, {missed} missed"),
    );
    let (mut got, mut at) = (0, None);
    while at != Some(last) {
        if let Some(rest) = text(&mut latest).await?.strip_prefix("s 0 ") {
            at = rest
                .split(' ')
                .next()
                .and_then(|number| number.parse().ok());
            got += 1;
        }
    }
    counts.check(
        "latest: the last one comes",
        got < last,
        &format!("{got} came"),
    );
    while let Ok(Some(Ok(_))) = timeout(LONG, closed.next()).await {}
    let code = closed.closed().and_then(|closed| closed.code);
    counts.check(
        "close: 1008",
        code == Some(CloseCode::POLICY_VIOLATION),
        &format!("{code:?}"),
    );
    Ok(())
}
