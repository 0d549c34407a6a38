use std::path::PathBuf;

use clap::Args;

/// What is done with the test kit: recordings, and peers that misbehave.
#[derive(Debug, Args)]
#[command(next_help_heading = "For tests and reports")]
pub(crate) struct KitArgs {
    /// Record all bytes of the connection in this file, passwords and tokens too; further connections in FILE-2 and so on;
    /// what was in these files before is lost
    #[arg(long, value_name = "FILE", conflicts_with = "hostile")]
    pub(crate) record: Option<PathBuf>,

    /// Print a recording as frames
    #[arg(long, value_name = "FILE", conflicts_with_all = ["url", "listen", "hostile", "record"])]
    pub(crate) show: Option<PathBuf>,

    /// Play a recording to the engine of this wsp, and compare what it writes byte for byte
    #[arg(long, value_name = "FILE", conflicts_with_all = ["url", "listen", "hostile", "record", "show"])]
    pub(crate) replay: Option<PathBuf>,

    /// Misbehave, as a client or with --listen as a server, and report what the other end does about it; 'list' names the
    /// ways, 'all' takes one after the other
    #[arg(long, value_name = "NAME")]
    pub(crate) hostile: Option<String>,
}
