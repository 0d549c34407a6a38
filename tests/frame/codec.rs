//! Frame headers and masking by themselves: round trips, every prefix, every length and offset.

use proptest::prelude::*;
use ws_proto::ProtocolError;
use ws_proto::frame::{Header, MAX_HEADER, Mask, Opcode, Rsv};
use ws_proto_suite::*;

const OPCODES: [Opcode; 6] = [
    Opcode::Continuation,
    Opcode::Text,
    Opcode::Binary,
    Opcode::Close,
    Opcode::Ping,
    Opcode::Pong,
];

const LENGTHS: [u64; 12] = [
    0,
    1,
    124,
    125,
    126,
    127,
    65_534,
    65_535,
    65_536,
    u32::MAX as u64,
    1 << 32,
    i64::MAX as u64,
];

/// All headers that can be encoded, over the lengths that matter.
fn headers() -> Vec<Header> {
    let mut headers = Vec::new();
    for opcode in OPCODES {
        for len in LENGTHS
            .into_iter()
            .filter(|len| !opcode.is_control() || *len <= 125)
        {
            for fin in [true, false]
                .into_iter()
                .filter(|fin| *fin || !opcode.is_control())
            {
                for rsv in (0..8).map(|bits| Rsv::from_bits(bits << 4)) {
                    for mask in [None, Some([0; 4]), Some([1, 2, 3, 0xff])] {
                        headers.push(Header {
                            fin,
                            rsv,
                            opcode,
                            len,
                            mask,
                        });
                    }
                }
            }
        }
    }
    headers
}

#[test]
fn what_is_encoded_is_parsed_and_every_prefix_wants_more() {
    for header in headers() {
        let encoded = header.encode();
        assert_eq!(encoded.len(), header.encoded_len());
        assert!((2..=MAX_HEADER).contains(&encoded.len()));
        let mut bytes = encoded.to_vec();
        // shows: RFC6455-5.2-07, RFC6455-5.2-08, RFC6455-5.2-19
        assert_eq!(Header::parse(&bytes), Ok(Some((header, bytes.len()))));
        for n in 0..bytes.len() {
            assert_eq!(
                Header::parse(&bytes[..n]),
                Ok(None),
                "{header:?}, {n} bytes"
            );
        }
        bytes.extend_from_slice(b"payload");
        assert_eq!(Header::parse(&bytes), Ok(Some((header, encoded.len()))));
    }
}

#[test]
fn an_encoded_header_is_what_the_wire_codec_says() {
    for side in Side::BOTH {
        for len in LENGTHS {
            let mut header = Header::new(Opcode::Binary, len);
            if side == Side::Server {
                header = header.masked(PEER_KEY);
            }
            // shows: RFC6455-5.2-15, RFC6455-5.2-16
            assert_eq!(
                *header.encode(),
                ws_proto_suite::header(side, FIN | BINARY, len)
            );
        }
    }
}

/// All first bytes: reserved opcodes and control frames without FIN are refused on it.
#[test]
fn the_first_byte_decides_as_soon_as_it_is_there() {
    for first in 0..=255_u8 {
        let opcode = Opcode::from_bits(first);
        // shows: RFC6455-5.2-05, RFC6455-5.2-06, IANA-opcodes-01
        assert_eq!(opcode.is_none(), matches!(first & 0x0f, 3..=7 | 11..=15));
        let expected = match opcode {
            None => Err(ProtocolError::OpcodeReserved),
            Some(opcode) if opcode.is_control() && first & FIN == 0 => {
                Err(ProtocolError::ControlFragmented)
            }
            Some(_) => Ok(None),
        };
        // shows: RFC6455-5.2-04, RFC6455-5.4-06
        assert_eq!(Header::parse(&[first]), expected, "{first:02x}");
        assert_eq!(
            Header::parse(&[first, 0]).is_err(),
            expected.is_err(),
            "{first:02x}"
        );
    }
}

#[test]
fn the_length_of_a_control_frame_is_judged_on_the_second_byte() {
    for first in [CLOSE, PING, PONG] {
        for second in 0..=255_u8 {
            let too_long = second & 0x7f > 125;
            let parsed = Header::parse(&[first, second]);
            // shows: RFC6455-5.5-02
            assert_eq!(
                parsed == Err(ProtocolError::ControlTooLong),
                too_long,
                "{second:02x}"
            );
        }
    }
}

