//! The one strict parse of a head (RFC 9112 3, 4, 5), and its first line.

use core::fmt;

use super::error::HandshakeError;
use super::headers::{Headers, split_line};
use super::scan;
use super::syntax;

/// A request whose head has passed [`request`], or that someone else has parsed.
#[derive(Clone, Copy)]
pub(super) struct Request<'h> {
    pub(super) method: &'h [u8],
    /// As it stands in the request line; ASCII.
    pub(super) target: &'h [u8],
    pub(super) headers: Headers<'h>,
}

impl<'h> Request<'h> {
    /// Takes a head apart that has been parsed before.
    pub(super) fn of(head: &'h [u8]) -> Self {
        let (line, lines) = split_line(head).unwrap_or_default();
        let (method, line) = split_word(line).unwrap_or_default();
        let (target, _) = split_word(line).unwrap_or_default();
        Self {
            method,
            target,
            headers: Headers::from_lines(lines),
        }
    }
}

impl fmt::Debug for Request<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("method", &syntax::ascii(self.method))
            .field("target", &syntax::ascii(self.target))
            .field("headers", &self.headers)
            .finish()
    }
}

/// A response whose head has passed [`response`].
#[derive(Clone, Copy, Debug)]
pub(super) struct StatusLine<'h> {
    pub(super) reason: &'h [u8],
    pub(super) headers: Headers<'h>,
}

impl<'h> StatusLine<'h> {
    /// Takes a head apart that has been parsed before.
    pub(super) fn of(head: &'h [u8]) -> Self {
        let (line, lines) = split_line(head).unwrap_or_default();
        let reason = line.get(REASON_AT..).unwrap_or_default();
        Self {
            reason,
            headers: Headers::from_lines(lines),
        }
    }
}

/// What [`request`] and [`response`] find in a head, without its header fields.
#[derive(Clone, Copy)]
pub(super) struct Parsed<L> {
    pub(super) first_line: L,
    /// 0 or 1.
    pub(super) minor_version: u8,
    /// How long the head is. Bytes behind it are not looked at.
    pub(super) bytes: usize,
    /// How many lines it has, the empty one not counted.
    pub(super) lines: usize,
}

/// Parses a request's head and gives each of its header fields to `field`, whitespace around the
/// value included.
///
/// If it is `Ok`, there is a whole head at the front, and one that
/// [`HeadScanner`](super::head::HeadScanner) would store as it is, were it not for the limits. What
/// is not such a head can be refused for another reason than the scanner would give: then the scanner
/// has to look first.
pub(super) fn request<'h>(
    head: &'h [u8],
    field: impl FnMut(&'h [u8], &'h [u8]),
) -> Result<Parsed<Request<'h>>, HandshakeError> {
    let fault = HandshakeError::StartLineInvalid;
    let (method, line) = split_word(head).ok_or(fault)?;
    let (target, line) = split_word(line).ok_or(fault)?;
    if !syntax::is_token(method) || target.is_empty() || !syntax::is_visible(target) {
        return Err(fault);
    }
    let (version, lines) = split_behind_version(line).ok_or(fault)?;
    let minor_version = match version {
        b"HTTP/1.1" => 1,
        b"HTTP/1.0" => 0,
        [b'H', b'T', b'T', b'P', b'/', b'0'..=b'9', b'.', b'0'..=b'9'] => {
            return Err(HandshakeError::HttpVersion);
        }
        _ => return Err(fault),
    };
    let (behind, count) = fields(lines, field)?;
    let first_line = Request {
        method,
        target,
        headers: Headers::from_lines(lines),
    };
    Ok(Parsed {
        first_line,
        minor_version,
        bytes: head.len() - behind.len(),
        lines: 1 + count,
    })
}

