//! The asynchronous shells: futures that are polled by hand when they were woken, and dropped at any poll.

use std::pin::pin;
use std::task::{Context, Poll};
use std::time::Duration;

use ws_proto_test::task::Wakes;
use ws_proto_tokio::{
    CloseCode, ControlPayload, Error, Event, Fin, Kind, Message, Options, PreparedMessage,
    SendError, TimedOut, TrySendError,
};

use super::blocking::{message, outcome};
use super::judge::{Ending, Judge, Outcome, Sent};
use super::peer::What;
use super::stream::Stream;
use super::{ENDLESS, Form, Patience, Setup, Shell, Way};

// One crate below both.
use ws_proto_async::{Io, WebSocket};

pub struct Tasks<T: Io, P> {
    /// There is none while it is split.
    socket: Option<WebSocket<T>>,
    stream: Stream,
    pass: P,
}

impl<T: Io, P: FnMut(Duration)> Tasks<T, P> {
    pub fn new(setup: Setup, stream: Stream, io: impl FnOnce(Stream) -> T, pass: P) -> Self {
        let options = Options::new()
            .config(setup.config())
            .high_water(setup.high_water())
            .linger_time(setup.patience())
            .stall_time(setup.patience());
        let (io, negotiated) = (io(stream.clone()), setup.negotiated());
        let socket = if setup.is_client() {
            WebSocket::client(io, negotiated, &[], options)
        } else {
            WebSocket::server(io, negotiated, &[], options)
        };
        let socket = match setup.deflate() {
            Some((deflate, params)) => socket.with_deflate(&deflate, params),
            None => socket,
        };
        Self {
            socket: Some(socket),
            stream,
            pass,
        }
    }

    const fn socket(&mut self) -> &mut WebSocket<T> {
        self.socket.as_mut().expect("it is whole")
    }

    /// What the future gives; nothing if it was cancelled, or waits for the stream to change.
    fn poll<'s, F: Future>(
        &'s mut self,
        patience: Patience,
        start: impl FnOnce(&'s mut WebSocket<T>) -> F,
    ) -> Option<F::Output> {
        let stream = &self.stream;
        let mut task = Task::default();
        let mut future = pin!(start(self.socket.as_mut().expect("it is whole")));
        for _ in 0..=patience {
            if let Poll::Ready(output) = task.poll(future.as_mut()) {
                return Some(output);
            }
            if task.sleeps() {
                stream.wake();
                assert!(!task.sleeps(), "nothing would wake the task");
                return None;
            }
        }
        assert!(patience < ENDLESS, "it makes no end");
        None
    }
}

/// A task, and whether it has been woken since it was polled.
#[derive(Default)]
struct Task {
    wakes: Wakes,
    seen: usize,
}

impl Task {
    fn poll<F: Future>(&mut self, future: std::pin::Pin<&mut F>) -> Poll<F::Output> {
        self.seen = self.wakes.count();
        future.poll(&mut Context::from_waker(&self.wakes.waker()))
    }

    fn sleeps(&self) -> bool {
        self.wakes.count() == self.seen
    }
}

/// A message that owns its payload.
fn owned(kind: Kind, data: &[u8]) -> Message {
    message(kind, data).into()
}

fn ending(error: &Error) -> Ending {
    match error {
        Error::Eof(_) => Ending::Eof,
        Error::Io(error) => Ending::Stream(error.kind()),
        Error::Receive(error) => {
            let code = error.close_code().expect("it has failed");
            Ending::Refused(code.as_u16())
        }
        Error::TimedOut(TimedOut::Write) => Ending::Stalled,
        Error::TimedOut(_) => Ending::TimedOut,
        other => panic!("{other:?}"),
    }
}

/// What became of a send that was given so long; the errors of the connection are reported by receiving.
fn sent(result: Option<Result<(), Error>>) -> Outcome {
    match result {
        Some(Ok(())) => Outcome::Accepted,
        // Who waits until it is written may be told after it was queued.
        Some(Err(Error::Send(SendError::Closed))) => Outcome::Ended,
        Some(Err(Error::Send(error))) => Outcome::Refused(error),
        Some(Err(_)) | None => Outcome::Unknown,
    }
}

