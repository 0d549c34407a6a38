//! An echo server of the engine's, with a thread for each client: `engine-echo [CERTIFICATE.pem KEY.pem]` prints its URL.
//! With a certificate, which is for `localhost`, it speaks TLS.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::thread;

use anyhow::{Result, bail};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use ws_proto::handshake::Accept;
use ws_proto::io::read_request;
use ws_proto::opening::Options;
use ws_proto_interop::command;

fn main() -> Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let tls = match &*words {
        [] => None,
        [certificate, key] => {
            let chain = vec![CertificateDer::from_pem_file(certificate)?];
            let config = ServerConfig::builder().with_no_client_auth();
            let config = config.with_single_cert(chain, PrivateKeyDer::from_pem_file(key)?)?;
            Some(Arc::new(config))
        }
        _ => bail!("usage: engine-echo [CERTIFICATE.pem KEY.pem]"),
    };
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let port = listener.local_addr()?.port();
    match tls {
        None => println!("ws://localhost:{port}/"),
        Some(_) => println!("wss://localhost:{port}/"),
    }
    for stream in listener.incoming() {
        let (stream, tls) = (stream?, tls.clone());
        stream.set_nodelay(true)?;
        thread::spawn(move || {
            let served = match tls {
                None => serve(stream),
                Some(config) => ServerConnection::new(config)
                    .map_err(Into::into)
                    .and_then(|connection| serve(StreamOwned::new(connection, stream))),
            };
            if let Err(error) = served {
                eprintln!("{error:#}");
            }
        });
    }
    Ok(())
}

fn serve(mut stream: impl Read + Write) -> Result<()> {
    let options = Options::new().config(command::config());
    let incoming = read_request(&mut stream, options)?;
    let mut server = incoming.accept(&Accept::new())?;
    while server.exchange(&mut stream)? {
        while let Some((message, mut reply)) = server.next_message()? {
            reply.send(message)?;
        }
    }
    Ok(())
}
