//! What every runtime relies on, over a stream, a clock and a timer that are driven by hand.

mod common;
#[cfg(all(feature = "net", unix))]
mod connecting;
mod ending;
mod flushing;
mod opening;
mod reconnecting;
mod schedules;
mod time;
mod values;
mod wakers;
