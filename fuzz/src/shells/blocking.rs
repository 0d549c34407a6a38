//! `ws_proto::io`: a blocking stream, and the driver that the user turns.

use std::io::ErrorKind;

use ws_proto::io::Error;
use ws_proto::socket::{Next, Received, Want};
use ws_proto::{
    CloseCode, CloseReason, ControlPayload, EitherRole, Fin, Kind, Message, SendError, Sender,
    WebSocket, WebSocketError,
};

use super::judge::{Ending, Judge, Outcome, Sent};
use super::peer::What;
use super::stream::Stream;
use super::{Form, Patience, Setup, Shell, Way};
use crate::support::{Keys, prepared};

type Role = EitherRole<Keys>;

pub struct Blocking {
    socket: WebSocket<Role>,
    stream: Stream,
    /// What was received could not be accepted, and how it has ended: it stays so.
    refused: Option<WebSocketError>,
    ended: Option<Option<Ending>>,
}

impl Blocking {
    pub fn new(setup: Setup, stream: Stream) -> Self {
        let role = if setup.is_client() {
            EitherRole::client(Keys::default())
        } else {
            EitherRole::server()
        };
        let socket = WebSocket::with_role(setup.negotiated(), setup.config(), role)
            .with_high_water(setup.high_water())
            .with_linger_time(setup.patience())
            .with_stall_time(setup.patience());
        let socket = match setup.deflate() {
            Some((deflate, params)) => socket.with_deflate(&deflate, params),
            None => socket,
        };
        let socket = if setup.small_reads() {
            socket.with_read_size(16)
        } else {
            socket
        };
        Self {
            socket,
            stream,
            refused: None,
            ended: None,
        }
    }

    /// Takes one item of what was read. Whether there was one.
    fn take(&mut self, way: Way, judge: &mut Judge) -> bool {
        let want = match way {
            Way::Event => Want::Event,
            Way::Piece => Want::Piece,
            Way::Message => Want::Message,
            Way::Lent => {
                return match self.socket.next_message() {
                    Ok(Some((message, sender))) => {
                        found(message, sender, judge);
                        true
                    }
                    Ok(None) => false,
                    Err(error) => self.refuse(error, judge),
                };
            }
        };
        loop {
            match self.socket.poll_next(want) {
                Ok(Next::Yield) => {}
                Ok(Next::Received(received)) => {
                    match received {
                        Received::Message(message, sender) => found(message, sender, judge),
                        Received::Piece(piece, _) => {
                            let head = piece.head.map(String::from).unwrap_or_default();
                            let data = [head.as_bytes(), piece.data.as_bytes()].concat();
                            judge.piece(piece.data.kind(), &data, piece.first, piece.last);
                        }
                        Received::Ping(payload) => judge.received(&What::Ping(payload.to_vec())),
                        Received::Pong(payload) => judge.received(&What::Pong(payload.to_vec())),
                        Received::Close(code, reason) => {
                            let code = code.map(CloseCode::as_u16);
                            judge.received(&What::Close(code, reason.to_owned()));
                        }
                        other => panic!("{other:?}"),
                    }
                    return true;
                }
                Ok(_) => return false,
                Err(error) => return self.refuse(error, judge),
            }
        }
    }

    fn refuse(&mut self, error: WebSocketError, judge: &mut Judge) -> bool {
        // Without a code it has not failed: the output is to be written.
        if let Some(code) = error.close_code() {
            match self.refused.replace(error) {
                None => judge.fails(Ending::Refused(code.as_u16())),
                Some(first) => assert_eq!(first, error, "it stays so"),
            }
        }
        false
    }

    /// Whether the connection goes on.
    fn turn(&mut self, judge: &mut Judge) -> bool {
        let error = match self.socket.exchange(&mut self.stream) {
            Ok(true) => return true,
            Ok(false) => None,
            Err(Error::Eof(_)) => Some(Ending::Eof),
            Err(Error::Io(error)) => Some(Ending::Stream(error.kind())),
            Err(_) => Some(Ending::TimedOut),
        };
        if let Some(first) = self.ended.replace(error) {
            assert_eq!(first, error, "it stays so");
            return false;
        }
        error.into_iter().for_each(|error| judge.fails(error));
        judge.ends();
        false
    }

    /// Whether a turn does nothing until the stream changes.
    fn rests(&self) -> bool {
        let reads_nothing = self.stream.is_read_stuck() || !self.socket.wants_read();
        match self.socket.pending_bytes() {
            0 => self.stream.is_read_stuck(),
            _ => self.stream.is_write_stuck() && reads_nothing,
        }
    }

