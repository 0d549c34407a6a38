#![no_main]

libfuzzer_sys::fuzz_target!(|case: ws_proto_fuzz::inflate::Inflate<'_>| {
    ws_proto_fuzz::inflate::check(&case)
});
