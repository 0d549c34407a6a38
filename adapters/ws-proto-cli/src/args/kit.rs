use std::path::PathBuf;

use clap::Args;

/// What is done with the test kit: recordings, and peers that misbehave.
#[derive(Debug, Args)]
#[command(next_help_heading = "For tests and reports")]
pub(crate) struct KitArgs {
    /// Record all bytes of the connection in this file, passwords and tokens too, and further connections in FILE-2
    /// and so on. An old file is replaced as soon as the server is connected to
    #[arg(long, value_name = "FILE", conflicts_with = "hostile")]
    pub(crate) record: Option<PathBuf>,

    /// Print a recording as frames
    #[arg(long, value_name = "FILE", conflicts_with_all = ["url", "listen", "hostile", "record"])]
    pub(crate) show: Option<PathBuf>,

    /// Play a recording to the engine of this wsp, and compare its output byte for byte
    #[arg(long, value_name = "FILE", conflicts_with_all = ["url", "listen", "hostile", "record", "show"])]
    pub(crate) replay: Option<PathBuf>,

    /// Misbehave, as a client or with --listen as a server, and check the reaction of the other end; 'list' lists the
    /// names, 'all' does all of them, one after the other
    #[arg(long, value_name = "NAME")]
    pub(crate) hostile: Option<String>,
}
