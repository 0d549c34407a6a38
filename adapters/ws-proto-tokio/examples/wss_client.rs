//! A client over TLS: says hello, and prints the answer.
//!
//! ```sh
//! cargo run -p ws-proto-tokio --features rustls-platform-verifier --example wss_client -- wss://example.com/
//! cargo run -p ws-proto-tokio --features rustls-platform-verifier --example wss_client -- wss://localhost:9001/ ca.pem
//! ```

use anyhow::{Context, Result};
use ws_proto_tokio::{Client, CloseCode, Tls};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let url = arguments.next().context("usage: wss_client URL [CA.pem]")?;
    println!("{}", say_hello(&url, arguments.next().as_deref()).await?);
    Ok(())
}

pub(crate) async fn say_hello(url: &str, ca: Option<&str>) -> Result<String> {
    let mut client = Client::new(); // trusts whom the platform trusts
    if let Some(path) = ca {
        client = client.tls(Tls::new().trust_pem(&std::fs::read(path)?)?);
    }
    let (mut socket, _) = client.connect(url).await?;
    socket.send("hello").await?;
    let answer = socket.next().await.context("closed without an answer")??;
    socket.close(CloseCode::NORMAL, "").await?;
    Ok(String::from_utf8_lossy(answer.as_bytes()).into_owned())
}
