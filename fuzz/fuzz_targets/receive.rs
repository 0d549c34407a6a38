#![no_main]

libfuzzer_sys::fuzz_target!(|session: ws_proto_fuzz::receive::Session<'_>| {
    ws_proto_fuzz::receive::check(&session);
});
