//! A sans-IO WebSocket engine.
#![no_std]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]

#[cfg(feature = "alloc")]
extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

pub mod buf;
pub mod close;
pub mod error;
pub mod frame;
pub mod handshake;
pub mod reconnect;
mod time;
mod transport;
pub mod uri;

#[cfg(feature = "alloc")]
pub use buf::Limited;
pub use buf::{FixedBuf, Input, Output, Storage};
pub use close::{CloseCode, CloseReason, ControlPayload};
pub use error::{CapacityError, ProtocolError, SendError, TimedOut, TooLong, UnexpectedEof};
pub use handshake::Negotiated;
pub use time::Instant;
pub use transport::Transport;
pub use uri::{Uri, UriError};
