//! Writes heads. It counts the bytes first, so that a head is written whole or not at all.

use core::fmt;

use super::error::HeadError;
use super::syntax;
use crate::buf::Output;

/// The output of a head.
pub(super) struct Writer<'o>(&'o mut dyn Output);

impl Writer<'_> {
    #[inline]
    pub(super) fn put(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.put(bytes.as_ref());
    }

    pub(super) fn display(&mut self, value: impl fmt::Display) {
        // Writing to an `Output` does not fail.
        let _ = fmt::Write::write_fmt(self, format_args!("{value}"));
    }

    pub(super) fn field(&mut self, name: &str, value: &str) {
        self.put(name);
        self.put(": ");
        self.put(value);
        self.put("\r\n");
    }

    /// A field whose value is written with `Display`.
    pub(super) fn display_field(&mut self, name: &str, value: impl fmt::Display) {
        self.put(name);
        self.put(": ");
        self.display(value);
        self.put("\r\n");
    }

    /// Fields that the user of this crate has set.
    pub(super) fn fields(&mut self, fields: &[(&str, &[u8])]) {
        for (name, value) in fields {
            self.put(name);
            self.put(": ");
            self.put(value);
            self.put("\r\n");
        }
    }
}

impl fmt::Write for Writer<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.put(text);
        Ok(())
    }
}

/// Writes all of `head`, or nothing.
pub(super) fn write<O: Output + ?Sized>(
    mut out: &mut O,
    head: impl Fn(&mut Writer<'_>),
) -> Result<(), HeadError> {
    let mut length = Length(0);
    head(&mut Writer(&mut length));
    if length.0 > out.room() {
        return Err(HeadError::OutputFull);
    }
    out.reserve(length.0);
    head(&mut Writer(&mut out));
    Ok(())
}

/// Checks whether the user's fields can be sent.
pub(super) fn check_fields(fields: &[(&str, &[u8])]) -> Result<(), HeadError> {
    for (name, value) in fields {
        if !syntax::is_token(name.as_bytes()) {
            return Err(HeadError::HeaderNameInvalid);
        }
        if syntax::is_reserved_name(name) {
            return Err(HeadError::HeaderNameReserved);
        }
        if !syntax::is_field_value(value) {
            return Err(HeadError::HeaderValueInvalid);
        }
    }
    Ok(())
}

/// Checks the user's fields for what a stream of HTTP/2 or HTTP/3 does not take besides.
pub(super) fn check_stream_fields(fields: &[(&str, &[u8])]) -> Result<(), HeadError> {
    let is_connection_field =
        |(name, value): &(&str, &[u8])| syntax::is_connection_field(name, value);
    if fields.iter().any(is_connection_field) {
        return Err(HeadError::HeaderNameReserved);
    }
    Ok(())
}

/// An output that only counts bytes.
struct Length(usize);

impl Output for Length {
    fn room(&self) -> usize {
        usize::MAX
    }

    fn put(&mut self, bytes: &[u8]) {
        self.0 = self.0.saturating_add(bytes.len());
    }

    fn last_mut(&mut self, _: usize) -> &mut [u8] {
        &mut []
    }
}
