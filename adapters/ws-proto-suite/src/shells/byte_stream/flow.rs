//! How bytes flow: in any steps, with back-pressure, and the memory for them.

use std::cell::Cell;
use std::future::poll_fn;
use std::task::Poll;
use std::time::Duration;

use futures_util::future::join;
use ws_proto_async::{ByteStream, ByteStreamOptions, CloseCode, Io, Negotiated, WebSocket};

use super::{flush, pair, piped, read, ready, sent, shutdown, write};
use crate::Side;
use crate::heap::Region;
use crate::shells::{Runtime, quiet};
use crate::wire::{self, BINARY, FIN};
use ws_proto_test::random::Random;
use ws_proto_test::stream::Endless;
use ws_proto_test::task::{poll_once, yield_now};

/// Both ends write and read at once, in steps of any size, over pipes of any size.
pub fn both_ways_in_steps_of_any_size<R: Runtime>() {
    R::run(async {
        for (seed, capacity) in [1, 2, 7, 100, 5000, 1 << 20].into_iter().enumerate() {
            for deflate in [false, true] {
                let (client, server) = pair::<R>(capacity, deflate, quiet());
                let len = if capacity < 100 { 20_000 } else { 600_000 };
                let mut ends = Vec::new();
                for (n, stream) in [client, server].into_iter().enumerate() {
                    let seed = 2 * seed as u64 + n as u64;
                    ends.push(R::spawn(play(stream, seed, seed ^ 1, len)));
                }
                let other = ends.pop().unwrap();
                join(ends.pop().unwrap(), other).await;
            }
        }
    });
}

/// Writes what `seed` gives and then shuts down, and reads what `peer` gives, to the end.
async fn play(mut stream: ByteStream<impl Io>, seed: u64, peer: u64, len: usize) {
    let (data, expected) = (Random::new(seed).bytes(len), Random::new(peer).bytes(len));
    let mut random = Random::new(seed + 1000);
    let mut size = move || match random.below(4) {
        0 => 1,
        1 => random.between(1, 100),
        2 => random.between(1, 5000),
        _ => random.between(1, 100_000),
    };
    let (mut written, mut bytes) = (0, Vec::new());
    let mut buffer = vec![0; 100_000];
    let (mut room, mut chunk) = (size(), size());
    while bytes.len() < len || written < len {
        poll_fn(|cx| {
            let mut polled = Poll::Pending;
            if bytes.len() < len {
                if let Poll::Ready(read) = stream.poll_read(cx, &mut buffer[..room]) {
                    let n = read.expect("no error");
                    assert!(n > 0, "the end after {} bytes", bytes.len());
                    bytes.extend_from_slice(&buffer[..n]);
                    room = size();
                    polled = Poll::Ready(());
                }
            }
            if written < len {
                let end = len.min(written + chunk);
                if let Poll::Ready(n) = stream.poll_write(cx, &data[written..end]) {
                    written += n.expect("no error");
                    chunk = size();
                    polled = Poll::Ready(());
                }
            } else if let Poll::Ready(flushed) = stream.poll_flush(cx) {
                flushed.expect("no error");
            }
            polled
        })
        .await;
    }
    assert!(bytes == expected);
    // The peer does the same: neither is held up by the end of a message that has no bytes any more.
    shutdown(&mut stream).await.expect("no error");
    assert_eq!(read(&mut stream, &mut buffer).await.expect("no error"), 0);
    assert_eq!(stream.closed().unwrap().code, Some(CloseCode::NORMAL));
}

pub fn a_slow_peer_holds_up_the_writer<R: Runtime>() {
    R::run(async {
        let (mut stream, mut raw) = piped::<R>(1000, quiet());
        let data = vec![7; 1 << 20];
        let mut written = 0;
        while let Poll::Ready(n) = poll_once(write(&mut stream, &data)) {
            written += n.unwrap();
            assert!(written < 100_000, "it does not wait");
        }
        assert!(stream.get_ref().pending_bytes() <= 16 * 1024 + 64 * 1024 + 20);
        let mut taken = raw.drain().len();
        while poll_once(write(&mut stream, &data[..1])).is_pending() {
            taken += raw.drain().len();
        }
        // What the pipe holds is not taken yet.
        assert!(taken + 1000 + 16 * 1024 > written);
    });
}

pub fn a_reader_that_does_not_read_stops_the_peer<R: Runtime>() {
    R::run(async {
        let (client, mut server) = pair::<R>(1000, false, quiet());
        let mut client = client.with_options(ByteStreamOptions::new().message_size(1 << 20));
        let data = vec![7; 8 << 20];
        let mut written = 0;
        // The server only writes, which reads ahead for Pings and the Close.
        for _ in 0..20_000 {
            match poll_once(write(&mut client, &data[..1 << 20])) {
                Poll::Ready(n) => written += n.unwrap(),
                Poll::Pending => drop(poll_once(flush(&mut client))),
            }
            drop(poll_once(flush(&mut server)));
        }
        assert!(written < 4 << 20, "{written} bytes are held somewhere");
        let mut buffer = vec![0; 1 << 16];
        let mut bytes = 0;
        while bytes < written {
            match poll_once(read(&mut server, &mut buffer)) {
                Poll::Ready(n) => bytes += n.unwrap(),
                Poll::Pending => drop(poll_once(flush(&mut client))),
            }
        }
    });
}

