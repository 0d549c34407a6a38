//! The server: prints what its peers send, and sends them what is typed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::ctrl_c;
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;
use ws_proto_tokio::{
    Accept, AcceptError, CloseCode, Deflate, Error, Message, OriginFault, OriginPolicy, Reply,
    Request, WebSocket, read_request,
};

use crate::args::Args;
use crate::connect::options;
use crate::failure::{Exit, Failure, OrExit, failure};
use crate::input::Lines;
use crate::print::{Notices, Printer, closing_words};

/// How many messages wait for a peer before nothing more is read from standard input, and how many
/// to be printed before nothing more is received.
const WAITING: usize = 16;

/// How long peers have for their goodbye.
const GOODBYE: Duration = Duration::from_secs(3);

/// What goes to each peer, by number.
type Outboxes = BTreeMap<usize, mpsc::Sender<Message>>;

/// What peers do.
enum News {
    Said(usize, Message),
    Left,
}

pub(crate) async fn run(args: Args, address: &str) -> Result<(), Failure> {
    let notices = Notices::new(&args);
    let printer = Printer::new(&args)?;
    if let Some(origin) = &args.origin {
        let _ = OriginPolicy::list(&[origin])
            .with_context(|| format!("--origin {origin} cannot match"))
            .or_exit(Exit::Usage)?;
    }
    let listener = TcpListener::bind(address)
        .await
        .with_context(|| format!("{address} cannot be listened on"))
        .or_exit(Exit::Connect)?;
    let bound = listener.local_addr().or_exit(Exit::Connect)?;
    if !args.quiet {
        // Not only in a terminal: with port 0 there is no other way to know.
        eprintln!("wsp: listening on ws://{bound}/");
    }
    let args = Arc::new(args);
    let (tell, mut news) = mpsc::channel(WAITING);
    let (end, ending) = watch::channel(false);
    let (joined, outboxes) = watch::channel(Outboxes::new());
    let door = Door {
        args: Arc::clone(&args),
        outboxes: joined,
        ending,
        tell,
        notices,
        is_local: bound.ip().is_loopback(),
    };
    let accepting = tokio::spawn(accept_all(listener, Arc::new(door)));
    let served = tokio::select! {
        served = print_all(&args, &mut news, &printer) => served,
        failed = send_lines(&args, outboxes) => failed,
        _ = ctrl_c() => Ok(()),
    };
    accepting.abort();
    let _ = end.send(true);
    let goodbye = async {
        let gone = async { while news.recv().await.is_some() {} };
        let _ = timeout(GOODBYE, gone).await;
        printer.finish().await
    };
    tokio::select! {
        printed = goodbye => printed.and(served),
        _ = ctrl_c() => Err(failure(Exit::Interrupted, "interrupted")),
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
            Some(News::Said(peer, message)) => {
                received += 1;
                if printer.message(Some(peer), message).await.is_err() {
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

/// Sends lines to whoever is there; while nobody is, they wait. Comes back only with an error.
async fn send_lines(args: &Args, mut outboxes: watch::Receiver<Outboxes>) -> Result<(), Failure> {
    if args.no_input {
        return std::future::pending().await;
    }
    let mut lines = Lines::new(args);
    while let Some(line) = next_line(&mut lines, &mut outboxes).await? {
        let peers = outboxes.wait_for(|peers| !peers.is_empty()).await;
        let peers = peers.map(|peers| peers.clone()).unwrap_or_default();
        for outbox in peers.values() {
            // One who has just gone misses it.
            let _ = outbox.send(line.clone()).await;
        }
    }
    std::future::pending().await
}

/// A line, once there is somebody to send it to.
async fn next_line(
    lines: &mut Lines,
    outboxes: &mut watch::Receiver<Outboxes>,
) -> Result<Option<Message>, Failure> {
    let _ = outboxes.wait_for(|peers| !peers.is_empty()).await;
    lines.next().await.or_exit(Exit::Usage)
}

/// What all peers have in common.
struct Door {
    args: Arc<Args>,
    outboxes: watch::Sender<Outboxes>,
    ending: watch::Receiver<bool>,
    tell: mpsc::Sender<News>,
    notices: Notices,
    /// Only programs of this machine reach it.
    is_local: bool,
}

async fn accept_all(listener: TcpListener, door: Arc<Door>) {
    let mut number = 0;
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                number += 1;
                tokio::spawn(meet(Arc::clone(&door), stream, number));
            }
            Err(error) => {
                // Out of files, for instance: it passes when peers leave.
                eprintln!("wsp: nobody can be accepted: {error}");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

/// From a peer's handshake to its end.
async fn meet(door: Arc<Door>, stream: TcpStream, number: usize) {
    let notices = door.notices;
    let mut socket = match answer(&door.args, stream, door.is_local).await {
        Ok(Some(socket)) => socket,
        Ok(None) => return notices.say("a page of another site was refused: see --origin"),
        Err(error) => return notices.say(format_args!("no connection: {error}")),
    };
    notices.say(format_args!("peer {number} has come"));
    let (outbox, waiting) = mpsc::channel(WAITING);
    door.outboxes.send_modify(|peers| {
        peers.insert(number, outbox);
    });
    let talked = talk(&door, &mut socket, number, waiting).await;
    door.outboxes.send_modify(|peers| {
        peers.remove(&number);
    });
    match (talked, socket.closed()) {
        (Err(error), _) => notices.say(format_args!("peer {number} is lost: {error}")),
        (Ok(()), Some(closed)) => {
            let words = closing_words(&closed);
            notices.say(format_args!("peer {number} has left with {words}"));
        }
        (Ok(()), None) => notices.say(format_args!("peer {number} has left")),
    }
    let _ = door.tell.send(News::Left).await;
}

/// What a page of another site gets. A server on this machine is not reached by the name of a site either,
/// which can be made to lead here (DNS rebinding).
fn check_origin(args: &Args, request: &Request, is_local: bool) -> Result<(), Reply<'static>> {
    let named: Vec<&str> = args.origin.iter().map(String::as_str).collect();
    if OriginPolicy::list(&named)
        .is_ok_and(|list| request.origin().is_some() && request.check_origin(&list).is_ok())
    {
        return Ok(());
    }
    let policy = if is_local {
        OriginPolicy::local()
    } else {
        OriginPolicy::same_host()
    };
    request.check_origin(&policy).map_err(OriginFault::response)
}

/// Lets a peer in; `None` if it is a page of another site.
async fn answer(
    args: &Args,
    stream: TcpStream,
    is_local: bool,
) -> Result<Option<WebSocket<TcpStream>>, AcceptError> {
    let _ = stream.set_nodelay(true);
    let mut incoming = read_request(stream, options(args)).await?;
    let request = incoming.request();
    if request.is_upgrade() {
        if let Err(refusal) = check_origin(args, request, is_local) {
            incoming.respond(&refusal).await?;
            return Ok(None);
        }
    }
    let spoken: Vec<&str> = args.subprotocols.iter().map(String::as_str).collect();
    let headers: Vec<(&str, &[u8])> = args
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_bytes()))
        .collect();
    let subprotocol = request.choose_subprotocol(&spoken);
    let accept = Accept::new()
        .maybe_subprotocol(subprotocol)
        .origins(OriginPolicy::any()) // checked above
        .headers(&headers);
    if args.compress {
        incoming = incoming.deflate(&Deflate::new());
    }
    incoming.accept(&accept).await.map(Some)
}

async fn talk(
    door: &Door,
    socket: &mut WebSocket<TcpStream>,
    number: usize,
    mut waiting: mpsc::Receiver<Message>,
) -> Result<(), Error> {
    let mut ending = door.ending.clone();
    loop {
        tokio::select! {
            _ = ending.changed() => {
                return socket.close(CloseCode::GOING_AWAY, "").await;
            }
            Some(message) = waiting.recv() => socket.send(message).await?,
            message = socket.next() => {
                let Some(message) = message else { return Ok(()) };
                let message = message?;
                let _ = door.tell.send(News::Said(number, message.clone())).await;
                if door.args.echo {
                    socket.send(message).await?;
                }
            }
        }
    }
}
