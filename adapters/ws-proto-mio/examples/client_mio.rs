//! A client: sends lines and prints the answers.
//!
//! ```sh
//! cargo run -p ws-proto-mio --example client_mio -- ws://127.0.0.1:9001/ hello world
//! ```

use std::io;
use std::time::Instant as Clock;

use anyhow::{Context, ensure};
use mio::{Events, Poll, Token};
use ws_proto_mio::{Attempts, Buffers, CloseCode, Event, Instant, Options};

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let url = arguments.next().context("usage: client_mio URL TEXT...")?;
    let lines: Vec<String> = arguments.collect();

    let mut poll = Poll::new()?;
    let mut events = Events::with_capacity(16);
    let mut buffers = Buffers::new();
    let epoch = Clock::now();

    let mut attempts = Attempts::new(&*url, Token(0), &Options::new())?;
    let mut socket = attempts.connect()?;
    let interest = socket.interest();
    poll.registry().register(&mut socket, Token(0), interest)?;
    let (mut answers, mut was_connected, mut is_closing) = (0, false, false);
    loop {
        let now = Instant::now_since(epoch);
        let mut turn = socket.turn(&mut buffers, now);
        let mut is_connected = false;
        let mut failed = None;
        while failed.is_none() && turn.read() {
            loop {
                match turn.next_event() {
                    Ok(Some(Event::Connected(response))) => {
                        println!("connected, {:?}", response.subprotocol());
                        is_connected = true;
                    }
                    Ok(Some(Event::Message(message, _))) => {
                        println!("{message:?}");
                        answers += 1;
                    }
                    Ok(Some(_)) => {}
                    Ok(None) => break,
                    Err(error) => {
                        failed = Some(error);
                        break;
                    }
                }
            }
        }
        drop(turn);
        was_connected |= is_connected;
        match failed {
            Some(error) if was_connected => return Err(error.into()),
            Some(error) => {
                // The next address of the host.
                socket = attempts.connect_after(error)?;
                let interest = socket.interest();
                poll.registry().register(&mut socket, Token(0), interest)?;
                continue;
            }
            None => {}
        }
        if let Some(mut sender) = socket.sender() {
            if is_connected {
                for line in &lines {
                    sender.send_text(line)?;
                }
            }
            if answers >= lines.len() && !is_closing {
                is_closing = true;
                sender.close(CloseCode::NORMAL, "")?;
            }
            // What was sent is written in a turn.
            socket.turn(&mut buffers, now).read();
        }
        if socket.is_over() {
            break;
        }
        if socket.has_more() {
            continue;
        }
        let deadline = socket.next_deadline();
        let patience = deadline.map(|at| at.saturating_duration_since(Instant::now_since(epoch)));
        match poll.poll(&mut events, patience) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            polled => polled?,
        }
        for event in &events {
            socket.note_event(event);
        }
    }
    println!("closed: {:?}", socket.closed());
    ensure!(
        answers == lines.len(),
        "{answers} of {} answers",
        lines.len()
    );
    Ok(())
}
