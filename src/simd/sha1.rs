//! SHA-1 of what a server's answer is made of, by the processor.

#[cfg(target_arch = "x86_64")]
use core::arch::x86_64::{
    __m128i, _mm_add_epi32, _mm_extract_epi32, _mm_set_epi32, _mm_sha1msg1_epu32,
    _mm_sha1msg2_epu32, _mm_sha1nexte_epu32, _mm_sha1rnds4_epu32, _mm_xor_si128,
};

/// How many bytes are hashed: a key of 24 and the GUID of RFC 6455 1.3.
pub(crate) const LEN: usize = 60;

/// The digest of `message`, or `None` if the processor has no instructions for it.
#[inline]
pub(crate) fn digest(message: &[u8; LEN]) -> Option<[u8; 20]> {
    #[cfg(target_arch = "x86_64")]
    if std::is_x86_feature_detected!("sha") && std::is_x86_feature_detected!("sse4.1") {
        // SAFETY: the processor has both, which is all that the function asks for.
        return Some(unsafe { digest_sha(message) });
    }
    let _ = message;
    None
}

/// Two blocks (FIPS 180-4 5.1.1): the message with the bit behind it fills the first but for its last
/// three bytes, and so the length is all that is in the second.
///
/// # Safety
///
/// The processor must have SHA and SSE4.1.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "sha,sse4.1")]
unsafe fn digest_sha(message: &[u8; LEN]) -> [u8; 20] {
    let mut first = [0; 16];
    for (word, bytes) in first.iter_mut().zip(message.chunks_exact(4)) {
        *word = bytes.try_into().map_or(0, u32::from_be_bytes);
    }
    first[15] = 0x8000_0000;
    let mut second = [0; 16];
    second[15] = const { LEN as u32 * u8::BITS };

    let start = [
        0x6745_2301,
        0xefcd_ab89,
        0x98ba_dcfe,
        0x1032_5476,
        0xc3d2_e1f0,
    ];
    // SAFETY: as of this function.
    let state = unsafe { compress(compress(start, &first), &second) };
    let mut digest = [0; 20];
    for (bytes, word) in digest.chunks_exact_mut(4).zip(state) {
        bytes.copy_from_slice(&word.to_be_bytes());
    }
    digest
}

/// The state behind a block (FIPS 180-4 6.1.2), four rounds at a time.
///
/// # Safety
///
/// The processor must have SHA and SSE4.1.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "sha,sse4.1")]
#[allow(
    unused_unsafe,
    reason = "newer compilers take these instructions for safe"
)]
unsafe fn compress(state: [u32; 5], block: &[u32; 16]) -> [u32; 5] {
    // SAFETY: as of this function; only registers are read and written.
    unsafe {
        // The vectors have the first word in their highest place.
        let vector = |[a, b, c, d]: [u32; 4]| _mm_set_epi32(a as i32, b as i32, c as i32, d as i32);
        let [a, b, c, d, e] = state;
        let (start, start_e) = (vector([a, b, c, d]), vector([e, 0, 0, 0]));
        let words = |n: usize| vector([block[n], block[n + 1], block[n + 2], block[n + 3]]);
        let mut w = [words(0), words(4), words(8), words(12)];

        let mut abcd = start;
        let mut before = start;
        let mut with_e = _mm_add_epi32(start_e, w[0]);
        for step in 0..20 {
            if step > 0 {
                with_e = _mm_sha1nexte_epu32(before, w[0]);
            }
            before = abcd;
            abcd = match step / 5 {
                0 => _mm_sha1rnds4_epu32::<0>(abcd, with_e),
                1 => _mm_sha1rnds4_epu32::<1>(abcd, with_e),
                2 => _mm_sha1rnds4_epu32::<2>(abcd, with_e),
                _ => _mm_sha1rnds4_epu32::<3>(abcd, with_e),
            };
            let next = _mm_xor_si128(_mm_sha1msg1_epu32(w[0], w[1]), w[2]);
            w = [w[1], w[2], w[3], _mm_sha1msg2_epu32(next, w[3])];
        }
        let e: __m128i = _mm_sha1nexte_epu32(before, start_e);
        let abcd = _mm_add_epi32(abcd, start);
        [
            _mm_extract_epi32::<3>(abcd) as u32,
            _mm_extract_epi32::<2>(abcd) as u32,
            _mm_extract_epi32::<1>(abcd) as u32,
            _mm_extract_epi32::<0>(abcd) as u32,
            _mm_extract_epi32::<3>(e) as u32,
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where the processor has it. Every bit of the message is one at times and zero at others.
    #[test]
    fn it_is_what_the_safe_twin_says() {
        let mut message = [0; LEN];
        let mut state = 1_u64;
        for round in 0..if cfg!(miri) { 20 } else { 20_000 } {
            if let Some(digest) = digest(&message) {
                let safe = sha1_smol::Sha1::from(message).digest().bytes();
                assert_eq!(digest, safe, "{round}: {message:?}");
            }
            for byte in &mut message {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                *byte = state as u8;
            }
        }
        for bit in 0..LEN * 8 {
            let mut message = [0; LEN];
            message[bit / 8] = 1 << (bit % 8);
            if let Some(digest) = digest(&message) {
                let safe = sha1_smol::Sha1::from(message).digest().bytes();
                assert_eq!(digest, safe, "bit {bit}");
            }
        }
    }
}
