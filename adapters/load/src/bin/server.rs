//! The same echo on other implementations: `server NAME` prints its address and serves until its
//! standard input ends. Those of ours take the options for timers that the example `echo_mio` takes.

use std::future::Future;
use std::io::Read;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use futures_util::{SinkExt, StreamExt};
use tokio::net::{TcpListener, TcpStream};
use ws_proto_tokio::{Config, Options};

fn main() -> Result<()> {
    std::thread::spawn(|| {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(0);
    });
    let words: Vec<String> = std::env::args().skip(1).collect();
    let (name, timers) = words.split_first().context("usage: server NAME [TIMERS]")?;
    let options = options(timers)?;
    match &**name {
        "ws-proto-tokio" => serve(move |stream| ws_proto_tokio(stream, options)),
        "ws-proto-smol" => smol(options),
        "tokio-tungstenite" => serve(tokio_tungstenite),
        "fastwebsockets" => serve(fastwebsockets),
        "tokio-websockets" => serve(tokio_websockets),
        name => bail!("no such server: {name:?}"),
    }
}

fn options(timers: &[String]) -> Result<Options> {
    let (mut config, mut options) = (Config::new(), Options::new());
    for pair in timers.chunks(2) {
        let millis = pair.get(1).context("a timer needs milliseconds")?.parse()?;
        let time = Duration::from_millis(millis);
        match &*pair[0] {
            "--keepalive-ms" => config = config.keepalive(Some(time)),
            "--pong-ms" => config = config.pong_timeout(time),
            "--handshake-ms" => options = options.handshake_time(time),
            other => bail!("no such timer: {other}"),
        }
    }
    Ok(options.config(config))
}

/// How long to leave the listener alone when there are no more file descriptors.
const PAUSE: Duration = Duration::from_millis(50);

/// One thread, a task for each connection.
fn serve<E, F>(echo: E) -> Result<()>
where
    E: Fn(TcpStream) -> F,
    F: Future<Output = Result<()>> + 'static,
{
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let local = tokio::task::LocalSet::new();
    runtime.block_on(local.run_until(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        println!("listening on {}", listener.local_addr()?);
        loop {
            let Ok((stream, _)) = listener.accept().await else {
                tokio::time::sleep(PAUSE).await;
                continue;
            };
            stream.set_nodelay(true)?;
            tokio::task::spawn_local(echo(stream));
        }
    }))
}

async fn ws_proto_tokio(stream: TcpStream, options: Options) -> Result<()> {
    let acceptor = ws_proto_tokio::Acceptor::new().options(options);
    let mut socket = ws_proto_tokio::accept_with(stream, acceptor).await?;
    while let Some(message) = socket.next().await {
        socket.send(message?).await?;
    }
    Ok(())
}

async fn tokio_tungstenite(stream: TcpStream) -> Result<()> {
    let mut socket = tokio_tungstenite::accept_async(stream).await?;
    while let Some(message) = StreamExt::next(&mut socket).await {
        let message = message?;
        if message.is_text() || message.is_binary() {
            SinkExt::send(&mut socket, message).await?;
        }
    }
    Ok(())
}

async fn tokio_websockets(stream: TcpStream) -> Result<()> {
    let (_, mut socket) = tokio_websockets::ServerBuilder::new()
        .accept(stream)
        .await?;
    while let Some(message) = StreamExt::next(&mut socket).await {
        let message = message?;
        if message.is_text() || message.is_binary() {
            SinkExt::send(&mut socket, message).await?;
        }
    }
    Ok(())
}

async fn fastwebsockets(stream: TcpStream) -> Result<()> {
    use http_body_util::Empty;
    use hyper::body::{Bytes, Incoming};
    use hyper::service::service_fn;
    use hyper::{Request, Response};

    let service = service_fn(|mut request: Request<Incoming>| async move {
        let (response, upgrade) = fastwebsockets::upgrade::upgrade(&mut request)?;
        tokio::task::spawn_local(async move {
            let mut socket = fastwebsockets::FragmentCollector::new(upgrade.await?);
            loop {
                let frame = socket.read_frame().await?;
                match frame.opcode {
                    fastwebsockets::OpCode::Close => break,
                    fastwebsockets::OpCode::Text | fastwebsockets::OpCode::Binary => {
                        socket.write_frame(frame).await?;
                    }
                    _ => {}
                }
            }
            Ok::<(), fastwebsockets::WebSocketError>(())
        });
        Ok::<Response<Empty<Bytes>>, fastwebsockets::WebSocketError>(response)
    });
    let io = hyper_util::rt::TokioIo::new(stream);
    hyper::server::conn::http1::Builder::new()
        .serve_connection(io, service)
        .with_upgrades()
        .await?;
    Ok(())
}

fn smol(options: Options) -> Result<()> {
    let executor = smol::LocalExecutor::new();
    smol::block_on(executor.run(async {
        let listener = smol::net::TcpListener::bind("127.0.0.1:0").await?;
        println!("listening on {}", listener.local_addr()?);
        loop {
            let Ok((stream, _)) = listener.accept().await else {
                smol::Timer::after(PAUSE).await;
                continue;
            };
            stream.set_nodelay(true)?;
            executor
                .spawn(async move {
                    let acceptor = ws_proto_smol::Acceptor::new().options(options);
                    let mut socket = ws_proto_smol::accept_with(stream, acceptor).await?;
                    while let Some(message) = socket.next().await {
                        socket.send(message?).await?;
                    }
                    Ok::<(), anyhow::Error>(())
                })
                .detach();
        }
    }))
}
