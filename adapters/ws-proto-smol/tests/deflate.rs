//! permessage-deflate over streams of futures-io.

mod common;

use ws_proto_smol as ws;

#[path = "../../ws-proto-async/tests/shared/deflate.rs"]
mod deflate;
