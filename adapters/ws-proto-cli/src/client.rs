//! The client: sends and receives at once, and ends in order.

use std::pin::pin;
use std::time::Duration;

use anyhow::Context;
use tokio::signal::ctrl_c;
use tokio::sync::watch;
use ws_proto_tokio::{ClientStream, CloseCode, Closed, Error, Event, ReadHalf, WriteHalf};

use crate::args::Args;
use crate::connect;
use crate::failure::{Exit, Failure, OrExit, failure};
use crate::input::{Unsent, send};
use crate::pings::Pings;
use crate::print::{Notices, Printer, Unprinted, closing_words};

/// Why receiving has ended.
#[derive(Debug)]
enum Received {
    /// The connection has.
    End(Result<(), Error>),
    /// So many as were wanted.
    Enough,
    /// There is nowhere to print to.
    Unprinted,
}

/// What happened first.
enum Turn {
    Interrupted,
    Received(Received),
    Sent(Result<(), Unsent>),
}

pub(crate) async fn run(args: &Args, url: &str) -> Result<(), Failure> {
    let notices = Notices::new(args);
    let printer = Printer::new(args)?;
    let (mut read, mut write) = tokio::select! {
        connected = connect::connect(args, url, notices) => connected?.split(),
        _ = ctrl_c() => return Err(failure(Exit::Interrupted, "interrupted")),
    };
    let pings = Pings::default();
    let mut received = 0;
    let (mut unsent, is_idle) = (None, watch::Sender::new(false));
    let ended = {
        let mut receiving = pin!(receive(
            &mut read,
            args,
            &printer,
            &is_idle,
            &pings,
            &mut received
        ));
        let turn = tokio::select! {
            ended = &mut receiving => Turn::Received(ended),
            sent = send(&mut write, args, &pings, &is_idle) => Turn::Sent(sent),
            _ = ctrl_c() => Turn::Interrupted,
        };
        match turn {
            Turn::Received(ended) => {
                if !*is_idle.borrow() && matches!(ended, Received::End(_)) {
                    unsent = Some(Unsent::Connection);
                }
                ended
            }
            Turn::Interrupted => leave(receiving, &mut write).await?,
            Turn::Sent(sent) => {
                let stay = match &sent {
                    Ok(()) if args.count.is_some() || args.no_input => Some(args.exit_after),
                    Ok(()) => args.exit_after.map(Some),
                    Err(_) => None,
                };
                let is_whole = !matches!(sent, Err(Unsent::Input(_)));
                unsent = sent.err();
                let rest = stay_for(stay, receiving.as_mut()).await;
                match rest {
                    Turn::Received(ended) => ended,
                    Turn::Interrupted => leave(receiving, &mut write).await?,
                    Turn::Sent(_) => {
                        let code = if is_whole {
                            CloseCode::NORMAL
                        } else {
                            CloseCode::GOING_AWAY
                        };
                        close(receiving, &mut write, code).await?
                    }
                }
            }
        }
    };
    let ended = match ended {
        Received::End(ended) => ended,
        Received::Enough => finish(read, &mut write, CloseCode::NORMAL).await?,
        Received::Unprinted => {
            let _ = finish(read, &mut write, CloseCode::GOING_AWAY).await?;
            return printer.finish().await;
        }
    };
    tokio::select! {
        printed = printer.finish() => printed?,
        _ = ctrl_c() => return Err(failure(Exit::Interrupted, "interrupted")),
    }
    judge(args, unsent, ended, write.closed(), received, notices)
}

/// Waits for what still comes; `None` is not at all, `Some(None)` for ever.
async fn stay_for(
    time: Option<Option<Duration>>,
    receiving: std::pin::Pin<&mut impl Future<Output = Received>>,
) -> Turn {
    let until = async {
        match time {
            None => {}
            Some(Some(time)) => tokio::time::sleep(time).await,
            Some(None) => std::future::pending().await,
        }
    };
    tokio::select! {
        biased;
        ended = receiving => Turn::Received(ended),
        _ = ctrl_c() => Turn::Interrupted,
        () = until => Turn::Sent(Ok(())),
    }
}

/// After Ctrl-C.
async fn leave(
    receiving: std::pin::Pin<&mut impl Future<Output = Received>>,
    write: &mut WriteHalf<ClientStream>,
) -> Result<Received, Failure> {
    close(receiving, write, CloseCode::GOING_AWAY).await
}

