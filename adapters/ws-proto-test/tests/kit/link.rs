//! Links: latency, chunks, stalls, ends, resets and silence, in a time that does not depend on the machine.

use std::io::{ErrorKind, Read, Write};
use std::time::Duration;

use ws_proto_test::link::{At, BlockingEnd, Conditions, End, Fault, Hang, Link, Time};
use ws_proto_test::peer::Peer;
use ws_proto_test::stream::pipe;
use ws_proto_test::{SEED, Side, for_each_seed};

const MS: Duration = Duration::from_millis(1);

/// Everything that arrives, with the time of each read, until the end or an error.
async fn receive(mut end: End) -> (Vec<(Duration, Vec<u8>)>, Option<ErrorKind>) {
    let mut reads = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        match end.read_some(&mut buffer).await {
            Ok(0) => return (reads, None),
            Ok(n) => reads.push((end.elapsed(), buffer[..n].to_vec())),
            Err(error) => return (reads, Some(error.kind())),
        }
    }
}

/// Writes all of it, ends, and returns the bytes that have arrived.
fn sent(conditions: Conditions, bytes: &[u8]) -> (Vec<(Duration, Vec<u8>)>, Option<ErrorKind>) {
    let link = Link::new().left_to_right(conditions);
    let (mut left, right) = link.ends();
    let send = async move {
        let _ = left.write_whole(bytes).await;
        left.end_writing();
        left.read_some(&mut [0]).await
    };
    let both = futures_util::future::join(send, receive(right));
    link.time().run(both).expect("no hang").1
}

fn joined(reads: &[(Duration, Vec<u8>)]) -> Vec<u8> {
    reads.iter().flat_map(|(_, bytes)| bytes.clone()).collect()
}

#[test]
fn latency_delays_and_keeps_the_order() {
    let (reads, error) = sent(Conditions::new().latency(40 * MS), b"hello");
    assert_eq!((reads, error), (vec![(40 * MS, b"hello".to_vec())], None));
    let (reads, _) = sent(Conditions::new().jitter(90 * MS).chunks(1, 1), b"hello");
    assert_eq!(joined(&reads), b"hello");
    let times: Vec<Duration> = reads.iter().map(|(at, _)| *at).collect();
    assert!(times.is_sorted() && times[4] > Duration::ZERO, "{times:?}");
}

#[test]
fn chunks_have_the_sizes_of_the_seed() {
    let conditions = |seed| Conditions::new().chunks(2, 5).seed(seed);
    let bytes: Vec<u8> = (0..200).collect();
    let sizes = |seed| -> Vec<usize> {
        let (reads, _) = sent(conditions(seed), &bytes);
        assert_eq!(joined(&reads), bytes);
        reads.iter().map(|(_, bytes)| bytes.len()).collect()
    };
    assert!(
        sizes(1)
            .iter()
            .rev()
            .skip(1)
            .all(|size| (2..=5).contains(size))
    );
    assert_eq!(sizes(1), sizes(1));
    assert_ne!(sizes(1), sizes(2));
}

#[test]
fn faults_at_every_byte() {
    for at in 0..=10 {
        let with = |fault| sent(Conditions::new().fault(At::Byte(at), fault), b"0123456789");
        let before = b"0123456789"[..at as usize].to_vec();
        let (reads, error) = with(Fault::Eof);
        assert_eq!(
            (joined(&reads), error),
            (before.clone(), None),
            "end at {at}"
        );
        let (reads, error) = with(Fault::Reset);
        let reset = Some(ErrorKind::ConnectionReset);
        assert_eq!(
            (joined(&reads), error),
            (before.clone(), reset),
            "reset at {at}"
        );
        let (reads, error) = with(Fault::Stall(100 * MS));
        assert_eq!((joined(&reads), error), (b"0123456789".to_vec(), None));
        let late = reads.iter().filter(|(time, _)| *time >= 100 * MS);
        let late: usize = late.map(|(_, bytes)| bytes.len()).sum();
        assert_eq!(late, 10 - at as usize, "stall at {at}");
    }
}

