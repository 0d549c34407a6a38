//! A subscriber that comes back: its server goes away twice, and once refuses it.
//!
//! ```sh
//! cargo run -p ws-proto-smol --example reconnecting_smol
//! ```
//!
//! With a URL it is a client of that server: `-- ws://127.0.0.1:9001/`. Each request has a token of its own, and
//! each connection is subscribed on anew.

use std::time::Duration;

use anyhow::Result;
use smol::net::TcpListener;
use ws_proto_smol::reconnect::{BackoffConfig, End};
use ws_proto_smol::{
    Accept, AttemptError, CloseCode, Connector, Decision, Message, Options, PlainResponse,
    Reconnecting, Update, read_request,
};

const SECOND: Duration = Duration::from_secs(1);

fn main() -> Result<()> {
    smol::block_on(run())
}

async fn run() -> Result<()> {
    let (url, first) = match std::env::args().nth(1) {
        Some(url) => (url, SECOND),
        None => {
            let listener = TcpListener::bind("127.0.0.1:0").await?;
            let url = format!("ws://{}/news", listener.local_addr()?);
            smol::spawn(serve(listener)).detach();
            (url, SECOND / 10)
        }
    };

    let mut token = 0;
    let request = move || {
        token += 1;
        let (url, token) = (url.clone(), token);
        async move {
            let token = fetch_token(token).await.map_err(AttemptError::transient)?;
            let connector = Connector::new(&url)?;
            Ok(connector.header("Authorization", format!("Bearer {token}")))
        }
    };
    let mut client = Reconnecting::from_requests(request)
        .backoff(BackoffConfig::new().first(first).busy(first, 2 * first))
        .on_connect(|_| [Message::text("subscribe weather")])
        .resend(true)
        .decide(|reason| match reason.end() {
            // The next request has another token.
            Some(End::Refused { status: 401, .. }) => Decision::Retry,
            _ => Decision::Backoff,
        });

    while let Some(update) = client.next().await {
        match update {
            Update::Connected(connected) => {
                println!("connected, attempt {}", connected.attempt);
            }
            Update::Message(message) => {
                println!("{}", message.as_text().unwrap_or("(bytes)"));
                // While there is no connection, it waits for the next one.
                client.send("thank you").await?;
            }
            Update::Disconnected(lost) => println!(
                "{}; attempt {} follows in {:?}",
                lost.reason, lost.attempt, lost.delay
            ),
            Update::Ended(ended) => println!("the end: {}", ended.reason),
            _ => {}
        }
    }
    Ok(())
}

/// Asks for a token, in a real program; the second one is not valid.
async fn fetch_token(n: u32) -> Result<String, std::io::Error> {
    Ok(if n == 2 {
        "old".into()
    } else {
        format!("token{n}")
    })
}

/// A server that restarts after each piece of news, and in the end has no more.
async fn serve(listener: TcpListener) -> Result<()> {
    let news = ["rain", "sun", "snow"];
    let mut days = news.iter().enumerate();
    while let Some((day, news)) = days.next() {
        let mut incoming = read_request(listener.accept().await?.0, Options::new()).await?;
        while incoming.request().headers().get("Authorization") == Some(b"Bearer old") {
            incoming.respond(&PlainResponse::new(401)).await?;
            incoming = read_request(listener.accept().await?.0, Options::new()).await?;
        }
        let mut socket = incoming.accept(&Accept::new()).await?;
        let Some(subscription) = socket.next().await else {
            continue;
        };
        let topic = subscription?
            .as_text()
            .unwrap_or_default()
            .replace("subscribe ", "");
        socket.send(format!("{topic}: {news}")).await?;
        socket.next().await;
        let code = if days.len() == 0 {
            CloseCode::NORMAL
        } else {
            CloseCode::SERVICE_RESTART
        };
        socket.close(code, &format!("day {day} is over")).await?;
    }
    Ok(())
}