/// Whether there was an item; the end and an error are none.
fn take<V>(
    found: Option<Result<V, Error>>,
    judge: &mut Judge,
    take: impl FnOnce(V, &mut Judge),
) -> bool {
    match found {
        Some(Ok(found)) => take(found, judge),
        Some(Err(error)) => judge.fails(ending(&error)),
        None => judge.ends(),
    }
    !judge.is_over()
}

fn take_event(event: Event, judge: &mut Judge) {
    match event {
        Event::Message(message) => judge.message(message.kind(), message.as_bytes()),
        Event::Ping(payload) => judge.received(&What::Ping(payload.to_vec())),
        Event::Pong(payload) => judge.received(&What::Pong(payload.to_vec())),
        Event::Close(closed) => {
            let code = closed.code.map(CloseCode::as_u16);
            judge.received(&What::Close(code, closed.reason.to_string()));
        }
        other => panic!("{other:?}"),
    }
}

fn take_message(message: Message, judge: &mut Judge) {
    judge.message(message.kind(), message.as_bytes());
}

impl<T: Io, P: FnMut(Duration)> Tasks<T, P> {
    /// Whether there was something; nothing if it waits.
    fn receive_one(&mut self, way: Way, patience: Patience, judge: &mut Judge) -> Option<bool> {
        Some(match way {
            Way::Message => {
                let found = self.poll(patience, WebSocket::next)?;
                take(found, judge, take_message)
            }
            Way::Event => {
                let found = self.poll(patience, WebSocket::next_event)?;
                take(found, judge, take_event)
            }
            Way::Piece => {
                let found = self.poll(patience, WebSocket::next_piece)?;
                take(found, judge, |piece, judge| {
                    let (kind, data) = (piece.data.kind(), piece.data.as_bytes());
                    judge.piece(kind, data, piece.first, piece.last);
                })
            }
            Way::Lent => {
                let found = self.poll(patience, WebSocket::next_batch)?;
                take(found, judge, |mut batch, judge| {
                    while let Some((lent, mut sender)) = batch.next() {
                        judge.message(lent.kind(), lent.as_bytes());
                        if let Some((kind, data)) = judge.answer() {
                            let result = sender.send(message(kind, &data));
                            let pending = usize::from(sender.room() == 0);
                            judge.sends(Sent::Data(kind, data, Fin::Yes), outcome(result), pending);
                        }
                    }
                })
            }
        })
    }

    fn data(
        &mut self,
        form: Form,
        kind: Kind,
        data: &[u8],
        fin: Fin,
        patience: Patience,
    ) -> Outcome {
        let whole = owned(kind, data);
        let prepared = PreparedMessage::from(whole.clone());
        let waits = data.len().is_multiple_of(2);
        sent(match (form, whole) {
            (Form::Send | Form::Vectored, whole) => {
                self.poll(patience, |socket| socket.send(whole))
            }
            (Form::Feed, whole) => self.poll(patience, |socket| socket.feed(whole)),
            (Form::Uncompressed, whole) => {
                self.poll(patience, |socket| socket.send_uncompressed(whole))
            }
            (Form::Prepared, _) if waits => {
                self.poll(patience, |socket| socket.send_prepared(&prepared))
            }
            (Form::Prepared, _) => self.poll(patience, |socket| socket.feed_prepared(&prepared)),
            (Form::Part(_), Message::Text(text)) => {
                self.poll(patience, |socket| socket.send_text_part(text, fin))
            }
            (Form::Part(_), Message::Binary(data)) => {
                self.poll(patience, |socket| socket.send_binary_part(data, fin))
            }
            (Form::Try, whole) => Some(match self.socket().try_send(whole) {
                Ok(()) => Ok(()),
                Err(TrySendError::Closed(_)) => Err(SendError::Closed.into()),
                Err(TrySendError::Full(_)) => Err(SendError::OutputFull.into()),
                Err(TrySendError::Send(error)) => Err(error.into()),
                Err(other) => panic!("{other:?}"),
            }),
        })
    }
}