pub fn pieces_of_a_message_are_read_before_it_ends<R: Runtime>() {
    R::run(async {
        let (mut stream, mut raw) = piped::<R>(1 << 20, quiet());
        raw.put(&wire::header(Side::Server, FIN | BINARY, 10_000_000));
        let mut buffer = [0; 100];
        assert!(poll_once(read(&mut stream, &mut buffer)).is_pending());
        for n in 1..1000 {
            raw.put(&vec![0; n]);
            let mut left = n;
            while left > 0 {
                left -= ready(poll_once(read(&mut stream, &mut buffer)));
            }
            assert!(poll_once(read(&mut stream, &mut buffer)).is_pending());
        }
    });
}

pub fn many_messages_are_one_read<R: Runtime>() {
    R::run(async {
        let (mut stream, mut raw) = piped::<R>(1 << 20, quiet());
        let mut wire = Vec::new();
        for n in 0..100_u8 {
            wire.extend(sent(FIN | BINARY, &[n; 3]));
            wire.extend(sent(FIN | BINARY, b""));
        }
        raw.put(&wire);
        let mut buffer = [0; 1000];
        assert_eq!(ready(poll_once(read(&mut stream, &mut buffer))), 300);
        assert!((0..100).all(|n| buffer[3 * n] == n as u8));
        assert!(
            poll_once(read(&mut stream, &mut buffer)).is_pending(),
            "no end"
        );
    });
}

/// Every future is dropped at its first wait, and made again.
pub fn cancelling_loses_nothing<R: Runtime>() {
    R::run(async {
        let (mut client, mut server) = pair::<R>(100, true, quiet());
        let data = Random::new(1).bytes(200_000);
        let expected = data.clone();
        let receiving = R::spawn(async move {
            let (mut bytes, mut buffer) = (Vec::new(), [0; 1000]);
            loop {
                match poll_once(read(&mut server, &mut buffer)) {
                    Poll::Pending => yield_now().await,
                    Poll::Ready(Ok(0)) => break,
                    Poll::Ready(n) => bytes.extend_from_slice(&buffer[..n.unwrap()]),
                }
            }
            assert!(bytes == expected);
        });
        let mut rest = &data[..];
        while !rest.is_empty() {
            match poll_once(write(&mut client, &rest[..rest.len().min(3000)])) {
                Poll::Pending => yield_now().await,
                Poll::Ready(n) => rest = &rest[n.unwrap()..],
            }
        }
        while poll_once(shutdown(&mut client)).is_pending() {
            yield_now().await;
        }
        assert_eq!(read(&mut client, &mut [0; 1]).await.unwrap(), 0);
        receiving.await;
    });
}

pub fn what_is_read_holds_no_memory<R: Runtime>() {
    R::run(async {
        let (mut stream, mut raw) = piped::<R>(1 << 20, quiet());
        let mut buffer = vec![0; 10_000];
        let wire = sent(FIN | BINARY, &[1; 50_000]);
        let mut held = 0;
        for round in 0..10 {
            let region = Region::new();
            raw.put(&wire);
            let mut left = 50_000;
            while left > 0 {
                left -= ready(poll_once(read(&mut stream, &mut buffer)));
            }
            assert!(stream.buffered().is_empty());
            if round > 0 {
                held += region.change().held();
            }
        }
        assert!(held < 10_000, "{held}");
    });
}

/// A task whose stream never waits lets others run, though it writes twice for each read, and flushes.
pub fn bytes_that_never_end_let_others_run<R: Runtime>() {
    R::run(async {
        let message = |len| wire::frame(Side::Server, FIN | BINARY, &vec![7; len]);
        for again in [message(4).repeat(300), message(3000)] {
            let stream = Endless::new(&[], &again, Duration::from_secs(60));
            let socket = WebSocket::server(R::io(stream), Negotiated::new(), &[], quiet());
            let mut stream = socket.into_byte_stream();
            let (mut reads, has_run) = (0, Cell::new(false));
            let task = async {
                let mut buffer = [0; 4];
                while !has_run.get() {
                    assert!(read(&mut stream, &mut buffer).await.unwrap() > 0);
                    for _ in 0..2 {
                        write(&mut stream, &buffer).await.unwrap();
                    }
                    flush(&mut stream).await.unwrap();
                    reads += 1;
                    assert!(reads <= 300, "nobody else has run");
                }
            };
            let other = async { has_run.set(true) };
            join(task, other).await;
        }
    });
}
