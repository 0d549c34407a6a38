//! Messages that are lent to the transport: however much it takes of them, later output is the same.

use std::io::{IoSlice, Write as _};
use std::time::Duration;

use ws_proto::{
    CloseCode, CloseReason, Config, Fin, Message, Negotiated, PreparedMessage, Role, SendError,
    Server, WebSocket,
};
use ws_proto_test::stream::Script;

/// Does the same for a server and for a client.
fn for_both(case: impl Fn(&dyn Fn() -> Box<dyn Peer>)) {
    case(&|| Box::new(WebSocket::server(Negotiated::new(), Config::new())));
    case(&|| {
        let keys = || [0x11, 0x22, 0x33, 0x44];
        Box::new(WebSocket::client(Negotiated::new(), Config::new(), keys))
    });
}

/// A `WebSocket` of either role.
trait Peer {
    fn text(&mut self, text: &str);
    /// Lends a message to a transport that takes `n` bytes at most, or fails: the bytes it has taken.
    fn send_vectored(
        &mut self,
        message: Message<'_>,
        n: Option<usize>,
    ) -> Result<Vec<u8>, SendError>;
    fn pending(&self) -> Vec<u8>;
    fn consume(&mut self, n: usize);
    fn part(&mut self, part: &str, fin: Fin);
    fn close(&mut self);
}

impl<R: Role> Peer for WebSocket<R> {
    fn text(&mut self, text: &str) {
        self.sender().send_text(text).unwrap();
    }

    fn send_vectored(
        &mut self,
        message: Message<'_>,
        n: Option<usize>,
    ) -> Result<Vec<u8>, SendError> {
        let lent = self.sender().send_vectored(message)?;
        let mut taken = lent.slices().concat();
        match n {
            Some(n) => {
                taken.truncate(n);
                lent.consume(n);
            }
            None => taken.clear(),
        }
        Ok(taken)
    }

    fn pending(&self) -> Vec<u8> {
        Self::pending(self).to_vec()
    }

    fn consume(&mut self, n: usize) {
        Self::consume(self, n);
    }

    fn part(&mut self, part: &str, fin: Fin) {
        self.sender().send_text_part(part, fin).unwrap();
    }

    fn close(&mut self) {
        let (code, reason) = (CloseCode::NORMAL, CloseReason::EMPTY);
        self.sender().close(code, reason).unwrap();
    }
}

const DATA: [u8; 300] = [0xa5; 300];

/// The same bytes in the end, whether the transport takes nothing, all, or stops at any byte of what
/// waits, of the header and of the payload.
#[test]
fn whatever_is_taken_the_rest_waits_behind_it() {
    for_both(|new| {
        for waiting in ["", "waits"] {
            for message in [
                Message::Text("h\u{e9}llo"),
                Message::Binary(&DATA),
                Message::Binary(b""),
            ] {
                let mut plain = new();
                for text in [waiting].iter().filter(|text| !text.is_empty()) {
                    plain.text(text);
                }
                plain.send_vectored(message, None).unwrap();
                let expected = plain.pending();
                for n in 0..=expected.len() + 3 {
                    let mut peer = new();
                    if !waiting.is_empty() {
                        peer.text(waiting);
                    }
                    let taken = peer.send_vectored(message, Some(n)).unwrap();
                    assert_eq!(taken.len(), n.min(expected.len()));
                    assert_eq!([taken, peer.pending()].concat(), expected, "{n}");
                    peer.consume(peer.pending().len());
                    peer.text("next");
                    assert!(!peer.pending().is_empty());
                }
            }
        }
    });
}

#[test]
fn it_is_the_frame_that_sending_writes() {
    for_both(|new| {
        let (mut lending, mut sending) = (new(), new());
        lending.send_vectored(Message::Text("hello"), None).unwrap();
        sending.text("hello");
        assert_eq!(lending.pending(), sending.pending());
    });
}

#[test]
fn a_server_does_not_copy() {
    let mut server = WebSocket::server(Negotiated::new(), Config::new());
    let lent = server
        .sender()
        .send_vectored(Message::Binary(&DATA))
        .unwrap();
    let shown = format!("{lent:?}");
    assert!(shown.contains("payload: 300") && !shown.contains("165"));
    let [waiting, header, payload] = lent.slices();
    assert_eq!(waiting, b"");
    assert_eq!(header, [0x82, 126, 1, 44]);
    assert_eq!(payload.as_ptr(), DATA.as_ptr());
    lent.consume(4 + DATA.len());
    assert_eq!(server.pending(), b"");
}

/// Of a forgotten one, which nobody does by mistake, nothing is sent; the next message is whole.
#[test]
fn one_that_is_forgotten_is_not_sent() {
    let mut server = WebSocket::server(Negotiated::new(), Config::new());
    let lent = server
        .sender()
        .send_vectored(Message::Text("lost"))
        .unwrap();
    core::mem::forget(lent);
    server.sender().send_text("sent").unwrap();
    assert_eq!(server.pending(), b"\x81\x04sent");
}

