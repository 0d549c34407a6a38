//! A client that connects again.

use std::time::Duration;

use futures_util::{FutureExt, select_biased};
use ws_proto_smol::reconnect::BackoffConfig;
use ws_proto_smol::{CloseCode, Connector, Reconnecting, Smol, Update, accept, connect_over};
use ws_proto_suite::shells::reconnecting::a_server_is_killed_at_every_step;
use ws_proto_test::stream::{End, pipe};
use ws_proto_test::task::yield_now;

use crate::common::{quiet, run, spawn};
use crate::shared::Global;

#[test]
fn a_server_is_killed_at_every_step_over_tcp() {
    a_server_is_killed_at_every_step::<Global, Smol<ws_proto_smol::ClientStream>>();
}

/// Every wait is cancelled again and again, and nothing is missing.
#[test]
fn select_loses_nothing() {
    const CONNECTIONS: u32 = 20;
    const MESSAGES: u32 = 50;
    let mut count = 0;
    let milli = Duration::from_millis(1);
    let client = Reconnecting::<End>::from_connections(Smol::timer(), move || {
        let (client, server) = pipe(1000);
        let number = count;
        count += 1;
        async move {
            spawn(async move {
                let mut socket = accept(server).await.unwrap();
                for n in 0..MESSAGES {
                    socket.send(format!("{number} {n}")).await.unwrap();
                }
                let is_last = number + 1 == CONNECTIONS;
                let code = if is_last {
                    CloseCode::NORMAL
                } else {
                    CloseCode::GOING_AWAY
                };
                socket.close(code, "").await.unwrap();
            })
            .detach();
            let connector = Connector::new("ws://example.com/")?.options(quiet());
            Ok(connect_over(client, connector).await?)
        }
    });
    let mut client = client.backoff(BackoffConfig::new().first(milli).cap(milli));
    let (mut received, mut losses) = (Vec::new(), 0);
    run(async {
        loop {
            select_biased! {
                update = client.next().fuse() => match update {
                    Some(Update::Message(message)) => {
                        received.push(message.as_text().unwrap().to_owned());
                    }
                    Some(Update::Disconnected(lost)) => losses += lost.losses,
                    Some(_) => {}
                    None => break,
                },
                () = yield_now().fuse() => {}
            }
        }
    });
    let expected: Vec<_> = (0..CONNECTIONS)
        .flat_map(|number| (0..MESSAGES).map(move |n| format!("{number} {n}")))
        .collect();
    assert_eq!(received, expected);
    assert_eq!(losses, CONNECTIONS - 1);
}
