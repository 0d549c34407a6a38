//! A client: sends lines and prints the answers.
//!
//! ```sh
//! cargo run -p ws-proto-mio --example client_mio -- ws://127.0.0.1:9001/ hello world
//! ```

use std::io;
use std::time::Instant as Clock;

use anyhow::{Context, ensure};
use mio::{Events, Poll, Token};
use ws_proto_mio::{Buffers, CloseCode, Event, Instant, Options, connect};

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let url = arguments.next().context("usage: client_mio URL TEXT...")?;
    let lines: Vec<String> = arguments.collect();

    let mut poll = Poll::new()?;
    let mut events = Events::with_capacity(16);
    let mut buffers = Buffers::new();
    let epoch = Clock::now();

    let mut socket = connect(&*url, Token(0), &Options::new())?;
    let interest = socket.interest();
    poll.registry().register(&mut socket, Token(0), interest)?;
    let (mut answers, mut is_closing) = (0, false);
    loop {
        let now = Instant::now_since(epoch);
        let mut turn = socket.turn(&mut buffers, now);
        let mut is_connected = false;
        while turn.read() {
            while let Some(event) = turn.next()? {
                match event {
                    Event::Connected(response) => {
                        println!("connected, {:?}", response.subprotocol());
                        is_connected = true;
                    }
                    Event::Message(message, _) => {
                        println!("{message:?}");
                        answers += 1;
                    }
                    _ => {}
                }
            }
        }
        drop(turn);
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
        if socket.is_done() {
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
            socket.ready(event);
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
