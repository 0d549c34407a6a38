//! Reads `Sec-WebSocket-Extensions` of any extension (RFC 6455 9.1).
//!
//! The grammar is that of RFC 6455 4.3: whitespace around `;`, `,` and `=`, several lines and empty
//! list elements are allowed, and a value can be quoted.

use core::fmt;

use super::error::HandshakeError;
use super::headers::{Headers, HeadersIter};
use super::syntax;

/// The most extensions in one head; more are refused.
pub const MAX_EXTENSIONS: usize = 16;

/// The most parameters of one extension; more are refused.
pub const MAX_EXTENSION_PARAMS: usize = 16;

/// An extension with its parameters, as the peer sent it.
///
/// ```
/// use ws_proto::handshake::{Extensions, Headers};
///
/// let fields: [(&str, &[u8]); 1] = [("Sec-WebSocket-Extensions", b"x-example; level=3; fast")];
/// let mut extensions = Extensions::parse(&Headers::from_slice(&fields))?;
/// let extension = extensions.next().expect("there is one");
/// assert_eq!((extension.name(), extension.params().count()), ("x-example", 2));
/// # Ok::<(), ws_proto::handshake::HandshakeError>(())
/// ```
#[derive(Clone, Copy)]
pub struct Extension<'h> {
    name: &'h str,
    params: &'h [u8],
}

impl<'h> Extension<'h> {
    /// The name. It is compared exactly: RFC 6455 has no rule for its case.
    #[must_use]
    pub const fn name(&self) -> &'h str {
        self.name
    }

    /// The parameters, in order. A name can occur twice.
    #[must_use]
    pub const fn params(&self) -> Params<'h> {
        Params(self.params)
    }
}

impl fmt::Debug for Extension<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Extension")
            .field("name", &self.name)
            .field("params", &self.params())
            .finish()
    }
}

/// The parameters of an [`Extension`].
///
/// ```
/// use ws_proto::handshake::Params;
///
/// /// Whether a parameter is there, with a value or without.
/// fn has(mut params: Params<'_>, name: &str) -> bool {
///     params.any(|param| param.name() == name)
/// }
/// # use ws_proto::handshake::{Extensions, Headers};
/// # let fields: [(&str, &[u8]); 1] = [("Sec-WebSocket-Extensions", b"x-example; level=3; fast")];
/// # let mut extensions = Extensions::parse(&Headers::from_slice(&fields))?;
/// # let extension = extensions.next().expect("there is one");
/// # assert!(has(extension.params(), "fast") && !has(extension.params(), "slow"));
/// # Ok::<(), ws_proto::handshake::HandshakeError>(())
/// ```
#[derive(Clone)]
pub struct Params<'h>(&'h [u8]);

impl<'h> Iterator for Params<'h> {
    type Item = Param<'h>;

    fn next(&mut self) -> Option<Param<'h>> {
        take_param(&mut self.0).ok().flatten()
    }
}

impl fmt::Debug for Params<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.clone()).finish()
    }
}

/// A parameter of an [`Extension`].
///
/// ```
/// use ws_proto::handshake::{Extensions, Headers};
///
/// let fields: [(&str, &[u8]); 1] = [("Sec-WebSocket-Extensions", b"x-example; level=3; fast")];
/// for extension in Extensions::parse(&Headers::from_slice(&fields))? {
///     for param in extension.params() {
///         match param.value() {
///             Some(value) => println!("{} is {value}", param.name()),
///             None => println!("{} is set", param.name()),
///         }
///     }
/// }
/// # Ok::<(), ws_proto::handshake::HandshakeError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Param<'h> {
    name: &'h str,
    value: Option<ParamValue<'h>>,
}

impl<'h> Param<'h> {
    /// The name.
    #[must_use]
    pub const fn name(&self) -> &'h str {
        self.name
    }

    /// The value, if there is one.
    #[must_use]
    pub const fn value(&self) -> Option<ParamValue<'h>> {
        self.value
    }
}

/// The value of a [`Param`]: a token, quotes and backslashes removed.
///
/// It can be compared with a `str`.
///
/// ```
/// use ws_proto::handshake::{Extensions, Headers};
///
/// let fields: [(&str, &[u8]); 1] = [("Sec-WebSocket-Extensions", br#"x-example; level="3""#)];
/// let mut extensions = Extensions::parse(&Headers::from_slice(&fields))?;
/// let level = extensions.next().and_then(|extension| extension.params().next());
/// let value = level.and_then(|param| param.value()).expect("it has a value");
/// assert_eq!(value, "3");
/// assert_eq!(value.to_u8(), Some(3));
/// assert!(value.bytes().eq(*b"3"));
/// # Ok::<(), ws_proto::handshake::HandshakeError>(())
/// ```
#[derive(Clone, Copy)]
pub struct ParamValue<'h>(&'h [u8]);

