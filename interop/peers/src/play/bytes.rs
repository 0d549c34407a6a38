//! One end of a byte stream: see [`crate::bytes`].

use std::future::poll_fn;
use std::io::{self, ErrorKind};
use std::task::Poll;

use anyhow::{Context as _, Result};
use ws_proto_async::{ByteStream, Connector, Io};

use super::{Runtime, options};
use crate::bytes::{MOST, Plan, Random, Report};

pub(crate) async fn play<R: Runtime>(plan: &Plan) -> Result<()> {
    let socket = if let Some(url) = &plan.url {
        let mut connector = Connector::new(url)?.options(options());
        if let Some(deflate) = &plan.deflate {
            connector = connector.deflate(deflate);
        }
        R::connect(connector).await?.0
    } else {
        let listener = R::bind("127.0.0.1:0").await?;
        println!("ws://{}", R::address(&listener)?);
        let mut incoming = R::read_request(R::accept(&listener).await?, options()).await?;
        if let Some(deflate) = &plan.deflate {
            incoming = incoming.deflate(deflate);
        }
        incoming.accept(&ws_proto_async::Accept::new()).await?
    };
    let stream = socket.into_byte_stream().with_options(plan.options());
    println!("{}", exchange(stream, plan).await?);
    Ok(())
}

/// Sends and receives all of it at once, then waits for the end.
async fn exchange<T: Io>(mut stream: ByteStream<T>, plan: &Plan) -> Result<String> {
    let data = plan.data();
    let mut random = Random::new(plan.seed + 1);
    let mut buffer = vec![0; MOST];
    let (mut written, mut report, mut is_flushed) = (0, Report::default(), false);
    let (mut room, mut chunk) = (random.size(), random.size());
    while report.len() < plan.len || !is_flushed {
        let done = poll_fn(|cx| {
            let mut done = Poll::Pending;
            if report.len() < plan.len {
                if let Poll::Ready(n) = stream.poll_read(cx, &mut buffer[..room])? {
                    if n == 0 {
                        return Poll::Ready(Err(ErrorKind::UnexpectedEof.into()));
                    }
                    report.read(&buffer[..n]);
                    (room, done) = (random.size(), Poll::Ready(Ok(())));
                }
            }
            if written < plan.len {
                let end = plan.len.min(written + chunk);
                if let Poll::Ready(n) = stream.poll_write(cx, &data[written..end])? {
                    written += n;
                    (chunk, done) = (random.size(), Poll::Ready(Ok(())));
                }
            } else if !is_flushed && stream.poll_flush(cx)?.is_ready() {
                (is_flushed, done) = (true, Poll::Ready(io::Result::Ok(())));
            }
            done
        });
        done.await
            .with_context(|| format!("after {} bytes", report.len()))?;
    }
    if plan.closes {
        poll_fn(|cx| stream.poll_shutdown(cx)).await?;
    }
    let end = poll_fn(|cx| stream.poll_read(cx, &mut buffer)).await;
    Ok(report.finish(&data, end))
}
