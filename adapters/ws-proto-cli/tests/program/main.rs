//! The program, run as a person or a script runs it.

mod client;
mod common;
mod ending;
mod hostile;
mod kit;
mod listen;
mod messages;
mod places;
mod proxy;
mod readme;
mod retry;
mod room;
mod session;
mod terminal;
mod tls;
mod usage;
