//! A sans-IO WebSocket engine.
#![no_std]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]

#[cfg(feature = "alloc")]
extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

#[cfg(feature = "arbitrary")]
mod arbitrary;
pub mod buf;
pub mod close;
pub mod connection;
pub mod error;
pub mod extension;
pub mod frame;
pub mod handshake;
#[cfg(feature = "std")]
pub mod io;
pub mod message;
#[cfg(feature = "getrandom")]
mod random;
pub mod reconnect;
#[cfg(feature = "alloc")]
pub mod socket;
mod time;
mod transport;
pub mod uri;
pub mod utf8;

#[cfg(feature = "alloc")]
pub use buf::Limited;
pub use buf::{FixedBuf, Input, Output, Storage};
pub use close::{CloseCode, CloseReason, ControlPayload};
pub use connection::{
    Binary, Client, Config, Connection, Event, Extended, Fin, Kind, MaskSource, Role, Server, Text,
};
pub use error::{CapacityError, ProtocolError, SendError, TimedOut, TooLong, UnexpectedEof};
pub use frame::MAX_CONTROL_FRAME;
pub use handshake::Negotiated;
pub use message::{AssembleError, Assembler, Message};
#[cfg(feature = "getrandom")]
pub use random::OsRandom;
#[cfg(feature = "alloc")]
pub use socket::{ReceiveError, Reply, WebSocket};
pub use time::Instant;
pub use transport::Transport;
pub use uri::{Uri, UriError};
