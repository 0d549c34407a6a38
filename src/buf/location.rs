use core::ops::Range;

/// Where a buffer lies, to find in it what an event borrows from it.
///
/// A loop that owns its buffers, as one of io_uring does, hands the buffer on with the range of a payload,
/// instead of a copy. The event borrows the buffer until then; its place does not.
///
/// ```
/// use ws_proto::{BufferLocation, Config, Connection, Event, Input, Negotiated};
///
/// let mut connection = Connection::client(Negotiated::new(), Config::new(), || [0; 4]);
/// let mut buffer = b"\x82\x03abc\x89\x00".to_vec();
/// let location = BufferLocation::of(&buffer);
/// let mut payloads = Vec::new();
/// let mut input = Input::new(&mut buffer);
/// while let Some(event) = connection.receive(&mut input, &mut Vec::new())? {
///     if let Event::Binary(binary) = event {
///         payloads.extend(location.range_of(binary.data));
///     }
/// }
/// assert_eq!(payloads, [2..5]);
/// assert_eq!(buffer[2..5], *b"abc"); // and the buffer can be moved to where it is needed
/// # Ok::<(), ws_proto::ReceiveError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BufferLocation {
    start: usize,
    len: usize,
}

impl BufferLocation {
    /// Where `buffer` lies now.
    #[must_use]
    pub fn of(buffer: &[u8]) -> Self {
        Self {
            start: buffer.as_ptr() as usize,
            len: buffer.len(),
        }
    }

    /// The range of the buffer that `part` is; `None` if it is not a part of it. An empty part has an empty
    /// range, wherever it is.
    ///
    /// It compares addresses. The answer is of use as long as the buffer lies where it lay.
    #[must_use]
    pub fn range_of(self, part: &[u8]) -> Option<Range<usize>> {
        if part.is_empty() {
            return Some(0..0);
        }
        let from = (part.as_ptr() as usize).checked_sub(self.start)?;
        let to = from.checked_add(part.len())?;
        (to <= self.len).then_some(from..to)
    }
}