/// What is queued by reference is in front of them too.
#[test]
fn what_is_queued_by_reference_stays_in_front() {
    let queue = || {
        let mut server = WebSocket::server(Negotiated::new(), Config::new());
        server.sender().send_binary_shared(vec![1; 20_000]).unwrap();
        server.sender().send_text("behind").unwrap();
        server
    };
    let all = |server: &mut WebSocket<Server>, mut taken: Vec<u8>| {
        while !server.pending().is_empty() {
            let pending = server.pending().to_vec();
            server.consume(pending.len());
            taken.extend(pending);
        }
        taken
    };
    let mut expected = all(&mut queue(), Vec::new());
    expected.extend(b"\x81\x04last");
    let prepared = PreparedMessage::text(String::from("last"));
    for n in [0, 1, 4, 100, 20_004, 20_010, usize::MAX] {
        let mut server = queue();
        let lent = server.sender().send_vectored(Message::Text("last"));
        let lent = lent.unwrap();
        let mut taken = lent.slices().concat();
        let n = n.min(taken.len());
        taken.truncate(n);
        lent.consume(n);
        assert_eq!(all(&mut server, taken), expected, "{n}");

        let mut server = queue();
        let lent = server.sender().send_prepared_vectored(&prepared).unwrap();
        let mut taken = lent.slices().concat();
        let n = n.min(taken.len());
        taken.truncate(n);
        lent.consume(n);
        assert_eq!(all(&mut server, taken), expected, "prepared, {n}");
    }
}

#[test]
fn what_cannot_be_sent_is_not_lent() {
    for_both(|new| {
        let mut peer = new();
        peer.part("open", Fin::No);
        let before = peer.pending();
        let refused = peer.send_vectored(Message::Text("no"), None);
        assert_eq!(refused, Err(SendError::MessageOpen));
        assert_eq!(peer.pending(), before);
        peer.part("", Fin::Yes);

        peer.close();
        let before = peer.pending();
        let refused = peer.send_vectored(Message::Text("no"), None);
        assert_eq!(refused, Err(SendError::Closed));
        assert_eq!(peer.pending(), before);
    });
}

#[test]
fn a_full_queue_lends_nothing_and_one_message_fits_on_top_of_less() {
    let mut server = WebSocket::server(Negotiated::new(), Config::new()).with_high_water(400);
    let lent = server
        .sender()
        .send_vectored(Message::Binary(&DATA))
        .unwrap();
    lent.consume(1);
    let lent = server
        .sender()
        .send_vectored(Message::Binary(&DATA))
        .unwrap();
    drop(lent);
    assert_eq!(server.pending().len(), 304 + 304 - 1);
    let refused = server.sender().send_vectored(Message::Binary(&DATA));
    assert_eq!(refused.err(), Some(SendError::OutputFull));
    assert_eq!(server.pending().len(), 304 + 304 - 1);
}

/// "Full" would have the caller wait for room that is of no use.
#[test]
fn a_closed_connection_says_so_even_if_its_queue_is_full() {
    let mut server = WebSocket::server(Negotiated::new(), Config::new()).with_high_water(200);
    server.sender().send_binary(&DATA).unwrap();
    let refused = server.sender().send_vectored(Message::Text("a"));
    assert_eq!(refused.err(), Some(SendError::OutputFull));
    let close = b"\x88\x80\0\0\0\0";
    server.read_buf(close.len())[..close.len()].copy_from_slice(close);
    server.advance(close.len());
    assert!(server.next_message().unwrap().is_none());
    let refused = server.sender().send_vectored(Message::Text("a"));
    assert_eq!(refused.err(), Some(SendError::Closed));
}

/// As bytes that come do.
#[test]
fn what_is_lent_and_written_is_traffic_that_keeps_the_buffers() {
    let allocated = |writes: bool| {
        let mut server = WebSocket::server(Negotiated::new(), Config::new());
        for second in 0..4 {
            if second == 2 {
                server.read_buf(100_000);
            }
            if writes {
                let lent = server
                    .sender()
                    .send_vectored(Message::Binary(&DATA))
                    .unwrap();
                lent.consume(4 + DATA.len());
            }
            let now = ws_proto::Instant::from_millis(second * 1000);
            server.tick(now).unwrap();
        }
        server.read_buf(1).len() >= 100_000
    };
    assert!(allocated(true));
    assert!(!allocated(false));
}

