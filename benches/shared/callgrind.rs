//! Counting, by running this very program under callgrind.

use std::collections::BTreeMap;
use std::error::Error;
use std::hint::black_box;
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::work::{Row, Work};

/// The argument of the process that does the work.
pub const MEASURE: &str = "--measure";

/// What was counted of one row.
#[allow(dead_code, reason = "not every package prints all of it")]
#[derive(Clone, Debug, Default)]
pub struct Count {
    /// In user mode.
    pub instructions: u64,
    /// What the row reports itself.
    pub report: String,
}

static IS_COLLECTING: AtomicBool = AtomicBool::new(false);

/// Callgrind counts only inside of this function; it finds it by its name.
#[inline(never)]
fn collected(work: &mut dyn Work) {
    work.run();
    black_box(());
}

/// Callgrind stops counting inside of this function, if it counts; it finds it by its name.
#[inline(never)]
fn left_out(work: &mut dyn FnMut()) {
    work();
    black_box(());
}

/// Does work that is not counted, in the midst of counted work.
#[allow(dead_code, reason = "not every package has such work")]
pub fn apart(work: &mut dyn FnMut()) {
    // Callgrind toggles: outside of counted work, it would begin to count here.
    if IS_COLLECTING.load(Ordering::Relaxed) {
        left_out(work);
    } else {
        work();
    }
}

/// Does the work of one row: once to warm up memory that is allocated only once, once to be counted.
pub fn run(row: Row) {
    let mut work = (row.setup)();
    work.refill();
    work.run();
    work.refill();
    IS_COLLECTING.store(true, Ordering::Relaxed);
    collected(black_box(&mut *work));
    IS_COLLECTING.store(false, Ordering::Relaxed);
    print!("{}", work.report());
}

/// What is counted of each row.
pub fn measure(
    names: impl Iterator<Item = String>,
) -> Result<BTreeMap<String, Count>, Box<dyn Error>> {
    let names: Vec<String> = names.collect();
    let next = AtomicUsize::new(0);
    let counts = Mutex::new(BTreeMap::new());
    let failed = Mutex::new(Vec::new());
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while let Some(name) = names.get(next.fetch_add(1, Ordering::Relaxed)) {
                    match count(name) {
                        Ok(count) => {
                            counts.lock().unwrap().insert(name.clone(), count);
                        }
                        Err(error) => failed.lock().unwrap().push(format!("{name}: {error}")),
                    }
                }
            });
        }
    });
    let failed = failed.into_inner()?;
    if failed.is_empty() {
        Ok(counts.into_inner()?)
    } else {
        Err(failed.join("\n").into())
    }
}

/// The functions that copy memory are chosen by the C library by what the processor has. These are
/// the ones that every x86-64 has, so that the counts are the same on others. They have no `rep movsb`
/// either, which is counted as an instruction for each byte.
const TUNABLES: &str = "glibc.cpu.hwcaps=-AVX512F,-AVX512VL,-AVX512BW,-AVX2,-AVX,-ERMS,-FSRM,-SSSE3,-SSE4_1,-SSE4_2:\
     glibc.cpu.x86_non_temporal_threshold=0x10000000";

/// The environment is part of the stack: it is left out.
fn count(name: &str) -> Result<Count, Box<dyn Error + Send + Sync>> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg("--toggle-collect=*::callgrind::collected")
        .arg("--toggle-collect=*::callgrind::left_out")
        .arg(std::env::current_exe()?)
        .args([MEASURE, name])
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("GLIBC_TUNABLES", TUNABLES)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("valgrind: {error}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        return Err(said.into());
    }
    let collected = said
        .lines()
        .find_map(|line| line.split_once("Collected : "))
        .and_then(|(_, count)| count.trim().parse().ok());
    match collected {
        Some(instructions) if instructions > 0 => Ok(Count {
            instructions,
            report: String::from_utf8_lossy(&output.stdout).into_owned(),
        }),
        _ => Err(format!("nothing was counted: {said}").into()),
    }
}

/// The instructions alone.
pub fn instructions(counts: &BTreeMap<String, Count>) -> BTreeMap<String, u64> {
    let pairs = counts.iter();
    pairs
        .map(|(name, count)| (name.clone(), count.instructions))
        .collect()
}
