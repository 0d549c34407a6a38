//! The fault matrix's scenarios once more, under a counting allocator: an engine that is dropped at
//! any byte leaves nothing, and a connection allocates nothing at all.

use crate::run::{Act, How, Runner, Split};
use ws_proto::{Config, Limited, Negotiated, Role, WebSocket};
use ws_proto_suite::heap::Region;
use ws_proto_suite::{Keys, Side};

#[test]
fn whatever_is_dropped_at_any_byte_leaves_nothing_behind() {
    let scenarios = crate::scenario::all();
    let mut runner = Runner::new();
    let mut runs = 0;
    for scenario in scenarios.iter().filter(|scenario| scenario.is_short()) {
        let setup = scenario.setup;
        for at in 0..=scenario.bytes.len() {
            // The buffers of the runner grow in the first round and are there in the second. What
            // is counted then is the engine's.
            for counted in [false, true] {
                let region = Region::new();
                let how = How::split(Split::Every(5)).drain(256, 3, false);
                runner.run(scenario, setup, &scenario.bytes, how, &[(at, Act::Drop)]);
                let change = region.change();
                let all = (
                    change.allocations,
                    change.reallocations,
                    change.deallocations,
                );
                if counted {
                    assert_eq!(all, (0, 0, 0), "{} at {at}", scenario.name);
                }
            }
            runs += 2;
        }
        if !setup.handshake {
            for at in 0..=scenario.bytes.len() {
                let bytes = &scenario.bytes[..at];
                let region = Region::new();
                let negotiated = Negotiated::new().with_rsv(setup.rsv);
                match setup.side {
                    Side::Server => drop_at(WebSocket::server(negotiated, Config::new()), bytes),
                    Side::Client => {
                        let keys = Keys::default();
                        drop_at(WebSocket::client(negotiated, Config::new(), keys), bytes);
                    }
                }
                let change = region.change();
                assert_eq!(
                    change.bytes_allocated, change.bytes_deallocated,
                    "{} at {at}",
                    scenario.name
                );
                assert_eq!(
                    change.allocations, change.deallocations,
                    "{}",
                    scenario.name
                );
                runs += 1;
            }
        }
    }
    assert!(runs > 20_000, "{runs}");

    // The counter counts.
    let region = Region::new();
    let mut kept = Limited::new(100);
    ws_proto::Output::put(&mut kept, b"kept");
    assert!(region.change().bytes_allocated > region.change().bytes_deallocated);
}

/// Receives these bytes, sends something back, and drops all of it with the output still waiting.
fn drop_at<R: Role>(mut socket: WebSocket<R>, bytes: &[u8]) {
    for chunk in bytes.chunks(5) {
        socket.read_buf(chunk.len())[..chunk.len()].copy_from_slice(chunk);
        socket.advance(chunk.len());
        while let Ok(Some((message, mut reply))) = socket.next_message() {
            let _ = reply.send(message);
        }
    }
}
