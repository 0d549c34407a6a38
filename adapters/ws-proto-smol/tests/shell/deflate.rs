//! permessage-deflate over streams of futures-io.

use std::future::Future;

use ws_proto_smol::Smol;
use ws_proto_test::shells::Runtime;
use ws_proto_test::stream::End;

struct Global;

impl Runtime for Global {
    type Io = Smol<End>;

    fn io(end: End) -> Self::Io {
        Smol::new(end)
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

ws_proto_test::test_deflate!(Global);
