//! Whatever bytes a fuzzer has, the values made of them can be used.
#![cfg(feature = "arbitrary")]

use arbitrary::{Arbitrary, Unstructured};
use proptest::prelude::*;
use ws_proto::frame::{Header, Opcode, Rsv};
use ws_proto::{CloseCode, CloseReason, ControlPayload, Fin, Instant, Kind};

proptest! {
    #[test]
    fn values_of_any_bytes_are_valid(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let mut u = Unstructured::new(&bytes);
        let header = Header::arbitrary(&mut u).unwrap();
        let encoded = header.encode();
        prop_assert_eq!(Header::parse(&encoded), Ok(Some((header, encoded.len()))));
        let code = CloseCode::arbitrary(&mut u).unwrap();
        prop_assert_eq!(CloseCode::new(code.as_u16()), Some(code));
        prop_assert!(CloseReason::arbitrary(&mut u).unwrap().as_str().len() <= 123);
        prop_assert!(ControlPayload::arbitrary(&mut u).unwrap().as_bytes().len() <= 125);
        prop_assert!(Rsv::arbitrary(&mut u).unwrap().bits() & !0x70 == 0);
        let opcode = Opcode::arbitrary(&mut u).unwrap();
        prop_assert_eq!(Opcode::from_bits(opcode as u8), Some(opcode));
        let time = Instant::arbitrary(&mut u).unwrap();
        prop_assert_eq!(Instant::from_millis(time.as_millis()), time);
        prop_assert!(matches!(Kind::arbitrary(&mut u).unwrap(), Kind::Text | Kind::Binary));
        prop_assert!(matches!(Fin::arbitrary(&mut u).unwrap(), Fin::No | Fin::Yes));
    }
}
