//! What every asynchronous shell plays, over streams of futures-io.

use std::future::Future;

use ws_proto_smol::Smol;
use ws_proto_suite::heap::Counting;
use ws_proto_suite::shells::{Runtime, Stream};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

pub(crate) struct Global;

impl Runtime for Global {
    type Io<S: Stream> = Smol<S>;

    fn io<S: Stream>(stream: S) -> Self::Io<S> {
        Smol::new(stream)
    }

    fn run<T>(test: impl Future<Output = T>) -> T {
        smol::block_on(test)
    }

    fn spawn<T: Send + 'static>(
        task: impl Future<Output = T> + Send + 'static,
    ) -> impl Future<Output = T> {
        smol::spawn(task)
    }
}

#[cfg(feature = "rustls")]
mod auto_traits {
    ws_proto_suite::test_auto_traits!(super::Global, ws_proto_smol::SmolNetwork, ws_proto_smol);
}

mod connection {
    ws_proto_suite::test_connection!(super::Global);
}

mod handshake {
    ws_proto_suite::test_handshake!(super::Global);
}

mod messages {
    ws_proto_suite::test_messages!(super::Global);
}

mod cancel {
    ws_proto_suite::test_cancel!(super::Global);
}

mod halves {
    ws_proto_suite::test_halves!(super::Global);
}

#[cfg(feature = "deflate")]
mod byte_stream {
    ws_proto_suite::test_byte_stream!(super::Global);
}

#[cfg(feature = "deflate")]
mod deflate {
    ws_proto_suite::test_deflate!(super::Global);
}

#[cfg(feature = "rustls")]
mod network {
    ws_proto_suite::test_network!(super::Global, ws_proto_smol::SmolNetwork);
}

ws_proto_suite::test_matrix!(Global);
