//! Streams in memory: one that follows a [script](Script), and a [pipe] with two ends.
//!
//! Both are non-blocking `Read + Write`: what cannot be done now fails with
//! [`WouldBlock`](std::io::ErrorKind::WouldBlock). With the features `futures` and `tokio` they are
//! streams of these too, and with `mio` the end of a pipe is one of `ws-proto-mio`.

/// Implements the traits of asynchronous streams by `poll_read_with`, `poll_write_with` and
/// `end_writing` of a type.
#[cfg(any(feature = "futures", feature = "tokio"))]
macro_rules! asynchronous {
    ($stream:ty) => {
        #[cfg(feature = "futures")]
        impl futures_io::AsyncRead for $stream {
            fn poll_read(
                mut self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                buffer: &mut [u8],
            ) -> Poll<io::Result<usize>> {
                self.poll_read_with(cx, buffer)
            }
        }

        #[cfg(feature = "futures")]
        impl futures_io::AsyncWrite for $stream {
            fn poll_write(
                mut self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                bytes: &[u8],
            ) -> Poll<io::Result<usize>> {
                self.poll_write_with(cx, bytes)
            }

            fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
                Poll::Ready(Ok(()))
            }

            fn poll_close(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
                self.end_writing();
                Poll::Ready(Ok(()))
            }
        }

        #[cfg(feature = "tokio")]
        impl tokio::io::AsyncRead for $stream {
            fn poll_read(
                mut self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                buffer: &mut tokio::io::ReadBuf<'_>,
            ) -> Poll<io::Result<()>> {
                let n = std::task::ready!(self.poll_read_with(cx, buffer.initialize_unfilled()))?;
                buffer.advance(n);
                Poll::Ready(Ok(()))
            }
        }

        #[cfg(feature = "tokio")]
        impl tokio::io::AsyncWrite for $stream {
            fn poll_write(
                mut self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                bytes: &[u8],
            ) -> Poll<io::Result<usize>> {
                self.poll_write_with(cx, bytes)
            }

            fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
                Poll::Ready(Ok(()))
            }

            fn poll_shutdown(
                mut self: Pin<&mut Self>,
                _: &mut Context<'_>,
            ) -> Poll<io::Result<()>> {
                self.end_writing();
                Poll::Ready(Ok(()))
            }
        }
    };
}

#[cfg(any(feature = "futures", feature = "tokio"))]
pub(crate) use asynchronous;

mod boasting;
mod endless;

mod script;
mod shared;

pub use crate::link::{End, pipe};
pub use boasting::Boasting;
pub use endless::Endless;
pub use script::Script;
pub use shared::SharedScript;
