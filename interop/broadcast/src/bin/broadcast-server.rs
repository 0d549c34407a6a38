//! A process of a cluster: `broadcast-server nats|redis URL`. It prints its URL, and then each loss and return of the
//! backplane. `/POLICY` is a member of the topic "all", with this policy: oldest, latest, close, or all, which has
//! room for everything. What a client sends is published there.

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use tokio::net::{TcpListener, TcpStream};
use ws_proto_hub::backplane::{BackplaneOptions, Nats, Redis};
use ws_proto_hub::{DriveEvent, Hub, MemberOptions, WhenFull};
use ws_proto_tokio::{Accept, CloseCode, Options, PlainResponse, read_request};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let kind = arguments.next().context("nats or redis")?;
    let url = arguments.next().context("a URL")?;
    let options = BackplaneOptions::new().max_waiting(20_000);
    let hub = match &*kind {
        "nats" => Hub::with_backplane(Nats::new(url), options),
        "redis" => Hub::with_backplane(Redis::new(url)?, options),
        _ => bail!("{kind} is neither nats nor redis"),
    };
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("ws://{}", listener.local_addr()?);
    let mut link = hub.link().context("there is a backplane")?;
    tokio::spawn(async move {
        loop {
            // The first look too: it can be there by now.
            let status = link.borrow_and_update().clone();
            println!("up {} losses {}", status.is_up, status.losses);
            if link.changed().await.is_err() {
                break;
            }
        }
    });
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    loop {
        let (stream, _) = tokio::select! {
            accepted = listener.accept() => accepted?,
            _ = terminate.recv() => break,
        };
        let hub = hub.clone();
        tokio::spawn(async move {
            let _ = serve(stream, hub).await;
        });
    }
    let left = hub
        .shutdown("the test is over", Duration::from_secs(5))
        .await;
    println!("left {left} {:?}", hub.counters());
    Ok(())
}

async fn serve(stream: TcpStream, hub: Hub) -> Result<()> {
    stream.set_nodelay(true)?;
    let incoming = read_request(stream, Options::new()).await?;
    let small = MemberOptions::new().max_waiting(100);
    let options = match incoming.request().path() {
        "/all" => MemberOptions::new().max_waiting(20_000).max_bytes(64 << 20),
        "/oldest" => small.when_full(WhenFull::DropOldest),
        "/latest" => small.when_full(WhenFull::KeepLatest),
        "/close" => small.when_full(WhenFull::Close(
            CloseCode::POLICY_VIOLATION,
            "too slow".into(),
        )),
        _ => return Ok(incoming.respond(&PlainResponse::new(404)).await?),
    };
    let mut socket = incoming.accept(&Accept::new()).await?;
    let mut member = hub.join(options);
    member.subscribe("all");
    while let Some(event) = member.drive(&mut socket).await {
        match event? {
            DriveEvent::Message(message) => {
                hub.publish("all", message);
            }
            DriveEvent::Missed(count) => socket.feed(format!("missed {count}")).await?,
            _ => {}
        }
    }
    Ok(())
}