    fn write_failed(&mut self) {
        self.socket.write_failed();
        // Whose reason nobody has told it.
        self.stream.note_failure(ErrorKind::BrokenPipe);
    }

    fn vectored(&mut self, message: Message<'_>) -> Result<(), SendError> {
        let send = self.socket.sender().send_vectored(message)?;
        if send.write_to(&mut self.stream).is_err() {
            self.write_failed();
        }
        Ok(())
    }

    fn data(&mut self, form: Form, kind: Kind, data: &[u8], fin: Fin) -> Result<(), SendError> {
        let message = message(kind, data);
        let mut sender = self.socket.sender();
        match (form, message) {
            (Form::Part(_), Message::Text(text)) => sender.send_text_part(text, fin),
            (Form::Part(_), Message::Binary(data)) => sender.send_binary_part(data, fin),
            (Form::Prepared, _) => sender.send_prepared(&prepared(kind, data)),
            (Form::Uncompressed, _) => sender.uncompressed().send(message),
            (Form::Try, Message::Text(text)) => sender.send_text_shared(text.to_owned()),
            (Form::Try, Message::Binary(data)) => sender.send_binary_shared(data.to_vec()),
            (Form::Vectored, _) => self.vectored(message),
            _ => sender.send(message),
        }
    }
}

/// `data` is text for a text.
pub fn message(kind: Kind, data: &[u8]) -> Message<'_> {
    match kind {
        Kind::Text => Message::Text(core::str::from_utf8(data).expect("made as text")),
        Kind::Binary => Message::Binary(data),
    }
}

pub fn outcome(sent: Result<(), SendError>) -> Outcome {
    sent.map_or_else(Outcome::Refused, |()| Outcome::Accepted)
}

fn found(received: Message<'_>, mut sender: Sender<'_, Role>, judge: &mut Judge) {
    judge.message(received.kind(), received.as_bytes());
    if let Some((kind, data)) = judge.answer() {
        let result = sender.send(message(kind, &data));
        let pending = usize::from(sender.room() == 0);
        judge.sends(Sent::Data(kind, data, Fin::Yes), outcome(result), pending);
    }
}

impl Shell for Blocking {
    fn receive(&mut self, way: Way, most: usize, patience: Patience, judge: &mut Judge) -> bool {
        if judge.is_over() {
            return !self.turn(judge);
        }
        let (mut taken, mut turns) = (0, 0);
        while taken < most {
            if self.take(way, judge) {
                taken += 1;
                continue;
            }
            if self.rests() {
                return true;
            }
            if turns > patience {
                return false;
            }
            turns += 1;
            if !self.turn(judge) {
                return true;
            }
        }
        false
    }

    fn send(&mut self, form: Form, sent: &Sent, _: Patience) -> Outcome {
        let payload = |payload| ControlPayload::new(payload).expect("short enough");
        let result = match sent {
            Sent::Data(kind, data, fin) => self.data(form, *kind, data, *fin),
            Sent::Ping(data) => self.socket.sender().ping(payload(data)),
            Sent::Pong(data) => self.socket.sender().pong(payload(data)),
        };
        outcome(result)
    }

    fn flush(&mut self, _: Patience) {
        let is_late = |kind| matches!(kind, ErrorKind::WouldBlock | ErrorKind::TimedOut);
        match self.socket.flush(&mut self.stream) {
            Err(error) if !is_late(error.kind()) => self.write_failed(),
            Err(_) => {}
            // Of this stream, nothing has to be done for it.
            Ok(()) if self.socket.wants_half_close() => self.socket.half_closed(),
            Ok(()) => {}
        }
    }

    fn close(&mut self, code: u16, reason: &str, _: bool, _: Patience, _: &mut Judge) {
        let code = CloseCode::new(code).expect("a code that may be sent");
        let reason = CloseReason::truncated(reason);
        let closed = self.socket.sender().close(code, reason);
        assert!(matches!(closed, Ok(()) | Err(SendError::Closed)));
    }

    fn pending_bytes(&self) -> usize {
        self.socket.pending_bytes()
    }

    fn closed(&self) -> Option<(Option<u16>, String)> {
        let connection = self.socket.connection();
        connection.is_close_received().then(|| {
            let code = connection.close_code().map(CloseCode::as_u16);
            (code, connection.close_reason().to_owned())
        })
    }
}
