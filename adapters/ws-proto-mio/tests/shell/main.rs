//! WebSocket in turns of a mio loop.

mod common;
#[cfg(feature = "net")]
mod connecting;
mod ending;
mod faults;
mod handshake;
mod matrix;
mod messages;
mod schedules;
mod streams;
mod turns;

use ws_proto_suite::heap::Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;
