#![no_main]

libfuzzer_sys::fuzz_target!(|case: ws_proto_fuzz::handshake_client::Answer<'_>| {
    ws_proto_fuzz::handshake_client::check(&case)
});
