//! A client that proves who it is: a bearer token, and the cookie that the server has set.
//!
//! ```sh
//! TOKEN=abc cargo run -p ws-proto-tokio --example authorized -- ws://127.0.0.1:9001/feed
//! ```

use anyhow::{Context, Result, bail};
use ws_proto_tokio::{ClientStream, ConnectError, Connector, Response, WebSocket, connect};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let url = std::env::args().nth(1).context("usage: authorized URL")?;
    let token = std::env::var("TOKEN").context("TOKEN is not set")?;
    let (socket, response) = log_in(&url, &token, None).await?;
    // A connection that is made again is the same session.
    let cookie = cookie_of(&response);
    drop(socket);
    let (mut socket, _) = log_in(&url, &token, cookie.as_deref()).await?;
    while let Some(message) = socket.next().await {
        println!("{:?}", message?);
    }
    Ok(())
}

pub(crate) async fn log_in(
    url: &str,
    token: &str,
    cookie: Option<&str>,
) -> Result<(WebSocket<ClientStream>, Response)> {
    let mut connector = Connector::new(url)?.header("Authorization", format!("Bearer {token}"));
    if let Some(cookie) = cookie {
        connector = connector.header("Cookie", cookie);
    }
    match connect(connector).await {
        Ok(connected) => Ok(connected),
        Err(ConnectError::Refused(response)) if response.status() == 401 => {
            let text = String::from_utf8_lossy(response.body());
            bail!("the token is not accepted: {text}")
        }
        Err(error) => Err(error.into()),
    }
}

/// The first cookie that a server has set: name and value, without its attributes.
pub(crate) fn cookie_of(response: &Response) -> Option<String> {
    let field = response.headers().get("Set-Cookie")?;
    let pair = field.split(|byte| *byte == b';').next()?;
    Some(String::from_utf8_lossy(pair).trim().to_owned())
}