impl<T: Io, P: FnMut(Duration)> Shell for Tasks<T, P> {
    fn receive(&mut self, way: Way, most: usize, patience: Patience, judge: &mut Judge) -> bool {
        for _ in 0..most {
            match self.receive_one(way, patience, judge) {
                Some(true) => {}
                Some(false) => return true,
                // Else it was cancelled.
                None => return patience == ENDLESS,
            }
        }
        false
    }

    fn send(&mut self, form: Form, item: &Sent, patience: Patience) -> Outcome {
        let payload = |payload| ControlPayload::new(payload).expect("short enough");
        match item {
            Sent::Data(kind, data, fin) => self.data(form, *kind, data, *fin, patience),
            Sent::Ping(data) => sent(self.poll(patience, |socket| socket.ping(payload(data)))),
            Sent::Pong(data) => sent(self.poll(patience, |socket| socket.pong(payload(data)))),
        }
    }

    fn flush(&mut self, patience: Patience) {
        // What it has failed of is reported by receiving.
        let _ = self.poll(patience, WebSocket::flush);
    }

    fn close(
        &mut self,
        code: u16,
        reason: &str,
        waits: bool,
        patience: Patience,
        judge: &mut Judge,
    ) {
        let code = CloseCode::new(code).expect("a code that may be sent");
        if !waits {
            self.socket()
                .start_close(code, reason)
                .expect("a Close can always be queued");
            return;
        }
        judge.discard();
        let closed = self.poll(patience, |socket| socket.close(code, reason));
        // After the end of receiving, what sending fails of is nothing new.
        if let (Some(Err(error)), false) = (closed, judge.is_over()) {
            judge.fails(ending(&error));
        }
    }

    /// Two tasks, of which each is polled when it was woken.
    fn both(&mut self, item: &Sent, patience: Patience, judge: &mut Judge) -> Outcome {
        judge.asks(Way::Message);
        let Sent::Data(kind, data, _) = item else {
            unreachable!("data is sent");
        };
        let (mut read, mut write) = self.socket.take().expect("it is whole").split();
        let (mut found, mut result) = (None, None);
        {
            let mut receive = pin!(read.next());
            let mut send = pin!(write.send(owned(*kind, data)));
            let (mut reader, mut writer) = (Task::default(), Task::default());
            let mut is_first = true;
            for _ in 0..=patience {
                let reads = found.is_none() && (is_first || !reader.sleeps());
                if reads && let Poll::Ready(ready) = reader.poll(receive.as_mut()) {
                    found = Some(ready);
                }
                let writes = result.is_none() && (is_first || !writer.sleeps());
                if writes && let Poll::Ready(ready) = writer.poll(send.as_mut()) {
                    result = Some(ready);
                }
                if !reads && !writes {
                    break;
                }
                is_first = false;
            }
            let both_sleep =
                (found.is_some() || reader.sleeps()) && (result.is_some() || writer.sleeps());
            if both_sleep {
                self.stream.wake();
                assert!(
                    found.is_some() || !reader.sleeps(),
                    "nothing would wake the reader"
                );
                assert!(
                    result.is_some() || !writer.sleeps(),
                    "nothing would wake the writer"
                );
            }
        }
        let Ok(socket) = read.reunite(write) else {
            unreachable!("they are of one connection");
        };
        self.socket = Some(socket);
        if let Some(found) = found {
            take(found, judge, take_message);
        }
        sent(result)
    }

    fn pass(&mut self, time: Duration) {
        (self.pass)(time);
    }

    fn pending_bytes(&self) -> usize {
        let socket = self.socket.as_ref().expect("it is whole");
        socket.pending_bytes()
    }

    fn closed(&self) -> Option<(Option<u16>, String)> {
        let closed = self.socket.as_ref().expect("it is whole").closed()?;
        let code = closed.code.map(CloseCode::as_u16);
        Some((code, closed.reason.to_string()))
    }
}
