//! Timing: short rounds of all contenders by turns, thread CPU time, medians.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

pub struct Contender {
    pub name: &'static str,
    /// How many units a round is a multiple of: those of one lap over the wire, so that nobody ends
    /// a round with more messages read than counted.
    pub lap: usize,
    /// Does that many units of work.
    pub run: Box<dyn FnMut(usize)>,
}

#[derive(Clone, Copy)]
pub struct Effort {
    pub rounds: usize,
    pub round: Duration,
}

fn now() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// Nanoseconds a unit, for each contender.
pub fn medians(contenders: &mut [Contender], effort: Effort) -> Vec<f64> {
    let counts: Vec<usize> = contenders
        .iter_mut()
        .map(|each| calibrate(each, effort.round))
        .collect();
    let mut times = vec![Vec::with_capacity(effort.rounds); contenders.len()];
    for _ in 0..effort.rounds {
        for ((contender, &count), times) in contenders.iter_mut().zip(&counts).zip(&mut times) {
            let start = now();
            (contender.run)(count);
            times.push((now() - start).as_nanos() as f64 / count as f64);
        }
    }
    times
        .into_iter()
        .map(|mut times| {
            times.sort_by(f64::total_cmp);
            times[times.len() / 2]
        })
        .collect()
}

/// How many units take about that long; warms up too.
fn calibrate(contender: &mut Contender, round: Duration) -> usize {
    let mut count = contender.lap;
    loop {
        let start = now();
        (contender.run)(count);
        let took = now() - start;
        if took >= round / 4 || count > 1 << 24 {
            let laps = (count / contender.lap) as f64;
            let wanted = laps * round.as_secs_f64() / took.as_secs_f64().max(1e-9);
            return (wanted as usize).max(1) * contender.lap;
        }
        count *= 2;
    }
}
