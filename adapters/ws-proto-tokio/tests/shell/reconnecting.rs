//! A client that connects again, in tokio's time and under `select!`.

use std::io::ErrorKind;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::io::{DuplexStream, duplex};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};
use ws_proto_suite::shells::reconnecting::a_server_is_killed_at_every_step;
use ws_proto_tokio::reconnect::BackoffConfig;
use ws_proto_tokio::{
    AttemptError, ClientStream, CloseCode, Connector, Message, Reconnecting, Tokio, Update,
    WebSocket, accept, connect_over,
};

use crate::common::quiet;
use crate::shared::CurrentThread;

const SECOND: Duration = Duration::from_secs(1);

/// A client whose server is in memory, and serves each connection, which has a number, by `serve`.
fn client<F>(
    serve: impl Fn(u32, WebSocket<DuplexStream>) -> F + Clone + Send + 'static,
) -> Reconnecting<DuplexStream>
where
    F: Future<Output = ()> + Send + 'static,
{
    let mut count = 0;
    Reconnecting::from_connections(Tokio::timer(), move || {
        let (client, server) = duplex(1000);
        let (serve, number) = (serve.clone(), count);
        count += 1;
        async move {
            tokio::spawn(async move {
                if let Ok(socket) = accept(server).await {
                    serve(number, socket).await;
                }
            });
            let connector = Connector::new("ws://example.com/")?.options(quiet());
            Ok(connect_over(client, connector).await?)
        }
    })
}

#[test]
fn a_server_is_killed_at_every_step_over_tcp() {
    a_server_is_killed_at_every_step::<CurrentThread, Tokio<ClientStream>>();
}

/// An hour without a server, by the default plan.
#[tokio::test(start_paused = true)]
async fn delays_are_those_of_the_plan() {
    let started = Instant::now();
    let mut client =
        Reconnecting::<ClientStream>::from_connections(Tokio::timer(), move || async move {
            if started.elapsed() < 3600 * SECOND {
                return Err(std::io::Error::from(ErrorKind::ConnectionRefused).into());
            }
            Err(AttemptError::permanent("an hour is over"))
        })
        .random(|| u64::MAX);
    let mut delays = Vec::new();
    let mut last = started;
    while let Some(Update::Disconnected(failed)) = client.next().await {
        // The time since the attempt before is the delay that was reported then.
        delays.push((failed.delay.as_secs_f64().round(), last.elapsed()));
        last = Instant::now();
    }
    assert!(client.next().await.is_none());
    let seconds: Vec<_> = delays.iter().map(|(delay, _)| *delay).collect();
    assert_eq!(seconds[..6], [5.0, 10.0, 20.0, 40.0, 60.0, 60.0]);
    // Ended by the first attempt after that hour.
    assert_eq!(delays.len(), 4 + 1 + (3600 - 75) / 60);
    for pair in delays.windows(2) {
        assert_eq!(pair[0].0, pair[1].1.as_secs_f64().round());
    }
}

/// Every wait is cancelled again and again, and nothing is missing: all that each server has sent before its
/// end, and all that was sent to it.
#[tokio::test(start_paused = true)]
async fn select_loses_nothing() {
    const CONNECTIONS: u32 = 20;
    const MESSAGES: u32 = 50;
    let (report, mut reports) = mpsc::unbounded_channel();
    let mut client = client(move |number, mut socket| {
        let report = report.clone();
        async move {
            for n in 0..MESSAGES {
                socket.send(format!("{number} {n}")).await.unwrap();
                let message = socket.next().await.unwrap().unwrap();
                report.send(message.as_text().unwrap().to_owned()).unwrap();
                sleep(Duration::from_millis(u64::from(n) % 5)).await;
            }
            let is_last = number + 1 == CONNECTIONS;
            let code = if is_last {
                CloseCode::NORMAL
            } else {
                CloseCode::GOING_AWAY
            };
            socket.close(code, "").await.unwrap();
        }
    })
    .backoff(BackoffConfig::new().first(SECOND / 20).cap(SECOND / 20))
    .resend(true);
    let (mut received, mut sent) = (Vec::new(), 0);
    let mut losses = 0;
    loop {
        tokio::select! {
            update = client.next() => match update {
                Some(Update::Message(message)) => {
                    received.push(message.as_text().unwrap().to_owned());
                    // One for each, so that none is on its way when the server ends.
                    client.feed(format!("{sent}")).await.unwrap();
                    sent += 1;
                }
                Some(Update::Disconnected(lost)) => losses += lost.losses,
                Some(_) => {}
                None => break,
            },
            () = sleep(Duration::from_millis(1)) => {}
        }
    }
    let expected: Vec<_> = (0..CONNECTIONS)
        .flat_map(|number| (0..MESSAGES).map(move |n| format!("{number} {n}")))
        .collect();
    assert_eq!(received, expected);
    assert_eq!(losses, CONNECTIONS - 1);
    drop(client);
    for n in 0..sent {
        assert_eq!(reports.recv().await, Some(format!("{n}")));
    }
    assert_eq!(sent, CONNECTIONS * MESSAGES);
}

/// Halves in two tasks: the sender waits while there is no connection, and all arrives in order.
#[tokio::test(start_paused = true)]
async fn a_sender_in_a_task_of_its_own_waits_for_connections() {
    let (report, mut reports) = mpsc::unbounded_channel();
    let client = client(move |number, mut socket| {
        let report = report.clone();
        async move {
            // Ten messages for each connection, and then it says so.
            for _ in 0..10 {
                let message = socket.next().await.unwrap().unwrap();
                report.send(message.as_text().unwrap().to_owned()).unwrap();
                socket.send("more").await.unwrap();
            }
            let code = if number == 4 {
                CloseCode::NORMAL
            } else {
                CloseCode::SERVICE_RESTART
            };
            let _ = socket.close(code, "").await;
        }
    })
    .resend(true);
    let (mut sink, mut stream) = client.split::<Message>();
    let (allow, mut allowed) = mpsc::unbounded_channel();
    let sender = tokio::spawn(async move {
        let mut n = 0;
        while allowed.recv().await.is_some() {
            if sink.send(format!("{n}").into()).await.is_err() {
                break;
            }
            n += 1;
        }
    });
    while let Some(update) = stream.next().await {
        match update {
            Update::Connected(_) => allow.send(()).unwrap(),
            // The tenth answer is followed by the end.
            Update::Message(_) if reports.len() % 10 != 0 => allow.send(()).unwrap(),
            _ => {}
        }
    }
    drop(allow);
    sender.await.unwrap();
    for n in 0..50 {
        assert_eq!(reports.recv().await, Some(format!("{n}")));
    }
}
