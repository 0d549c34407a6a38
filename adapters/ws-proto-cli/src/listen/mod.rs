//! The server: prints messages of its peers, and sends them typed lines.

mod door;
mod peer;
mod room;

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;
use ws_proto_test::Side;
use ws_proto_tokio::OriginPolicy;

use crate::args::{Address, Args};
use crate::ending::{Close, going_away};
use crate::failure::{Exit, Failure, OrExit, failure, stopped};
use crate::input::Lines;
use crate::kit::Recordings;
use crate::notices::Notices;
use crate::print::{Print, Printer, Sent};
use crate::session::Typed;
use crate::signals::Signals;
use crate::tls;
use door::Listener;
use peer::{Door, News, meet};
use room::{Outgoing, Room};

/// How many messages wait to be printed before nothing more is received.
const WAITING: usize = 16;

/// How long peers have for their goodbye.
const GOODBYE: Duration = Duration::from_secs(3);

pub(crate) async fn run(
    args: Args,
    address: &Address,
    mut signals: Signals,
) -> Result<(), Failure> {
    let notices = Notices::new(&args);
    if let Some(origin) = &args.origin {
        let _ = OriginPolicy::list(&[origin])
            .with_context(|| format!("--origin {origin} cannot match"))
            .or_exit(Exit::Usage)?;
    }
    let recordings = Recordings::new(&args, Side::Server)?;
    let tls = tls::server(&args).or_exit(Exit::Usage)?;
    let scheme = if tls.is_some() { "wss" } else { "ws" };
    let (listener, bound) = Listener::bind(address, scheme)
        .await
        .or_exit(Exit::Connect)?;
    let printer = Printer::new(&args)?;
    // Not only in a terminal: with port 0 there is no other way to know.
    notices.announce(format_args!("listening on {}", bound.url));
    let args = Arc::new(args);
    let room = Arc::new(Room::new(args.max_lag));
    let (report, mut news) = mpsc::channel(WAITING);
    let (end, ending) = watch::channel(None);
    let door = Door {
        args: Arc::clone(&args),
        room: Arc::clone(&room),
        ending,
        news: report,
        notices,
        recordings,
        tls,
    };
    let accepting = tokio::spawn(accept_all(listener, Arc::new(door)));
    let close = going_away();
    let (served, close) = tokio::select! {
        served = print_all(&args, &mut news, &printer) => (served, close),
        asked = send_lines(&args, &room, &printer, notices) => match asked {
            Ok(close) => (Ok(()), close),
            Err(failure) => (Err(failure), close),
        },
        _ = signals.next() => (Ok(()), close),
    };
    accepting.abort();
    end.send_replace(Some(close.clone()));
    let goodbye = async {
        printer.sent(|| Sent::Close(close.0, close.1)).await;
        let gone = async {
            while let Some(news) = news.recv().await {
                // Messages are dropped from here on; how each peer closes is still shown.
                if let News::Print(print @ Print::Close(..)) = news {
                    let _ = printer.print(print).await;
                }
            }
        };
        let _ = timeout(GOODBYE, gone).await;
        printer.finish().await
    };
    tokio::select! {
        printed = goodbye => printed.and(served),
        exit = signals.next() => Err(stopped(exit)),
    }
}

/// Prints what peers say until it is enough.
async fn print_all(
    args: &Args,
    news: &mut mpsc::Receiver<News>,
    printer: &Printer,
) -> Result<(), Failure> {
    let mut received = 0;
    while args.count.is_none_or(|count| received < count) {
        match news.recv().await {
            Some(News::Print(print)) => {
                received += u64::from(matches!(print, Print::Piece(..)));
                if printer.print(print).await.is_err() {
                    // Finishing reports why.
                    return Ok(());
                }
            }
            Some(News::Left) if args.once => break,
            Some(News::Left) => {}
            None => break,
        }
    }
    match args.count {
        Some(count) if received < count => {
            let words = format!("{received} of {count} messages had come at the end");
            Err(failure(Exit::Missing, words))
        }
        _ => Ok(()),
    }
}

/// Sends lines to whoever is there. Those of a pipe wait while nobody is; those that are typed do not. Comes back
/// when a person has asked to close, or with an error.
async fn send_lines(
    args: &Args,
    room: &Room,
    printer: &Printer,
    notices: Notices,
) -> Result<Close, Failure> {
    if args.no_input {
        return std::future::pending().await;
    }
    let has_commands = args.has_commands();
    let mut lines = Lines::new(args);
    loop {
        if !has_commands {
            // Input in a pipe is for the first peer too.
            room.occupied().await;
        }
        let Some(line) = lines.next().await.or_exit(Exit::Usage)? else {
            if has_commands {
                notices.announce("nothing more is sent: Ctrl-C ends the room");
            }
            return std::future::pending().await;
        };
        let (outgoing, sent) = match line.or_say(notices) {
            Some(Typed::Send(message)) => {
                (Outgoing::Message(message.clone()), Sent::Message(message))
            }
            Some(Typed::Ping(payload)) => (Outgoing::Ping(payload.clone()), Sent::Ping(payload)),
            Some(Typed::Close(code, reason)) => return Ok((code, reason)),
            Some(Typed::Words(_)) | None => continue,
        };
        if !has_commands {
            room.ready().await;
        } else if room.is_empty() {
            notices.announce("nobody is here: that went to nobody");
            continue;
        }
        printer.sent(|| sent).await;
        room.send(&outgoing);
    }
}

async fn accept_all(listener: Listener, door: Arc<Door>) {
    let mut number = 0;
    loop {
        match listener.accept().await {
            Ok(arrival) => {
                number += 1;
                tokio::spawn(meet(Arc::clone(&door), arrival, number));
            }
            Err(error) => {
                // Out of files, for instance: it passes when peers leave.
                door.notices
                    .warn(format_args!("nobody can be accepted: {error}"));
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}
