//! Memory that a `WebSocket` allocates while messages come and go, and keeps when they end.

use ws_proto::{Config, Instant, Negotiated, Server, WebSocket};
use ws_proto_suite::heap::Region;

const SMALL: usize = 100;
const BIG: usize = 256 * 1024;

/// A masked message in two frames, so that it has to be collected.
fn message(len: usize) -> Vec<u8> {
    let mut wire = Vec::new();
    for first_byte in [0x02, 0x80] {
        if len == SMALL {
            wire.extend_from_slice(&[first_byte, 0x80 | (SMALL / 2) as u8]);
        } else {
            wire.extend_from_slice(&[first_byte, 0xff]);
            wire.extend_from_slice(&(len as u64 / 2).to_be_bytes());
        }
        wire.extend_from_slice(&[0; 4]);
        wire.resize(wire.len() + len / 2, b'x');
    }
    wire
}

/// Echoes one message in reads as they are wished for.
fn echo(socket: &mut WebSocket<Server>, wire: &[u8]) {
    echo_in(socket, wire, usize::MAX);
}

/// The same in reads of `most` bytes at most.
fn echo_in(socket: &mut WebSocket<Server>, wire: &[u8], most: usize) {
    let (mut rest, mut echoed) = (wire, 0);
    while !rest.is_empty() {
        let (read, after) = rest.split_at(rest.len().min(most).min(socket.read_hint()));
        socket.read_buf(read.len())[..read.len()].copy_from_slice(read);
        socket.advance(read.len());
        rest = after;
        while let Some((message, mut reply)) = socket.next_message().expect("no fault") {
            reply.send(message).expect("room");
            echoed += 1;
        }
    }
    assert_eq!(echoed, 1);
    while !socket.pending().is_empty() {
        socket.consume(socket.pending().len().min(10_000));
    }
}

struct Heap(Region);

impl Heap {
    fn held(&self) -> usize {
        self.0.change().held() as usize
    }

    fn allocations(&self) -> usize {
        let stats = self.0.change();
        stats.allocations + stats.reallocations
    }
}

#[test]
fn buffers_are_kept_while_there_is_traffic_and_no_longer() {
    let (big, small) = (message(BIG), message(SMALL));
    let heap = Heap(Region::new());
    let mut socket = WebSocket::server(Negotiated::new(), Config::new());
    let mut seconds = 0;
    let mut tick = |socket: &mut WebSocket<Server>| {
        seconds += 1;
        let ticked = socket.tick(Instant::from_millis(seconds * 1000));
        ticked.expect("time is not over");
    };

    // A stream of messages, with a tick each: after the first two nothing is allocated any more.
    for _ in 0..3 {
        echo(&mut socket, &big);
        tick(&mut socket);
    }
    let before = heap.allocations();
    for _ in 0..20 {
        echo(&mut socket, &big);
        tick(&mut socket);
    }
    assert_eq!(
        heap.allocations(),
        before,
        "a busy socket allocates nothing"
    );
    assert!(heap.held() > 2 * BIG, "its buffers are held");

    // It ends: the tick that finds no traffic gives them back.
    tick(&mut socket);
    assert!(heap.held() <= 3 * 4096, "{} bytes while idle", heap.held());

    // A single burst does not make it busy.
    tick(&mut socket);
    echo(&mut socket, &big);
    tick(&mut socket);
    assert!(
        heap.held() <= 3 * 4096,
        "{} bytes after a burst",
        heap.held()
    );

    // Nor is it kept by traffic that does not need it, also if nobody passes the time.
    for _ in 0..3 {
        echo(&mut socket, &big);
    }
    assert!(heap.held() > 2 * BIG);
    echo(&mut socket, &small);
    assert!(
        heap.held() <= 3 * 4096,
        "{} bytes for small messages",
        heap.held()
    );

    // Pings and answers keep nothing either.
    for _ in 0..3 {
        socket.read_buf(6)[..6].copy_from_slice(b"\x89\x80\0\0\0\0");
        socket.advance(6);
        assert!(socket.next_message().expect("no fault").is_none());
        socket.consume(socket.pending().len());
        tick(&mut socket);
    }
    assert!(heap.held() <= 3 * 4096, "{} bytes for pings", heap.held());

    // A large frame in small reads: the room for it is made once.
    let header = 14;
    echo(&mut socket, &small);
    socket.read_buf(header)[..header].copy_from_slice(&big[..header]);
    socket.advance(header);
    assert!(socket.next_message().expect("no fault").is_none());
    let hint = socket.read_hint();
    assert!(hint > 4096);
    let before = heap.allocations();
    for piece in big[header..header + 14_000].chunks(1400) {
        let hint = socket.read_hint();
        socket.read_buf(hint)[..piece.len()].copy_from_slice(piece);
        socket.advance(piece.len());
        assert!(socket.next_message().expect("no fault").is_none());
    }
    let allocations = heap.allocations() - before;
    assert!(allocations <= 8, "{allocations} allocations for ten reads");

    // It stops coming: the received part is kept, not the room that was made for the rest.
    tick(&mut socket);
    tick(&mut socket);
    let held = heap.held();
    assert!(held <= 14_000 + 3 * 4096, "{held} bytes for 14000");
    socket.release();
    println!("{} bytes held behind it all", heap.held());
    drop(socket);

    a_frame_that_stops_keeps_no_space(&big);
    small_frames_in_two_reads_allocate_nothing();
    who_stays_one_message_behind_needs_no_more_for_that();
}

