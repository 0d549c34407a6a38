//! permessage-deflate over streams of tokio's.

use std::future::Future;

use ws_proto_test::shells::Runtime;
use ws_proto_test::stream::End;
use ws_proto_tokio::Tokio;

struct CurrentThread;

impl Runtime for CurrentThread {
    type Io = Tokio<End>;

    fn io(end: End) -> Self::Io {
        Tokio::new(end)
    }

    fn run<T>(test: impl Future<Output = T>) -> T {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        runtime.enable_all().build().unwrap().block_on(test)
    }

    fn spawn<T: Send + 'static>(
        task: impl Future<Output = T> + Send + 'static,
    ) -> impl Future<Output = T> {
        let task = tokio::spawn(task);
        async { task.await.unwrap() }
    }
}

ws_proto_test::test_deflate!(CurrentThread);
