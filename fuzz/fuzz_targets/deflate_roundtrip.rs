#![no_main]

libfuzzer_sys::fuzz_target!(
    |case: ws_proto_fuzz::deflate_roundtrip::DeflateRoundtrip<'_>| {
        ws_proto_fuzz::deflate_roundtrip::check(&case)
    }
);
