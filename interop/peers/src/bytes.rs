//! What both ends of a byte stream of `interop/bytes` send and check.
//!
//! ```text
//! adapter-NAME bytes client URL SEED BYTES [--deflate] [--close]
//! adapter-NAME bytes server SEED BYTES [--deflate] [--close]      prints its URL, serves one client
//! engine-bytes ...                                                the same, without `bytes`
//! ```
//!
//! Each sends so many bytes in writes of 1 byte to 1 MiB, and reads as many into buffers of 1 byte to 1 MiB, by the seed.
//! With `--close` it then shuts down; without, it waits for the end. It prints a report as JSON.

use std::{fmt, io};

use anyhow::{Result, bail};
use sha1_smol::Sha1;
use ws_proto::byte_stream::{ByteStreamError, ByteStreamOptions};
use ws_proto::extension::deflate::Deflate;

/// The most bytes of a write and of a read.
pub const MOST: usize = 1 << 20;

/// What to do.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The URL of the server, for a client.
    pub url: Option<String>,
    /// What is sent, and in which sizes.
    pub seed: u64,
    /// How many bytes go each way.
    pub len: usize,
    /// The offer of permessage-deflate, or the accepted one.
    pub deflate: Option<Deflate>,
    /// Whether this end shuts down first.
    pub closes: bool,
}

impl Plan {
    /// Parses the words of the command line.
    ///
    /// # Errors
    ///
    /// The usage.
    pub fn parse(words: &[&str]) -> Result<Self> {
        let (url, rest) = match words {
            ["client", url, rest @ ..] => (Some((*url).to_owned()), rest),
            ["server", rest @ ..] => (None, rest),
            _ => bail!("usage: (client URL | server) SEED BYTES [--deflate] [--close]"),
        };
        let [seed, len, options @ ..] = rest else {
            bail!("a seed and a number of bytes are missing");
        };
        Ok(Self {
            url,
            seed: seed.parse()?,
            len: len.parse()?,
            deflate: options.contains(&"--deflate").then(Deflate::new),
            closes: options.contains(&"--close"),
        })
    }

    /// Half of the seeds send messages of more than the default.
    pub fn options(&self) -> ByteStreamOptions {
        let options = ByteStreamOptions::new();
        if self.seed % 2 == 0 {
            options
        } else {
            options.message_size(MOST)
        }
    }

    /// All that is sent: half of it can be compressed.
    pub fn data(&self) -> Vec<u8> {
        let mut random = Random::new(self.seed);
        let mut data = Vec::with_capacity(self.len + MOST);
        while data.len() < self.len {
            let n = random.size();
            let bits = if random.below(2) == 0 { 0xff } else { 0x03 };
            data.extend((0..n).map(|_| random.below(256) as u8 & bits));
        }
        data.truncate(self.len);
        data
    }
}

/// Numbers that are the same in every run (xorshift64*).
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// Numbers that depend on `seed` only.
    pub const fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// A number below `n`.
    pub const fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % n
    }

    /// 1 byte to 1 MiB; every number of digits is as frequent.
    pub const fn size(&mut self) -> usize {
        let most = 2 << self.below(20);
        1 + self.below(most)
    }
}

/// What has come, and how it has ended.
#[derive(Default)]
pub struct Report {
    received: Sha1,
    len: usize,
}

impl fmt::Debug for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Report")
            .field("len", &self.len)
            .finish_non_exhaustive()
    }
}

impl Report {
    /// Bytes have been read.
    pub fn read(&mut self, bytes: &[u8]) {
        self.received.update(bytes);
        self.len += bytes.len();
    }

    /// How many bytes have been read.
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether nothing has been read.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The report, as JSON; `end` is the last read.
    pub fn finish(&self, data: &[u8], end: io::Result<usize>) -> String {
        let end = match end {
            Ok(n) => format!("{n} bytes"),
            Err(error) => match ByteStreamError::of(&error) {
                Some(ByteStreamError::Closed { code, reason }) => {
                    format!(
                        "closed {} {reason}",
                        code.map_or(1005, ws_proto::CloseCode::as_u16)
                    )
                }
                _ => error.to_string(),
            },
        };
        serde_json::json!({
            "sent": Sha1::from(data).digest().to_string(),
            "received": self.received.digest().to_string(),
            "length": self.len,
            "end": end,
        })
        .to_string()
    }
}
