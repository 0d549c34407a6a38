//! permessage-deflate from handshake to Close, over TCP.
#![cfg(all(feature = "deflate", feature = "getrandom"))]

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

use ws_proto::extension::deflate::{Deflate, DeflatePool};
use ws_proto::opening::{Acceptor, Connector, Options};
use ws_proto::{CloseCode, CloseReason, Message};

/// Counts the written bytes.
struct Counted(TcpStream, usize);

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.0.read(buffer)
    }
}

impl Write for Counted {
    fn write(&mut self, buffer: &[u8]) -> std::io::Result<usize> {
        let written = self.0.write(buffer)?;
        self.1 += written;
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.0.flush()
    }
}

/// An echo of three long messages; how many bytes the client has written.
fn echo(server: Option<&Deflate>, client: Option<&Deflate>) -> usize {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let text = "all the same ".repeat(10_000);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let (mut stream, _) = listener.accept().unwrap();
            let mut acceptor = Acceptor::new();
            if let Some(deflate) = server {
                acceptor = acceptor.deflate(deflate);
            }
            let mut server = acceptor.accept(&mut stream).unwrap();
            while server.exchange(&mut stream).unwrap() {
                while let Some((message, mut reply)) = server.next_message().unwrap() {
                    reply.send(message).unwrap();
                }
            }
        });
        let mut stream = Counted(TcpStream::connect(address).unwrap(), 0);
        // Room for all three messages at once.
        let options = Options::new().high_water(1 << 20);
        let connector = Connector::new(&format!("ws://{address}/")).unwrap();
        let mut connector = connector.options(options);
        if let Some(deflate) = client {
            connector = connector.deflate(deflate);
        }
        let (mut client, _) = connector.connect(&mut stream).unwrap();
        let mut left = 3;
        for _ in 0..left {
            client.sender().send_text(&text).unwrap();
        }
        while client.exchange(&mut stream).unwrap() {
            while let Some((message, mut reply)) = client.next_message().unwrap() {
                assert!(message == Message::Text(&text));
                left -= 1;
                if left == 0 {
                    reply.close(CloseCode::NORMAL, CloseReason::EMPTY).unwrap();
                }
            }
        }
        assert_eq!(left, 0);
        stream.1
    })
}

#[test]
fn both_ends_agree() {
    let pool = DeflatePool::new(4);
    let forgetful = Deflate::new().server_takeover(false).client_takeover(false);
    for deflate in [
        Deflate::new(),
        forgetful.clone(),
        forgetful.pool(&pool),
        Deflate::new().server_window_bits(9).client_window_bits(9),
    ] {
        let plain = Deflate::new();
        for (server, client) in [(&deflate, &deflate), (&deflate, &plain), (&plain, &deflate)] {
            let written = echo(Some(server), Some(client));
            assert!(written < 30_000, "{written}");
        }
    }
}

#[test]
fn one_end_does_not_want_it() {
    let deflate = Deflate::new();
    assert!(echo(Some(&deflate), None) > 390_000);
    assert!(echo(None, Some(&deflate)) > 390_000);
}