impl<'h> ParamValue<'h> {
    /// The bytes, which are token characters.
    pub fn bytes(&self) -> impl Iterator<Item = u8> + Clone + use<'h> {
        // A backslash occurs only in quotes and escapes the next byte.
        let mut escaped = false;
        self.0.iter().copied().filter(move |&byte| {
            escaped = byte == b'\\' && !escaped;
            !escaped
        })
    }

    /// The number, if it is one from 0 to 255 in decimal digits, without sign or leading zero.
    #[must_use]
    pub fn to_u8(&self) -> Option<u8> {
        let mut digits = self.bytes();
        let first = digits.next().filter(u8::is_ascii_digit)?;
        let mut number = first - b'0';
        for digit in digits {
            if number == 0 || !digit.is_ascii_digit() {
                return None;
            }
            number = number.checked_mul(10)?.checked_add(digit - b'0')?;
        }
        Some(number)
    }
}

impl PartialEq<str> for ParamValue<'_> {
    fn eq(&self, other: &str) -> bool {
        self.bytes().eq(other.bytes())
    }
}

impl PartialEq<&str> for ParamValue<'_> {
    fn eq(&self, other: &&str) -> bool {
        *self == **other
    }
}

impl fmt::Display for ParamValue<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.bytes()
            .try_for_each(|byte| fmt::Write::write_char(f, char::from(byte)))
    }
}

impl fmt::Debug for ParamValue<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// The extensions of a head, over all of its lines, in the sender's order of preference.
///
/// ```
/// use ws_proto::handshake::Upgrade;
///
/// fn offers(upgrade: &Upgrade<'_>, name: &str) -> bool {
///     upgrade.extensions().any(|extension| extension.name() == name)
/// }
/// # let headers: [(&str, &[u8]); 6] = [
/// #     ("host", b"example.com"),
/// #     ("upgrade", b"websocket"),
/// #     ("connection", b"Upgrade"),
/// #     ("sec-websocket-key", b"dGhlIHNhbXBsZSBub25jZQ=="),
/// #     ("sec-websocket-version", b"13"),
/// #     ("sec-websocket-extensions", b"permessage-deflate"),
/// # ];
/// # assert!(offers(&Upgrade::from_headers("GET", "/chat", &headers)?, "permessage-deflate"));
/// # Ok::<(), ws_proto::handshake::HandshakeError>(())
/// ```
#[derive(Clone)]
pub struct Extensions<'h> {
    fields: HeadersIter<'h>,
    rest: &'h [u8],
}

impl<'h> Extensions<'h> {
    pub(super) const fn of(headers: &Headers<'h>) -> Self {
        Self {
            fields: headers.iter(),
            rest: &[],
        }
    }

    /// Reads the extensions from header fields that another HTTP implementation has parsed; none if
    /// there is no field `Sec-WebSocket-Extensions`.
    ///
    /// # Errors
    ///
    /// [`HandshakeError::ExtensionsInvalid`] if a field does not follow the grammar (RFC 6455 9.1),
    /// [`HandshakeError::TooManyElements`] for more than [`MAX_EXTENSIONS`] or
    /// [`MAX_EXTENSION_PARAMS`].
    ///
    /// ```
    /// use ws_proto::handshake::{Extensions, Headers};
    ///
    /// let field: [(&str, &[u8]); 1] = [("sec-websocket-extensions", b"x-one; level=3, x-two")];
    /// let extensions = Extensions::parse(&Headers::from_slice(&field))?;
    /// assert!(extensions.map(|extension| extension.name()).eq(["x-one", "x-two"]));
    /// # Ok::<(), ws_proto::handshake::HandshakeError>(())
    /// ```
    pub fn parse(headers: &Headers<'h>) -> Result<Self, HandshakeError> {
        if headers.get(FIELD).is_some() {
            check(headers)?;
        }
        Ok(Self::of(headers))
    }

    /// Reads the extensions from the value of one field.
    pub(super) const fn of_text(line: &'h [u8]) -> Self {
        Self {
            fields: Headers::from_slice(&[]).iter(),
            rest: line,
        }
    }

