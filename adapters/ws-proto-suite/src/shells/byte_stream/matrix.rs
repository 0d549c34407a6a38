//! The scenarios of all byte streams, over the asynchronous shells.

use std::io;

use ws_proto::extension::deflate::DeflateParams;
use ws_proto_async::{ByteStream, Config, Negotiated, Options, WebSocket};

use super::{flush, read, shutdown, write, write_slices};
use crate::Side;
use crate::byte_matrix::{
    End, Outcome, Reading, Writing, check_reading, check_writing, compressing,
};
use crate::shells::Runtime;
use ws_proto_test::stream::SharedScript;
use ws_proto_test::task::block_on;

fn byte_stream<R: Runtime>(
    side: Side,
    deflate: bool,
    stream: SharedScript,
) -> ByteStream<R::Io<SharedScript>> {
    let params = DeflateParams::new();
    let negotiated = if deflate {
        params.negotiated()
    } else {
        Negotiated::new()
    };
    let options = Options::new().config(Config::new().keepalive(None));
    let io = R::io(stream);
    let socket = match side {
        Side::Server => WebSocket::server(io, negotiated, &[], options),
        Side::Client => WebSocket::client(io, negotiated, &[], options),
    };
    if deflate {
        socket.with_deflate(&compressing(), params)
    } else {
        socket
    }
    .into_byte_stream()
}

async fn next(
    stream: &mut ByteStream<impl ws_proto_async::Io>,
    room: usize,
    bytes: &mut Vec<u8>,
) -> io::Result<usize> {
    if room == 0 {
        std::future::poll_fn(|cx| stream.poll_fill_buf(cx).map_ok(drop)).await?;
        // As readers of lines do it: not all at once.
        let n = stream.buffered().len().div_ceil(2);
        bytes.extend_from_slice(&stream.buffered()[..n]);
        stream.consume(n);
        return Ok(n);
    }
    let mut buffer = vec![0; room];
    let n = read(stream, &mut buffer).await?;
    bytes.extend_from_slice(&buffer[..n]);
    Ok(n)
}

async fn play_reading<R: Runtime>(reading: &Reading, stream: SharedScript) -> Outcome {
    let mut stream = byte_stream::<R>(reading.side, reading.deflate, stream);
    let mut bytes = Vec::new();
    let end = loop {
        match next(&mut stream, reading.room, &mut bytes).await {
            Ok(0) => break End::Clean,
            Ok(_) => {}
            Err(error) => break End::of(&error),
        }
    };
    // It stays.
    let again = next(&mut stream, reading.room, &mut Vec::new()).await;
    match again {
        Ok(n) => assert!(n == 0 && end == End::Clean, "{}", reading.name),
        Err(error) => assert_eq!(End::of(&error), end, "{}", reading.name),
    }
    Outcome { bytes, end }
}

async fn play_writing<R: Runtime>(writing: &Writing, stream: SharedScript) -> io::Result<()> {
    let stream = byte_stream::<R>(writing.side, writing.deflate, stream);
    let mut stream = stream.with_options(writing.options);
    for chunk in writing.data.chunks(writing.size) {
        let mut rest = chunk;
        while !rest.is_empty() {
            let n = match writing.buffers {
                1 => write(&mut stream, rest).await?,
                buffers => write_slices(&mut stream, rest, buffers).await?,
            };
            rest = &rest[n..];
        }
    }
    flush(&mut stream).await?;
    shutdown(&mut stream).await
}

pub fn everything_is_read_as_by_hand<R: Runtime>() {
    let played = R::run(async {
        check_reading(|reading, stream| block_on(play_reading::<R>(reading, stream)))
    });
    println!("{played} ways of reading");
    assert!(played > 20_000, "{played}");
}

pub fn everything_is_written<R: Runtime>() {
    let played = R::run(async {
        check_writing(|writing, stream| block_on(play_writing::<R>(writing, stream)))
    });
    println!("{played} ways of writing");
    assert!(played > 1_500, "{played}");
}
