//! A stream of bytes over a connection: what programs need that speak MQTT, SSH or a multiplexer over WebSocket, or
//! tunnel TCP.
//!
//! Programs use it through a shell: [`WebSocket::into_byte_stream`](crate::WebSocket::into_byte_stream) makes
//! [`io::ByteStream`](crate::io::ByteStream), `std::io::Read` and `Write`, over a blocking stream. `into_byte_stream` of the
//! asynchronous adapters makes `AsyncRead` and `AsyncWrite` of tokio and of futures. What all of them do alike stands here,
//! once.
//!
//! # Received
//!
//! | received | read |
//! |---|---|
//! | binary messages | their payloads, joined. Where a message ends cannot be seen |
//! | an empty message | nothing: it is no end |
//! | a big message, or one in fragments | pieces, as they come: nothing waits for the rest of it |
//! | a text message | an error: the connection fails with Close 1003. With [`accept_text`](ByteStreamOptions::accept_text) its UTF-8 bytes |
//! | Ping, Pong | nothing; they are answered as ever |
//! | Close 1000, 1001, or without a code (1005) | the end: 0 bytes |
//! | the same inside of a message | [`ByteStreamError::Unfinished`]: the bytes read are cut off |
//! | Close with another code | [`ByteStreamError::Closed`], which has code and reason |
//! | the end of the transport without a Close (1006) | [`ByteStreamError::Eof`]: the bytes read may be cut off |
//! | a fault of the peer's, a limit | [`ByteStreamError::Receive`], and a Close that says so |
//! | an error of the transport | that error |
//!
//! What came before the end or an error is read first. An error stays: every further read returns it again, so that data
//! that was cut off never looks complete.
//!
//! A message may be as long as [`Config::max_message`](crate::Config::max_message) allows, 16 MiB unless it says otherwise.
//! That is a limit, not the memory used: a piece holds what one read has brought, 64 KiB at most, or what 1 KiB of compressed
//! data inflates to, 1 MiB at most. What does not fit into the reader's buffer waits for the next read, and nothing more is
//! read from the transport before that, so a reader that does not read stops the peer. While a program only writes, up to
//! 2 MiB are read ahead for the Pings and the Close in between.
//!
//! # Sent
//!
//! A write sends one binary message of its argument, up to [`message_size`](ByteStreamOptions::message_size) (64 KiB
//! unless it says otherwise): it returns how much that was. A vectored write joins its buffers in one message. An empty
//! write sends nothing. The message goes to the transport at once, as far as that takes it; a flush waits until all is there.
//! So many small writes are many small messages: `BufWriter` makes big ones of them.
//!
//! A write waits while 16 KiB or more of the output wait for the transport. So a slow peer holds up the writer, and the output
//! holds one message and 16 KiB at most.
//!
//! With permessage-deflate, messages are compressed as `set_compressing` says.
//!
//! # Pauses
//!
//! A program that neither reads nor writes answers no Pings, and its peer cannot see that it only waits, for a slow
//! consumer for instance. A peer with keepalive ends the connection then: one of this crate's after 40 s, by
//! [`Config::keepalive`](crate::Config::keepalive) and [`Config::pong_timeout`](crate::Config::pong_timeout), or, if it has output that
//! nobody takes, after the [stall time](crate::opening::Options::stall_time) of 60 s at the latest. For streams that may pause longer, as
//! TCP may, set these times at both ends to the longest pause.
//!
//! # The end
//!
//! | call | action | effect |
//! |---|---|---|
//! | shutting down (`shutdown` of tokio and `io`, `close` of futures) | sends all that waits and Close 1000, and waits until the transport has it | writing fails with `BrokenPipe`; reading goes on until the peer's Close |
//! | the peer's Close | is answered with ours | reading gives the end, writing fails with `BrokenPipe` |
//! | dropping the stream | drops the transport | the peer sees no Close (1006), and unread bytes may be lost |
//!
//! WebSocket has no half-close: most peers answer our Close at once and drop their last messages
//! (RFC 6455 5.5.1). Where the peer does send more before its Close, it has the time of
//! [`Config::close_timeout`](crate::Config::close_timeout) for it, 10 s unless that says otherwise. With
//! [`Config::manual_close`](crate::Config::manual_close) at this end the peer's Close is the end of reading only, and writing
//! goes on until this end shuts down: two ends of this kind have half-close, and tunnel protocols that need it.
//!
//! To end well, shut down, read to the end, and then drop the stream: a transport that is dropped with bytes unread can be
//! reset, and that destroys the last bytes.

mod error;
mod options;
mod reader;

pub use error::{ByteStreamError, read_end, write_end};
pub use options::ByteStreamOptions;
pub use reader::{ByteReader, Filled, Source};

/// A write waits while so many bytes of output wait for the transport.
pub const WRITE_WAITS: usize = 16 * 1024;
