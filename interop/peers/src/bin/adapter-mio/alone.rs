//! An event loop for one connection, from its handshake to its end.

use std::io;
use std::time::Instant as Clock;

use anyhow::Result;
use mio::event::Source;
use mio::{Events, Interest, Poll, Token};
use ws_proto_mio::{Buffers, Error, Event, Instant, Stream, WebSocket};

pub(crate) const TOKEN: Token = Token(0);

/// What is done on a connection.
pub(crate) trait Task<S> {
    /// There is an event.
    fn event(&mut self, event: Event<'_, S>) -> Result<()>;

    /// It has ended, and not by a closing handshake.
    fn failed(&mut self, error: Error) -> Result<()> {
        Err(error.into())
    }

    /// A turn is over. Whether something was sent.
    fn after(&mut self, _: &mut WebSocket<S>) -> Result<bool> {
        Ok(false)
    }
}

/// Serves a connection whose stream is a source of events itself.
pub(crate) fn run<S: Stream + Source>(
    mut socket: WebSocket<S>,
    task: &mut impl Task<S>,
) -> Result<WebSocket<S>> {
    let mut poll = Poll::new()?;
    let interest = socket.interest();
    poll.registry().register(&mut socket, TOKEN, interest)?;
    run_registered(&mut poll, socket, task)
}

/// Serves a connection over a socket that has been registered, for TLS over it; a stream has to be
/// registered for both directions.
pub(crate) fn run_registered<S: Stream>(
    poll: &mut Poll,
    mut socket: WebSocket<S>,
    task: &mut impl Task<S>,
) -> Result<WebSocket<S>> {
    let mut events = Events::with_capacity(16);
    let mut buffers = Buffers::new();
    let epoch = Clock::now();
    loop {
        let now = Instant::now_since(epoch);
        turn(&mut socket, &mut buffers, now, task)?;
        let has_sent = task.after(&mut socket)?;
        if socket.is_over() {
            return Ok(socket);
        }
        if has_sent || socket.has_more() {
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
}

fn turn<S: Stream>(
    socket: &mut WebSocket<S>,
    buffers: &mut Buffers,
    now: Instant,
    task: &mut impl Task<S>,
) -> Result<()> {
    let mut turn = socket.turn(buffers, now);
    while turn.read() {
        loop {
            match turn.next_event() {
                Ok(Some(event)) => task.event(event)?,
                Ok(None) => break,
                Err(error) => return task.failed(error),
            }
        }
    }
    Ok(())
}

/// Registers a socket for all that happens to it.
pub(crate) fn register(socket: &mut impl Source) -> io::Result<Poll> {
    let poll = Poll::new()?;
    let interest = Interest::READABLE | Interest::WRITABLE;
    poll.registry().register(socket, TOKEN, interest)?;
    Ok(poll)
}
