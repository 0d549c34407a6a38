//! Streams, wakers, time and frames that a test drives by hand.
//!
//! Nothing here waits, and nothing depends on the machine: a test that fails once fails always.
//!
//! ```
//! use std::io::{ErrorKind, Read, Write};
//! use ws_proto_test::stream::Script;
//!
//! let mut stream = Script::new()
//!     .then_read(b"\x81\x02hi")
//!     .then_read_error(ErrorKind::ConnectionReset)
//!     .then_write(3);
//! let mut buffer = [0; 16];
//! assert_eq!(stream.read(&mut buffer).unwrap(), 4);
//! assert_eq!(stream.write(b"hello").unwrap(), 3);
//! assert_eq!(stream.written(), b"hel");
//! assert!(stream.read(&mut buffer).is_err());
//! ```

#[cfg(any(feature = "shells", feature = "suite"))]
#[doc(hidden)]
pub mod byte_matrix;
pub mod clock;
pub mod heap;
#[doc(hidden)]
pub mod matrix;
pub mod random;
#[cfg(feature = "shells")]
#[doc(hidden)]
pub mod shells;
mod side;
pub mod stream;
#[cfg(feature = "suite")]
#[doc(hidden)]
pub mod suite;
pub mod task;
pub mod wire;

pub use side::Side;
