#![no_main]

libfuzzer_sys::fuzz_target!(
    |case: ws_proto_fuzz::utf8::Text<'_>| ws_proto_fuzz::utf8::check(&case)
);
