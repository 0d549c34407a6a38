//! The programs, by module of the engine.

mod buf;
mod close;
mod connection;
mod frame;
mod handshake;
mod message;
mod proxy;
mod reconnect;
mod uri;
mod utf8;
