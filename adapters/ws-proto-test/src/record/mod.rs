//! Recordings of connections, to be replayed or shown.
//!
//! | recorded | by | a replay |
//! |---|---|---|
//! | any stream of `std`, tokio or futures-io | [`Recorder::stream`] | does the handshake again, receives the same bytes, sends the messages that were sent, and compares the written bytes |
//! | the engine's driver, every call of it | [`RecordedWebSocket`] | makes the same calls, and compares the results and the written bytes |
//!
//! [`replay`] plays both, byte for byte. [`show`] prints frames. `wsp --record FILE` and `--show FILE` (of `ws-proto-cli`)
//! do it on the command line.
//!
//! # The format
//!
//! A recording is text in UTF-8, one JSON object a line; its name ends in `.jsonl`. The first line is the [`Header`]:
//!
//! ```json
//! {"format":"ws-proto-recording","version":1,"of":"stream","side":"client","program":"wsp 0.1.0","settings":{"max_message":16777216}}
//! ```
//!
//! `of` is `stream` or `websocket`; `side` is the end that was recorded; all of `settings` can be left out, then they are the
//! defaults of the engine ([`Settings`]). Every further line has `at`, microseconds since the recording began, and `event`:
//!
//! | `event` | members | what happened |
//! |---|---|---|
//! | `received`, `sent` | `bytes` | these bytes were read, or written, by one call |
//! | `received_end`, `sent_end` | | the end was read; the writing side was ended |
//! | `receive_failed`, `send_failed` | `error` | reading failed, or writing or its end; the name of an [`ErrorKind`](std::io::ErrorKind) |
//!
//! and of a `websocket`:
//!
//! | `event` | members | what happened |
//! |---|---|---|
//! | `opened` | `deflate` | the connection was made, with these parameters of RFC 7692 |
//! | `tick` | `now`, `result` | the time in milliseconds, the next deadline |
//! | `next` | `want`, `result`, `bytes` | the program asked for received items |
//! | `send` | `send` and its arguments, `result` | the program sent a message, a part, a control frame |
//! | `key` | `bytes` | a masking key was drawn |
//!
//! `bytes` are base64 with padding. A reader ignores members and events that it does not know; a change that makes a
//! recording mean something else raises `version`. The last line of a program that was killed can be cut off: readers leave
//! it out.
//!
//! A recording has everything in it that went over the connection: cookies, tokens and messages. Read it with [`show`]
//! before you give it to somebody.

mod format;
mod recorder;
mod replay;
mod settings;
mod show;
mod stream_replay;
mod websocket;

pub use format::{Bytes, Event, FORMAT, Header, Line, Recording, Send, Subject, VERSION, Wanted};
pub use recorder::{Recorded, Recorder};
pub use replay::{Difference, Replayed, replay};
pub use settings::{Agreed, DeflateSettings, Settings};
pub use show::show;
pub use websocket::{Found, RecordedWebSocket};
