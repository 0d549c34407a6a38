//! The peer of the scripts in `adapters/tests`, on `ws-proto-mio`.

#[path = "turns/mod.rs"]
mod turns;

extern crate rustls;

fn main() -> anyhow::Result<()> {
    turns::main()
}
