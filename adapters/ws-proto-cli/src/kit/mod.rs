//! What the test kit adds: recordings, and peers that misbehave.

mod hostile;
mod recordings;

use std::fs::File;
use std::io::{self, BufReader, Write};

use anyhow::Context;
use ws_proto_test::record::{Recorded, Recording, replay, show};

use crate::args::Args;
use crate::failure::{Exit, Failure, OrExit, failure};

pub(crate) use recordings::Recordings;

/// What the client connects over: recorded, if it is asked to.
pub(crate) type ClientStream = Recorded<ws_proto_tokio::ClientStream>;

/// Does what needs no connection of this program's own kind; `None` if that is not asked for.
pub(crate) fn run(args: &Args) -> Option<Result<(), Failure>> {
    if let Some(path) = &args.kit.show {
        return Some(read(path).and_then(|recording| {
            let mut text = String::new();
            show(&recording, &mut text).or_exit(Exit::Usage)?;
            print(&text)
        }));
    }
    if let Some(path) = &args.kit.replay {
        return Some(read(path).and_then(|recording| match replay(&recording) {
            Ok(replayed) => print(&format!("{replayed}\n")),
            Err(difference) => Err(failure(
                Exit::Closed,
                format_args!("{}: {difference}", path.display()),
            )),
        }));
    }
    let name = args.kit.hostile.as_ref()?;
    Some(hostile::run(args, name))
}

fn read(path: &std::path::Path) -> Result<Recording, Failure> {
    let shown = || format!("{} cannot be read as a recording", path.display());
    let file = File::open(path).with_context(shown).or_exit(Exit::Usage)?;
    Recording::read(BufReader::new(file))
        .with_context(shown)
        .or_exit(Exit::Usage)
}

/// To standard output. That nobody reads it is no error.
fn print(text: &str) -> Result<(), Failure> {
    match io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error).or_exit(Exit::Usage),
        _ => Ok(()),
    }
}
