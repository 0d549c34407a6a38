//! A client that checks that a server echoes, with messages of 0 to 16 MiB.

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};
use ws_proto_async::{
    CloseCode, ConnectError, Connector, Event, Io, Message, Proxy, ProxyError, Response, WebSocket,
};

use super::{Way, options};
use crate::probe::{PARTS, PING, SIZES, binary, text, trusting, values_of};

/// Prints one object: `status`, `subprotocol`, `location` and `body` of the answer, `proxy` with the status of a proxy that
/// has refused, or the `error`;
/// then what the echoes were: `right` and `wrong`, and how it was `closed`.
///
/// # Errors
///
/// The command line is wrong.
pub async fn visit<T: Io>(
    connect: impl AsyncFn(Connector, Way) -> Result<(WebSocket<T>, Response), ConnectError>,
    url: &str,
    given: &[&str],
) -> Result<()> {
    let offered: Vec<&str> = values_of("--offer", given).collect();
    let connector = Connector::new(url)?
        .subprotocols(&offered)
        .options(options());
    let trusted = |name: &str| values_of(name, given).next().map(trusting).transpose();
    let way = Way {
        tls: trusted("--ca")?,
        proxy: values_of("--proxy", given)
            .next()
            .map(Proxy::new)
            .transpose()?,
        proxy_tls: trusted("--proxy-ca")?,
    };
    if connector.uri().is_secure() && way.tls.is_none() {
        bail!("--ca PEM is needed");
    }
    let seen = look(connect(connector, way).await).await;
    println!("{}", Value::Object(seen));
    Ok(())
}

type Seen = serde_json::Map<String, Value>;

async fn look<T: Io>(connected: Result<(WebSocket<T>, Response), ConnectError>) -> Seen {
    let mut seen = Seen::new();
    match connected {
        Ok((socket, response)) => {
            describe(&response, &mut seen);
            if let Err(error) = echoes(socket, &mut seen).await {
                seen.insert("error".into(), json!(format!("{error:#}")));
            }
        }
        Err(ConnectError::Refused(response)) => describe(&response, &mut seen),
        Err(ConnectError::Proxy(ProxyError::Refused(response))) => {
            seen.insert("proxy".into(), json!(response.status()));
        }
        Err(error) => {
            seen.insert("error".into(), json!(format!("{error:#}")));
        }
    }
    seen
}

fn describe(response: &Response, seen: &mut Seen) {
    let location = response.headers().get("Location");
    seen.insert("status".into(), json!(response.status()));
    seen.insert("subprotocol".into(), json!(response.subprotocol()));
    seen.insert(
        "location".into(),
        json!(location.map(String::from_utf8_lossy)),
    );
    seen.insert(
        "body".into(),
        json!(String::from_utf8_lossy(response.body())),
    );
}

async fn echoes<T: Io>(mut socket: WebSocket<T>, seen: &mut Seen) -> Result<()> {
    let (mut right, mut wrong) = (0, Vec::new());
    for size in SIZES {
        for message in [Message::from(text(size)), binary(size).into()] {
            let kind = message.kind();
            socket.send(message.clone()).await?;
            match socket.next_event().await.transpose()? {
                Some(Event::Message(echo)) if echo == message => right += 1,
                Some(Event::Message(other)) => {
                    wrong.push(format!("{kind:?} {size}: {}", other.len()));
                }
                other => wrong.push(format!("{kind:?} {size}: {other:?}")),
            }
        }
    }
    for (part, fin) in PARTS {
        socket.send_text_part(part, fin).await?;
    }
    socket.ping(PING).await?;
    let whole: String = PARTS.map(|(part, _)| part).concat();
    let expected = [
        Event::Message(whole.into()),
        Event::Pong(PING.as_slice().into()),
    ];
    // A server answers a Ping when it likes.
    let events = [socket.next_event().await, socket.next_event().await];
    for event in events {
        match event.transpose()? {
            Some(event) if expected.contains(&event) => right += 1,
            event => wrong.push(format!("{event:?}")),
        }
    }
    socket.close(CloseCode::NORMAL, "seen").await?;
    let closed = socket.closed().context("no Close")?;
    seen.insert("right".into(), json!(right));
    seen.insert("wrong".into(), json!(wrong));
    seen.insert("closed".into(), json!(closed.code.map(CloseCode::as_u16)));
    Ok(())
}
