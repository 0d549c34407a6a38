#![no_main]

libfuzzer_sys::fuzz_target!(
    |case: ws_proto_fuzz::session::Session| ws_proto_fuzz::session::check(&case)
);
