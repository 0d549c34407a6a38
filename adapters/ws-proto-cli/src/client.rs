//! The client: sends and receives at once, and ends in order.

use std::pin::{Pin, pin};

use ws_proto_tokio::{ClientStream, Error, ReadHalf, WriteHalf};

use crate::args::Args;
use crate::connect;
use crate::ending::{Close, Ending, going_away, normal};
use crate::failure::{Failure, stopped};
use crate::input::{Input, Unsent};
use crate::notices::Notices;
use crate::pings::Pings;
use crate::print::{Print, Printer, Sent};
use crate::progress::Progress;
use crate::receive::{Received, Receiver};
use crate::signals::Signals;
use crate::stay::Stay;

pub(crate) async fn run(args: &Args, url: &str, mut signals: Signals) -> Result<(), Failure> {
    let notices = Notices::new(args);
    let printer = Printer::new(args)?;
    let (mut read, mut write) = tokio::select! {
        connected = connect::connect(args, url, notices) => connected?.split(),
        exit = signals.next() => return Err(stopped(exit)),
    };
    let (pings, progress) = (Pings::default(), Progress::new());
    let receiver = Receiver {
        args,
        notices,
        printer: &printer,
        pings: &pings,
        progress: &progress,
    };
    let input = Input {
        args,
        notices,
        printer: &printer,
        pings: &pings,
        progress: &progress,
    };
    let mut ending = Ending::default();
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
                ended
            }
            Ok(Ok(Some(close))) => {
                ending.asked = Some(close.0);
                say_close(receiving, &mut write, close, &printer, &mut signals).await?
            }
            Ok(sent) => {
                let stay = Stay::new(args, &progress, &sent);
                let is_whole = !matches!(sent, Err(Unsent::Input(_)));
                ending.unsent = sent.err();
                let close = tokio::select! {
                    biased;
                    ended = &mut receiving => Err(ended),
                    _ = signals.next() => Ok(going_away()),
                    () = stay.pass(args, &progress, &mut write) => {
                        ending.stayed = stay.expects_answers();
                        Ok(if is_whole { normal() } else { going_away() })
                    }
                };
                match close {
                    Err(ended) => ended,
                    Ok(close) => {
                        say_close(receiving, &mut write, close, &printer, &mut signals).await?
                    }
                }
            }
        }
    };
    let ended = match ended {
        Received::End(ended) => ended,
        Received::Enough => finish(read, &mut write, normal(), &printer, &mut signals).await?,
        Received::Unprinted => {
            let _ = finish(read, &mut write, going_away(), &printer, &mut signals).await?;
            return printer.finish().await;
        }
    };
    let printing = async {
        if let Some(closed) = write.closed() {
            // That there is nowhere to print to is what finishing reports.
            let _ = printer.print(Print::Close(None, closed)).await;
        }
        printer.finish().await
    };
    tokio::select! {
        printed = printing => printed?,
        exit = signals.next() => return Err(stopped(exit)),
    }
    ending.check(args, notices, ended, &write, &progress)
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
    let closing = async {
        printer.sent(|| Sent::Close(code, reason)).await;
        receiving.await
    };
    tokio::select! {
        ended = closing => Ok(ended),
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
