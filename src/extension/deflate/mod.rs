//! permessage-deflate (RFC 7692).

mod config;
mod decoder;
mod deflater;
mod encoder;
mod inflater;
mod negotiate;
mod params;
mod pool;

pub use config::Deflate;
pub use decoder::{DeflateDecoder, Inflated, Inflating};
pub use encoder::DeflateEncoder;
pub use negotiate::DeflateElement;
pub use params::DeflateParams;
pub use pool::DeflatePool;

/// How much of its output buffer a compressor keeps between messages.
const RETAINED: usize = 4096;
