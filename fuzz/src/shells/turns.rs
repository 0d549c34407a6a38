//! `ws_proto_mio`: turns, readiness that is told once, and a clock of the loop's.

use std::time::Duration;

use mio::Token;
use ws_proto::{Message, SendError};
use ws_proto_mio::{
    Accept, Buffers, CloseCode, ControlPayload, Error, Event, Fin, Instant, Kind, Options,
    PreparedMessage, Sender, TimedOut, WebSocket,
};

use super::blocking::{message, outcome};
use super::judge::{Ending, Judge, Outcome, Sent};
use super::peer::What;
use super::stream::Stream;
use super::{Form, Patience, Setup, Shell, Way};

pub struct Turns {
    socket: WebSocket<Stream>,
    stream: Stream,
    buffers: Buffers,
    now: Instant,
}

impl Turns {
    pub fn new(setup: Setup, stream: Stream) -> Self {
        let options = Options::new()
            .config(setup.config())
            .high_water(setup.high_water())
            .linger_time(setup.patience())
            .stall_time(setup.patience())
            .short_reads_end(setup.tells_of_more());
        let options = match setup.deflate() {
            Some((deflate, _)) => options.deflate(deflate),
            None => options,
        };
        let options = if setup.small_reads() {
            options.read_budget(100)
        } else {
            options
        };
        let (own, token, negotiated) = (stream.clone(), Token(0), setup.negotiated());
        let socket = match setup.is_client() {
            true => WebSocket::client(own, token, negotiated, &[], &options),
            false if setup.has_handshake() => WebSocket::accept(own, token, &options),
            false => WebSocket::server(own, token, negotiated, &[], &options),
        };
        Self {
            socket,
            stream,
            buffers: Buffers::with_size(if setup.small_reads() { 512 } else { 1 << 16 }),
            now: Instant::from_millis(0),
        }
    }

    /// As the loop: what the stream tells is passed on.
    fn note_ready(&mut self) {
        if self.stream.take_ready_again() {
            self.socket.note_ready();
        }
    }

    /// One turn, which is left after so many events.
    fn turn(&mut self, way: Way, most: usize, judge: &mut Judge) {
        let mut turn = self.socket.turn(&mut self.buffers, self.now);
        let (mut taken, mut is_open) = (0, false);
        while turn.read() {
            loop {
                if taken == most {
                    return;
                }
                taken += 1;
                if way == Way::Piece && is_open {
                    match turn.next_piece() {
                        Ok(None) => break,
                        Ok(Some(mut piece)) => {
                            let head = piece.head.map(String::from).unwrap_or_default();
                            let data = [head.as_bytes(), piece.data.as_bytes()].concat();
                            judge.piece(piece.kind, &data, piece.first, piece.last);
                            answer(&mut piece.sender, judge);
                        }
                        Err(error) => judge.fails(ending(error)),
                    }
                    continue;
                }
                match turn.next_event() {
                    Ok(None) => {
                        is_open = true;
                        break;
                    }
                    Ok(Some(event)) => take(event, judge),
                    Err(error) => judge.fails(ending(error)),
                }
            }
        }
    }

    fn data(&mut self, form: Form, kind: Kind, data: &[u8], fin: Fin) -> Result<(), SendError> {
        let message = message(kind, data);
        let Some(mut sender) = self.socket.sender() else {
            return Err(SendError::Closed);
        };
        match (form, message) {
            (Form::Part(_), Message::Text(text)) => sender.send_text_part(text, fin),
            (Form::Part(_), Message::Binary(data)) => sender.send_binary_part(data, fin),
            (Form::Prepared, Message::Text(text)) => {
                sender.send_prepared(&PreparedMessage::text(text.to_owned()))
            }
            (Form::Prepared, Message::Binary(data)) => {
                sender.send_prepared(&PreparedMessage::binary(data.to_vec().into()))
            }
            (Form::Uncompressed, _) => sender.send_uncompressed(message),
            (Form::Try, Message::Binary(data)) => sender.send_binary_shared(data.to_vec().into()),
            _ => sender.send(message),
        }
    }
}

fn answer(sender: &mut Sender<'_, Stream>, judge: &mut Judge) {
    if let Some((kind, data)) = judge.answer() {
        let result = sender.send(message(kind, &data));
        let pending = usize::from(sender.room() == 0);
        judge.sends(Sent::Data(kind, data, Fin::Yes), outcome(result), pending);
    }
}

fn take(event: Event<'_, Stream>, judge: &mut Judge) {
    match event {
        Event::Request(incoming) => incoming.accept(&Accept::new()).expect("a valid request"),
        Event::Message(message, mut sender) => {
            judge.message(message.kind(), message.as_bytes());
            answer(&mut sender, judge);
        }
        Event::Ping(payload) => judge.received(&What::Ping(payload.to_vec())),
        Event::Pong(payload) => judge.received(&What::Pong(payload.to_vec())),
        Event::Close(code, reason) => {
            let code = code.map(CloseCode::as_u16);
            judge.received(&What::Close(code, reason.to_owned()));
        }
        other => panic!("{other:?}"),
    }
}

fn ending(error: Error) -> Ending {
    match error {
        Error::Eof(_) => Ending::Eof,
        Error::Receive(error) => {
            let code = error.close_code().expect("it has failed");
            Ending::Refused(code.as_u16())
        }
        Error::Io(error) => Ending::Stream(error.kind()),
        Error::TimedOut(TimedOut::Write) => Ending::Stalled,
        Error::TimedOut(_) => Ending::TimedOut,
        other => panic!("{other:?}"),
    }
}

impl Shell for Turns {
    fn receive(&mut self, way: Way, most: usize, _: Patience, judge: &mut Judge) -> bool {
        if judge.is_over() {
            // It is dropped.
            return true;
        }
        self.note_ready();
        self.turn(way, most, judge);
        if self.socket.is_over() {
            judge.ends();
        }
        !self.socket.has_more() && !self.stream.is_ready_again()
    }

    fn send(&mut self, form: Form, sent: &Sent, _: Patience) -> Outcome {
        let payload = |payload| ControlPayload::new(payload).expect("short enough");
        let sender = self.socket.sender();
        let result = match (sent, sender) {
            (Sent::Data(kind, data, fin), _) => self.data(form, *kind, data, *fin),
            (Sent::Ping(data), Some(mut sender)) => sender.ping(payload(data)),
            (Sent::Pong(data), Some(mut sender)) => sender.pong(payload(data)),
            (_, None) => Err(SendError::Closed),
        };
        outcome(result)
    }

    /// A turn that is left before anything is taken.
    fn flush(&mut self, _: Patience) {
        self.note_ready();
        let mut turn = self.socket.turn(&mut self.buffers, self.now);
        turn.read();
    }

    fn close(&mut self, code: u16, reason: &str, _: bool, _: Patience, _: &mut Judge) {
        let code = CloseCode::new(code).expect("a code that may be sent");
        if let Some(mut sender) = self.socket.sender() {
            let closed = sender.close(code, reason);
            assert!(matches!(closed, Ok(()) | Err(SendError::Closed)));
        }
    }

    fn pass(&mut self, time: Duration) {
        self.now = self.now + time;
    }

    fn pending_bytes(&self) -> usize {
        self.socket.pending_bytes()
    }

    fn closed(&self) -> Option<(Option<u16>, String)> {
        let (code, reason) = self.socket.closed()?;
        Some((code.map(CloseCode::as_u16), reason.to_owned()))
    }
}
