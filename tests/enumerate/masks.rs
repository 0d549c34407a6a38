//! Masking: every length up to 600, every offset and alignment up to 63, against a byte loop.

use ws_proto::frame::Mask;

const KEY: [u8; 4] = [0x12, 0x34, 0x56, 0x78];
const LONGEST: usize = 600;
const PLACES: usize = 64;

#[test]
fn masking_is_the_byte_loop_at_every_length_offset_and_alignment() {
    let plain: Vec<u8> = (0..LONGEST).map(|n| (n * 7) as u8).collect();
    let mut buffer = vec![0; PLACES + LONGEST + 64];
    let mut count = 0;
    for offset in 0..PLACES {
        // RFC 6455 5.3: octet i is XORed with octet i modulo 4 of the key.
        let masked: Vec<u8> = plain
            .iter()
            .enumerate()
            .map(|(i, octet)| octet ^ KEY[(offset + i) % 4])
            .collect();
        for len in 0..=LONGEST {
            for align in 0..PLACES {
                let end = align + len;
                buffer[end] = 0xee;
                buffer[align..end].copy_from_slice(&plain[..len]);
                let mut mask = Mask::at_offset(KEY, offset as u64);
                mask.apply(&mut buffer[align..end]);
                assert_eq!(buffer[align..end], masked[..len], "{len} {offset} {align}");
                assert_eq!(buffer[end], 0xee, "the byte behind is touched");
                assert_eq!(mask, Mask::at_offset(KEY, (offset + len) as u64));
                count += 1;
            }
        }
    }
    crate::report("lengths, offsets and alignments of masked bytes", count);
}
