//! The program, run as a person or a script runs it.

mod client;
mod common;
mod listen;
mod readme;
mod terminal;
mod tls;
