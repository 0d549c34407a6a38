//! Counts of comparisons.

use core::fmt::Debug;
use std::io::Write as _;
use std::time::Instant;

/// A list of differences that are known, each with its reason.
pub(crate) trait Listed: Copy + Debug + PartialEq + 'static {
    fn reason(self) -> &'static str;
}

pub(crate) struct Tally<K> {
    what: &'static str,
    started: Instant,
    compared: u64,
    same: u64,
    known: Vec<(K, u64)>,
}

impl<K: Listed> Tally<K> {
    /// With the known differences that occur in this comparison.
    pub(crate) fn new(what: &'static str, known: &[K]) -> Self {
        Self {
            what,
            started: Instant::now(),
            compared: 0,
            same: 0,
            known: known.iter().map(|&known| (known, 0)).collect(),
        }
    }

    /// Counts one input, with the known differences it showed.
    pub(crate) fn add(&mut self, differences: &[K]) {
        self.compared += 1;
        if differences.is_empty() {
            self.same += 1;
        }
        for difference in differences {
            let listed = self.known.iter_mut().find(|(known, _)| known == difference);
            let (_, count) =
                listed.unwrap_or_else(|| panic!("{difference:?} is not for {}", self.what));
            *count += 1;
        }
    }

    /// Prints the counts, past the capture of the test harness, and fails on a dead entry.
    pub(crate) fn finish(self) {
        let mut table = format!(
            "{}, seed {:#x}: {} compared, {} the same in everything, {:.1} s\n",
            self.what,
            crate::seed(),
            self.compared,
            self.same,
            self.started.elapsed().as_secs_f64(),
        );
        for (known, count) in &self.known {
            table += &format!("{count:>9}  {known:?}: {}\n", known.reason());
        }
        let _ = std::io::stderr().write_all(table.as_bytes());
        if self.compared < crate::DEFAULT_STREAMS {
            return; // too few to expect the rare ones
        }
        for (known, count) in self.known {
            assert!(count > 0, "{known:?} is listed, but does not occur");
        }
    }
}
