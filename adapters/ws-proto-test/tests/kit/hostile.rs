//! The hostile peers, against the shells of this workspace.

use std::collections::HashSet;

use ws_proto_test::Side;
use ws_proto_test::hostile::{Setup, Trial, Verdict, catalogue, find, try_all, try_all_async};
use ws_proto_test::link::{BlockingEnd, End, Link, Time};
use ws_proto_tokio::{Acceptor, CloseCode, Connector, Deflate, WebSocket};

/// Prints the counts, and fails if a case has failed.
fn check(name: &str, trials: &[Trial], untried: &[&str]) {
    let mut failed = Vec::new();
    let mut passed = 0;
    for trial in trials {
        match trial.verdict {
            Verdict::Passed => passed += 1,
            Verdict::Untried(_) if untried.contains(&trial.misbehaviour.name) => {}
            _ => failed.push(trial.to_string()),
        }
    }
    println!(
        "{name}: {passed} passed, {} failed, {} not tried",
        failed.len(),
        trials.len() - passed - failed.len()
    );
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

async fn echo(mut socket: WebSocket<End>) {
    while let Some(Ok(message)) = socket.next().await {
        if socket.send(message).await.is_err() {
            break;
        }
    }
    // What is left of the ending, if `send` has failed.
    let _ = socket.close(CloseCode::NORMAL, "").await;
}

#[tokio::test(start_paused = true)]
async fn a_server_on_tokio() {
    for deflate in [false, true] {
        let trials = try_all_async(Side::Client, Time::tokio, |end| async move {
            let compression = Deflate::new();
            let mut acceptor = Acceptor::new();
            if deflate {
                acceptor = acceptor.deflate(&compression);
            }
            if let Ok(socket) = ws_proto_tokio::accept_with(end, acceptor).await {
                echo(socket).await;
            }
        })
        .await;
        check("a server on tokio", &trials, &["no-close-answer"]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_on_tokio() {
    for deflate in [false, true] {
        let trials = try_all_async(Side::Server, Time::tokio, |end| async move {
            let mut connector = Connector::new("ws://localhost/").unwrap();
            if deflate {
                connector = connector.deflate(&Deflate::new());
            }
            if let Ok((mut socket, _)) = ws_proto_tokio::connect_over(end, connector).await {
                let _ = socket.send("hello").await;
                echo(socket).await;
            }
        })
        .await;
        check("a client on tokio", &trials, &["no-close-answer"]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_closes_by_itself() {
    let misbehaviour = find("no-close-answer").unwrap();
    let server = misbehaviour.peer(&Setup::server()).unwrap();
    let (left, right) = Link::new().at(&Time::tokio()).ends();
    let report = tokio::spawn(server.play(right));
    let (mut socket, _) = ws_proto_tokio::connect_over(left, "ws://localhost/")
        .await
        .unwrap();
    assert!(socket.close(CloseCode::NORMAL, "").await.is_err());
    drop(socket);
    let verdict = misbehaviour.verdict(Side::Server, &report.await.unwrap());
    assert_eq!(verdict, Verdict::Passed);
}

#[test]
fn a_program_that_only_reads_fails_nearly_everything() {
    let trials = try_all(Side::Client, |mut end: BlockingEnd| {
        let _ = std::io::Read::read_to_end(&mut end, &mut Vec::new());
    });
    let passed = trials
        .iter()
        .filter(|trial| trial.verdict == Verdict::Passed);
    let names: Vec<&str> = passed.map(|trial| trial.misbehaviour.name).collect();
    // The stream ends there, and so does it.
    assert_eq!(names, ["end-in-head"]);
}

#[test]
fn names_are_unique_and_every_side_has_many() {
    let names: HashSet<&str> = catalogue().iter().map(|one| one.name).collect();
    assert_eq!(names.len(), catalogue().len());
    for side in Side::BOTH {
        let setup = Setup::side(side);
        let playable = catalogue().iter().filter(|one| one.peer(&setup).is_some());
        let count = playable.count();
        println!("{side:?}: {count} of {}", catalogue().len());
        assert!(count > 50, "{side:?}: {count}");
    }
    assert!(find("bomb").is_some() && find("no such thing").is_none());
}