    fn try_next(&mut self) -> Result<Option<Extension<'h>>, Malformed> {
        loop {
            if let Some(extension) = take_extension(&mut self.rest)? {
                return Ok(Some(extension));
            }
            let next = self
                .fields
                .find(|(name, _)| name.eq_ignore_ascii_case(FIELD));
            let Some((_, value)) = next else {
                return Ok(None);
            };
            self.rest = value;
        }
    }
}

impl<'h> Iterator for Extensions<'h> {
    type Item = Extension<'h>;

    fn next(&mut self) -> Option<Extension<'h>> {
        // `check` has refused malformed ones.
        self.try_next().ok().flatten()
    }
}

impl fmt::Debug for Extensions<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.clone()).finish()
    }
}

/// Checks the grammar of all such fields. There is at least one field; without any extension it is
/// malformed.
pub(super) fn check(headers: &Headers<'_>) -> Result<(), HandshakeError> {
    let mut extensions = Extensions::of(headers);
    let mut count = 0_usize;
    while let Some(extension) = extensions
        .try_next()
        .map_err(|Malformed| HandshakeError::ExtensionsInvalid)?
    {
        count = count.saturating_add(1);
        if count > MAX_EXTENSIONS || extension.params().nth(MAX_EXTENSION_PARAMS).is_some() {
            return Err(HandshakeError::TooManyElements);
        }
    }
    if count == 0 {
        return Err(HandshakeError::ExtensionsInvalid);
    }
    Ok(())
}

struct Malformed;

/// `[","] token *( ";" param )`, up to the next comma; `None` at the end.
fn take_extension<'h>(rest: &mut &'h [u8]) -> Result<Option<Extension<'h>>, Malformed> {
    skip(rest, |byte| syntax::is_ows(byte) || byte == b',');
    if rest.is_empty() {
        return Ok(None);
    }
    let name = take_token(rest)?;
    let params = *rest;
    while take_param(rest)?.is_some() {}
    let params = params
        .get(..params.len().saturating_sub(rest.len()))
        .unwrap_or_default();
    match rest.first() {
        None | Some(b',') => Ok(Some(Extension { name, params })),
        Some(_) => Err(Malformed),
    }
}

/// `";" token [ "=" ( token / quoted-string ) ]`, whitespace anywhere between.
fn take_param<'h>(rest: &mut &'h [u8]) -> Result<Option<Param<'h>>, Malformed> {
    skip(rest, syntax::is_ows);
    let Some(after) = rest.strip_prefix(b";") else {
        return Ok(None);
    };
    *rest = after;
    skip(rest, syntax::is_ows);
    let name = take_token(rest)?;
    skip(rest, syntax::is_ows);
    let Some(after) = rest.strip_prefix(b"=") else {
        return Ok(Some(Param { name, value: None }));
    };
    *rest = after;
    skip(rest, syntax::is_ows);
    let value = match rest.strip_prefix(b"\"") {
        Some(after) => {
            *rest = after;
            take_quoted(rest)?
        }
        None => take_token(rest)?.as_bytes(),
    };
    Ok(Some(Param {
        name,
        value: Some(ParamValue(value)),
    }))
}

fn take_token<'h>(rest: &mut &'h [u8]) -> Result<&'h str, Malformed> {
    let token = skip(rest, syntax::is_tchar);
    if token.is_empty() {
        Err(Malformed)
    } else {
        Ok(syntax::ascii(token))
    }
}

/// The inside of a quoted string; without its backslashes it is a token (RFC 6455 4.3).
fn take_quoted<'h>(rest: &mut &'h [u8]) -> Result<&'h [u8], Malformed> {
    let inside = *rest;
    let mut left = inside;
    loop {
        left = match left {
            [b'"', after @ ..] if left.len() < inside.len() => {
                *rest = after;
                return Ok(inside
                    .get(..inside.len().saturating_sub(left.len()))
                    .unwrap_or_default());
            }
            [b'\\', byte, after @ ..] | [byte, after @ ..] if syntax::is_tchar(*byte) => after,
            _ => return Err(Malformed),
        };
    }
}

/// Takes the bytes at the front for which `fits` holds.
fn skip<'h>(rest: &mut &'h [u8], fits: impl Fn(u8) -> bool) -> &'h [u8] {
    let end = rest
        .iter()
        .position(|&byte| !fits(byte))
        .unwrap_or(rest.len());
    let (taken, after) = rest.split_at_checked(end).unwrap_or_default();
    *rest = after;
    taken
}

pub(super) const FIELD: &str = "Sec-WebSocket-Extensions";
pub(super) const FIELD_LOWER: &str = "sec-websocket-extensions";