/// As the rest of the output that is taken slowly: the peer says nothing, and is there.
#[test]
fn what_waited_and_is_written_with_what_is_lent_is_a_sign_of_life() {
    let config = Config::new()
        .keepalive(Some(Duration::from_secs(2)))
        .pong_timeout(Duration::from_secs(1));
    let mut server = WebSocket::server(Negotiated::new(), config);
    server.sender().send_binary(&[0; 60_000]).unwrap();
    for second in 0..60 {
        let now = ws_proto::Instant::from_millis(second * 1000);
        assert!(server.tick(now).is_ok(), "at {second} s");
        let lent = server.sender().send_vectored(Message::Text("x")).unwrap();
        lent.consume(500);
    }
}

/// What waits of a lent answer holds up receiving, as any answer does.
#[test]
fn what_is_left_of_an_answer_counts_as_one() {
    let wire = b"\x81\x80\0\0\0\0".repeat(20);
    let answered = |lend: bool| {
        let mut server = WebSocket::server(Negotiated::new(), Config::new()).with_high_water(1_000);
        server.read_buf(wire.len())[..wire.len()].copy_from_slice(&wire);
        server.advance(wire.len());
        let mut answered = 0;
        while let Ok(Some((_, mut reply))) = server.next_message() {
            if lend {
                drop(reply.send_vectored(Message::Binary(&DATA)).unwrap());
            } else {
                reply.send_binary(&DATA).unwrap();
            }
            answered += 1;
        }
        assert_eq!(
            server.next_message().err(),
            Some(ws_proto::WebSocketError::OutputFull)
        );
        (answered, server.pending().len())
    };
    assert_eq!(answered(true), answered(false));
    assert_eq!(answered(true), (3, 3 * 304));
}

#[test]
fn a_message_is_echoed_while_it_is_borrowed() {
    let mut server = WebSocket::server(Negotiated::new(), Config::new());
    let wire = b"\x81\x85\0\0\0\0hello";
    server.read_buf(wire.len())[..wire.len()].copy_from_slice(wire);
    server.advance(wire.len());
    let mut socket = Vec::new();
    while let Some((message, reply)) = server.next_message().unwrap() {
        let lent = reply.send_vectored(message).unwrap();
        let n = socket
            .write_vectored(&lent.slices().map(IoSlice::new))
            .unwrap();
        lent.consume(n);
    }
    assert_eq!(socket, b"\x81\x05hello");
}

#[cfg(feature = "std")]
#[test]
fn whatever_a_stream_says_the_rest_waits() {
    use std::io::ErrorKind;

    let interrupted = || Err(ErrorKind::Interrupted);
    let broken = || Err(ErrorKind::BrokenPipe);
    type Case = (Vec<Result<usize, ErrorKind>>, Option<ErrorKind>, usize);
    let cases: [Case; 8] = [
        (vec![Ok(100)], None, 7),
        (
            vec![interrupted(), Ok(1), interrupted(), Ok(2), Ok(4)],
            None,
            7,
        ),
        (vec![Ok(0)], Some(ErrorKind::WriteZero), 0),
        (vec![Ok(3), Ok(0)], Some(ErrorKind::WriteZero), 3),
        (vec![Err(ErrorKind::WouldBlock)], None, 0),
        (vec![Ok(5), Err(ErrorKind::TimedOut)], None, 5),
        (vec![broken()], Some(ErrorKind::BrokenPipe), 0),
        (vec![Ok(1), broken()], Some(ErrorKind::BrokenPipe), 1),
    ];
    for (says, error, written) in cases {
        let mut server = WebSocket::server(Negotiated::new(), Config::new());
        let mut stream = Script::new().then_writes(says);
        let lent = server
            .sender()
            .send_vectored(Message::Text("hello"))
            .unwrap();
        let result = lent.write_to(&mut stream);
        assert_eq!(result.err().map(|error| error.kind()), error);
        assert_eq!(stream.written().len(), written);
        assert_eq!(
            [stream.written(), server.pending()].concat(),
            b"\x81\x05hello"
        );
    }
}

#[cfg(feature = "deflate")]
#[test]
fn what_is_compressed_goes_through_the_queue_unless_it_is_not_to_be() {
    use ws_proto::extension::deflate::{Deflate, DeflateParams};

    let params = DeflateParams::new();
    let new = || {
        WebSocket::server(params.negotiated(), Config::new()).with_deflate(&Deflate::new(), params)
    };
    let text = "the same again and again ".repeat(40);
    let (mut lending, mut sending) = (new(), new());
    let lent = lending
        .sender()
        .send_vectored(Message::Text(&text))
        .unwrap();
    assert_eq!(lent.slices()[1..], [b"", b""]);
    lent.consume(7);
    sending.sender().send_text(&text).unwrap();
    assert!(sending.pending().len() < text.len());
    assert_eq!(lending.pending(), &sending.pending()[7..]);

    let mut lending = new();
    let mut sender = lending.sender();
    let lent = sender
        .uncompressed()
        .send_vectored(Message::Text(&text))
        .unwrap();
    assert_eq!(lent.slices()[2].as_ptr(), text.as_ptr());
}
