//! Stops the thread that `async-io` keeps for programs that do not drive its reactor.
//!
//! Here `smol::block_on` drives it. The thread would look in from time to time, and handle an event now
//! and then, depending on the time: counts of two runs would differ by up to 4 %. It has no switch. But
//! it enters a span of `tracing` when it starts, before it holds anything: there it is left waiting.

use std::sync::atomic::{AtomicBool, Ordering};

use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::Interest;
use tracing::{Event, Metadata, Subscriber};

/// The span, which is the thread's alone.
const SPAN: &str = "async_io::main_loop";

static IS_STOPPED: AtomicBool = AtomicBool::new(false);

/// Call it before anything of smol's.
pub fn stop_async_io() {
    tracing::subscriber::set_global_default(Trap).unwrap();
    smol::block_on(async {}); // starts the thread
    while !IS_STOPPED.load(Ordering::Acquire) {
        std::thread::yield_now();
    }
    // From now on, nothing is traced.
    tracing::callsite::rebuild_interest_cache();
}

struct Trap;

impl Subscriber for Trap {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        if self.enabled(metadata) {
            Interest::always()
        } else {
            Interest::never()
        }
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.name() == SPAN
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(if IS_STOPPED.load(Ordering::Acquire) {
            LevelFilter::OFF
        } else {
            LevelFilter::TRACE
        })
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn enter(&self, _: &Id) {
        IS_STOPPED.store(true, Ordering::Release);
        loop {
            std::thread::park();
        }
    }

    fn exit(&self, _: &Id) {}

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, _: &Event<'_>) {}
}
