//! Frame headers against a parser written from RFC 6455 5.2, and masking against a loop.

use arbitrary::{Arbitrary, Unstructured};
use ws_proto::ProtocolError;
use ws_proto::frame::{Header, MAX_HEADER, Mask, Opcode, Rsv};
use ws_proto::{FixedBuf, Limited, Output};

/// Every prefix of `bytes` as a header, the rest as its payload; and `bytes` as the
/// choice of a header that is written and read again.
///
/// # Panics
///
/// If a result is wrong.
pub fn check(bytes: &[u8]) {
    for end in 0..=bytes.len().min(MAX_HEADER + 2) {
        assert_eq!(Header::parse(&bytes[..end]), parse(&bytes[..end]));
    }
    if let Ok(Some((header, len))) = Header::parse(bytes) {
        assert_eq!(header.encode().as_ref(), &bytes[..len], "one form only");
        if let Some(key) = header.mask {
            mask(key, header.len, &bytes[len..]);
        }
    }
    let header = Header::arbitrary(&mut Unstructured::new(bytes)).expect("any bytes make one");
    let encoded = header.encode();
    assert_eq!(encoded.len(), header.encoded_len());
    assert_eq!(Header::parse(&encoded), Ok(Some((header, encoded.len()))));
    for end in 0..encoded.len() {
        assert_eq!(Header::parse(&encoded[..end]), Ok(None));
    }
    let plain = Header {
        mask: None,
        ..header
    };
    let masked = plain.masked(header.mask.unwrap_or_default());
    assert_eq!(masked.encoded_len(), plain.encoded_len() + 4);
    let new = Header::new(header.opcode, header.len);
    assert_eq!((new.fin, new.rsv, new.len), (true, Rsv::NONE, plain.len));
}

/// RFC 6455 5.2, byte by byte.
fn parse(bytes: &[u8]) -> Result<Option<(Header, usize)>, ProtocolError> {
    let mut rest = bytes.iter().copied();
    let Some(first) = rest.next() else {
        return Ok(None);
    };
    let fin = first / 0x80 == 1;
    let opcode = match first % 0x10 {
        0 => Opcode::Continuation,
        1 => Opcode::Text,
        2 => Opcode::Binary,
        8 => Opcode::Close,
        9 => Opcode::Ping,
        10 => Opcode::Pong,
        _ => return Err(ProtocolError::OpcodeReserved),
    };
    let control = first % 0x10 >= 8;
    assert_eq!(opcode.is_control(), control);
    if control && !fin {
        return Err(ProtocolError::ControlFragmented);
    }
    let mut rsv = Rsv::NONE;
    for (bit, flag) in [(0x40, Rsv::RSV1), (0x20, Rsv::RSV2), (0x10, Rsv::RSV3)] {
        if first / bit % 2 == 1 {
            rsv = rsv | flag;
            assert!(rsv.contains(flag) && !rsv.is_none());
        }
    }
    let Some(second) = rest.next() else {
        return Ok(None);
    };
    let masked = second / 0x80 == 1;
    let short = u64::from(second % 0x80);
    if control && short > 125 {
        return Err(ProtocolError::ControlTooLong);
    }
    let mut number = |bytes: usize| {
        let digits: Vec<u8> = rest.by_ref().take(bytes).collect();
        (digits.len() == bytes).then(|| {
            digits
                .iter()
                .fold(0, |n: u64, &digit| n << 8 | u64::from(digit))
        })
    };
    let (len, least, mut end) = match short {
        126 => (number(2), 126, 4),
        127 => (number(8), 65_536, 10),
        _ => (Some(short), 0, 2),
    };
    let Some(len) = len else { return Ok(None) };
    if len >= 1 << 63 {
        return Err(ProtocolError::LengthTopBit);
    }
    if len < least {
        return Err(ProtocolError::LengthNotMinimal);
    }
    let mut mask = None;
    if masked {
        let Some(key) = number(4) else {
            return Ok(None);
        };
        mask = Some((key as u32).to_be_bytes());
        end += 4;
    }
    let header = Header {
        fin,
        rsv,
        opcode,
        len,
        mask,
    };
    Ok(Some((header, end)))
}

/// Masks a payload, and a long one in the same way.
fn mask(key: [u8; 4], cut: u64, payload: &[u8]) {
    mask_one(key, cut, payload);
    let long = payload.iter().copied().cycle().take(payload.len() + 600);
    mask_one(key, cut, &long.collect::<Vec<u8>>());
}

/// Masks a payload whole, in two pieces, from the middle on, and on its way into an output.
fn mask_one(key: [u8; 4], cut: u64, payload: &[u8]) {
    let naive: Vec<u8> = payload
        .iter()
        .enumerate()
        .map(|(at, byte)| byte ^ key[at % 4])
        .collect();
    let mut whole = payload.to_vec();
    Mask::new(key).apply(&mut whole);
    assert_eq!(whole, naive);

    let cut = usize::try_from(cut).unwrap_or(usize::MAX) % (payload.len() + 1);
    let mut pieces = payload.to_vec();
    let (front, back) = pieces.split_at_mut(cut);
    let mut mask = Mask::new(key);
    mask.apply(front);
    assert_eq!(mask, Mask::at_offset(key, cut as u64));
    mask.apply(back);
    assert_eq!(pieces, naive);

    let mut out = Limited::new(usize::MAX);
    let header = Header::new(Opcode::Binary, payload.len() as u64).masked(key);
    out.put_frame(header.encode(), payload, Some(key));
    assert_eq!(out.pending()[header.encoded_len()..], naive);
    let mut vec = Vec::with_capacity(payload.len() + 30);
    for _ in 0..2 {
        vec.put_frame(header.encode(), payload, Some(key));
    }
    assert_eq!(vec, out.pending().repeat(2));
    let mut short = FixedBuf::<9>::new();
    short.put_frame(header.encode(), payload, Some(key));
    assert_eq!(
        short.pending(),
        &out.pending()[..9.min(out.pending().len())]
    );
}

#[cfg(test)]
mod tests {
    #[test]
    fn seeds() {
        crate::support::replay("header", super::check);
    }
}
