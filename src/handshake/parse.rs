//! The strict parser of a head and its first line.
//!
//! `httparse` accepts more than RFC 9112 allows: empty lines before a head, lines that end in a
//! bare LF, targets that are not ASCII. These are refused here.

use core::fmt;
use core::mem::MaybeUninit;

use httparse::{Error, Header, ParserConfig, Status};

use super::error::HandshakeError;
use super::headers::{Headers, split_line};
use super::{scan, syntax};

/// The head of a request that has passed [`request`], or that another HTTP server has parsed.
#[derive(Clone, Copy)]
pub(super) struct RequestHead<'h> {
    pub(super) method: &'h [u8],
    /// As in the request line; ASCII.
    pub(super) target: &'h [u8],
    pub(super) headers: Headers<'h>,
}

impl<'h> RequestHead<'h> {
    /// Splits a head that has been parsed before.
    pub(super) fn of(head: &'h [u8]) -> Self {
        let (line, lines) = split_line(head).unwrap_or_default();
        let mut words = line.split(|&byte| byte == b' ');
        let method = words.next().unwrap_or_default();
        let target = words.next().unwrap_or_default();
        Self {
            method,
            target,
            headers: Headers::from_lines(lines),
        }
    }
}

impl fmt::Debug for RequestHead<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestHead")
            .field("method", &syntax::ascii(self.method))
            .field("target", &syntax::ascii(self.target))
            .field("headers", &self.headers)
            .finish()
    }
}

/// The head of a response that has passed [`response`].
#[derive(Clone, Copy, Debug)]
pub(super) struct ResponseHead<'h> {
    pub(super) reason: &'h [u8],
    pub(super) headers: Headers<'h>,
}

impl<'h> ResponseHead<'h> {
    /// Splits a head that has been parsed before.
    pub(super) fn of(head: &'h [u8]) -> Self {
        let (line, lines) = split_line(head).unwrap_or_default();
        let reason = line.get(REASON_AT..).unwrap_or_default();
        Self {
            reason,
            headers: Headers::from_lines(lines),
        }
    }
}

/// The result of [`request`] and [`response`], without the header fields.
#[derive(Clone, Copy)]
pub(super) struct Parsed<L> {
    pub(super) first_line: L,
    /// 0 or 1.
    pub(super) minor_version: u8,
    /// The length of the head. Bytes after it are not read.
    pub(super) bytes: usize,
    /// The number of its lines, without the empty one.
    pub(super) lines: usize,
}

/// Parses the head of a request at the front of `bytes` and passes each header field to `field`.
///
/// `Ok` means a complete head that [`HeadScanner`](super::head_scanner::HeadScanner) would store
/// unchanged, apart from the limits. An error can differ from the scanner's error for the same
/// bytes, so the scanner's error is the one to report.
pub(super) fn request<'h>(
    bytes: &'h [u8],
    field: impl FnMut(&'h [u8], &'h [u8]),
) -> Result<Parsed<RequestHead<'h>>, HandshakeError> {
    // Not initialised: that would write 4 KiB for each head (rows `handshake/*` of the benchmarks).
    let mut headers = [const { MaybeUninit::uninit() }; FEW_FIELDS];
    let mut request = httparse::Request::new(&mut []);
    let status = match request.parse_with_uninit_headers(bytes, &mut headers) {
        Err(Error::Version) if has_other_version(bytes) => return Err(HandshakeError::HttpVersion),
        status => status,
    };
    // The first line is parsed also where there are more fields than that.
    let method = request.method.unwrap_or_default();
    let target = request.path.unwrap_or_default();
    if !target.is_ascii() {
        return Err(HandshakeError::TargetInvalid);
    }
    let (head, fields) = give(bytes, status, request.headers, field)?;
    let line = (method.len())
        .saturating_add(target.len())
        .saturating_add("  HTTP/1.1\r\n".len());
    Ok(Parsed {
        first_line: RequestHead {
            method: method.as_bytes(),
            target: target.as_bytes(),
            headers: Headers::from_lines(head.get(line..).unwrap_or_default()),
        },
        minor_version: request.version.unwrap_or_default(),
        bytes: head.len(),
        lines: fields.saturating_add(1),
    })
}

/// As [`request`], for a response. The first line is its status, 100 to 999.
pub(super) fn response<'h>(
    bytes: &'h [u8],
    field: impl FnMut(&'h [u8], &'h [u8]),
) -> Result<Parsed<u16>, HandshakeError> {
    let mut headers = [const { MaybeUninit::uninit() }; FEW_FIELDS];
    let mut response = httparse::Response::new(&mut []);
    let config = ParserConfig::default();
    let status = config.parse_response_with_uninit_headers(&mut response, bytes, &mut headers);
    let (head, fields) = give(bytes, status, response.headers, field)?;
    let status = response.code.unwrap_or_default();
    if status < 100 {
        return Err(HandshakeError::StartLineInvalid);
    }
    Ok(Parsed {
        first_line: status,
        minor_version: response.version.unwrap_or_default(),
        bytes: head.len(),
        lines: fields.saturating_add(1),
    })
}

