//! Rooms by path: each text goes to all who are in the room, in all processes of a cluster.
//!
//! ```sh
//! cargo run -p ws-proto-hub --example rooms        # alone: ws://127.0.0.1:9001/ROOM
//! cargo run -p ws-proto-hub --features nats --example rooms -- 127.0.0.1:9001 --nats nats://127.0.0.1:4222
//! cargo run -p ws-proto-hub --features nats --example rooms -- 127.0.0.1:9002 --nats nats://127.0.0.1:4222
//! wsp ws://127.0.0.1:9001/ROOM
//! ```
//!
//! `--redis redis://127.0.0.1:6379/` with the feature `redis` does the same. Who reads too slowly misses messages and gets
//! a note about it.

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use tokio::net::{TcpListener, TcpStream};
use ws_proto_hub::{DriveEvent, Hub, MemberOptions, WhenFull};
use ws_proto_tokio::{Accept, Options, Reply, read_request};

/// How long to wait when nobody can be accepted.
const PAUSE: Duration = Duration::from_millis(100);

#[tokio::main]
async fn main() -> Result<()> {
    let mut address = "127.0.0.1:9001".to_owned();
    let mut hub = Hub::new();
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        if argument.starts_with("--") {
            let url = arguments
                .next()
                .with_context(|| format!("{argument} needs a URL"))?;
            hub = cluster(&argument, &url)?;
        } else {
            address = argument;
        }
    }
    if let Some(mut link) = hub.link() {
        tokio::spawn(async move {
            while link.changed().await.is_ok() {
                println!("{:?}", *link.borrow_and_update());
            }
        });
    }
    let listener = TcpListener::bind(&address)
        .await
        .with_context(|| format!("cannot listen on {address}"))?;
    println!("ws://{}/ROOM", listener.local_addr()?);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = tokio::signal::ctrl_c() => break,
        };
        let (stream, from) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of file descriptors, for instance. Those who are there are served on.
                eprintln!("nobody can be accepted: {error}");
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        let hub = hub.clone();
        tokio::spawn(async move {
            if let Err(error) = serve(stream, &hub).await {
                eprintln!("{from}: {error:#}");
            }
        });
    }
    let left = hub
        .shutdown("the server goes away", Duration::from_secs(5))
        .await;
    println!("{left} left, {:?}", hub.counters());
    Ok(())
}

/// A hub that is one with those of other processes.
fn cluster(option: &str, url: &str) -> Result<Hub> {
    match option {
        #[cfg(feature = "nats")]
        "--nats" => Ok(Hub::with_backplane(
            ws_proto_hub::backplane::Nats::new(url),
            ws_proto_hub::backplane::BackplaneOptions::new(),
        )),
        #[cfg(feature = "redis")]
        "--redis" => Ok(Hub::with_backplane(
            ws_proto_hub::backplane::Redis::new(url)?,
            ws_proto_hub::backplane::BackplaneOptions::new(),
        )),
        _ => bail!("{option} {url}: there is no such option, or its feature is not built"),
    }
}

async fn serve(stream: TcpStream, hub: &Hub) -> Result<()> {
    stream.set_nodelay(true)?;
    let incoming = read_request(stream, Options::new()).await?;
    let request = incoming.request();
    if !request.is_upgrade() {
        return Ok(incoming.respond(&Reply::new(426)).await?);
    }
    let room = request.path().to_owned();
    // Refuses a page of another site.
    let mut socket = incoming.accept(&Accept::new()).await?;
    let mut member = hub.join(MemberOptions::new().when_full(WhenFull::DropOldest));
    member.subscribe(&room);
    while let Some(event) = member.drive(&mut socket).await {
        match event? {
            DriveEvent::Message(message) => {
                hub.publish(&room, message);
            }
            DriveEvent::Missed(count) => {
                socket
                    .feed(format!("You were too slow and missed {count} messages"))
                    .await?;
            }
            _ => {}
        }
    }
    Ok(())
}
