//! A client over TLS through a proxy: says hello, and prints the answer.
//!
//! ```sh
//! cargo run -p ws-proto-tokio --features rustls-platform-verifier,socks --example proxy -- \
//!     wss://example.com/ http://me:secret@proxy.example:3128
//! # The proxy that the environment names:
//! HTTPS_PROXY=http://proxy.example:3128 NO_PROXY=localhost \
//!     cargo run -p ws-proto-tokio --features rustls-platform-verifier,socks --example proxy -- wss://example.com/
//! ```

use anyhow::{Context, Result};
use ws_proto_tokio::{Client, CloseCode, ConnectError, Proxy, ProxyError};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let url = arguments.next().context("usage: proxy URL [PROXY]")?;
    let client = client(arguments.next().as_deref())?;
    println!("{}", say_hello(&client, &url).await?);
    Ok(())
}

pub(crate) fn client(proxy: Option<&str>) -> Result<Client> {
    let client = Client::new(); // trusts whom the platform trusts
    Ok(match proxy {
        Some(url) => client.proxy(Proxy::new(url)?),
        None => client.proxy_from_env(),
    })
}

pub(crate) async fn say_hello(client: &Client, url: &str) -> Result<String> {
    let (mut socket, _) = match client.connect(url).await {
        // 407: it wants a user name and a password, or others.
        Err(ConnectError::Proxy(ProxyError::Refused(response))) => {
            anyhow::bail!("the proxy answers {}", response.status())
        }
        connected => connected?,
    };
    socket.send("hello").await?;
    let answer = socket.next().await.context("closed without an answer")??;
    socket.close(CloseCode::NORMAL, "").await?;
    Ok(String::from_utf8_lossy(answer.as_bytes()).into_owned())
}
