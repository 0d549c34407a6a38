//! Progress bars on standard error, and printing while they are there.

use std::sync::LazyLock;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use crate::args::Args;

/// All bars: there is one terminal. It is hidden where standard error is none.
static BARS: LazyLock<MultiProgress> = LazyLock::new(MultiProgress::new);

/// A bar for something of this length, if that is known.
pub(crate) fn bar(args: &Args, len: Option<u64>, name: &str) -> ProgressBar {
    if args.quiet {
        return ProgressBar::hidden();
    }
    let bar = match len {
        Some(len) => ProgressBar::new(len),
        None => ProgressBar::no_length(),
    };
    let template = if len.is_some() {
        "{msg} {wide_bar} {bytes}/{total_bytes}, {bytes_per_sec}, {eta} left"
    } else {
        "{msg} {bytes}, {bytes_per_sec}"
    };
    let bar = BARS.add(bar.with_message(name.to_owned()));
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

/// Prints whole lines while no bar is shown.
pub(crate) fn without<T>(print: impl FnOnce() -> T) -> T {
    BARS.suspend(print)
}