/// What a read brought in front of the frame is not kept with the few bytes of it either.
fn a_frame_that_stops_keeps_no_space(big: &[u8]) {
    let mut wire = vec![0x82, 0xfe, 0xe0, 0, 0, 0, 0, 0];
    wire.resize(8 + 0xe000, b'x');
    wire.extend_from_slice(&big[..20]);
    let heap = Heap(Region::new());
    let mut socket = WebSocket::server(Negotiated::new(), Config::new());
    socket.read_buf(wire.len())[..wire.len()].copy_from_slice(&wire);
    socket.advance(wire.len());
    assert!(socket.next_message().expect("no fault").is_some());
    assert!(socket.next_message().expect("no fault").is_none());
    for time in 0..2 {
        let ticked = socket.tick(Instant::from_millis(time));
        ticked.expect("time is not over");
    }
    assert!(heap.held() <= 4096, "{} bytes for six", heap.held());
}

/// The buffer is never empty then, and does not grow for that.
fn who_stays_one_message_behind_needs_no_more_for_that() {
    let mut wire = vec![0x81, 0xfe, 0, 200, 0, 0, 0, 0];
    wire.resize(8 + 200, b'x');
    let mut socket = WebSocket::server(Negotiated::new(), Config::new());
    let heap = Heap(Region::new());
    let put = |socket: &mut WebSocket<Server>| {
        socket.read_buf(wire.len())[..wire.len()].copy_from_slice(&wire);
        socket.advance(wire.len());
    };
    put(&mut socket);
    for _ in 0..1000 {
        put(&mut socket);
        let (message, _) = socket.next_message().expect("no fault").expect("a message");
        assert_eq!(message.as_bytes(), &wire[8..]);
    }
    assert!(heap.held() <= 4096, "{} bytes for two", heap.held());
}

/// They are put together beside the buffer that is read into, which does not grow for them.
fn small_frames_in_two_reads_allocate_nothing() {
    let frames = [0x81, 0x82].map(|first_byte| {
        let mut wire = vec![first_byte, 0xfe, 0, 200, 0, 0, 0, 0];
        wire.resize(8 + 200, b'x');
        wire
    });
    let mut socket = WebSocket::server(Negotiated::new(), Config::new());
    let mut echo = || {
        frames
            .each_ref()
            .map(|wire| echo_in(&mut socket, wire, 150))
    };
    echo();
    let heap = Heap(Region::new());
    for _ in 0..20 {
        echo();
    }
    assert_eq!(heap.allocations(), 0);
}
