#![no_main]

libfuzzer_sys::fuzz_target!(|case: ws_proto_fuzz::handshake_server::Request<'_>| {
    ws_proto_fuzz::handshake_server::check(&case)
});
