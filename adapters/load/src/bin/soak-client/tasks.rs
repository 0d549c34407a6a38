//! Clients on tokio and on smol: a task for each connection, all on one thread.

use std::time::Duration;

use anyhow::{Context, Result};
use ws_proto_async::{CloseCode, ConnectError, Connector, Io, Message, Response, WebSocket};
use ws_proto_test::random::Random;

use crate::Clients;
use crate::session::Session;

pub fn on_tokio(clients: &'static Clients) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let local = tokio::task::LocalSet::new();
    for index in 0..clients.connections {
        let client = play_all(
            clients,
            index,
            async |connector| ws_proto_tokio::connect(connector).await,
            async |time| tokio::time::sleep(time).await,
        );
        local.spawn_local(client);
    }
    runtime.block_on(local);
    Ok(())
}

pub fn on_smol(clients: &'static Clients) -> Result<()> {
    let executor = smol::LocalExecutor::new();
    let tasks = (0..clients.connections).map(|index| {
        executor.spawn(play_all(
            clients,
            index,
            async |connector| ws_proto_smol::connect(connector).await,
            async |time| {
                smol::Timer::after(time).await;
            },
        ))
    });
    let tasks: Vec<_> = tasks.collect();
    smol::block_on(executor.run(async {
        for task in tasks {
            task.await;
        }
    }));
    Ok(())
}

/// One session after the other on one connection.
async fn play_all<T: Io>(
    clients: &Clients,
    index: u64,
    connect: impl AsyncFn(Connector) -> Result<(WebSocket<T>, Response), ConnectError>,
    sleep: impl AsyncFn(Duration),
) {
    let mut random = Random::nth(clients.seed, index);
    while !clients.is_over() {
        let session = Session::next(&mut random, clients);
        let played = play(clients, &session, &connect, &sleep).await;
        clients.ended(&session, played);
    }
}

async fn play<T: Io>(
    clients: &Clients,
    session: &Session,
    connect: &impl AsyncFn(Connector) -> Result<(WebSocket<T>, Response), ConnectError>,
    sleep: &impl AsyncFn(Duration),
) -> Result<()> {
    let (mut socket, _) = connect(session.connector()?).await?;
    for burst in &session.bursts {
        sleep(burst.pause).await;
        if burst.pings {
            socket.ping(b"soak").await?;
        }
        for payload in &burst.messages {
            socket.feed(Message::from(payload.message())).await?;
        }
        socket.flush().await?;
        for payload in &burst.messages {
            let echo = socket.next().await.context("the server has closed")??;
            let echo = match &echo {
                Message::Text(text) => ws_proto::Message::Text(text),
                Message::Binary(data) => ws_proto::Message::Binary(data),
            };
            payload.check(echo, clients)?;
        }
    }
    if session.closes {
        socket.close(CloseCode::NORMAL, "").await?;
    }
    Ok(())
}
