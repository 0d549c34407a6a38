//! For blocking programs: handshakes and messages over any `Read + Write`.
//!
//! This is the only module that does I/O and reads a clock, by means of `std`. Deadlines are only
//! met when reads and writes return, and two peers that both write more than the sockets hold wait
//! for each other for ever: give the stream timeouts for both (`TcpStream::set_read_timeout`,
//! `set_write_timeout`). One that runs out is no error here, only time that passes.
//!
//! ```no_run
//! use core::time::Duration;
//! use std::net::TcpStream;
//! use ws_proto::{Config, Server, WebSocket, WebSocketError, io};
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
//! let mut server = io::accept(&mut stream, Config::new())?;
//! let echoed = echo(&mut server, &mut stream);
//! let _ = server.flush(&mut stream); // after a fault: the Close frame that says so
//! echoed?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod accept;
mod connect;
mod error;
mod stream;
mod turn;

use std::sync::OnceLock;

#[cfg(feature = "deflate")]
pub use accept::accept_deflate;
pub use accept::{accept, accept_any, accept_with};
#[cfg(feature = "getrandom")]
pub use connect::connect;
#[cfg(all(feature = "deflate", feature = "getrandom"))]
pub use connect::connect_deflate;
#[cfg(feature = "deflate")]
pub use connect::connect_deflate_with;
pub use connect::{Connected, connect_with};
pub use error::{Error, Refused};

use crate::time::Instant;

/// The monotonic clock: the time since the first call in this process.
pub fn now() -> Instant {
    static EPOCH: OnceLock<std::time::Instant> = OnceLock::new();
    Instant::now_since(*EPOCH.get_or_init(std::time::Instant::now))
}
