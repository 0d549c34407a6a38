//! Peers whose frames are in order, and who leave the other end alone with the connection.

use std::time::Duration;

use super::Expected::{Bears, Ends, Fails};
use super::Script::Open;
use super::{Misbehaviour, frames};
use crate::peer::{Item, Peer};
use crate::wire::{FIN, PING, TEXT, frame, header};

/// Longer than any limit that an endpoint should have.
const FOR_EVER: Duration = Duration::from_secs(100);

const fn end(
    name: &'static str,
    what: &'static str,
    source: &'static str,
    script: fn(Peer) -> Peer,
) -> Misbehaviour {
    Misbehaviour::new(name, what, source, Ends, Open(script))
}

fn is_close_or_end(item: &Item) -> bool {
    matches!(item, Item::Close(..) | Item::End | Item::Reset)
}

/// Reads and says nothing, without an end of its own.
fn stay_silent(peer: Peer) -> Peer {
    peer.without_pongs()
        .without_close()
        .until("the end of the stream", |item| {
            matches!(item, Item::End | Item::Reset)
        })
}

pub(super) fn all() -> Vec<Misbehaviour> {
    vec![
        end(
            "no-pong",
            "answers nothing, and sends nothing",
            "a peer that is gone",
            stay_silent,
        ),
        end(
            "no-close-answer",
            "answers Pings, but not the Close",
            "RFC 6455 7.1.1",
            |peer| {
                peer.without_close()
                    .until("a Close", is_close_or_end)
                    .expect_end_of_all()
            },
        ),
        Misbehaviour::new(
            "fault-and-stay",
            "sends what is wrong, then neither answers the Close nor ends the stream",
            "RFC 6455 7.1.7",
            Fails(&[1002]),
            Open(|peer| stay_silent(peer.send_frame(FIN | 0x3, b"?"))),
        ),
        end(
            "close-and-stay",
            "says Close, and never ends the stream",
            "RFC 6455 7.1.1",
            |peer| stay_silent(peer.send_close(1000, "")),
        ),
        end(
            "half-close",
            "ends its side without a Close, and reads on",
            "RFC 6455 7.1.5",
            |peer| peer.without_close().end_writing().expect_end_of_all(),
        ),
        end(
            "end",
            "closes the stream without a Close",
            "RFC 6455 7.1.5",
            Peer::finish,
        ),
        end(
            "end-in-header",
            "closes the stream inside a header",
            "RFC 6455 7.1.5",
            |peer| {
                let start = header(peer.side().peer(), FIN | TEXT, 70_000);
                peer.send_raw(&start[..3]).end_writing().expect_end_of_all()
            },
        ),
        end(
            "end-in-frame",
            "closes the stream inside a frame",
            "RFC 6455 7.1.5",
            |peer| {
                let mut start = header(peer.side().peer(), FIN | TEXT, 10);
                start.extend(b"12345");
                peer.send_raw(start).end_writing().expect_end_of_all()
            },
        ),
        end(
            "end-in-message",
            "closes the stream between two frames of a message",
            "RFC 6455 7.1.5",
            |peer| {
                peer.send_frame(TEXT, b"to be contin")
                    .end_writing()
                    .expect_end_of_all()
            },
        ),
        end(
            "reset",
            "resets the connection",
            "RFC 6455 7.1.5",
            Peer::reset,
        ),
        end(
            "no-reading",
            "reads nothing, and sends nothing",
            "output that nobody takes",
            |peer| {
                peer.stop_reading()
                    .wait(FOR_EVER)
                    .read_again()
                    .expect_end_of_all()
            },
        ),
        end(
            "ping-flood",
            "sends Pings for ever, and does not read the answers",
            "memory",
            |peer| {
                let pings = frame(peer.side().peer(), PING, &[b'x'; 125]).repeat(100);
                peer.stop_reading()
                    .repeat(pings, u64::MAX, Duration::ZERO)
                    .read_again()
                    .expect_end_of_all()
            },
        ),
        Misbehaviour::new(
            "slow-reader",
            "reads nothing for 5 seconds now and then",
            "a peer that is slow",
            Bears,
            Open(|peer| {
                let pause = Duration::from_secs(5);
                let peer = peer
                    .send_text("are you patient?")
                    .stop_reading()
                    .wait(pause)
                    .read_again();
                frames::goes_on(peer.stop_reading().wait(pause).read_again())
            }),
        ),
    ]
}

impl Peer {
    /// Reads until the stream ends or is reset.
    fn expect_end_of_all(self) -> Self {
        self.until("the end of the stream", |item| {
            matches!(item, Item::End | Item::Reset)
        })
    }
}
