//! The recipes of the README of this crate, each a function that tests one client.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ws_proto_test::Side;
use ws_proto_test::hostile::{Verdict, find, try_all_async};
use ws_proto_test::link::{At, Conditions, Fault, Link, Time};
use ws_proto_test::peer::{Item, Peer, Report};
use ws_proto_test::wire::{CONTINUATION, FIN, TEXT};

use super::client::{Chat, Mistake};

type Found = Result<(), String>;
type Recipe = fn(Option<Mistake>) -> Found;

pub(crate) const RECIPES: [(&str, Recipe); 8] = [
    ("a conversation", a_conversation),
    ("any network", any_network),
    ("a fault at every byte", a_fault_at_every_byte),
    ("a tail", a_tail),
    ("half-close", half_close),
    ("a slow reader", a_slow_reader),
    ("a server that is away", a_server_that_is_away),
    ("hostile peers", hostile_peers),
];

/// Runs it in the paused time of tokio, where it may take a day.
fn run<T>(test: impl Future<Output = T>) -> Result<T, String> {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = builder.enable_time().start_paused(true).build().unwrap();
    let day = Duration::from_secs(24 * 3600);
    let done = runtime.block_on(async { tokio::time::timeout(day, test).await });
    done.map_err(|_| "it hangs".to_owned())
}

fn expect(is_right: bool, what: impl FnOnce() -> String) -> Found {
    if is_right { Ok(()) } else { Err(what()) }
}

/// The servers of a test: a script for each connection, over a link of its own, and the results.
#[derive(Default)]
struct Servers(Arc<Mutex<Vec<tokio::task::JoinHandle<Report>>>>);

impl Servers {
    /// A stream to the server of attempt 0, 1, and so on.
    fn dial(
        &self,
        time: &Time,
        mut each: impl FnMut(usize) -> (Link, Peer),
    ) -> impl FnMut() -> ws_proto_test::link::End {
        let (servers, time) = (Arc::clone(&self.0), time.clone());
        move || {
            let mut servers = servers.lock().unwrap();
            let (link, peer) = each(servers.len());
            let (left, right) = link.at(&time).ends();
            servers.push(tokio::spawn(peer.play(right)));
            left
        }
    }

    async fn reports(self) -> Vec<Report> {
        let servers = std::mem::take(&mut *self.0.lock().unwrap());
        let mut reports = Vec::new();
        for server in servers {
            reports.push(server.await.unwrap());
        }
        reports
    }
}

/// What servers have received.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Said>>);

#[derive(Default)]
struct Said {
    /// The number of each line, as often as it came.
    numbers: Vec<usize>,
    texts: BTreeMap<usize, String>,
}

impl Log {
    /// A server that acknowledges.
    fn serve(&self) -> Peer {
        let log = self.clone();
        Peer::server().accept().serve(move |item| {
            let Item::Text(text) = item else {
                return Vec::new();
            };
            let mut words = text.splitn(3, ' ').skip(1);
            let number: usize = words
                .next()
                .and_then(|word| word.parse().ok())
                .unwrap_or(usize::MAX);
            let mut log = log.0.lock().unwrap();
            log.numbers.push(number);
            log.texts
                .insert(number, words.next().unwrap_or_default().to_owned());
            vec![Item::Text(format!("ack {number}"))]
        })
    }

    /// Every line has come; first arrivals are in order.
    fn check(&self, lines: &[String]) -> Found {
        let log = self.0.lock().unwrap();
        for (number, line) in lines.iter().enumerate() {
            let came = log.texts.get(&number);
            expect(came == Some(line), || format!("line {number} is {came:?}"))?;
        }
        let mut first = Vec::new();
        for number in &log.numbers {
            if !first.contains(number) {
                first.push(*number);
            }
        }
        expect(first.is_sorted(), || format!("the order is {first:?}"))
    }

    fn count(&self) -> usize {
        self.0.lock().unwrap().numbers.len()
    }
}

fn lines(count: usize) -> Vec<String> {
    (0..count)
        .map(|n| format!("line {n} of some length"))
        .collect()
}

