//! The kit: links, peers, recordings, and what its recipes find.

mod chromium;
mod futures;
mod hostile;
mod link;
mod paused;
mod peer;
mod record;
mod strangers;
mod threads;
