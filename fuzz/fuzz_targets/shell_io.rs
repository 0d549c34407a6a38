#![no_main]

libfuzzer_sys::fuzz_target!(|case: ws_proto_fuzz::shells::Case| {
    ws_proto_fuzz::shells::check_io(&case)
});
