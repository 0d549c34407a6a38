//! The client: sends and receives at once, ends in order, and connects again if it is asked to.

use std::pin::{Pin, pin};

use std::time::Duration;

use tokio::time::timeout;
use ws_proto_tokio::reconnect::End;
use ws_proto_tokio::{Error, ReadHalf, WebSocket, WriteHalf};

use crate::args::Args;
use crate::connect::{Dialer, Unconnected, agreed, response_words};
use crate::ending::{Close, Ending, going_away, loss, normal};
use crate::failure::{Failure, stopped};
use crate::input::{Input, Unsent};
use crate::kit::ClientStream;
use crate::notices::Notices;
use crate::pings::Pings;
use crate::print::{Print, Printer, Sent};
use crate::progress::Progress;
use crate::receive::{Received, Receiver};
use crate::retry::Retry;
use crate::signals::Signals;
use crate::stay::Stay;
use crate::target::Target;

/// How long the server has to answer Close when nobody reads the output any more.
const UNREAD: Duration = Duration::from_secs(1);

pub(crate) async fn run(args: &Args, target: &Target, mut signals: Signals) -> Result<(), Failure> {
    let notices = Notices::new(args);
    let dialer = Dialer::new(args, target)?;
    let printer = Printer::new(args)?;
    let (pings, progress) = (Pings::default(), Progress::new());
    let receiver = Receiver {
        args,
        notices,
        printer: &printer,
        pings: &pings,
        progress: &progress,
    };
    let mut input = Input::new(args, notices, &printer, &pings, &progress);
    let mut retry = Retry::new(args);
    let (mut was_connected, mut has_failed) = (false, false);
    let ended = loop {
        let connected = tokio::select! {
            connected = dialer.connect() => connected,
            exit = signals.next() => break Err(stopped(exit)),
        };
        let (end, words, result) = match connected {
            Ok((socket, response)) => {
                let words = format!("connected to {}{}", target.name, agreed(&socket));
                match (was_connected, has_failed) {
                    (true, _) => notices.announce(format_args!("{words} again")),
                    (false, true) => notices.announce(words),
                    (false, false) => notices.say(words),
                }
                notices.explain(response_words(&response));
                was_connected = true;
                retry.connected();
                match talk(receiver, &mut input, socket, &mut signals).await {
                    Talked::Ended(result) => break result,
                    Talked::Stopped(failure) => return Err(failure),
                    Talked::Lost(end, words, result) => (Some(end), words, result),
                }
            }
            Err(unconnected) => {
                let Unconnected {
                    end,
                    words,
                    failure,
                } = unconnected;
                (end, words, Err(failure))
            }
        };
        let Some(delay) = retry.delay(end) else {
            break result;
        };
        has_failed = true;
        let seconds = delay.as_secs_f64();
        notices.warn(format_args!("{words}: trying again in {seconds:.1} s"));
        tokio::select! {
            () = tokio::time::sleep(delay) => {}
            exit = signals.next() => break Err(stopped(exit)),
        }
    };
    tokio::select! {
        printed = printer.finish() => printed.and(ended),
        exit = signals.next() => Err(stopped(exit)),
    }
}

/// How a connection has ended.
enum Talked {
    /// As was wanted, or not.
    Ended(Result<(), Failure>),
    /// By a second signal, or by one after the end: nothing is waited for, not even what is being printed.
    Stopped(Failure),
    /// By itself, with more to be sent or to come: in these words, and what it is if there is no other one.
    Lost(End, String, Result<(), Failure>),
}

