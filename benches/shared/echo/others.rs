//! Other implementations, all on tokio, with their defaults.

use futures_util::{SinkExt as _, StreamExt as _};
use tokio::io::{AsyncRead, AsyncWrite};

use super::Result;

pub async fn fastwebsockets<S>(socket: fastwebsockets::WebSocket<S>) -> Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    use fastwebsockets::{FragmentCollector, OpCode};

    let mut socket = FragmentCollector::new(socket);
    loop {
        let frame = socket.read_frame().await?;
        match frame.opcode {
            OpCode::Close => return Ok(()),
            OpCode::Text | OpCode::Binary => socket.write_frame(frame).await?,
            _ => {}
        }
    }
}

pub async fn tokio_tungstenite<S>(mut socket: tokio_tungstenite::WebSocketStream<S>) -> Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    while let Some(message) = socket.next().await {
        let message = message?;
        if message.is_text() || message.is_binary() {
            socket.send(message).await?;
        }
    }
    Ok(())
}

pub async fn tokio_websockets<S>(mut socket: tokio_websockets::WebSocketStream<S>) -> Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    while let Some(message) = socket.next().await {
        let message = message?;
        if message.is_text() || message.is_binary() {
            socket.send(message).await?;
        }
    }
    Ok(())
}
