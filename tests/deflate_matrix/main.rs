//! Compressed messages in every cut, drain and pace, with faults at every place, of both roles.
//!
//! Each scenario is played byte by byte with an `Assembler`. The messages, the output and how
//! it ends has to be the same with the decoder alone and with a `WebSocket`, however the input is
//! cut, the output is drained and events are taken; each message and the error in the feed that
//! brings their last byte. After an error or a Close nothing more is emitted or written. What is sent
//! in between can be inflated with a window of the size agreed on.
#![cfg(feature = "deflate")]
#![allow(clippy::std_instead_of_alloc, reason = "tests have std")]

mod ends;
mod matrix;
mod run;
mod scenario;
mod sink;

use matrix::Matrix;
use scenario::Scenario;

/// Plays all scenarios, prints the number of runs and demands so many.
fn play(name: &str, least: u64, family: fn(&mut Matrix, &Scenario)) {
    let mut matrix = Matrix::default();
    for scenario in &scenario::all() {
        family(&mut matrix, scenario);
    }
    let [failed, clean, cut] = matrix.ends;
    let runs = matrix.runs;
    println!("{name}: {runs} runs: {failed} failed, {clean} ended cleanly, {cut} were cut");
    assert!(runs >= least, "{name}: {runs} runs");
    assert!(failed > 0 && cut > 0, "{name}: all runs ended alike");
}

#[test]
fn every_split_taker_drain_and_pace() {
    play("ways", 50_000, Matrix::splits_takers_drains_paces);
}

#[test]
fn every_pair_of_cuts() {
    play("pairs of cuts", 20_000, Matrix::pairs_of_cuts);
}

/// Where the transport ends, complete messages are emitted, and nothing else.
#[test]
fn an_end_at_every_byte() {
    play("ends", 10_000, Matrix::ends_at_every_byte);
}

#[test]
fn a_call_at_every_byte() {
    play("calls", 20_000, Matrix::calls_at_every_byte);
}

#[test]
fn a_limit_of_every_size() {
    play("limits", 10_000, Matrix::limits_of_every_size);
}

#[test]
fn a_fault_at_every_place() {
    play("changes", 30_000, Matrix::changes_at_every_byte);
}

#[test]
fn two_faults_everywhere() {
    play("two faults", 50_000, Matrix::two_faults);
}
