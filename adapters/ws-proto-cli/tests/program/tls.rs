//! `wss`, with certificates that are made on the spot.

use std::sync::Arc;

use crate::common::{Listening, path, run, serve};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

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

/// A certificate for this name that is signed by itself, and its key, in files.
fn identity(name: &str) -> (String, String) {
    identity_in(name, name)
}

/// The same, in files of this name.
fn identity_in(file: &str, name: &str) -> (String, String) {
    let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
    let files = [
        (format!("{file}.pem"), made.cert.pem()),
        (format!("{file}.key"), made.signing_key.serialize_pem()),
    ];
    let [cert, key] = files.map(|(file, pem)| {
        let file = path(&file);
        std::fs::write(&file, pem).unwrap();
        file.to_str().unwrap().to_owned()
    });
    (cert, key)
}

/// A server that asks for the certificate in this file. Its URL, and a file with its own.
fn asks_for(client: &str) -> (String, String) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
    let mut roots = RootCertStore::empty();
    let client = std::fs::read(client).unwrap();
    roots
        .add(CertificateDer::from_pem_slice(&client).unwrap())
        .unwrap();
    let verifier = WebPkiClientVerifier::builder(Arc::new(roots)).build();
    let config = ServerConfig::builder()
        .with_client_cert_verifier(verifier.unwrap())
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let address = serve(move |stream| {
        let acceptor = acceptor.clone();
        async move {
            let Ok(stream) = acceptor.accept(stream).await else {
                return;
            };
            let mut socket = ws_proto_tokio::accept(stream).await.unwrap();
            socket.send("I know you").await.unwrap();
            let _ = socket.close(ws_proto_tokio::CloseCode::NORMAL, "").await;
        }
    });
    let ca = path("asks.pem");
    std::fs::write(&ca, made.cert.pem()).unwrap();
    (
        format!("wss://localhost:{}/", address.port()),
        ca.to_str().unwrap().to_owned(),
    )
}

#[test]
fn a_client_certificate() {
    let (cert, key) = identity("client");
    let (url, ca) = asks_for(&cert);
    for trust in [&["--ca", &*ca][..], &["--insecure"]] {
        let args = ["-n", "--cert", &cert, "--key", &key, &url];
        let done = run(&[trust, &args].concat(), b"");
        assert_eq!(
            (done.code, done.text()),
            (0, "I know you\n"),
            "{}",
            done.stderr
        );
    }
    // One file can have both.
    let both = path("both.pem");
    let text = [&cert, &key].map(|file| std::fs::read_to_string(file).unwrap());
    std::fs::write(&both, text.concat()).unwrap();
    let done = run(
        &["-n", "--ca", &ca, "--cert", both.to_str().unwrap(), &url],
        b"",
    );
    assert_eq!(done.text(), "I know you\n", "{}", done.stderr);
    // Without one, the error says what to give.
    let done = run(&["-n", "--ca", &ca, &url], b"");
    assert_eq!(done.code, 2);
    assert!(done.stderr.contains("--cert FILE"), "{}", done.stderr);
    for (cert, key, option) in [
        ("/does/not/exist", &*key, "--cert"),
        (&*cert, "/does/not/exist", "--key"),
        (&*cert, &*cert, "--key"),
        (&*key, &*key, "--cert"),
    ] {
        let done = run(&["-n", "--cert", cert, "--key", key, &url], b"");
        assert_eq!(done.code, 1, "{}", done.stderr);
        assert!(done.stderr.contains(option), "{}", done.stderr);
    }
    let done = run(&["-n", "--key", &key, &url], b"");
    assert_eq!(done.code, 1, "{}", done.stderr);
    // The key of another certificate.
    let (_, other) = identity_in("other", "client");
    let pair = ["--cert", &cert, "--key", &other];
    for args in [
        &["-n", &url][..],
        &["-n", "--ca", &ca, &url],
        &["-n", "--insecure", &url],
        &["--listen", "0"],
    ] {
        let done = run(&[&pair[..], args].concat(), b"");
        assert_eq!(done.code, 1, "{}", done.stderr);
        assert!(done.stderr.contains("--cert and --key"), "{}", done.stderr);
    }
}

