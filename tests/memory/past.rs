//! Memory: faults of other implementations, as bounds. `PAST_BUGS.md` maps the cases to their tests.
//!
//! Bounds are on all bytes that were ever allocated, which is more than were held at a time.

use ws_proto::{Config, Connection, Input, Negotiated, Server, WebSocket};
use ws_proto_suite::heap::Region;

/// Allocations of a test besides those it measures.
const NOISE: usize = 64 * 1024;

/// Bytes allocated since, and how many times a block was made or grown.
fn allocated(region: &Region) -> (usize, usize) {
    let change = region.change();
    (
        change.bytes_allocated,
        change.allocations + change.reallocations,
    )
}

fn server(config: Config) -> WebSocket<Server> {
    WebSocket::server(Negotiated::new(), config)
}

fn feed(server: &mut WebSocket<Server>, bytes: &[u8]) {
    server.read_buf(bytes.len())[..bytes.len()].copy_from_slice(bytes);
    server.advance(bytes.len());
}

/// A header for a server with the 64-bit form of the length, and a key of zeros.
fn header(first: u8, len: u64) -> Vec<u8> {
    [&[first, 0xff][..], &len.to_be_bytes(), &[0; 4]].concat()
}

#[test]
fn a_claimed_length_reserves_nothing() {
    let (most, free) = (
        Config::new(),
        Config::new().max_message(u64::MAX).max_frame(u64::MAX),
    );
    for config in [most, free] {
        for len in [1 << 20, 1 << 24, 1 << 32, 1 << 40, (1 << 63) - 1, u64::MAX] {
            let region = Region::new();
            let mut connection = Connection::server(Negotiated::new(), config);
            let mut out = ws_proto::FixedBuf::<200>::new();
            let mut bytes = header(0x82, len);
            let _ = connection.receive(&mut Input::new(&mut bytes), &mut out);
            let (bytes_allocated, _) = allocated(&region);
            assert!(bytes_allocated <= NOISE, "{len:x}: {bytes_allocated}");

            let mut socket = server(config);
            feed(&mut socket, &header(0x82, len));
            let _ = socket.next_message();
            assert!(socket.read_hint() <= 64 * 1024, "a hint is bounded too");
            let (bytes_allocated, _) = allocated(&region);
            assert!(bytes_allocated <= NOISE, "{len:x}: {bytes_allocated}");
        }
    }
}

#[test]
fn a_frame_that_is_never_finished_holds_no_more_than_came() {
    const CAME: usize = 1 << 20;
    let chunk = [0x77; 4096];
    let region = Region::new();
    let mut socket = server(Config::new());
    feed(&mut socket, &header(0x82, 16 << 20));
    for _ in 0..CAME / chunk.len() {
        feed(&mut socket, &chunk);
        assert!(socket.next_message().unwrap().is_none());
    }
    let change = region.change();
    let held = change.bytes_allocated - change.bytes_deallocated;
    assert!(held <= 2 * CAME + NOISE, "{held}");
}

#[test]
fn a_million_fragments_cost_no_more_than_their_bytes() {
    const FRAGMENTS: usize = 1_000_000;
    for payload in [&b"x"[..], b""] {
        let mut one = vec![0x00, 0x80 | payload.len() as u8, 0, 0, 0, 0];
        one.extend_from_slice(payload);
        let thousand = one.repeat(1000);
        let region = Region::new();
        let mut socket = server(Config::new());
        feed(&mut socket, b"\x02\x80\0\0\0\0");
        for _ in 0..FRAGMENTS / 1000 {
            feed(&mut socket, &thousand);
            assert!(socket.next_message().unwrap().is_none());
        }
        let change = region.change();
        let held = change
            .bytes_allocated
            .saturating_sub(change.bytes_deallocated);
        let content = payload.len() * FRAGMENTS;
        assert!(held <= 2 * content + NOISE, "{held} bytes");
        feed(&mut socket, b"\x80\x80\0\0\0\0");
        let message = socket
            .next_message()
            .unwrap()
            .map(|(m, _)| m.as_bytes().len());
        assert_eq!(message, Some(content));
    }
}

#[test]
fn single_byte_reads_allocate_as_one_read_does() {
    const LEN: usize = 1 << 18;
    let message = vec![0x55; LEN];
    let count = |chunk: usize| {
        let region = Region::new();
        let mut socket = server(Config::new());
        feed(&mut socket, &header(0x82, LEN as u64));
        let mut len = 0;
        for bytes in message.chunks(chunk) {
            feed(&mut socket, bytes);
            if let Some((message, _)) = socket.next_message().unwrap() {
                len = message.as_bytes().len();
            }
        }
        assert_eq!(len, LEN);
        allocated(&region)
    };
    let (whole_bytes, _) = count(LEN);
    let (bytes, times) = count(1);
    assert!(bytes <= 4 * whole_bytes + NOISE, "{bytes} {whole_bytes}");
    assert!(times < 100, "{times} allocations for {LEN} reads");
}

#[test]
fn pings_pongs_and_errors_leave_nothing_behind() {
    let region = Region::new();
    let pings = b"\x89\x81\0\0\0\0p\x8a\x81\0\0\0\0q".repeat(100);
    let mut socket = server(Config::new());
    for _ in 0..1000 {
        feed(&mut socket, &pings);
        assert!(socket.next_message().unwrap().is_none());
        socket.consume(usize::MAX);
    }
    let change = region.change();
    let held = change
        .bytes_allocated
        .saturating_sub(change.bytes_deallocated);
    assert!(held <= NOISE, "{held} bytes after 100,000 Pings and Pongs");
    for _ in 0..1000 {
        let mut failing = server(Config::new());
        feed(&mut failing, b"\x83\x80\0\0\0\0");
        assert!(failing.next_message().is_err());
    }
    let change = region.change();
    let held = change
        .bytes_allocated
        .saturating_sub(change.bytes_deallocated);
    assert!(held <= NOISE, "{held} bytes after 1000 failed connections");
}