/// Recipe 1: a script of expectations, step by step.
fn a_conversation(mistake: Option<Mistake>) -> Found {
    let server = Peer::server()
        .answer(|request| {
            // A message in the same write as the head.
            let head = format!(
                "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {}\r\n\r\n",
                request.accept_value()
            );
            [head.as_bytes(), b"\x81\x07welcome"].concat()
        })
        .expect_text("say 0 hello")
        .send_ping(b"there?")
        .expect_pong(b"there?")
        .send_frame(TEXT, b"in ")
        .send_frame(FIN | CONTINUATION, b"pieces")
        .send_raw(b"\x81\x03one\x81\x03two\x81\x05three".as_slice())
        .send_text("ack 0")
        .expect_close(1000)
        .drain();
    run(async {
        let (time, servers) = (Time::tokio(), Servers::default());
        let dial = servers.dial(&time, move |_| {
            (
                Link::new(),
                server.clone().patience(Duration::from_secs(60)),
            )
        });
        let mut chat = Chat::new(mistake, time.clone(), dial)
            .say(["hello".to_owned()])
            .until_shown(5);
        let ended = tokio::time::timeout(Duration::from_secs(300), chat.run()).await;
        let shown = std::mem::take(&mut chat.shown);
        drop(chat);
        for report in servers.reports().await {
            report.check().map_err(|mismatch| mismatch.to_string())?;
        }
        expect(ended.is_ok(), || "it does not end".to_owned())?;
        expect(
            shown == ["welcome", "in pieces", "one", "two", "three"],
            || format!("{shown:?}"),
        )
    })?
}

/// Recipe 2: the same over many networks: every seed has its latency, chunks and stalls.
fn any_network(mistake: Option<Mistake>) -> Found {
    for seed in 0..40 {
        let log = Log::default();
        let lines = lines(20);
        let said = lines.clone();
        let server = log.clone();
        run(async move {
            let (time, servers) = (Time::tokio(), Servers::default());
            let dial = servers.dial(&time, move |_| (Link::random(seed), server.serve().drain()));
            let mut chat = Chat::new(mistake, time.clone(), dial).say(said);
            chat.run().await;
        })?;
        log.check(&lines)
            .map_err(|why| format!("seed {seed}: {why}"))?;
    }
    Ok(())
}

/// Recipe 3: the connection ends, is reset or falls silent at each byte, both ways. The next one is sound.
fn a_fault_at_every_byte(mistake: Option<Mistake>) -> Found {
    for at in (0..500).step_by(5) {
        for fault in [Fault::Eof, Fault::Reset, Fault::Silence] {
            for inward in [false, true] {
                let log = Log::default();
                let lines = lines(6);
                let (server, said) = (log.clone(), lines.clone());
                let name = format!(
                    "{fault:?} at {at}, {}",
                    if inward { "inward" } else { "outward" }
                );
                let (attempts, sent) = run(async move {
                    let (time, servers) = (Time::tokio(), Servers::default());
                    let faulty = Conditions::new().fault(At::Byte(at), fault);
                    let dial = servers.dial(&time, move |attempt| {
                        let link = match (attempt, inward) {
                            (0, true) => Link::new().right_to_left(faulty.clone()),
                            (0, false) => Link::new().left_to_right(faulty.clone()),
                            _ => Link::new(),
                        };
                        (
                            link,
                            server.serve().drain().patience(Duration::from_secs(3600)),
                        )
                    });
                    let mut chat = Chat::new(mistake, time.clone(), dial).say(said);
                    chat.run().await;
                    (chat.attempts, chat.peak)
                })
                .map_err(|why| format!("{name}: {why}"))?;
                log.check(&lines).map_err(|why| format!("{name}: {why}"))?;
                expect(attempts <= 2, || {
                    format!("{name}: {attempts} attempts, {sent}")
                })?;
                // What the first server had acknowledged, and the client has got, is not said again.
                let twice = log.count() - lines.len();
                let is_cut_late = inward && fault == Fault::Eof && at > 400;
                expect(!is_cut_late || twice <= 2, || {
                    format!("{name}: {twice} lines came twice")
                })?;
            }
        }
    }
    said_once(mistake)
}

/// All is acknowledged but the last line, then the connection is lost: only that one is said again.
fn said_once(mistake: Option<Mistake>) -> Found {
    let log = Log::default();
    let (server, said) = (log.clone(), lines(10));
    run(async move {
        let (time, servers) = (Time::tokio(), Servers::default());
        let dial = servers.dial(&time, move |attempt| {
            let first = (0..9).fold(Peer::server().accept(), |peer, n| {
                peer.expect_text(&format!("say {n} line {n} of some length"))
                    .send_text(&format!("ack {n}"))
            });
            let peer = match attempt {
                0 => first.wait(Duration::from_secs(1)).finish(),
                _ => server.serve().drain(),
            };
            (Link::new(), peer)
        });
        Chat::new(mistake, time.clone(), dial).say(said).run().await;
    })?;
    let again = log.count();
    expect(again == 1, || {
        format!("{again} lines were said on the second connection")
    })
}

