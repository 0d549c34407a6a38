use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// The environment variable that names the only seed to run: see [`for_each_seed`].
pub const SEED: &str = "WS_PROTO_TEST_SEED";

/// Runs a test with the seeds 0 to `count - 1`. If the test panics, this prints the seed, and the environment variable
/// that runs that one alone: `WS_PROTO_TEST_SEED`, set to the seed.
///
/// ```
/// use ws_proto_test::for_each_seed;
/// use ws_proto_test::link::Link;
///
/// for_each_seed(10, |seed| {
///     let (left, right) = Link::random(seed).ends();
///     // ...
///     # let _ = (left, right);
/// });
/// ```
///
/// # Panics
///
/// If the test panics, and if the variable is not a number from 0 to 2^64 - 1.
pub fn for_each_seed(count: u64, test: impl Fn(u64)) {
    let run = |seed| {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| test(seed))) {
            eprintln!("failed with seed {seed}; {SEED}={seed} runs only that one");
            resume_unwind(panic);
        }
    };
    match std::env::var(SEED) {
        Err(_) => (0..count).for_each(run),
        Ok(seed) => run(seed
            .parse()
            .unwrap_or_else(|_| panic!("{SEED}={seed} is not a number"))),
    }
}