/// Says Close, and goes on printing what the server has sent before its own.
async fn close(
    receiving: std::pin::Pin<&mut impl Future<Output = Received>>,
    write: &mut WriteHalf<ClientStream>,
    code: CloseCode,
) -> Result<Received, Failure> {
    // On a connection that has ended it does nothing.
    let _ = write.start_close(code, "");
    tokio::select! {
        ended = receiving => Ok(ended),
        _ = ctrl_c() => Err(failure(Exit::Interrupted, "interrupted")),
    }
}

/// Closes without printing what still comes.
async fn finish(
    read: ReadHalf<ClientStream>,
    write: &mut WriteHalf<ClientStream>,
    code: CloseCode,
) -> Result<Result<(), Error>, Failure> {
    drop(read);
    tokio::select! {
        ended = write.close(code, "") => Ok(ended),
        _ = ctrl_c() => Err(failure(Exit::Interrupted, "interrupted")),
    }
}

/// Prints what comes. Enough of it is enough once nothing is left to be sent.
async fn receive(
    read: &mut ReadHalf<ClientStream>,
    args: &Args,
    printer: &Printer,
    is_idle: &watch::Sender<bool>,
    pings: &Pings,
    received: &mut u64,
) -> Received {
    while args.count.is_none_or(|count| *received < count) {
        let printed = if args.ping.is_some() {
            match read.next_event().await {
                None => return Received::End(Ok(())),
                Some(Err(error)) => return Received::End(Err(error)),
                Some(Ok(Event::Message(message))) => {
                    *received += 1;
                    printer.message(None, message).await
                }
                Some(Ok(Event::Pong(payload))) => match pings.answered() {
                    Some(time) => printer.pong(payload, time).await,
                    None => Ok(()),
                },
                Some(Ok(_)) => Ok(()),
            }
        } else {
            match read.next_piece().await {
                None => return Received::End(Ok(())),
                Some(Err(error)) => return Received::End(Err(error)),
                Some(Ok(piece)) => {
                    *received += u64::from(piece.last);
                    printer.piece(piece).await
                }
            }
        };
        if let Err(Unprinted) = printed {
            return Received::Unprinted;
        }
    }
    let mut sent = is_idle.subscribe();
    tokio::select! {
        _ = sent.wait_for(|is_idle| *is_idle) => Received::Enough,
        ended = drop_rest(read) => Received::End(ended),
    }
}

/// Takes what still comes and drops it: a server that is not listened to may not listen either.
async fn drop_rest(read: &mut ReadHalf<ClientStream>) -> Result<(), Error> {
    while let Some(piece) = read.next_piece().await {
        piece?;
    }
    Ok(())
}

/// Whether it has ended well.
fn judge(
    args: &Args,
    unsent: Option<Unsent>,
    ended: Result<(), Error>,
    closed: Option<Closed>,
    received: u64,
    notices: Notices,
) -> Result<(), Failure> {
    match unsent {
        Some(Unsent::Input(error)) => return Err(error).or_exit(Exit::Usage),
        Some(Unsent::NoPong(time)) => {
            let words = format!("no answer to a Ping within {} s", time.as_secs_f64());
            return Err(failure(Exit::Closed, words));
        }
        Some(Unsent::Connection) | None => {}
    }
    ended
        .context("the connection broke")
        .or_exit(Exit::Closed)?;
    if let Some(closed) = &closed {
        let words = closing_words(closed);
        if !is_in_order(closed.code) {
            return Err(failure(Exit::Closed, format_args!("closed with {words}")));
        }
        notices.say(format_args!("closed with {words}"));
    }
    if let Some(Unsent::Connection) = unsent {
        let words = "the server has closed before everything was sent";
        return Err(failure(Exit::Missing, words));
    }
    match args.count {
        Some(count) if received < count => {
            let words = format!("{received} of {count} messages had come at the end");
            Err(failure(Exit::Missing, words))
        }
        _ => Ok(()),
    }
}

fn is_in_order(code: Option<CloseCode>) -> bool {
    code.is_none_or(|code| code == CloseCode::NORMAL || code == CloseCode::GOING_AWAY)
}