/// As [`request`], for a response; its first line is its status, 100 to 999.
pub(super) fn response<'h>(
    head: &'h [u8],
    field: impl FnMut(&'h [u8], &'h [u8]),
) -> Result<Parsed<u16>, HandshakeError> {
    let fault = HandshakeError::StartLineInvalid;
    let (version, line) = head.split_at_checked(VERSION).ok_or(fault)?;
    let minor_version = match version {
        b"HTTP/1.1" => 1,
        b"HTTP/1.0" => 0,
        _ => return Err(fault),
    };
    let (status, line) = match line {
        [
            b' ',
            a @ b'0'..=b'9',
            b @ b'0'..=b'9',
            c @ b'0'..=b'9',
            line @ ..,
        ] => {
            let digit = |byte: &u8| u16::from(byte - b'0');
            (100 * digit(a) + 10 * digit(b) + digit(c), line)
        }
        _ => return Err(fault),
    };
    // The reason can be missing, and the space in front of it too (RFC 9112 4 wants that one).
    let (reason, lines) = split_text(line).ok_or(fault)?;
    if !matches!(reason, [] | [b' ', ..]) {
        return Err(fault);
    }
    let (behind, count) = fields(lines, field)?;
    if status < 100 {
        return Err(fault);
    }
    Ok(Parsed {
        first_line: status,
        minor_version,
        bytes: head.len() - behind.len(),
        lines: 1 + count,
    })
}

/// `*( token ":" text CRLF ) CRLF`: gives what follows it and how many fields there are.
#[inline]
fn fields<'h>(
    mut rest: &'h [u8],
    mut field: impl FnMut(&'h [u8], &'h [u8]),
) -> Result<(&'h [u8], usize), HandshakeError> {
    let fault = HandshakeError::HeaderInvalid;
    let mut count = 0;
    loop {
        if let [b'\r', b'\n', behind @ ..] = rest {
            return Ok((behind, count));
        }
        // The end of the line does not depend on that of the name: the processor looks for both at
        // the same time, and goes on with the next line.
        let (line, behind) = split_text(rest).ok_or(fault)?;
        let name = name_of(rest).ok_or(fault)?;
        field(name, line.get(name.len() + 1..).ok_or(fault)?);
        rest = behind;
        count += 1;
    }
}

/// The token at the front, if there is a colon behind it.
#[inline(always)]
fn name_of(line: &[u8]) -> Option<&[u8]> {
    let end = match scan::letters_len(line) {
        end if line.get(end) == Some(&b':') => end,
        end => behind_others(line, end),
    };
    match line.split_at_checked(end)? {
        (name @ [_, ..], [b':', ..]) => Some(name),
        _ => None,
    }
}

/// Where the token ends whose first `at` bytes are known.
#[cold]
fn behind_others(line: &[u8], at: usize) -> usize {
    let others = line.get(at..).unwrap_or_default().iter();
    at + others.take_while(|byte| syntax::is_tchar(**byte)).count()
}

/// Text with CRLF behind it, and what follows that.
#[inline(always)]
fn split_text(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = match scan::text_len(bytes, false) {
        end if bytes.get(end) == Some(&b'\t') => behind_tabs(bytes, end),
        end => end,
    };
    match bytes.split_at_checked(end)? {
        (text, [b'\r', b'\n', behind @ ..]) => Some((text, behind)),
        _ => None,
    }
}

/// Where the text ends that has HTAB at `at`.
#[cold]
fn behind_tabs(bytes: &[u8], mut at: usize) -> usize {
    while let Some([b'\t', rest @ ..]) = bytes.get(at..) {
        at += 1 + scan::text_len(rest, false);
    }
    at
}

/// What is in front of the first space, and what is behind it.
fn split_word(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = scan::find(bytes, b' ')?;
    Some((bytes.get(..end)?, bytes.get(end + 1..)?))
}

/// As many bytes as a version has, CRLF, and what follows that.
fn split_behind_version(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    match bytes.split_at_checked(VERSION)? {
        (version, [b'\r', b'\n', lines @ ..]) => Some((version, lines)),
        _ => None,
    }
}

/// `HTTP/1.1`.
const VERSION: usize = 8;

/// Behind `HTTP/1.1 101 `.
const REASON_AT: usize = 13;
