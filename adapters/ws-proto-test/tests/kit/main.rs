//! The kit: links, peers, recordings, and what its recipes find.

mod futures;
mod hostile;
mod link;
mod paused;
mod peer;
mod record;
