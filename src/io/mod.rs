//! For blocking programs: handshakes and messages over any `Read + Write`.
//!
//! A client opens a connection with [`Connector::connect`](crate::opening::Connector::connect), a server with
//! [`Acceptor::accept`](crate::opening::Acceptor::accept), or with [`read_request`] if it looks at each request itself.
//! [`WebSocket::exchange`](crate::WebSocket::exchange) does the rest, in a loop. For programs that read and write bytes,
//! [`WebSocket::into_byte_stream`](crate::WebSocket::into_byte_stream) makes a [`ByteStream`]. A client behind a proxy makes a
//! [`Tunnel`] first, with [`Proxy::connect`](crate::opening::Proxy::connect).
//!
//! This is the only module that does I/O and reads a clock, by means of `std`. Deadlines are only
//! met when reads and writes return, and two peers that both write more than the sockets hold
//! wait for each other without end: give the stream timeouts for both (`TcpStream::set_read_timeout`,
//! `set_write_timeout`). One that runs out is no error here, only time that passes.
//!
//! ```no_run
//! use core::time::Duration;
//! use std::net::TcpStream;
//! use ws_proto::opening::Acceptor;
//! use ws_proto::{Server, WebSocket, WebSocketError};
//!
//! fn echo(
//!     server: &mut WebSocket<Server>,
//!     stream: &mut TcpStream,
//! ) -> Result<(), Box<dyn std::error::Error>> {
//!     while server.exchange(stream)? {
//!         loop {
//!             match server.next_message() {
//!                 Ok(Some((message, mut reply))) => reply.send(message)?,
//!                 // `exchange` reads on, or writes the answers that wait.
//!                 Ok(None) | Err(WebSocketError::OutputFull) => break,
//!                 Err(error) => return Err(error.into()),
//!             }
//!         }
//!     }
//!     Ok(())
//! }
//!
//! let listener = std::net::TcpListener::bind("127.0.0.1:9001")?;
//! let (mut stream, _) = listener.accept()?;
//! stream.set_read_timeout(Some(Duration::from_millis(200)))?;
//! stream.set_write_timeout(Some(Duration::from_millis(200)))?;
//! let mut server = Acceptor::new().accept(&mut stream)?;
//! let echoed = echo(&mut server, &mut stream);
//! // After a fault: writes the Close frame that explains it, and reads until the client has got it.
//! while server.exchange(&mut stream).unwrap_or(false) {}
//! echoed?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod byte_stream;
mod error;
mod open;
mod stream;
mod tunnel;
mod turn;

use std::sync::OnceLock;

pub use byte_stream::ByteStream;
pub use error::Error;
pub use open::{Incoming, read_request};
pub use tunnel::Tunnel;

use crate::time::Instant;

/// The monotonic clock: the time since the first call in this process.
///
/// ```
/// use std::time::Duration;
///
/// let until = ws_proto::io::now() + Duration::from_secs(5);
/// assert!(ws_proto::io::now() <= until);
/// ```
#[must_use]
pub fn now() -> Instant {
    static EPOCH: OnceLock<std::time::Instant> = OnceLock::new();
    Instant::now_since(*EPOCH.get_or_init(std::time::Instant::now))
}
