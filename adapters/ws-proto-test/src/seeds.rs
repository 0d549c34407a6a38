use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// The environment variable that names the only seed to run.
pub const SEED: &str = "WS_PROTO_TEST_SEED";

/// Runs a test with the seeds 0 to `count - 1`. When it panics, the seed is printed, and how to run that one alone:
/// with `WS_PROTO_TEST_SEED` set to it.
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
/// As the test does, and if the variable is not a number.
pub fn for_each_seed(count: u64, test: impl Fn(u64)) {
    let seeds = match std::env::var(SEED) {
        Err(_) => 0..count,
        Ok(seed) => {
            let only = seed
                .parse()
                .unwrap_or_else(|_| panic!("{SEED}={seed} is not a number"));
            only..only + 1
        }
    };
    for seed in seeds {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| test(seed))) {
            eprintln!("failed with seed {seed}; {SEED}={seed} runs only that one");
            resume_unwind(panic);
        }
    }
}