#[test]
fn faults_at_a_time() {
    let trickled = |fault| {
        let link = Link::new().left_to_right(Conditions::new().fault(At::Time(25 * MS), fault));
        let (mut left, right) = link.ends();
        let time = link.time();
        let send = async move {
            for byte in 0..6 {
                if let Err(error) = left.write_whole(&[byte]).await {
                    return Some(error.kind());
                }
                left.time().sleep(10 * MS).await;
            }
            None
        };
        time.run(futures_util::future::join(send, receive(right)))
    };
    let (wrote, (reads, error)) = trickled(Fault::Eof).unwrap();
    assert_eq!(
        (wrote, joined(&reads), error),
        (Some(ErrorKind::BrokenPipe), vec![0, 1, 2], None)
    );
    let (wrote, (reads, error)) = trickled(Fault::Reset).unwrap();
    let reset = Some(ErrorKind::ConnectionReset);
    assert_eq!(
        (wrote, joined(&reads), error),
        (reset, vec![0, 1, 2], reset)
    );
    let (wrote, (reads, error)) = trickled(Fault::Stall(100 * MS)).unwrap();
    assert_eq!(
        (wrote, joined(&reads), error),
        (None, vec![0, 1, 2, 3, 4, 5], None)
    );
    assert_eq!(reads[3].0, 125 * MS);
    // Not even the end arrives: the reader waits for ever.
    assert_eq!(trickled(Fault::Silence), Err(Hang { at: 60 * MS }));
}

#[test]
fn a_reset_meets_both_ends() {
    let conditions = Conditions::new().fault(At::Byte(3), Fault::Reset);
    let (mut left, mut right) = Link::new().left_to_right(conditions).ends();
    right.write_all(b"on its way").unwrap();
    let written = left.write(b"abcdef").unwrap();
    assert_eq!(written, 6, "the writer does not know yet");
    let mut buffer = [0; 16];
    assert_eq!(right.read(&mut buffer).unwrap(), 3);
    for end in [&mut left, &mut right] {
        assert_eq!(
            end.write(b"x").unwrap_err().kind(),
            ErrorKind::ConnectionReset
        );
    }
    assert_eq!(
        left.read(&mut buffer).unwrap(),
        10,
        "what has arrived is read"
    );
    assert_eq!(
        left.read(&mut buffer).unwrap_err().kind(),
        ErrorKind::ConnectionReset
    );
}

#[test]
fn silence_takes_writes_until_the_link_is_full() {
    let conditions = Conditions::new()
        .capacity(8)
        .fault(At::Byte(2), Fault::Silence);
    let (mut left, mut right) = Link::new().left_to_right(conditions).ends();
    assert_eq!(left.write(b"0123456789").unwrap(), 8);
    assert_eq!(right.read(&mut [0; 16]).unwrap(), 2);
    assert_eq!(left.write(b"89").unwrap(), 2);
    assert_eq!(left.write(b"a").unwrap_err().kind(), ErrorKind::WouldBlock);
    drop(left);
    assert_eq!(
        right.read(&mut [0; 16]).unwrap_err().kind(),
        ErrorKind::WouldBlock
    );
}

#[test]
fn a_dropped_end_is_an_end() {
    let (left, mut right) = pipe(16);
    drop(left);
    assert_eq!(right.read(&mut [0; 4]).unwrap(), 0);
    assert_eq!(right.write(b"x").unwrap_err().kind(), ErrorKind::BrokenPipe);
}

fn ping_pong(mut end: BlockingEnd, begins: bool) -> Vec<(Duration, u8)> {
    let mut seen = Vec::new();
    if begins {
        end.write_all(&[0]).unwrap();
    }
    let mut byte = [0];
    while end.read(&mut byte).unwrap() > 0 {
        seen.push((end.now(), byte[0]));
        if byte[0] >= 20 {
            end.end_writing();
        } else {
            end.write_all(&[byte[0] + 1]).unwrap();
        }
    }
    end.end_writing();
    seen
}

#[test]
fn threads_run_the_same_each_time() {
    for_each_seed(30, |seed| {
        let run = || {
            let link = Link::random(seed);
            link.run_threads(|end| ping_pong(end, true), |end| ping_pong(end, false))
        };
        let first = run();
        assert_eq!(first.0.len() + first.1.len(), 21);
        for _ in 0..5 {
            assert_eq!(run(), first);
        }
    });
}

#[test]
fn a_timeout_of_a_blocking_end_passes_in_the_time_of_the_link() {
    let link = Link::new();
    let (waited, ()) = link.run_threads(
        |mut left| {
            left.set_read_timeout(Some(Duration::from_secs(3600)));
            let error = left.read(&mut [0; 4]).unwrap_err();
            (error.kind(), left.now())
        },
        |right| right.sleep(Duration::from_secs(5000)).unwrap(),
    );
    assert_eq!(waited, (ErrorKind::WouldBlock, Duration::from_secs(3600)));
}

