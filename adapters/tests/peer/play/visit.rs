//! A client that looks whether a server echoes, with messages of 0 to 16 MiB.

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use ws_proto_async::{
    CloseCode, ConnectError, Connector, Event, Fin, Io, Message, Response, WebSocket,
};

use super::options;
use crate::runtime::rustls::ClientConfig;
use crate::runtime::rustls::pki_types::{CertificateDer, pem::PemObject as _};
use crate::runtime::{self, RootCertStore};

/// Prints one object: `status`, `subprotocol`, `location` and `body` of the answer, or the `error`;
/// then what the echoes were: `right` and `wrong`, and how it was `closed`.
pub(crate) async fn visit(url: &str, wishes: &[&str]) -> Result<()> {
    let wish = |name| {
        wishes
            .windows(2)
            .filter(move |w| w[0] == name)
            .map(|w| w[1])
    };
    let offered: Vec<&str> = wish("--offer").collect();
    let connector = Connector::new(url)?
        .subprotocols(&offered)
        .options(options());
    let uri = connector.uri();
    let seen = if uri.is_secure() {
        let config = trusting(wish("--ca").next().context("--ca PEM is needed")?)?;
        let stream = runtime::connect_tls(uri.host(), uri.port(), config).await?;
        look(runtime::connect_over(stream, connector).await).await
    } else {
        look(runtime::connect(connector).await).await
    };
    println!("{}", Value::Object(seen));
    Ok(())
}

/// Trusts who has this certificate, and nobody else.
fn trusting(path: &str) -> Result<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(path)?)?;
    let config = ClientConfig::builder().with_root_certificates(roots);
    Ok(config.with_no_client_auth())
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
        for message in [text(size), binary(size)] {
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
    for part in ["in ", "", "four ", "p\u{e4}rts"] {
        let fin = if part.ends_with("rts") {
            Fin::Yes
        } else {
            Fin::No
        };
        socket.send_text_part(part, fin).await?;
    }
    socket.ping(b"are you there").await?;
    let expected = [
        Event::Message("in four p\u{e4}rts".into()),
        Event::Pong("are you there".into()),
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

fn text(size: usize) -> Message {
    let mut text = "K\u{f6}ln \u{20ac} \u{1f600} ".repeat(size / 15);
    text.push_str(&"y".repeat(size - text.len()));
    text.into()
}

fn binary(size: usize) -> Message {
    let data: Vec<u8> = (0..size).map(|at| ((at * at) >> 7) as u8).collect();
    data.into()
}

/// Lengths around those where headers change, and big ones.
const SIZES: [usize; 10] = [
    0,
    1,
    125,
    126,
    127,
    65_535,
    65_536,
    65_537,
    1 << 20,
    16 << 20,
];
