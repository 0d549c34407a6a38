use ws_proto::reconnect::{Backoff, BackoffConfig, End, retry_after};
use ws_proto::{ProtocolError, TimedOut, UnexpectedEof};

use crate::{given, state, used};

program!("End::is_transient", state::<End>().is_transient());
program!("End::from(ProtocolError)", {
    End::from(given::<ProtocolError>())
});
program!("End::from(TimedOut)", End::from(given::<TimedOut>()));
program!("End::from(UnexpectedEof)", {
    End::from(given::<UnexpectedEof>())
});
program!("Backoff::new", Backoff::new(given()));
program!("Backoff::attempts", state::<Backoff>().attempts());
program!("Backoff::connected", state::<Backoff>().connected(given()));
program!("Backoff::ended", {
    state::<Backoff>().ended(given(), given(), given())
});
program!("Backoff::retry", {
    state::<Backoff>().retry(given(), given(), given())
});
program!("Backoff::reset", state::<Backoff>().reset());
program!("BackoffConfig::new", BackoffConfig::new());
program!("BackoffConfig::default", BackoffConfig::default());
program!("BackoffConfig::busy", {
    given::<BackoffConfig>().busy(given(), given())
});
program!("BackoffConfig::cap", given::<BackoffConfig>().cap(given()));
program!("BackoffConfig::first", {
    given::<BackoffConfig>().first(given())
});
program!("BackoffConfig::max_attempts", {
    given::<BackoffConfig>().max_attempts(given())
});
program!("BackoffConfig::max_retry_after", {
    given::<BackoffConfig>().max_retry_after(given())
});
program!("BackoffConfig::settled", {
    given::<BackoffConfig>().settled(given())
});
program!("retry_after", retry_after(given()));
