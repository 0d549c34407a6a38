//! The header fields of a head.

use core::fmt;

use super::scan;
use super::syntax;

/// The header fields of a request or a response, in order.
///
/// Names are compared without regard to ASCII case. Values are bytes, without the whitespace around
/// them. Several lines of the same name are not joined (RFC 9110 5.2, 5.3).
///
/// ```
/// use ws_proto::handshake::Headers;
///
/// let headers = Headers::from_slice(&[
///     ("Connection", b"keep-alive,, TE"),
///     ("connection", b"Upgrade"),
///     ("Cookie", b" a=b "),
/// ]);
/// assert_eq!(headers.get("cookie"), Some(&b"a=b"[..]));
/// assert_eq!(headers.get_all("Connection").count(), 2);
/// assert!(headers.contains_token("Connection", "upgrade"));
/// ```
#[derive(Clone, Copy)]
pub struct Headers<'h>(Source<'h>);

#[derive(Clone, Copy)]
enum Source<'h> {
    /// Lines of a parsed head, each with CRLF at its end, then an empty line.
    Lines(&'h [u8]),
    Fields(&'h [(&'h str, &'h [u8])]),
}

impl<'h> Headers<'h> {
    /// Header fields that another HTTP implementation has parsed.
    #[must_use]
    pub const fn from_slice(fields: &'h [(&'h str, &'h [u8])]) -> Self {
        Self(Source::Fields(fields))
    }

    pub(super) const fn from_lines(lines: &'h [u8]) -> Self {
        Self(Source::Lines(lines))
    }

    /// All fields, in order.
    #[must_use]
    pub const fn iter(&self) -> HeadersIter<'h> {
        HeadersIter(self.0)
    }

    /// All fields, whose values can have whitespace around them: most values are not used.
    pub(super) const fn raw(&self) -> RawFields<'h> {
        RawFields(self.0)
    }

    /// The value of the first field of that name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&'h [u8]> {
        self.get_all(name).next()
    }

    /// The values of all fields of that name, in order.
    pub fn get_all<'n>(
        &self,
        name: &'n str,
    ) -> impl Iterator<Item = &'h [u8]> + Clone + use<'h, 'n> {
        self.raw()
            .filter(move |(candidate, _)| candidate.eq_ignore_ascii_case(name.as_bytes()))
            .map(|(_, value)| syntax::trim_ows(value))
    }

    /// The elements of a comma list over all fields of that name; empty ones are left out. Not
    /// for fields with quoted strings.
    ///
    /// ```
    /// use ws_proto::handshake::Headers;
    ///
    /// let fields: [(&str, &[u8]); 2] =
    ///     [("Sec-WebSocket-Protocol", b"chat.v2, chat.v1"), ("sec-websocket-protocol", b"mqtt")];
    /// let headers = Headers::from_slice(&fields);
    /// assert!(headers.list("Sec-WebSocket-Protocol").eq([&b"chat.v2"[..], b"chat.v1", b"mqtt"]));
    /// assert_eq!(headers.iter().count(), 2);
    /// ```
    pub fn list<'n>(&self, name: &'n str) -> impl Iterator<Item = &'h [u8]> + Clone + use<'h, 'n> {
        self.get_all(name).flat_map(syntax::list)
    }

    /// Whether the comma list `name` has the element `token`, without regard to ASCII case.
    #[must_use]
    pub fn contains_token(&self, name: &str, token: &str) -> bool {
        self.list(name)
            .any(|element| element.eq_ignore_ascii_case(token.as_bytes()))
    }

    /// The only value of that name: `Err` if there are several.
    pub(super) fn single(&self, name: &str) -> Result<Option<&'h [u8]>, Repeated> {
        let mut values = self.get_all(name);
        match (values.next(), values.next()) {
            (value, None) => Ok(value),
            _ => Err(Repeated),
        }
    }
}

/// A field that may occur once occurs more often.
pub(super) struct Repeated;

impl<'h> IntoIterator for Headers<'h> {
    type Item = (&'h str, &'h [u8]);
    type IntoIter = HeadersIter<'h>;

    fn into_iter(self) -> HeadersIter<'h> {
        self.iter()
    }
}

impl<'h> IntoIterator for &Headers<'h> {
    type Item = (&'h str, &'h [u8]);
    type IntoIter = HeadersIter<'h>;

    fn into_iter(self) -> HeadersIter<'h> {
        self.iter()
    }
}

/// Writes the names only: values can be secrets.
impl fmt::Debug for Headers<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.iter().map(|(name, _)| name))
            .finish()
    }
}

/// The iterator of [`Headers::iter`].
///
/// ```
/// use ws_proto::handshake::Headers;
///
/// let fields: [(&str, &[u8]); 2] = [("Host", b"example.com"), ("Origin", b"https://example.com")];
/// for (name, value) in Headers::from_slice(&fields) {
///     println!("{name}: {}", value.escape_ascii());
/// }
/// ```
#[derive(Clone)]
pub struct HeadersIter<'h>(Source<'h>);

impl<'h> Iterator for HeadersIter<'h> {
    type Item = (&'h str, &'h [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let mut fields = RawFields(self.0);
        let (name, value) = fields.next()?;
        self.0 = fields.0;
        Some((syntax::ascii(name), syntax::trim_ows(value)))
    }
}

/// The iterator of [`Headers::raw`].
#[derive(Clone)]
pub(super) struct RawFields<'h>(Source<'h>);

impl<'h> Iterator for RawFields<'h> {
    type Item = (&'h [u8], &'h [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        match &mut self.0 {
            Source::Lines(rest) => {
                let (line, after) = split_line(rest)?;
                *rest = after;
                let colon = scan::find(line, b':')?;
                let (name, value) = line.split_at_checked(colon)?;
                Some((name, value.get(1..)?))
            }
            Source::Fields(fields) => {
                let ((name, value), rest) = fields.split_first()?;
                *fields = rest;
                Some((name.as_bytes(), value))
            }
        }
    }
}

impl fmt::Debug for HeadersIter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Headers(self.0).fmt(f)
    }
}

/// A line without its end, and the rest of the text.
pub(super) fn split_line(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = scan::find(bytes, b'\r')?;
    let (line, rest) = bytes.split_at_checked(end)?;
    Some((line, rest.get(2..)?))
}
