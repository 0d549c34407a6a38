//! Files, sent as one message each.

use std::path::Path;

use anyhow::{Context, anyhow};
use indicatif::ProgressBar;
use tokio::fs::File;
use tokio::io::{AsyncRead, AsyncReadExt, stdin};
use ws_proto_tokio::{Fin, Utf8Bytes, WriteHalf};

use super::Unsent;
use crate::args::Args;
use crate::bars::bar;
use crate::kit::ClientStream;
use crate::print::{Printer, Sent};

/// How much of a file is one frame, and held, at its beginning and later on.
const PARTS: (usize, usize) = (64 * 1024, 4 << 20);

/// After so many frames they are twice as big. Servers take a bounded number of frames for a message, 1024 for
/// instance: that is enough for 2 GiB.
const GROWTH: usize = 64;

fn part_size(number: usize) -> usize {
    let (first, last) = PARTS;
    let doubled = u32::try_from(number / GROWTH).ok();
    doubled
        .and_then(|n| first.checked_mul(2_usize.checked_pow(n)?))
        .map_or(last, |size| size.min(last))
}

/// Sends a file as one message, holding a part of it at a time.
pub(super) async fn send_file(
    write: &mut WriteHalf<ClientStream>,
    args: &Args,
    printer: &Printer,
    path: &Path,
) -> Result<(), Unsent> {
    let (name, bytes) = if path == Path::new("-") {
        let name = "standard input".to_owned();
        let bar = bar(args, None, &name);
        let bytes = send_parts(write, args, &mut stdin(), &name, &bar).await?;
        ("-".to_owned(), bytes)
    } else {
        send_named(write, args, path).await?
    };
    let is_text = args.text;
    let sent = || Sent::File {
        name,
        is_text,
        bytes,
    };
    printer.sent(sent).await;
    Ok(())
}

async fn send_named(
    write: &mut WriteHalf<ClientStream>,
    args: &Args,
    path: &Path,
) -> Result<(String, u64), Unsent> {
    let name = path.display().to_string();
    let opened = async {
        let file = File::open(path).await?;
        let len = file.metadata().await?.len();
        Ok::<_, std::io::Error>((file, len))
    };
    let opened = opened
        .await
        .with_context(|| format!("--file {name} cannot be read"));
    let (mut file, len) = opened.map_err(Unsent::Input)?;
    let bar = bar(args, Some(len), &name);
    let named = format!("--file {name}");
    let bytes = send_parts(write, args, &mut file, &named, &bar).await?;
    Ok((name, bytes))
}

/// How many bytes were sent.
async fn send_parts(
    write: &mut WriteHalf<ClientStream>,
    args: &Args,
    from: &mut (impl AsyncRead + Unpin),
    name: &str,
    bar: &ProgressBar,
) -> Result<u64, Unsent> {
    let (mut held, mut bytes) = (Vec::new(), 0_u64);
    for number in 0_usize.. {
        // After the beginning of a character, if there is one.
        let room = (part_size(number) - held.len()) as u64;
        let read = (&mut *from).take(room).read_to_end(&mut held).await;
        let read = read.with_context(|| format!("{name} cannot be read"));
        let read = read.map_err(Unsent::Input)?;
        bar.inc(read as u64);
        bytes += read as u64;
        let is_end = read < room as usize;
        let fin = if is_end { Fin::Yes } else { Fin::No };
        if args.text {
            let rest = whole_characters(&held, is_end).map_err(|()| {
                Unsent::Input(anyhow!("{name} is not UTF-8: send it without --text"))
            })?;
            let rest = held.split_off(rest);
            let text = String::from_utf8(std::mem::replace(&mut held, rest));
            let text = text.map_err(|error| Unsent::Input(error.into()))?;
            write.send_text_part(Utf8Bytes::from(text), fin).await?;
        } else {
            write
                .send_binary_part(std::mem::take(&mut held), fin)
                .await?;
        }
        if is_end {
            write.flush().await?;
            bar.finish_and_clear();
            break;
        }
    }
    Ok(bytes)
}

/// How many bytes are whole characters; an error if there is something else than the beginning of
/// one after them.
fn whole_characters(bytes: &[u8], is_end: bool) -> Result<usize, ()> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(text.len()),
        Err(error) if error.error_len().is_none() && !is_end => Ok(error.valid_up_to()),
        Err(_) => Err(()),
    }
}

#[cfg(test)]
mod tests {
    use super::{part_size, whole_characters};

    #[test]
    fn a_big_file_has_few_parts() {
        assert_eq!(
            (part_size(0), part_size(63), part_size(64)),
            (65536, 65536, 131_072)
        );
        assert_eq!(part_size(usize::MAX), 4 << 20);
        let sent: usize = (0..1024).map(part_size).sum();
        assert!(sent > 2 << 30, "{sent}");
    }

    #[test]
    fn a_text_is_cut_between_characters() {
        let text = "a\u{20ac}".as_bytes();
        for (len, whole) in [(0, 0), (1, 1), (2, 1), (3, 1), (4, 4)] {
            assert_eq!(whole_characters(&text[..len], false), Ok(whole));
        }
        assert_eq!(whole_characters(&text[..2], true), Err(()));
        assert_eq!(whole_characters(b"a\xffb", false), Err(()));
    }
}
