//! Opening handshakes of both roles, through proxies too, URIs, and when to try again.
#![allow(
    clippy::std_instead_of_alloc,
    clippy::std_instead_of_core,
    reason = "tests have std"
)]

mod answers;
mod client;
mod costs;
mod cuts;
mod extended_connect;
mod grammar;
mod happy_eyeballs;
mod http;
mod kept;
mod opening;
mod past;
mod peers;
mod proxy;
mod proxy_connect;
mod proxy_url;
mod proxying;
mod reconnect;
mod requirements;
mod scan;
mod server;
mod uri;
mod vectors;
