//! permessage-deflate (RFC 7692): messages compressed with DEFLATE.
//!
//! ```text
//!  Deflate -- offer() -----> ClientRequest     Upgrade -- accept() --> Accept     (the handshake)
//!     |                          |                           |
//!     +-- answered() <-- Established               DeflateElement::params()
//!              |                                             |
//!              v                                             v
//!        DeflateParams ------ WebSocket::with_deflate, Deflate::client, Deflate::server
//!                                   |                                    |
//!                             DeflateEncoder                      DeflateDecoder
//! ```
//!
//! It is off unless asked for: a [`Deflate`] has the parameters to offer or accept, the handshake
//! negotiates it, and [`WebSocket::with_deflate`](crate::WebSocket::with_deflate) turns it on.
//! [`Connector::deflate`](crate::opening::Connector::deflate) and
//! [`Acceptor::deflate`](crate::opening::Acceptor::deflate) do all that. To a bare [`Connection`](crate::Connection) belong the two codecs: a
//! [`DeflateEncoder`] sends by it, a [`DeflateDecoder`] goes into an
//! [`Assembler`](crate::Assembler) or [inflates](DeflateDecoder::inflate) piece by piece.
//!
//! ```
//! use ws_proto::extension::deflate::{Deflate, DeflateParams};
//! use ws_proto::{Config, WebSocket};
//!
//! let deflate = Deflate::new();
//! let params = DeflateParams::new(); // as the handshake has agreed
//! let mut server =
//!     WebSocket::server(params.negotiated(), Config::new()).with_deflate(&deflate, params);
//! server.sender().send_text(&"all the same ".repeat(100))?;
//! assert!(server.pending().len() < 50);
//! # Ok::<(), ws_proto::SendError>(())
//! ```
//!
//! # Secrets
//!
//! The length of compressed data reveals its content. Where a secret is compressed together
//! with text that an attacker chose, in one message or with context takeover in several, the
//! attacker can find out the secret by watching lengths, through TLS too (RFC 7692 8). Send such
//! messages uncompressed: by [`Sender::uncompressed`](crate::Sender::uncompressed), or by the
//! [`Connection`](crate::Connection) itself. That leaves the window alone.
//!
//! # Limits
//!
//! The message limit counts inflated bytes and is looked at while inflating: one byte more than the
//! limit is inflated, whatever a message claims to become. The frame limit counts bytes on the
//! wire. A decoder takes the memory of the table below and no more.
//!
//! # Memory
//!
//! Bytes held between messages, measured on a 64-bit system with small messages. Nothing is
//! allocated before the first compressed message in that direction.
//!
//! | context takeover | window bits | memory level | compressor | decompressor |
//! |---|---|---|---|---|
//! | yes | 15 | 9 | 495 444 | 80 488 |
//! | yes | 15 | 8 | 380 756 | 80 488 |
//! | yes | 15 (default) | 5 (default) | 280 404 | 80 488 |
//! | yes | 15 | 1 | 266 964 | 80 488 |
//! | yes | 12 | 5 | 165 716 | 51 816 |
//! | yes | 10 | 5 | 153 428 | 51 816 |
//! | yes | 9, 8 | 1 | 137 940 | 51 816 |
//! | no | any | any | 0 | 0 |
//! | no, with a [`DeflatePool`] | any | any | 0, and one in the pool | 0, and one in the pool |
//!
//! 128 KiB of a compressor are hash chains whose size is fixed, 32 KiB of a decompressor a window
//! whose size is fixed. After the largest messages a compressor keeps up to 4 KiB of output buffer
//! on top. An idle connection can give its compressor back at any time
//! ([`DeflateEncoder::release`]).
//!
//! Without context takeover and without a pool the codecs are made anew for each message, which
//! takes longer than a small message. Give the [`Deflate`] a [pool](Deflate::pool).
//!
//! # Choices
//!
//! Where RFC 7692 leaves a choice, this module does the following:
//!
//! | received | reaction |
//! |---|---|
//! | a distance beyond the window agreed on | taken up to 32 KiB, however input and output are cut. After a final block the history has the window agreed on, 4 KiB at least |
//! | final blocks (BFINAL), anywhere | the next block goes on with the history |
//! | thousands of final blocks of a few bytes in a row | 1009, since each costs time |
//! | a message that does not end in the header of an empty stored block, as 7.2.1 has it: cut, without any data, or with its tail left on | 1007 |
//! | data that is not DEFLATE | 1007 |
//! | a text that is not UTF-8 | 1007, at the piece that makes it certain |
//! | more bytes than the limit | 1009. What is wrong in front of the limit comes first |
//! | an offer with parameters unknown, repeated or out of range | passed over, never 400 |
//! | `client_no_context_takeover` in an offer | answered: that window need not be kept |
//! | an answer that does not grant the offer, or has a parameter that was not offered | the handshake fails |
//! | a window of 8 bits to compress with | a compressor of 9 that never refers back more than 250 bytes |
//!
//! After an error the connection has failed: the history is lost.
//!
//! A known limit: if the last byte of the tail that is put back completes both the header and the
//! end of a block with codes of its own, that is taken for the end of the message. It has to be
//! made on purpose; the message is emitted as far as it goes, and the next compressed one fails with
//! 1007.

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
