//! The hub: policies driven by hand, connections in paused time, backplanes in memory.

mod connections;
mod planes;
mod policies;
