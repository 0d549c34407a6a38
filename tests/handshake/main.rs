//! Opening handshakes of both roles, URIs, and when to try again.
#![allow(
    clippy::std_instead_of_alloc,
    clippy::std_instead_of_core,
    reason = "tests have std"
)]

mod answers;
mod client;
mod costs;
mod cuts;
mod grammar;
mod http;
mod kept;
mod opening;
mod past;
mod peers;
mod proxy;
mod reconnect;
mod requirements;
mod scan;
mod server;
mod uri;
mod vectors;