/// All 16-bit lengths, and 64-bit lengths around the edges.
#[test]
fn only_the_shortest_form_of_a_length_is_taken() {
    for len in 0..=u16::MAX {
        let bytes = [&[0x82, 126][..], &len.to_be_bytes()].concat();
        let expected = if len < 126 {
            Err(ProtocolError::LengthNotMinimal)
        } else {
            Ok(Some((Header::new(Opcode::Binary, len.into()), 4)))
        };
        // shows: RFC6455-5.2-11, RFC6455-5.2-17
        assert_eq!(Header::parse(&bytes), expected);
    }
    let edges = [
        0,
        1,
        125,
        126,
        65_535,
        65_536,
        (1 << 63) - 1,
        1 << 63,
        u64::MAX,
    ];
    for len in edges {
        let bytes = [&[0x82, 127][..], &len.to_be_bytes()].concat();
        let expected = match len {
            0..=65_535 => Err(ProtocolError::LengthNotMinimal),
            0x1_0000..=0x7fff_ffff_ffff_ffff => Ok(Some((Header::new(Opcode::Binary, len), 10))),
            _ => Err(ProtocolError::LengthTopBit),
        };
        // shows: RFC6455-5.2-12, RFC6455-5.2-14, RFC6455-5.2-17
        assert_eq!(Header::parse(&bytes), expected, "{len:x}");
        assert_eq!(
            Header::parse(&bytes[..9]),
            Ok(None),
            "checked when it is complete"
        );
    }
}

#[test]
fn reserved_bits_are_reported_in_their_place() {
    for bits in 0..=255 {
        let rsv = Rsv::from_bits(bits);
        assert_eq!(rsv.bits(), bits & 0x70);
        assert_eq!(rsv.is_none(), bits & 0x70 == 0);
        assert!((rsv | Rsv::RSV2).contains(rsv) && (rsv | Rsv::RSV2).contains(Rsv::RSV2));
        let (header, _) = Header::parse(&[(bits & 0x70) | 0x81, 0]).unwrap().unwrap();
        assert_eq!(header.rsv, rsv);
    }
}

/// Byte `i` of the payload with byte `i % 4` of the key (RFC 6455 5.3).
fn by_byte(payload: &[u8], key: [u8; 4], offset: usize) -> Vec<u8> {
    payload
        .iter()
        .enumerate()
        .map(|(i, byte)| byte ^ key[(i + offset) % 4])
        .collect()
}

#[test]
fn masking_is_the_byte_loop_at_all_lengths_and_offsets() {
    let key = [0x12, 0x34, 0x56, 0x78];
    let payload: Vec<u8> = (0..=255).collect();
    for align in 0..8 {
        for len in 0..=130 {
            let bytes = &payload[align..align + len];
            for offset in 0..8 {
                let expected = by_byte(bytes, key, offset);
                let mut buffer = payload.clone();
                let mut mask = Mask::at_offset(key, offset as u64);
                mask.apply(&mut buffer[align..align + len]);
                // shows: RFC6455-5.3-05
                assert_eq!(
                    buffer[align..align + len],
                    expected,
                    "{align} {len} {offset}"
                );
                assert_eq!(
                    mask,
                    Mask::at_offset(key, (offset + len) as u64),
                    "it goes on"
                );
                assert_eq!(buffer[..align], payload[..align], "nothing else is touched");
                assert_eq!(buffer[align + len..], payload[align + len..]);
            }
        }
    }
}

#[test]
fn masking_in_pieces_is_masking_at_once_and_twice_is_none() {
    let key = [0xde, 0xad, 0xbe, 0xef];
    let payload: Vec<u8> = (0..200).collect();
    for cut in 0..payload.len() {
        let mut bytes = payload.clone();
        let mut mask = Mask::new(key);
        let (head, tail) = bytes.split_at_mut(cut);
        mask.apply(head);
        mask.apply(&mut []);
        mask.apply(tail);
        assert_eq!(bytes, by_byte(&payload, key, 0));
        Mask::new(key).apply(&mut bytes);
        // shows: RFC6455-5.3-05
        assert_eq!(bytes, payload);
    }
    let mut far = payload.clone();
    Mask::at_offset(key, u64::MAX).apply(&mut far);
    assert_eq!(far, by_byte(&payload, key, 3));
    let mut same = payload.clone();
    Mask::new([0; 4]).apply(&mut same);
    assert_eq!(same, payload, "the key of zeros changes nothing");
}

proptest! {
    #![proptest_config(cases(2000))]

    /// What parses is what encodes: there is one form of every header.
    #[test]
    fn parsing_random_bytes_is_the_inverse_of_encoding(
        bytes in proptest::collection::vec(any::<u8>(), 0..20),
    ) {
        if let Ok(Some((header, len))) = Header::parse(&bytes) {
            prop_assert_eq!(&*header.encode(), &bytes[..len]);
            for n in 0..len {
                prop_assert_eq!(Header::parse(&bytes[..n]), Ok(None));
            }
        }
    }

    /// A fault is the same with more bytes after it.
    #[test]
    fn a_fault_stays_the_same(bytes in proptest::collection::vec(any::<u8>(), 0..20)) {
        let faults: Vec<_> =
            (0..=bytes.len()).filter_map(|n| Header::parse(&bytes[..n]).err()).collect();
        prop_assert!(faults.windows(2).all(|two| two[0] == two[1]));
        prop_assert_eq!(faults.last().copied(), Header::parse(&bytes).err());
    }
}
