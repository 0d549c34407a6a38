//! The fault matrix: scenarios, times the ways to cut the input, to drain the output and to take
//! events, times the faults that can strike at every byte of them.
//!
//! Each run ends in a normal form ([`run::Trace`]) and in the bytes written. What is demanded:
//!
//! * the same of both for every split, drain and pace, every event at the same byte of the input,
//!   and an error in the feed that brings the byte which proves it;
//! * one terminal event at most, nothing emitted and nothing written after it;
//! * output that is bounded by the input and is a sequence of frames that may be sent;
//! * a clean end exactly when both Close frames are on the wire.
//!
//! `WS_PROTO_DEEP=1` takes longer inputs for pairs of cuts, all small scenarios and all kinds of
//! faults for pairs of faults, and all cores: 10^8 runs. That is for an optimised build:
//! `WS_PROTO_DEEP=1 cargo test --release --test fault_matrix`.

#![allow(clippy::std_instead_of_alloc, reason = "tests have std")]

mod engine;
mod matrix;
mod memory;
mod messages;
mod reference;
mod run;
mod scenario;
mod sink;
mod streams;

use std::io::Write;
use std::time::Instant;

use matrix::{FAMILIES, Matrix};
use ws_proto_suite::heap::Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const LEAST_RUNS: u64 = 4_000_000;

#[test]
fn the_fault_matrix() {
    let deep = std::env::var_os("WS_PROTO_DEEP").is_some_and(|value| value != "0");
    let scenarios = scenario::all();
    assert!(scenarios.len() >= 150, "{} scenarios", scenarios.len());
    let threads = if deep {
        std::thread::available_parallelism().map_or(1, usize::from)
    } else {
        1
    };
    let mut out = std::io::stdout();
    let mut total = 0;
    for (name, family) in FAMILIES {
        let start = Instant::now();
        let share = |first: usize| {
            let mut matrix = Matrix::new(deep);
            for scenario in scenarios.iter().skip(first).step_by(threads) {
                family(&mut matrix, scenario);
            }
            matrix.runs()
        };
        let runs: u64 = std::thread::scope(|scope| {
            let all: Vec<_> = (0..threads)
                .map(|n| scope.spawn(move || share(n)))
                .collect();
            all.into_iter()
                .map(|thread| thread.join().expect("no run fails"))
                .sum()
        });
        // Straight to the stream: the harness would swallow the output.
        let seconds = start.elapsed().as_secs_f64();
        let _ = writeln!(
            out,
            "fault matrix: {runs:>10} runs in {seconds:6.1} s, {name}"
        );
        total += runs;
    }
    let _ = writeln!(
        out,
        "fault matrix: {total:>10} runs, {} scenarios",
        scenarios.len()
    );
    assert!(total >= LEAST_RUNS, "{total} runs");
}
