//! The one strict parse of a complete head, and its first line.

use core::mem::MaybeUninit;

use httparse::Error;

use super::check::Fields;
use super::error::HandshakeError;
use super::headers::{Headers, split_line};
use super::limits::MAX_LINES;
use super::syntax;

/// A request whose head has passed [`check_request`], or that someone else has parsed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Request<'h> {
    pub(super) method: &'h str,
    /// As it stands in the request line.
    pub(super) target: &'h str,
    pub(super) headers: Headers<'h>,
}

impl<'h> Request<'h> {
    /// Takes a head apart that has been parsed before.
    pub(super) fn of(head: &'h [u8]) -> Self {
        let (line, lines) = split_line(head).unwrap_or_default();
        let mut parts = line.split(|&byte| byte == b' ').map(syntax::ascii);
        let method = parts.next().unwrap_or_default();
        let target = parts.next().unwrap_or_default();
        Self {
            method,
            target,
            headers: Headers::from_lines(lines),
        }
    }
}

/// A response whose head has passed [`check_response`].
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

/// Parses a request's head and tells its minor version, 0 or 1, and the fields that decide on it.
pub(super) fn check_request(head: &[u8]) -> Result<(u8, Fields<'_>), HandshakeError> {
    // Made, but not written: that would be 4 KiB for each head.
    let mut headers = [const { MaybeUninit::uninit() }; MAX_LINES];
    let mut request = httparse::Request::new(&mut []);
    match request.parse_with_uninit_headers(head, &mut headers) {
        Ok(httparse::Status::Complete(len)) if len == head.len() => {
            let fields = request.headers.iter();
            let fields = Fields::of(fields.map(|field| (field.name.as_bytes(), field.value)));
            Ok((request.version.unwrap_or_default(), fields))
        }
        Ok(_) => Err(HandshakeError::HeaderInvalid),
        Err(Error::Version) if has_other_version(head) => Err(HandshakeError::HttpVersion),
        Err(error) => Err(fault(error)),
    }
}

/// Parses a response's head and tells its minor version and its status.
pub(super) fn check_response(head: &[u8]) -> Result<(u8, u16), HandshakeError> {
    let mut headers = [const { MaybeUninit::uninit() }; MAX_LINES];
    let mut response = httparse::Response::new(&mut []);
    let config = httparse::ParserConfig::default();
    match config.parse_response_with_uninit_headers(&mut response, head, &mut headers) {
        Ok(httparse::Status::Complete(len)) if len == head.len() => {
            match (response.version, response.code) {
                (Some(version), Some(code @ 100..)) => Ok((version, code)),
                _ => Err(HandshakeError::StartLineInvalid),
            }
        }
        Ok(_) => Err(HandshakeError::HeaderInvalid),
        Err(error) => Err(fault(error)),
    }
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

/// Whether the request line ends in a version that is well-formed (RFC 9112 2.3).
fn has_other_version(head: &[u8]) -> bool {
    let (line, _) = split_line(head).unwrap_or_default();
    let mut parts = line.split(|&byte| byte == b' ');
    let (_, _, version, None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
        return false;
    };
    matches!(version.and_then(|version| version.strip_prefix(b"HTTP/")),
        Some([major, b'.', minor]) if major.is_ascii_digit() && minor.is_ascii_digit())
}

/// Behind `HTTP/1.1 101 `.
const REASON_AT: usize = 13;
