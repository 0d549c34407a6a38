#![no_main]

libfuzzer_sys::fuzz_target!(|case: ws_proto_fuzz::frames::Stream<'_>| {
    ws_proto_fuzz::frames::check_client(&case)
});