/// Sends and receives on one connection until it has ended.
async fn talk(
    receiver: Receiver<'_>,
    input: &mut Input<'_>,
    socket: WebSocket<ClientStream>,
    signals: &mut Signals,
) -> Talked {
    let Receiver {
        args,
        notices,
        printer,
        progress,
        ..
    } = receiver;
    receiver.pings.forget();
    let (mut read, mut write) = socket.split();
    let mut ending = Ending::default();
    // Whether another connection would have something to do.
    let mut has_more = true;
    let ended = {
        let mut receiving = pin!(receiver.receive(&mut read));
        let closing = tokio::select! {
            // Receiving is first: from then on Pings wait to be taken, also those that sending finds.
            biased;
            ended = &mut receiving => Err(ended),
            sent = input.send(&mut write) => Ok(sent),
            _ = signals.next() => Ok(Ok(Some(going_away()))),
        };
        match closing {
            Err(ended) => {
                if !*progress.is_idle.borrow() && matches!(ended, Received::End(_)) {
                    ending.unsent = Some(Unsent::Connection);
                }
                Ok(ended)
            }
            Ok(Ok(Some(close))) => {
                has_more = false;
                ending.asked = Some(close.0);
                say_close(receiving, &mut write, close, printer, signals).await
            }
            Ok(sent) => {
                let stay = Stay::new(args, progress, &sent);
                let is_whole = !matches!(sent, Err(Unsent::Input(_)));
                has_more = match &sent {
                    Ok(_) => matches!(stay, Stay::Ever),
                    Err(unsent) => !matches!(unsent, Unsent::Input(_)),
                };
                ending.unsent = sent.err();
                let close = tokio::select! {
                    biased;
                    ended = &mut receiving => Err(ended),
                    _ = signals.next() => {
                        has_more = false;
                        Ok(going_away())
                    }
                    () = stay.pass(args, progress, &mut write) => {
                        ending.stayed = stay.expects_answers();
                        Ok(if is_whole { normal() } else { going_away() })
                    }
                };
                match close {
                    Err(ended) => Ok(ended),
                    Ok(close) => say_close(receiving, &mut write, close, printer, signals).await,
                }
            }
        }
    };
    let ended = match ended {
        Err(failure) => return Talked::Stopped(failure),
        Ok(Received::End(ended)) => ended,
        Ok(Received::Enough) => {
            has_more = false;
            match finish(read, &mut write, normal(), printer, signals).await {
                Ok(ended) => ended,
                Err(failure) => return Talked::Stopped(failure),
            }
        }
        Ok(Received::Unprinted) => {
            // What has gone wrong with printing is reported at the end.
            let closing = finish(read, &mut write, going_away(), printer, signals);
            return match timeout(UNREAD, closing).await {
                Ok(Err(failure)) => Talked::Stopped(failure),
                Ok(Ok(_)) | Err(_) => Talked::Ended(Ok(())),
            };
        }
    };
    let printing = async {
        let _ = printer.print(Print::CutOff).await;
        if let Some(closed) = write.closed() {
            // That there is nowhere to print to is what finishing reports.
            let _ = printer.print(Print::Close(None, closed)).await;
        }
        printer.printed().await;
    };
    tokio::select! {
        () = printing => {}
        exit = signals.next() => return Talked::Stopped(stopped(exit)),
    }
    let lost = has_more.then(|| {
        let end = match (&ended, write.closed(), &ending.unsent) {
            (_, _, Some(Unsent::NoPong(_))) => End::TimedOut,
            (Err(error), ..) => error.end(),
            (Ok(()), Some(closed), _) => End::Closed(closed.code),
            (Ok(()), None, _) => End::Eof,
        };
        let words = ending
            .unanswered()
            .unwrap_or_else(|| loss(&ended, &write, args));
        (end, words)
    });
    let checked = ending.check(args, notices, ended, &write, progress);
    match lost {
        Some((end, words)) => Talked::Lost(end, words, checked),
        None => Talked::Ended(checked),
    }
}

/// Says Close, and goes on printing what the server has sent before its own.
async fn say_close(
    receiving: Pin<&mut impl Future<Output = Received>>,
    write: &mut WriteHalf<ClientStream>,
    (code, reason): Close,
    printer: &Printer,
    signals: &mut Signals,
) -> Result<Received, Failure> {
    // On a connection that has ended it does nothing.
    let _ = write.start_close(code, &reason);
    let receiving = async {
        printer.sent(|| Sent::Close(code, reason)).await;
        receiving.await
    };
    // Receiving writes it too, but waits for who reads the output.
    let flushing = async {
        let _ = write.flush().await;
        std::future::pending().await
    };
    tokio::select! {
        ended = receiving => Ok(ended),
        ended = flushing => Ok(ended),
        exit = signals.next() => Err(stopped(exit)),
    }
}

/// Closes without printing what still comes.
async fn finish(
    read: ReadHalf<ClientStream>,
    write: &mut WriteHalf<ClientStream>,
    (code, reason): Close,
    printer: &Printer,
    signals: &mut Signals,
) -> Result<Result<(), Error>, Failure> {
    drop(read);
    let closing = async {
        let ended = write.close(code, &reason).await;
        printer.sent(|| Sent::Close(code, reason)).await;
        ended
    };
    tokio::select! {
        ended = closing => Ok(ended),
        exit = signals.next() => Err(stopped(exit)),
    }
}
