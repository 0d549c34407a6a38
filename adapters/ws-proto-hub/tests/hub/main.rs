//! The hub: policies driven by hand, connections in paused time, with compression too, backplanes in memory.

mod compression;
mod connections;
mod planes;
mod policies;