#[test]
fn a_room_by_tls() {
    let (cert, key) = identity("localhost");
    let room = Listening::start(&["--cert", &cert, "--key", &key, "--echo", "-n"]);
    let address = room.url.strip_prefix("wss://").expect(&room.url);
    let port = address.trim_end_matches('/').rsplit(':').next().unwrap();
    let url = format!("wss://localhost:{port}/");
    let done = run(&["--ca", &cert, "-m", "hi", "--wait", "0.2", &url], b"");
    assert_eq!((done.code, done.text()), (0, "hi\n"), "{}", done.stderr);
    // The name that is asked for is that of --host.
    let by_address = format!("wss://127.0.0.1:{port}/");
    let args = ["--ca", &cert, "-m", "hi", "--wait", "0.2", &by_address];
    let done = run(&[&["--host", "localhost"][..], &args].concat(), b"");
    assert_eq!((done.code, done.text()), (0, "hi\n"), "{}", done.stderr);
    let done = run(&args, b"");
    assert_eq!(done.code, 2);
    assert!(done.stderr.contains("--host NAME"), "{}", done.stderr);
    let done = run(&["-m", "hi", &url], b"");
    assert_eq!(done.code, 2);
    for part in ["--ca FILE", "--insecure"] {
        assert!(done.stderr.contains(part), "{}", done.stderr);
    }
    // One who says nothing, and one who speaks no TLS, hold up nobody.
    let silent = std::net::TcpStream::connect(("127.0.0.1", port.parse().unwrap())).unwrap();
    let plain = format!("ws://localhost:{port}/");
    let done = run(&["-m", "hi", "--timeout", "5", &plain], b"");
    assert_eq!(done.code, 2);
    let done = run(&["--ca", &cert, "-m", "hi", "--wait", "0.2", &url], b"");
    assert_eq!((done.code, done.text()), (0, "hi\n"), "{}", done.stderr);
    drop(silent);
    assert_eq!(room.stop().code, 0);
}

#[cfg(unix)]
#[test]
fn a_room_by_tls_at_a_unix_socket() {
    let (cert, key) = identity_in("at-a-socket", "localhost");
    let socket = path("tls.sock");
    let socket = socket.to_str().unwrap();
    let room = Listening::start_at(socket, &["--cert", &cert, "--key", &key, "--echo", "-n"]);
    assert_eq!(room.url, format!("wss+unix:{socket}"));
    let args = ["--ca", &cert, "-m", "hi", "--wait", "0.2", &room.url];
    let done = run(&args, b"");
    assert_eq!((done.code, done.text()), (0, "hi\n"), "{}", done.stderr);
    assert_eq!(room.stop().code, 0);
}

/// As `openssl req -x509` makes them by default.
#[test]
fn a_certificate_that_is_signed_by_itself_is_named_so() {
    let mut params = rcgen::CertificateParams::new(["localhost".to_owned()]).unwrap();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let key = rcgen::KeyPair::generate().unwrap();
    let made = params.self_signed(&key).unwrap();
    let (cert, other) = (path("by-itself.pem"), path("by-itself.key"));
    std::fs::write(&cert, made.pem()).unwrap();
    std::fs::write(&other, key.serialize_pem()).unwrap();
    let (cert, key) = (cert.to_str().unwrap(), other.to_str().unwrap());
    let server = Listening::start(&["--echo", "-n", "--cert", cert, "--key", key]);
    let url = server.url.replace("127.0.0.1", "localhost");
    let done = run(&["-m", "hi", &url], b"");
    assert_eq!(done.code, 2);
    assert!(
        done.stderr.contains("is it signed by itself? --ca FILE"),
        "{}",
        done.stderr
    );
    let done = run(&["-m", "hi", "--ca", cert, &url], b"");
    assert_eq!((done.code, done.text()), (0, "hi\n"), "{}", done.stderr);
    server.stop();
}
