//! permessage-deflate over streams of tokio's.

mod common;

use ws_proto_tokio as ws;

#[path = "../../ws-proto-async/tests/shared/deflate.rs"]
mod deflate;