#[test]
fn threads_that_wait_for_each_other_fail_at_once() {
    let full = Conditions::new().capacity(10);
    let write = |mut end: BlockingEnd| end.write_all(&[0; 100]).unwrap_err().kind();
    let both = Link::new().both_ways(full).run_threads(write, write);
    // The second one sees that the first has gone, or the same.
    assert!([both.0, both.1].contains(&ErrorKind::Deadlock), "{both:?}");
}

#[test]
fn a_link_whose_threads_have_hung_can_run_others() {
    let link = Link::new();
    let (left, right) =
        link.run_threads(|mut end| end.read(&mut [0]), |mut end| end.read(&mut [0]));
    assert!(left.is_err() && right.is_err());
    let (sent, got) = link.run_threads(
        |mut end| end.write_all(b"hi"),
        |mut end| end.read_exact(&mut [0; 2]),
    );
    assert!(sent.is_ok() && got.is_ok(), "{got:?}");
}

#[test]
fn the_longest_time_is_for_ever() {
    let longest = Conditions::new()
        .latency(MS)
        .jitter(Duration::MAX)
        .fault(At::Time(MS), Fault::Stall(Duration::MAX));
    let link = Link::new().left_to_right(longest);
    let time = link.time();
    time.advance(MS);
    let (asked, peer) = link.run_threads(
        |mut end| {
            end.set_read_timeout(Some(Duration::MAX));
            end.write_all(b"hi")?;
            end.read(&mut [0])
        },
        |end| {
            let wait = Peer::open(Side::Server).patience(Duration::MAX);
            wait.wait(MS).expect_text("never").play_blocking(end)
        },
    );
    assert!(asked.is_err() || asked.is_ok_and(|n| n == 0));
    assert!(peer.check().is_err());
    time.advance(Duration::MAX);
    assert_eq!(time.now(), Duration::MAX);
    assert_eq!(time.run(time.sleep(MS)), Ok(()));
}

#[test]
fn a_sleep_that_is_given_up_lets_no_time_pass() {
    let time = Time::new();
    let sleep = Box::pin(time.sleep(3600 * MS));
    let first = futures_util::future::select(sleep, Box::pin(time.sleep(MS)));
    assert!(time.run(first).is_ok());
    let hang = time.run(std::future::pending::<()>());
    assert_eq!(hang, Err(Hang { at: MS }));
}

#[test]
fn a_future_that_nobody_wakes_hangs_at_once() {
    let time = Time::new();
    let (mut left, _right) = Link::new().at(&time).ends();
    let read = time.run(async {
        time.sleep(5 * MS).await;
        left.read_some(&mut [0; 4]).await
    });
    assert_eq!(read.unwrap_err(), Hang { at: 5 * MS });
}

#[test]
#[ignore = "run by `the_seed_of_the_environment_is_the_only_one`"]
fn seeds_of_the_environment() {
    for_each_seed(3, |seed| println!("seed {seed}."));
}

#[test]
fn the_seed_of_the_environment_is_the_only_one() {
    for (set, seeds) in [
        (None, &[0, 1, 2][..]),
        (Some("7"), &[7]),
        (Some("18446744073709551615"), &[u64::MAX]),
    ] {
        let mut tests = std::process::Command::new(std::env::current_exe().unwrap());
        tests.args([
            "--ignored",
            "--exact",
            "--nocapture",
            "link::seeds_of_the_environment",
        ]);
        match set {
            None => tests.env_remove(SEED),
            Some(seed) => tests.env(SEED, seed),
        };
        let run = tests.output().unwrap();
        let text = String::from_utf8(run.stdout).unwrap();
        assert!(run.status.success(), "{set:?}: {text}");
        let was_run = |seed: &u64| text.contains(&format!("seed {seed}."));
        assert!(seeds.iter().all(was_run), "{set:?}: {text}");
        assert_eq!(text.matches("seed ").count(), seeds.len(), "{text}");
    }
}

#[test]
fn a_seed_that_fails_is_named() {
    let failed = std::panic::catch_unwind(|| {
        for_each_seed(10, |seed| assert!(seed < 3, "seed {seed} is too much"));
    });
    let message = failed.unwrap_err().downcast::<String>().unwrap();
    assert_eq!(*message, "seed 3 is too much");
}
