//! What every asynchronous shell plays, over streams of tokio's.

use std::future::Future;

use ws_proto_suite::heap::Counting;
use ws_proto_suite::shells::{Runtime, Stream};
use ws_proto_tokio::Tokio;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

pub(crate) struct CurrentThread;

impl Runtime for CurrentThread {
    type Io<S: Stream> = Tokio<S>;

    fn io<S: Stream>(stream: S) -> Self::Io<S> {
        Tokio::new(stream)
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

/// Tasks run beside each other.
struct TwoThreads;

impl Runtime for TwoThreads {
    type Io<S: Stream> = Tokio<S>;

    fn io<S: Stream>(stream: S) -> Self::Io<S> {
        Tokio::new(stream)
    }

    fn run<T>(test: impl Future<Output = T>) -> T {
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        let runtime = runtime.worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(test)
    }

    fn spawn<T: Send + 'static>(
        task: impl Future<Output = T> + Send + 'static,
    ) -> impl Future<Output = T> {
        CurrentThread::spawn(task)
    }
}

#[cfg(feature = "rustls")]
mod auto_traits {
    ws_proto_suite::test_auto_traits!(
        super::CurrentThread,
        ws_proto_tokio::TokioNetwork,
        ws_proto_tokio
    );

    #[cfg(feature = "h2")]
    #[test]
    fn streams_of_http2_go_to_any_thread() {
        fn is_free<T: Send + Sync + Unpin>() {}
        is_free::<ws_proto_tokio::WebSocket<ws_proto_tokio::http2::H2Stream>>();
    }
}

mod connection {
    ws_proto_suite::test_connection!(super::CurrentThread);
}

mod handshake {
    ws_proto_suite::test_handshake!(super::CurrentThread);
}

mod messages {
    ws_proto_suite::test_messages!(super::CurrentThread);
}

mod cancel {
    ws_proto_suite::test_cancel!(super::CurrentThread);
}

mod halves {
    ws_proto_suite::test_halves!(super::CurrentThread);
}

mod halves_in_threads {
    ws_proto_suite::test_halves! { super::TwoThreads:
        both_ends_flood_each_other
    }
}

#[cfg(feature = "deflate")]
mod byte_stream {
    ws_proto_suite::test_byte_stream!(super::CurrentThread);
}

#[cfg(feature = "deflate")]
mod deflate {
    ws_proto_suite::test_deflate!(super::CurrentThread);
}

#[cfg(feature = "rustls")]
mod network {
    ws_proto_suite::test_network!(super::CurrentThread, ws_proto_tokio::TokioNetwork);
}

ws_proto_suite::test_matrix!(CurrentThread);
