//! Messages over a stream that gathers writes.

use tokio::io::duplex;
use ws_proto_suite::shells::messages::every_message_arrives_over;
use ws_proto_tokio::Tokio;

use crate::shared::CurrentThread;

#[test]
fn every_message_arrives_over_a_stream_that_gathers_writes() {
    every_message_arrives_over::<CurrentThread, _>(|capacity| {
        let (one, other) = duplex(capacity);
        (Tokio::new(one), Tokio::new(other))
    });
}
