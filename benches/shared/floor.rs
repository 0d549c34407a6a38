//! The floor: the least code that does the work on the bytes. It knows nothing of fragments, control
//! frames, limits and cut input; no library can be like that. What it takes is what cannot be saved.

/// Masks or unmasks in place.
#[inline(always)]
pub fn unmask(bytes: &mut [u8], key: [u8; 4]) {
    unmask_and_look::<false>(bytes, key);
}

/// Unmasks in place, and reports whether any byte is not ASCII, if it is to `LOOK`.
#[inline(always)]
fn unmask_and_look<const LOOK: bool>(bytes: &mut [u8], key: [u8; 4]) -> bool {
    let [a, b, c, d] = key;
    let word = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    let mut seen = 0;
    let (blocks, rest) = bytes.as_chunks_mut::<64>();
    for block in blocks {
        let mut all = 0;
        for chunk in block.as_chunks_mut::<8>().0 {
            let plain = u64::from_ne_bytes(*chunk) ^ word;
            all |= if LOOK { plain } else { 0 };
            *chunk = plain.to_ne_bytes();
        }
        seen |= all;
    }
    let (words, tail) = rest.as_chunks_mut::<8>();
    for chunk in words {
        let plain = u64::from_ne_bytes(*chunk) ^ word;
        seen |= if LOOK { plain } else { 0 };
        *chunk = plain.to_ne_bytes();
    }
    for (byte, key) in tail.iter_mut().zip([a, b, c, d, a, b, c]) {
        *byte ^= key;
        seen |= if LOOK { u64::from(*byte) } else { 0 };
    }
    seen & 0x8080_8080_8080_8080 != 0
}

/// Splits a masked frame off, unmasks it, validates text with `is_utf8` unless it is ASCII, and
/// gives its first byte, its payload and its length.
#[inline(always)]
pub fn receive(wire: &mut [u8], is_utf8: impl Fn(&[u8]) -> bool) -> Option<(u8, &mut [u8], usize)> {
    let before = wire.len();
    let [first, second, rest @ ..] = wire else {
        return None;
    };
    let first = *first;
    let (len, rest) = match *second & 0x7f {
        126 => {
            let (len, rest) = rest.split_first_chunk_mut()?;
            (usize::from(u16::from_be_bytes(*len)), rest)
        }
        127 => {
            let (len, rest) = rest.split_first_chunk_mut()?;
            (u64::from_be_bytes(*len) as usize, rest)
        }
        len => (usize::from(len), rest),
    };
    let (key, rest) = rest.split_first_chunk_mut()?;
    let (payload, rest) = rest.split_at_mut_checked(len)?;
    if first & 0x0f != 1 {
        unmask(payload, *key);
    } else if unmask_and_look::<true>(payload, *key) && !is_utf8(payload) {
        return None;
    }
    Some((first, payload, before - rest.len()))
}

/// The header of an unmasked frame: how many bytes of `head` it takes.
#[inline(always)]
pub fn header(head: &mut [u8; 14], first: u8, mask_bit: u8, len: usize) -> usize {
    head[0] = first;
    match len {
        0..=125 => {
            head[1] = mask_bit | len as u8;
            2
        }
        126..=0xffff => {
            head[1] = mask_bit | 126;
            head[2..4].copy_from_slice(&(len as u16).to_be_bytes());
            4
        }
        _ => {
            head[1] = mask_bit | 127;
            head[2..10].copy_from_slice(&(len as u64).to_be_bytes());
            10
        }
    }
}

/// Appends an unmasked frame.
#[inline(always)]
pub fn send(out: &mut Vec<u8>, first: u8, payload: &[u8]) {
    let mut head = [0; 14];
    let n = header(&mut head, first, 0, payload.len());
    out.reserve(n + payload.len());
    out.extend_from_slice(&head[..n]);
    out.extend_from_slice(payload);
}

/// Appends a masked frame.
#[inline(always)]
pub fn send_masked(out: &mut Vec<u8>, first: u8, payload: &[u8], key: [u8; 4]) {
    let mut head = [0; 14];
    let n = header(&mut head, first, 0x80, payload.len());
    head[n..n + 4].copy_from_slice(&key);
    out.reserve(n + 4 + payload.len());
    out.extend_from_slice(&head[..n + 4]);
    let at = out.len();
    out.extend_from_slice(payload);
    unmask(&mut out[at..], key);
}
