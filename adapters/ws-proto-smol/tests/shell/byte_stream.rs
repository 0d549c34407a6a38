//! Streams of bytes with what futures and smol bring for streams.

use std::io::ErrorKind;

use futures_util::join;
use smol::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufWriter, copy};
use ws_proto_smol::{ByteStreamError, CloseCode, Config, Options};
use ws_proto_test::random::Random;
use ws_proto_test::task::poll_once;

use crate::common::{pair, quiet, run, spawn};

/// Four tasks, and all that is written is read: with `manual_close` neither end cuts the other off.
#[test]
fn halves_in_two_tasks() {
    run(async {
        let options = Options::new().config(Config::new().keepalive(None).manual_close(true));
        let (client, server) = pair(5000, options).await;
        let mut tasks = Vec::new();
        for (socket, seed) in [(client, 1), (server, 2)] {
            let (mut read, mut write) = smol::io::split(socket.into_byte_stream());
            tasks.push(spawn(async move {
                let data = Random::new(seed).bytes(500_000);
                copy(&data[..], &mut write).await.unwrap();
                write.close().await.unwrap();
            }));
            tasks.push(spawn(async move {
                let mut bytes = Vec::new();
                read.read_to_end(&mut bytes).await.unwrap();
                assert!(bytes == Random::new(3 - seed).bytes(500_000));
            }));
        }
        for task in tasks {
            task.await;
        }
    });
}

#[test]
fn lines_and_a_buffered_writer() {
    run(async {
        let (client, server) = pair(100, quiet()).await;
        let (client, mut server) = (client.into_byte_stream(), server.into_byte_stream());
        let writing = spawn(async move {
            let mut writer = BufWriter::new(client);
            for n in 0..1000 {
                let line = format!("line {n}\n");
                writer.write_all(line.as_bytes()).await.unwrap();
            }
            writer.close().await.unwrap();
            let mut client = writer.into_inner();
            assert_eq!(client.read(&mut [0; 10]).await.unwrap(), 0);
        });
        let mut line = String::new();
        for n in 0..1000 {
            line.clear();
            server.read_line(&mut line).await.unwrap();
            assert_eq!(line, format!("line {n}\n"));
        }
        line.clear();
        assert_eq!(server.read_line(&mut line).await.unwrap(), 0);
        writing.await;
    });
}

#[test]
fn errors_keep_the_close_code() {
    run(async {
        let (client, mut server) = pair(10_000, quiet()).await;
        let mut client = client.into_byte_stream();
        server.send_binary(&b"data"[..]).await.unwrap();
        let code = CloseCode::POLICY_VIOLATION;
        server.start_close(code, "bad token").unwrap();
        let closing = spawn(async move { server.next().await.is_none() });
        let mut bytes = Vec::new();
        let error = client.read_to_end(&mut bytes).await.unwrap_err();
        assert_eq!(bytes, b"data");
        assert_eq!(error.kind(), ErrorKind::ConnectionAborted);
        assert_eq!(
            ByteStreamError::of(&error).unwrap().close_code(),
            Some(code)
        );
        let error = client.write(b"more").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BrokenPipe);
        assert!(closing.await);
    });
}

/// As that of any stream which keeps what is written.
#[test]
fn a_flush_waits_for_the_stream_below() {
    run(async {
        let (client, server) = pair(100, quiet()).await;
        let (mut client, mut server) = (client.into_byte_stream(), server.into_byte_stream());
        client.write_all(&[7; 5000]).await.unwrap();
        assert!(poll_once(client.flush()).is_pending());
        let mut received = [0; 5000];
        let (flushed, read) = join!(client.flush(), server.read_exact(&mut received));
        flushed.unwrap();
        read.unwrap();
        assert_eq!(received, [7; 5000]);
    });
}
