//! Frames read and written with neither of the two implementations.

/// A frame that was taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) first: u8,
    pub(crate) masked: bool,
    pub(crate) payload: Vec<u8>,
}

/// How to write the length of a frame.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Length {
    Shortest,
    Bits16,
    Bits64,
    /// 64 bits, whatever the payload is.
    Claim(u64),
}

pub(crate) fn write(
    to: &mut Vec<u8>,
    first: u8,
    key: Option<[u8; 4]>,
    length: Length,
    payload: &[u8],
) {
    let bit = if key.is_some() { 0x80 } else { 0 };
    let n = payload.len();
    to.push(first);
    match length {
        Length::Shortest if n < 126 => to.push(bit | n as u8),
        Length::Shortest | Length::Bits16 if n < 65536 => {
            to.push(bit | 126);
            to.extend((n as u16).to_be_bytes());
        }
        _ => {
            let claimed = if let Length::Claim(claimed) = length {
                claimed
            } else {
                n as u64
            };
            to.push(bit | 127);
            to.extend(claimed.to_be_bytes());
        }
    }
    to.extend(
        key.unwrap_or_default()
            .iter()
            .take(4 * usize::from(key.is_some())),
    );
    let key = key.unwrap_or_default();
    to.extend(payload.iter().zip(key.iter().cycle()).map(|(a, b)| a ^ b));
}

/// The length of the frame at the start of `bytes`, as far as its header is there.
fn frame_len(bytes: &[u8]) -> Option<u64> {
    let second = *bytes.get(1)?;
    let (end, len) = match second & 0x7f {
        126 => (
            4,
            u64::from(u16::from_be_bytes(*bytes.get(2..)?.first_chunk()?)),
        ),
        127 => (10, u64::from_be_bytes(*bytes.get(2..)?.first_chunk()?)),
        len => (2, u64::from(len)),
    };
    let end = end + if second & 0x80 == 0 { 0 } else { 4 };
    Some(len.saturating_add(end))
}

/// `stream` with its last frame completed: its payload by zeros, unless it would be longer than
/// `limit`, its header by a length in its shortest form.
pub(crate) fn completed(stream: &[u8], limit: usize) -> Vec<u8> {
    let mut stream = stream.to_vec();
    let mut at = 0;
    while at < stream.len() {
        let rest = &stream[at..];
        let header = rest.len();
        match frame_len(rest) {
            Some(len) if len <= rest.len() as u64 => at += len as usize,
            Some(len) if len > limit as u64 + 14 => {
                stream.resize(stream.len().max(at + 14), 0); // the rest of a masking key
                break;
            }
            Some(len) => stream.resize(at + len as usize, 0),
            None => stream.push(match (rest.get(1).map(|second| second & 0x7f), header) {
                (Some(126), 3) => 126,
                (Some(127), 7) => 1,
                _ => 0,
            }),
        }
    }
    stream
}

/// The frames of a stream that was written correctly, unmasked.
pub(crate) fn frames(stream: &[u8]) -> Vec<Frame> {
    let mut frames = Vec::new();
    let mut rest = stream;
    while !rest.is_empty() {
        let len = frame_len(rest).expect("a whole header") as usize;
        let (frame, behind) = rest.split_at(len);
        let masked = frame[1] & 0x80 != 0;
        let mut start = match frame[1] & 0x7f {
            126 => 4,
            127 => 10,
            _ => 2,
        };
        let mut key = [0; 4];
        if masked {
            key.copy_from_slice(&frame[start..start + 4]);
            start += 4;
        }
        let payload = frame[start..].iter().zip(key.iter().cycle());
        frames.push(Frame {
            first: frame[0],
            masked,
            payload: payload.map(|(a, b)| a ^ b).collect(),
        });
        rest = behind;
    }
    frames
}
