#![no_main]

libfuzzer_sys::fuzz_target!(|case: ws_proto_fuzz::extensions::Case<'_>| {
    ws_proto_fuzz::extensions::check(&case)
});
