//! The programs that axum has as examples for its own extractor, with this one. What differs is in the table of the
//! crate's documentation.

mod chat;
mod greetings;
mod shared_log;
mod testing;
