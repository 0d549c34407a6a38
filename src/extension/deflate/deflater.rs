//! DEFLATE streams as messages are sent: flushed after every part, the tail left out at the end.

use alloc::vec::Vec;

use zlib_rs::{Deflate, DeflateConfig, DeflateFlush};

use super::inflater::TAIL;
use crate::connection::COMPRESSED_FRAMES;

/// What makes two compressors alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Settings {
    pub(super) window_bits: u8,
    pub(super) level: u8,
    pub(super) mem_level: u8,
}

impl Settings {
    /// Raw DEFLATE. A window of 512 bytes, the smallest there is, keeps within 256 too: [`reach`] is 250.
    fn backend(self) -> DeflateConfig {
        DeflateConfig {
            window_bits: -i32::from(self.window_bits.max(LEAST_WINDOW_BITS)),
            mem_level: i32::from(self.mem_level),
            ..DeflateConfig::new(i32::from(self.level))
        }
    }

    /// Which of the [compressed frames](COMPRESSED_FRAMES) of a prepared message of `len` bytes a connection with
    /// these settings sends: that of its window, or of the smallest that reaches back over the whole message.
    /// No distance in a message is longer than that, whatever window it was compressed with.
    pub(super) fn frame_index(self, len: usize) -> usize {
        let windows = LEAST_WINDOW_BITS..self.window_bits;
        windows.take_while(|bits| reach(*bits) < len).count()
    }
}

const LEAST_WINDOW_BITS: u8 = 9;
const _: () = assert!(COMPRESSED_FRAMES == (15 - LEAST_WINDOW_BITS + 1) as usize);

/// How far back a compressor with that window refers at most: 262 bytes less than the window has.
fn reach(window_bits: u8) -> usize {
    (1 << window_bits) - 262
}

/// A compressor, with the window of the data it compressed.
pub(super) struct Deflater {
    stream: Deflate,
    settings: Settings,
    /// All of it is initialised, so that nothing has to be zeroed twice.
    buffer: Vec<u8>,
}

/// The backend has failed, which it does not by its documentation.
#[derive(Clone, Copy, Debug)]
pub(super) struct Broken;

impl Deflater {
    pub(super) fn new(settings: Settings) -> Self {
        Self {
            stream: Deflate::new_with_config(settings.backend()),
            settings,
            buffer: Vec::new(),
        }
    }

    pub(super) const fn settings(&self) -> Settings {
        self.settings
    }

    /// Forgets the window: the next data refers to nothing before it.
    pub(super) fn reset(&mut self) {
        self.stream.reset();
    }

    /// Gives back the memory for output of more than `retained` bytes.
    pub(super) fn release_over(&mut self, retained: usize) {
        if self.buffer.len() > retained {
            self.buffer = Vec::new();
        }
    }

    /// Compresses a part of a message that is not empty. All of it comes out, and ends with a byte.
    pub(super) fn compress(&mut self, part: &[u8], last: bool) -> Result<&[u8], Broken> {
        let mut input = part;
        let mut used = 0;
        loop {
            if self.buffer.len() - used < MIN_ROOM {
                let more = (input.len() / 2 + MIN_ROOM).max(used / 2);
                self.buffer.resize(used + more, 0);
            }
            let to = self.buffer.get_mut(used..).unwrap_or_default();
            let room = to.len();
            let (read, written) = (self.stream.total_in(), self.stream.total_out());
            self.stream
                .compress(input, to, DeflateFlush::SyncFlush)
                .map_err(|_| Broken)?;
            let produced = (self.stream.total_out() - written) as usize;
            input = input
                .get((self.stream.total_in() - read) as usize..)
                .unwrap_or_default();
            used += produced;
            // Only an output that is not full has been flushed to its end.
            if produced < room && input.is_empty() {
                break;
            }
        }
        let output = self.buffer.get(..used).unwrap_or_default();
        if last {
            output.strip_suffix(&TAIL).ok_or(Broken)
        } else {
            Ok(output)
        }
    }
}

/// The backend wants more than six bytes to end a flush in.
const MIN_ROOM: usize = 64;
