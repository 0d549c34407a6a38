//! One end of scripted sessions with other implementations. Both halves of a connection are at work
//! at the same time, joined again for the end.

use std::io::BufRead as _;

use anyhow::{Context as _, Result};
use futures_util::future::join;
use ws_proto_async::{
    Accept, CloseCode, ConnectError, Connector, ControlPayload, Error, Event, HandshakeError, Io,
    PlainResponse, ReadHalf, WebSocket, WriteHalf,
};

use super::{Runtime, options};
use crate::script::{End, Report, Sent, Session, Step, Windows, hex, to_hex};

/// Plays every session of standard input.
pub(crate) fn play_all<R: Runtime>() -> Result<()> {
    R::block_on(async {
        for line in std::io::stdin().lock().lines() {
            let session: Session = serde_json::from_str(&line?)?;
            let mut report = Report::default();
            if let Err(error) = play::<R>(&session, &mut report).await {
                report.error = Some(format!("{error:#}"));
            }
            println!("{}", serde_json::to_string(&report)?);
        }
        Ok(())
    })
}

async fn play<R: Runtime>(session: &Session, report: &mut Report) -> Result<()> {
    let socket = if session.role == "server" {
        accept::<R>(session, report).await?
    } else {
        connect::<R>(session, report).await?
    };
    let Some(socket) = socket else { return Ok(()) };
    report.opened = true;
    report.subprotocol = socket.subprotocol().map(str::to_owned);
    report.agreed = socket.deflate().map(Windows::of);
    talk::<R>(socket, session, report).await
}

/// `None` after a refusal.
async fn accept<R: Runtime>(
    session: &Session,
    report: &mut Report,
) -> Result<Option<WebSocket<R::Io>>> {
    let listener = R::bind("127.0.0.1:0").await?;
    println!("{{\"port\":{}}}", R::address(&listener)?.port());
    let stream = R::accept(&listener).await?;
    let mut incoming = R::read_request(stream, options()).await?;
    let preferred: Vec<&str> = session.choose.iter().flatten().map(|s| &**s).collect();
    let chosen = incoming.request().choose_subprotocol(&preferred);
    if session.choose.is_some() && chosen.is_none() {
        report.status = Some(400);
        let reply = PlainResponse::new(400).body(b"no common subprotocol\n");
        incoming.respond(&reply).await?;
        return Ok(None);
    }
    let accept = Accept::new().maybe_subprotocol(chosen);
    if let Some(windows) = session.compress {
        incoming = incoming.deflate(&windows.deflate());
    }
    Ok(Some(incoming.accept(&accept).await?))
}

/// `None` after a refusal.
async fn connect<R: Runtime>(
    session: &Session,
    report: &mut Report,
) -> Result<Option<WebSocket<R::Io>>> {
    let port = session.port.context("a client needs a port")?;
    let url = format!("ws://127.0.0.1:{port}/");
    let offered: Vec<&str> = session.offer.iter().map(String::as_str).collect();
    let deflate = session.compress.map(Windows::deflate);
    let mut connector = Connector::new(&url)?
        .subprotocols(&offered)
        .require_subprotocol(session.require)
        .options(options());
    if let Some(deflate) = &deflate {
        connector = connector.deflate(deflate);
    }
    match R::connect(connector).await {
        Ok((socket, _)) => return Ok(Some(socket)),
        Err(ConnectError::Refused(response)) => report.status = Some(response.status()),
        Err(ConnectError::Handshake(HandshakeError::SubprotocolMissing)) => report.status = Some(0),
        Err(error) => return Err(error.into()),
    }
    Ok(None)
}

async fn talk<R: Runtime>(
    socket: WebSocket<R::Io>,
    session: &Session,
    report: &mut Report,
) -> Result<()> {
    let (mut read, mut write) = socket.split();
    let received = async {
        // The side that does not end it waits for the end.
        let pings = session.pings();
        while session.end.is_none()
            || report.messages.len() < session.messages
            || report.pongs.len() < pings
        {
            if !receive(&mut read, report).await? {
                return Ok(true);
            }
        }
        anyhow::Ok(false)
    };
    let sent = async {
        for step in &session.steps {
            send(&mut write, step).await?;
        }
        anyhow::Ok(write.flush().await?)
    };
    let (received, sent) = join(received, sent).await;
    let is_over = received?;
    if !is_over {
        sent?;
    } // else the other end reports its received messages
    let mut socket = read
        .reunite(write)
        .map_err(|_| anyhow::anyhow!("the halves do not fit"))?;
    if let (false, Some(end)) = (is_over, &session.end) {
        finish::<R>(&mut socket, end).await?;
        while let Some(event) = socket.next_event().await {
            note(event, report)?;
        }
    }
    report.close = Some(match socket.closed() {
        None => (1006, String::new()),
        Some(closed) => {
            let code = closed.code.map_or(1005, CloseCode::as_u16);
            (code, closed.reason.as_str().to_owned())
        }
    });
    Ok(())
}

/// Whether there was an event.
async fn receive(read: &mut ReadHalf<impl Io>, report: &mut Report) -> Result<bool> {
    match read.next_event().await {
        Some(event) => note(event, report).map(|()| true),
        None => Ok(false),
    }
}

fn note(event: Result<Event, Error>, report: &mut Report) -> Result<()> {
    match event {
        Ok(Event::Message(message)) => report.message(message.kind(), message.as_bytes()),
        Ok(Event::Ping(payload)) => report.pings.push(to_hex(&payload)),
        Ok(Event::Pong(payload)) => report.pongs.push(to_hex(&payload)),
        // The report has it at the end.
        Ok(Event::Close(_)) => {}
        Err(Error::Receive(error)) => report.fault = error.close_code().map(CloseCode::as_u16),
        // The report says that there was no Close. A peer that is gone can reset the stream while we still send.
        Err(Error::Eof(_) | Error::Io(_)) => {}
        Err(error) => return Err(error.into()),
        Ok(other) => anyhow::bail!("{other:?}"),
    }
    Ok(())
}

async fn send(write: &mut WriteHalf<impl Io>, step: &Step) -> Result<()> {
    for sent in step.sends()? {
        match sent {
            Sent::Compressing(compressing) => write.set_compressing(compressing),
            Sent::Text(text, None) => write.feed(text).await?,
            Sent::Text(text, Some(fin)) => write.send_text_part(text, fin).await?,
            Sent::Binary(data, None) => write.feed(data).await?,
            Sent::Binary(data, Some(fin)) => write.send_binary_part(data, fin).await?,
            Sent::Ping(payload) => write.ping(ControlPayload::new(&payload)?).await?,
        }
    }
    Ok(())
}

async fn finish<R: Runtime>(socket: &mut WebSocket<R::Io>, end: &End) -> Result<()> {
    match end {
        End::Close(None) => anyhow::bail!("a Close of an adapter has a code"),
        End::Close(Some((code, reason))) => {
            let code = CloseCode::new(*code).context("a valid code")?;
            socket.start_close(code, reason)?;
        }
        End::Fault(raw) => R::write(socket.get_mut(), &hex(raw)?).await?,
        End::Cut(raw) => {
            R::write(socket.get_mut(), &hex(raw)?).await?;
            R::shut_down(socket.get_mut()).await?;
        }
    }
    Ok(())
}