/// The head, if it is complete, starts with its first line, and has only lines that end in CRLF.
fn whole<'h>(
    bytes: &'h [u8],
    status: Status<usize>,
    headers: &[Header<'_>],
) -> Result<&'h [u8], HandshakeError> {
    let head = match status {
        Status::Complete(len) => bytes.get(..len),
        Status::Partial => None,
    };
    match head {
        None | Some([b'\r' | b'\n', ..]) => Err(HandshakeError::StartLineInvalid),
        // `httparse` accepts a CR only before LF, so there are as many as lines if all end in CRLF.
        Some(head) if count(head, b'\r') != headers.len().saturating_add(2) => {
            Err(HandshakeError::BareLf)
        }
        Some(head) => Ok(head),
    }
}

/// How often `byte` occurs.
fn count(bytes: &[u8], byte: u8) -> usize {
    // Counts of 8 bits are vectorised, 16 at a time.
    let count = |bytes: &[u8]| {
        bytes.iter().fold(0_u8, |sum, other| {
            sum.wrapping_add(u8::from(*other == byte))
        })
    };
    bytes.chunks(255).fold(0, |sum, chunk| {
        usize::from(count(chunk)).saturating_add(sum)
    })
}

/// Passes each header field to `field`. Returns the complete head and the number of its fields.
fn give<'h>(
    bytes: &'h [u8],
    status: Result<Status<usize>, Error>,
    headers: &[Header<'h>],
    mut field: impl FnMut(&'h [u8], &'h [u8]),
) -> Result<(&'h [u8], usize), HandshakeError> {
    if let Err(Error::TooManyHeaders) = status {
        return give_many(bytes, &mut field);
    }
    let head = whole(bytes, status.map_err(fault)?, headers)?;
    for header in headers {
        field(header.name.as_bytes(), header.value);
    }
    Ok((head, headers.len()))
}

/// As [`give`], for more fields than `httparse` has places for, after a valid first line.
#[cold]
fn give_many<'h>(
    bytes: &'h [u8],
    field: &mut dyn FnMut(&'h [u8], &'h [u8]),
) -> Result<(&'h [u8], usize), HandshakeError> {
    let incomplete = HandshakeError::StartLineInvalid;
    let (first, mut rest) = whole_line(bytes).ok_or(incomplete)?;
    if first.is_empty() || scan::find(first, b'\n').is_some() {
        return Err(HandshakeError::BareLf);
    }
    let mut fields = 0;
    loop {
        let (line, after) = whole_line(rest).ok_or(incomplete)?;
        rest = after;
        if line.is_empty() {
            let head = bytes.get(..bytes.len().saturating_sub(rest.len()));
            return Ok((head.unwrap_or_default(), fields));
        }
        let colon = scan::find(line, b':').ok_or(HandshakeError::HeaderInvalid)?;
        let (name, value) = line.split_at_checked(colon).unwrap_or_default();
        if !syntax::is_token(name) || !value.iter().all(|&byte| syntax::is_text(byte)) {
            return Err(HandshakeError::HeaderInvalid);
        }
        field(name, value.get(1..).unwrap_or_default());
        fields = fields.saturating_add(1);
    }
}

/// A line that ends in CRLF, and the bytes after it.
fn whole_line(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = scan::find(bytes, b'\r')?;
    let (line, rest) = bytes.split_at_checked(end)?;
    Some((line, rest.strip_prefix(b"\r\n")?))
}

fn fault(error: Error) -> HandshakeError {
    match error {
        Error::HeaderName | Error::HeaderValue => HandshakeError::HeaderInvalid,
        Error::TooManyHeaders => HandshakeError::TooManyLines,
        Error::NewLine | Error::Status | Error::Token | Error::Version => {
            HandshakeError::StartLineInvalid
        }
    }
}

/// Whether the request line ends in a well-formed version (RFC 9112 2.3).
fn has_other_version(head: &[u8]) -> bool {
    let (line, _) = split_line(head).unwrap_or_default();
    let mut parts = line.split(|&byte| byte == b' ');
    let (_, _, version, None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
        return false;
    };
    matches!(version.and_then(|version| version.strip_prefix(b"HTTP/")),
        Some([major, b'.', minor]) if major.is_ascii_digit() && minor.is_ascii_digit())
}

/// How many fields are parsed at once. Few heads have more, and each place takes 32 bytes of the stack.
const FEW_FIELDS: usize = 128;

/// The length of `HTTP/1.1 101 `.
const REASON_AT: usize = 13;
