//! The body of a refusal, as much of it as a client reads (RFC 9112 6.3).

use super::head_scanner::store_what_fits;
use super::headers::Headers;
use super::syntax;
use crate::buf::{Input, Storage};

/// Reads one body, appending it to a storage.
#[derive(Clone, Copy, Debug)]
pub(super) struct BodyReader {
    framing: Framing,
    /// How many bytes may still be read, the framing of chunks too.
    room: usize,
}

#[derive(Clone, Copy, Debug)]
enum Framing {
    Length(u64),
    Chunked(Chunked),
    UntilEof,
    Ended { complete: bool },
}

/// The position of the next byte in a chunked body (RFC 9112 7.1).
#[derive(Clone, Copy, Debug)]
enum Chunked {
    FirstDigit,
    Size(u64),
    Extension(u64),
    SizeLf(u64),
    Data(u64),
    DataCr,
    DataLf,
}

impl BodyReader {
    /// A reader of the body that these header fields announce, `room` bytes at most.
    pub(super) fn new(status: u16, headers: &Headers<'_>, room: usize) -> Self {
        Self {
            framing: Framing::of(status, headers),
            room,
        }
        .settled()
    }

    /// Appends the received part of the body to `storage`. Returns `true` once the body has ended
    /// or the limit is reached, on the same byte however the input is split.
    pub(super) fn receive<S: Storage>(&mut self, input: &mut Input<'_>, storage: &mut S) -> bool {
        loop {
            let available = u64::try_from(input.len()).unwrap_or(u64::MAX);
            let data = match self.framing {
                Framing::Ended { .. } => return true,
                _ if available == 0 => return false,
                Framing::UntilEof => available,
                Framing::Length(left) | Framing::Chunked(Chunked::Data(left)) => {
                    left.min(available)
                }
                Framing::Chunked(chunked) => {
                    let byte = input.take(1).first().copied().unwrap_or_default();
                    self.framing = match chunked.step(byte) {
                        Some(chunked) => Framing::Chunked(chunked),
                        None => Framing::Ended {
                            complete: chunked.is_last(byte),
                        },
                    };
                    self.room = self.room.saturating_sub(1);
                    *self = self.settled();
                    continue;
                }
            };
            let wanted = usize::try_from(data).unwrap_or(usize::MAX).min(self.room);
            let stored = store_what_fits(storage, input.take(wanted));
            self.room = if stored == wanted {
                self.room.saturating_sub(stored)
            } else {
                0
            };
            let passed = u64::try_from(stored).unwrap_or(u64::MAX);
            self.framing = match self.framing {
                Framing::Length(left) => Framing::Length(left.saturating_sub(passed)),
                Framing::Chunked(Chunked::Data(left)) if left <= passed => {
                    Framing::Chunked(Chunked::DataCr)
                }
                Framing::Chunked(Chunked::Data(left)) => {
                    Framing::Chunked(Chunked::Data(left - passed))
                }
                other => other,
            };
            *self = self.settled();
        }
    }

    /// Whether the body is complete if the transport ends now.
    pub(super) const fn is_complete_at_eof(&self) -> bool {
        matches!(
            self.framing,
            Framing::UntilEof | Framing::Ended { complete: true }
        )
    }

    /// Whether all of the body has been kept.
    pub(super) const fn is_complete(&self) -> bool {
        matches!(self.framing, Framing::Ended { complete: true })
    }

    const fn settled(self) -> Self {
        let framing = match self.framing {
            Framing::Length(0) => Framing::Ended { complete: true },
            Framing::Ended { complete } => Framing::Ended { complete },
            _ if self.room == 0 => Framing::Ended { complete: false },
            framing => framing,
        };
        Self { framing, ..self }
    }
}

impl Framing {
    fn of(status: u16, headers: &Headers<'_>) -> Self {
        if matches!(status, 100..=199 | 204 | 304) {
            return Self::Length(0);
        }
        if headers.get("Transfer-Encoding").is_some() {
            let mut codings = headers.list("Transfer-Encoding");
            return match (codings.next(), codings.next()) {
                (Some(coding), None) if coding.eq_ignore_ascii_case(b"chunked") => {
                    Self::Chunked(Chunked::FirstDigit)
                }
                // Other codings are not decoded.
                _ => Self::UntilEof,
            };
        }
        match headers.single("Content-Length") {
            Ok(None) => Self::UntilEof,
            Ok(Some(digits)) => {
                parse_length(digits).map_or(Self::Ended { complete: false }, Self::Length)
            }
            Err(_) => Self::Ended { complete: false },
        }
    }
}

impl Chunked {
    /// The position after `byte`; `None` at the end, or if `byte` is invalid here.
    const fn step(self, byte: u8) -> Option<Self> {
        Some(match (self, byte) {
            (Self::FirstDigit, _) => match hex(byte) {
                Some(digit) => Self::Size(digit),
                None => return None,
            },
            (Self::Size(size), b'\r') | (Self::Extension(size), b'\r') => Self::SizeLf(size),
            (Self::Size(size), b';' | b' ' | b'\t') => Self::Extension(size),
            (Self::Size(size), _) => match (hex(byte), size.checked_mul(16)) {
                (Some(digit), Some(size)) => Self::Size(size | digit),
                _ => return None,
            },
            (Self::Extension(size), _) if syntax::is_text(byte) => Self::Extension(size),
            (Self::SizeLf(size @ 1..), b'\n') => Self::Data(size),
            (Self::DataCr, b'\r') => Self::DataLf,
            (Self::DataLf, b'\n') => Self::FirstDigit,
            _ => return None,
        })
    }

    /// Whether `byte` ends the last chunk. The trailer after it is not read.
    const fn is_last(self, byte: u8) -> bool {
        matches!((self, byte), (Self::SizeLf(0), b'\n'))
    }
}

const fn hex(byte: u8) -> Option<u64> {
    match byte {
        b'0'..=b'9' => Some((byte - b'0') as u64),
        b'a'..=b'f' => Some((byte - b'a') as u64 + 10),
        b'A'..=b'F' => Some((byte - b'A') as u64 + 10),
        _ => None,
    }
}

fn parse_length(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_u64, |length, digit| match digit {
        b'0'..=b'9' => length.checked_mul(10)?.checked_add(u64::from(digit - b'0')),
        _ => None,
    })
}
