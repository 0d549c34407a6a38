//! `wss`, with certificates that are made on the spot.

use std::sync::Arc;

use crate::common::{path, run, serve};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

/// An echo server with a certificate for `localhost`; its URL and the certificate.
fn secure_echo() -> (String, String) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let address = serve(move |stream| {
        let acceptor = acceptor.clone();
        async move {
            // Fails when the client trusts nobody.
            let Ok(stream) = acceptor.accept(stream).await else {
                return;
            };
            let mut socket = ws_proto_tokio::accept(stream).await.unwrap();
            while let Some(Ok(message)) = socket.next().await {
                socket.send(message).await.unwrap();
            }
        }
    });
    (
        format!("wss://localhost:{}/", address.port()),
        made.cert.pem(),
    )
}

#[test]
fn a_certificate_that_is_trusted() {
    let (url, pem) = secure_echo();
    let ca = path("ca.pem");
    std::fs::write(&ca, pem).unwrap();
    let ca = ca.to_str().unwrap();
    let done = run(&["--ca", ca, &url], b"over TLS\n");
    assert_eq!(
        (done.code, done.text()),
        (0, "over TLS\n"),
        "{}",
        done.stderr
    );
    // It is not one for this name.
    let by_address = url.replace("localhost", "127.0.0.1");
    let done = run(&["--ca", ca, &by_address], b"over TLS\n");
    assert_eq!((done.code, done.text()), (2, ""));
    assert!(done.stderr.contains("TLS with 127.0.0.1 failed"));
}

#[test]
fn a_certificate_that_is_not() {
    let (url, _) = secure_echo();
    let done = run(&[&url], b"secret\n");
    assert_eq!((done.code, done.text()), (2, ""));
    assert!(
        done.stderr.contains("TLS with localhost failed"),
        "{}",
        done.stderr
    );
    let done = run(&["--insecure", &url], b"whatever\n");
    assert_eq!(
        (done.code, done.text()),
        (0, "whatever\n"),
        "{}",
        done.stderr
    );
}

#[test]
fn a_file_without_certificates_is_wrong_usage() {
    let (url, _) = secure_echo();
    let empty = path("empty.pem");
    std::fs::write(&empty, "").unwrap();
    for file in [empty.to_str().unwrap(), "/does/not/exist"] {
        let done = run(&["--ca", file, &url], b"");
        assert_eq!(done.code, 1, "{}", done.stderr);
    }
    let done = run(&["--ca", "x", "--insecure", &url], b"");
    assert_eq!(done.code, 1);
}

#[test]
fn a_server_that_speaks_no_tls() {
    let url = crate::common::echo().replace("ws:", "wss:");
    let done = run(&["--timeout", "5", &url], b"");
    assert_eq!(done.code, 2);
    assert!(
        done.stderr.contains("TLS with 127.0.0.1 failed"),
        "{}",
        done.stderr
    );
}