/// Recipe 4: the last messages come together with the Close, or with the end.
fn a_tail(mistake: Option<Mistake>) -> Found {
    for with_close in [true, false] {
        let shown = run(async move {
            let (time, servers) = (Time::tokio(), Servers::default());
            let dial = servers.dial(&time, move |attempt| {
                let tail = b"\x81\x03one\x81\x03two\x88\x02\x03\xe8".as_slice();
                let tail = if with_close { tail } else { &tail[..10] };
                let peer = match attempt {
                    0 => Peer::server().accept().send_raw(tail).end_writing().drain(),
                    _ => Peer::server().accept().send_close(1000, "").drain(),
                };
                (Link::new(), peer)
            });
            let mut chat = Chat::new(mistake, time.clone(), dial).until_shown(99);
            chat.run().await;
            chat.shown
        })?;
        expect(shown == ["one", "two"], || {
            format!("with a Close {with_close}: {shown:?}")
        })?;
    }
    Ok(())
}

/// Recipe 5: the server ends its side and says nothing more; the client has to end its own.
fn half_close(mistake: Option<Mistake>) -> Found {
    run(async move {
        let (time, servers) = (Time::tokio(), Servers::default());
        let dial = servers.dial(&time, move |attempt| {
            let peer = match attempt {
                0 => Peer::server()
                    .accept()
                    .end_writing()
                    .drain()
                    .patience(Duration::from_secs(60)),
                _ => Peer::server().accept().send_close(1000, "").drain(),
            };
            (Link::new(), peer)
        });
        let mut chat = Chat::new(mistake, time.clone(), dial).until_shown(99);
        let _ = tokio::time::timeout(Duration::from_secs(600), chat.run()).await;
        drop(chat);
        for report in servers.reports().await {
            report.check().map_err(|mismatch| mismatch.to_string())?;
        }
        Ok(())
    })?
}

/// Recipe 6: the server does not read for a while. What waits stays small, and arrives then.
fn a_slow_reader(mistake: Option<Mistake>) -> Found {
    let log = Log::default();
    let lines: Vec<String> = (0..2000)
        .map(|n| format!("{n} {}", "x".repeat(100)))
        .collect();
    let (server, said) = (log.clone(), lines.clone());
    let peak = run(async move {
        let (time, servers) = (Time::tokio(), Servers::default());
        let narrow = Conditions::new().capacity(4096);
        let dial = servers.dial(&time, move |_| {
            let wait = Duration::from_secs(15);
            let pause = Peer::server()
                .accept()
                .stop_reading()
                .wait(wait)
                .read_again();
            (
                Link::new().both_ways(narrow.clone()),
                pause.then(server.serve()).drain(),
            )
        });
        let mut chat = Chat::new(mistake, time.clone(), dial).say(said);
        chat.run().await;
        chat.peak
    })?;
    log.check(&lines)?;
    expect(peak < 16 * 1024, || {
        format!("{peak} bytes waited to be written")
    })
}

/// Recipe 7: nobody is there for an hour. The client comes back, without a storm.
fn a_server_that_is_away(mistake: Option<Mistake>) -> Found {
    let attempts = run(async move {
        let (time, servers) = (Time::tokio(), Servers::default());
        let start = time.clone();
        let dial = servers.dial(&time, move |_| {
            let is_back = start.now() > Duration::from_secs(3600);
            let peer = if is_back {
                Peer::server().accept().send_close(1000, "").drain()
            } else {
                Peer::server().finish()
            };
            (
                Link::new().both_ways(Conditions::new().latency(Duration::from_millis(20))),
                peer,
            )
        });
        let mut chat = Chat::new(mistake, time.clone(), dial).until_shown(99);
        let _ = tokio::time::timeout(Duration::from_secs(4000), chat.run()).await;
        (chat.attempts, time.now())
    })?;
    let (attempts, ended) = attempts;
    expect(ended < Duration::from_secs(3700), || {
        format!("it was not back at {ended:?}")
    })?;
    expect(attempts < 200, || format!("{attempts} attempts in an hour"))
}

/// Recipe 8: every misbehaviour of the catalogue; and the client leaves in order.
fn hostile_peers(mistake: Option<Mistake>) -> Found {
    let trials = run(async move {
        try_all_async(Side::Server, Time::tokio, |end| async move {
            let mut end = Some(end);
            let time = end
                .as_ref()
                .map_or_else(Time::tokio, ws_proto_test::link::End::time);
            // One connection each: where it comes back to, nobody is.
            let dial = move || {
                end.take()
                    .unwrap_or_else(|| Link::new().at(&Time::tokio()).ends().0)
            };
            let mut chat = Chat::new(mistake, time, dial).until_shown(usize::MAX);
            let _ = tokio::time::timeout(Duration::from_secs(230), chat.run()).await;
        })
        .await
    })?;
    for trial in trials {
        // It never leaves by itself, and shows only texts.
        let is_untried = matches!(trial.verdict, Verdict::Untried(_));
        expect(trial.verdict == Verdict::Passed || is_untried, || {
            trial.to_string()
        })?;
    }
    expect(find("no-close-answer").is_some(), || {
        "it is not there".to_owned()
    })
}
