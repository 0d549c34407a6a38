//! What every runtime relies on, over a stream, a clock and a timer that are driven by hand.

mod common;
mod ending;
mod reconnecting;
mod time;
mod wakers;
