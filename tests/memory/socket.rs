//! How much an idle `WebSocket` holds on to.

use ws_proto::socket::{Next, OutputMemory, Want};
use ws_proto::{Config, Instant, Negotiated, WebSocket};
use ws_proto_suite::heap::Region;

fn held(region: &Region) -> usize {
    region.change().held() as usize
}

#[test]
fn an_idle_socket_gives_its_memory_back() {
    let region = Region::new();
    let mut server = WebSocket::server(Negotiated::new(), Config::new());
    assert_eq!(
        region.change().allocations,
        0,
        "a new socket has allocated nothing"
    );

    // A message of 1 MiB in two frames, echoed.
    let half = vec![0x81; 512 * 1024];
    let held_by_test = held(&region);
    for first_byte in [0x02, 0x80] {
        let header = [first_byte, 0xff, 0, 0, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0];
        server.read_buf(header.len())[..header.len()].copy_from_slice(&header);
        server.advance(header.len());
        server.read_buf(half.len())[..half.len()].copy_from_slice(&half);
        server.advance(half.len());
        while let Some((message, mut reply)) = server.next_message().expect("no fault") {
            assert_eq!(message.as_bytes().len(), 1 << 20);
            reply.send(message).expect("room");
        }
    }
    assert!(
        held(&region) - held_by_test > 1 << 20,
        "it is held while it is needed"
    );
    server.consume(usize::MAX);
    server
        .tick(Instant::from_millis(0))
        .expect("time is not over");
    let idle = held(&region) - held_by_test;
    assert!(idle <= 3 * 4096, "{idle} bytes are held while idle");

    // A small message stays in the retained memory.
    server.read_buf(8)[..8].copy_from_slice(b"\x81\x82\0\0\0\0hi");
    server.advance(8);
    assert!(server.next_message().expect("no fault").is_some());
    server.release();
    assert_eq!(held(&region), held_by_test, "released, it holds nothing");
}

/// Between its Pings such a connection is idle, however they came.
#[test]
fn a_written_pong_leaves_nothing_behind() {
    let region = Region::new();
    let mut server = WebSocket::server(Negotiated::new(), Config::new());
    let mut memory = OutputMemory::new();
    for mut bytes in [b"\x89\x81\0".to_vec(), b"\0\0\0p".to_vec()] {
        server.swap_output_memory(&mut memory);
        let mut used = 0;
        assert!(server.note_read(bytes.len()));
        let next = server.poll_next_in(&mut bytes, &mut used, Want::Message);
        assert!(matches!(next, Ok(Next::Read)), "{next:?}");
        server.keep(&bytes[used..]);
        server.consume(server.pending_bytes());
        server.return_output_memory(&mut memory);
    }
    drop(memory);
    assert_eq!(held(&region), 0);
}
