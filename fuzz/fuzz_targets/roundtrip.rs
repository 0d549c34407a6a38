#![no_main]

libfuzzer_sys::fuzz_target!(|case: ws_proto_fuzz::roundtrip::Roundtrip| {
    ws_proto_fuzz::roundtrip::check(&case)
});
