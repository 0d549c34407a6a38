//! Text that is shared, as [`Bytes`] are.

use std::borrow::{Borrow, Cow};
use std::cmp::Ordering;
use std::fmt;
use std::ops::Deref;
use std::str::Utf8Error;
use std::sync::Arc;

use bytes::Bytes;

/// Text that is shared, not copied, when it is cloned. It dereferences to `str`.
///
/// ```
/// use bytes::Bytes;
/// use ws_proto_async::Utf8Bytes;
///
/// let text = Utf8Bytes::from(String::from("shared"));
/// let again = text.clone();
/// assert_eq!(text.as_ptr(), again.as_ptr());
/// assert_eq!(Bytes::from(text), "shared");
/// assert!(Utf8Bytes::try_from(Bytes::from_static(b"\xff")).is_err());
/// assert_eq!(Utf8Bytes::try_from(vec![b'a']).unwrap(), String::from("a"));
///
/// // In a set or a map it is found by a `str`.
/// let rooms = std::collections::BTreeSet::from([Utf8Bytes::from("lobby")]);
/// assert!(rooms.contains("lobby"));
/// ```
#[derive(Clone)]
pub struct Utf8Bytes(Text);

#[derive(Clone)]
enum Text {
    Static(&'static str),
    Shared(Arc<str>),
    String(Arc<String>),
}

impl Utf8Bytes {
    /// A text that is a constant of the program.
    ///
    /// ```
    /// use ws_proto_async::Utf8Bytes;
    ///
    /// const GREETING: Utf8Bytes = Utf8Bytes::from_static("hello"); // nothing is allocated
    /// assert_eq!(GREETING, "hello");
    /// ```
    #[must_use]
    pub const fn from_static(text: &'static str) -> Self {
        Self(Text::Static(text))
    }

    /// The text.
    ///
    /// ```
    /// use ws_proto_async::Utf8Bytes;
    ///
    /// let text = Utf8Bytes::from("hello");
    /// assert_eq!(text.as_str(), "hello");
    /// assert_eq!(text.to_uppercase(), "HELLO"); // all of `str`
    /// ```
    #[inline]
    #[must_use]
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Text::Static(text) => text,
            Text::Shared(text) => text,
            Text::String(text) => text,
        }
    }
}

impl Default for Utf8Bytes {
    fn default() -> Self {
        Self::from_static("")
    }
}

impl Deref for Utf8Bytes {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

/// A set or a map of texts can be asked with a `str`: equality, order and hash are those of `str`.
impl Borrow<str> for Utf8Bytes {
    fn borrow(&self) -> &str {
        self
    }
}

impl AsRef<str> for Utf8Bytes {
    fn as_ref(&self) -> &str {
        self
    }
}

impl AsRef<[u8]> for Utf8Bytes {
    fn as_ref(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl PartialEq for Utf8Bytes {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl PartialEq<String> for Utf8Bytes {
    fn eq(&self, other: &String) -> bool {
        self.as_str() == other
    }
}

impl Eq for Utf8Bytes {}

impl PartialOrd for Utf8Bytes {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Utf8Bytes {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_str().cmp(other.as_str())
    }
}

impl PartialEq<str> for Utf8Bytes {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl PartialEq<&str> for Utf8Bytes {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

impl std::hash::Hash for Utf8Bytes {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl fmt::Debug for Utf8Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl fmt::Display for Utf8Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.as_str(), f)
    }
}

impl From<&str> for Utf8Bytes {
    fn from(text: &str) -> Self {
        Self(Text::Shared(text.into()))
    }
}

impl From<String> for Utf8Bytes {
    fn from(text: String) -> Self {
        Self(Text::String(text.into()))
    }
}

impl From<&String> for Utf8Bytes {
    fn from(text: &String) -> Self {
        text.as_str().into()
    }
}

impl From<Box<str>> for Utf8Bytes {
    fn from(text: Box<str>) -> Self {
        String::from(text).into()
    }
}

/// Copies borrowed text only.
impl From<Cow<'_, str>> for Utf8Bytes {
    fn from(text: Cow<'_, str>) -> Self {
        match text {
            Cow::Borrowed(text) => text.into(),
            Cow::Owned(text) => text.into(),
        }
    }
}

impl From<Arc<str>> for Utf8Bytes {
    fn from(text: Arc<str>) -> Self {
        Self(Text::Shared(text))
    }
}

impl TryFrom<Bytes> for Utf8Bytes {
    type Error = Utf8Error;

    fn try_from(bytes: Bytes) -> Result<Self, Utf8Error> {
        Vec::from(bytes).try_into()
    }
}

impl TryFrom<Vec<u8>> for Utf8Bytes {
    type Error = Utf8Error;

    fn try_from(bytes: Vec<u8>) -> Result<Self, Utf8Error> {
        match String::from_utf8(bytes) {
            Ok(text) => Ok(text.into()),
            Err(error) => Err(error.utf8_error()),
        }
    }
}

impl From<Utf8Bytes> for Bytes {
    fn from(text: Utf8Bytes) -> Self {
        match text.0 {
            Text::Static(text) => Self::from_static(text.as_bytes()),
            _ => Self::from_owner(text),
        }
    }
}

impl From<Utf8Bytes> for String {
    fn from(text: Utf8Bytes) -> Self {
        match text.0 {
            Text::String(text) => Arc::unwrap_or_clone(text),
            _ => text.as_str().to_owned(),
        }
    }
}
