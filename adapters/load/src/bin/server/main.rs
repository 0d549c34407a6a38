//! An echo server: `server NAME` prints its address and serves until its standard input ends. Those of
//! ours take the options for timers that the example `echo_mio` takes, and with the feature `soak` also `--deflate`.

mod blocking;
#[path = "../../../../../benches/shared/echo/mod.rs"]
mod echo;
mod epoll;
mod on_smol;
mod on_tokio;

use std::io::Read;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use echo::by_hand::{self, Echo};
use echo::ours;
use ws_proto_tokio::{Acceptor, Config, Options};

/// How long to leave the listener alone when there are no more file descriptors.
const PAUSE: Duration = Duration::from_millis(50);

fn main() -> Result<()> {
    std::thread::spawn(|| {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(0);
    });
    let words: Vec<String> = std::env::args().skip(1).collect();
    let (name, options) = words
        .split_first()
        .context("usage: server NAME [OPTIONS]")?;
    let acceptor = acceptor(options)?;
    match &**name {
        "ws-proto-io" => blocking::serve(acceptor),
        "ws-proto-tokio" => on_tokio::serve(move |stream| async move {
            ours::tokio_send(on_tokio::accept(stream, acceptor).await?).await
        }),
        "ws-proto-tokio-feed" => on_tokio::serve(move |stream| async move {
            ours::tokio_feed(on_tokio::accept(stream, acceptor).await?).await
        }),
        "ws-proto-smol" => on_smol::serve(move |stream| async move {
            ours::smol_send(on_smol::accept(stream, acceptor).await?).await
        }),
        "ws-proto-smol-feed" => on_smol::serve(move |stream| async move {
            ours::smol_feed(on_smol::accept(stream, acceptor).await?).await
        }),
        "ws-proto-tokio-batch" => on_tokio::serve(move |stream| async move {
            ours::tokio_batch(on_tokio::accept(stream, acceptor).await?).await
        }),
        "ws-proto-smol-batch" => on_smol::serve(move |stream| async move {
            ours::smol_batch(on_smol::accept(stream, acceptor).await?).await
        }),
        "floor-tokio" => on_tokio::serve(|stream| by_hand::on_tokio(stream, Echo::accept())),
        "floor-smol" => on_smol::serve(|stream| by_hand::on_smol(stream, Echo::accept())),
        "floor-epoll" => epoll::serve(),
        "tokio-tungstenite" => on_tokio::serve(on_tokio::tokio_tungstenite),
        "fastwebsockets" => on_tokio::serve(on_tokio::fastwebsockets),
        "tokio-websockets" => on_tokio::serve(on_tokio::tokio_websockets),
        name => bail!("no such server: {name:?}"),
    }
}

fn acceptor(words: &[String]) -> Result<Acceptor<'static>> {
    let (mut config, mut options) = (Config::new(), Options::new());
    #[allow(unused_mut, reason = "only the feature `soak` has something to set")]
    let mut acceptor = Acceptor::new();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        #[cfg(feature = "soak")]
        if word == "--deflate" {
            acceptor = acceptor.deflate(Box::leak(Box::default()));
            continue;
        }
        let millis = words.next().context("a timer needs milliseconds")?;
        let time = Duration::from_millis(millis.parse()?);
        match &**word {
            "--keepalive-ms" => config = config.keepalive(Some(time)),
            "--pong-ms" => config = config.pong_timeout(time),
            "--handshake-ms" => options = options.handshake_time(time),
            other => bail!("no such option: {other}"),
        }
    }
    Ok(acceptor.options(options.config(config)))
}
