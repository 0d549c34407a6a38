//! The shells for asynchronous programs: `send`, which writes each answer at once, `feed`, which lets
//! answers wait for each other, and batches, which lend the messages.

use super::Result;

pub async fn tokio_send<S>(mut socket: ws_proto_tokio::WebSocket<S>) -> Result<()>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    while let Some(message) = socket.next().await {
        socket.send(message?).await?;
    }
    Ok(())
}

pub async fn tokio_feed<S>(mut socket: ws_proto_tokio::WebSocket<S>) -> Result<()>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    while let Some(message) = socket.next().await {
        socket.feed(message?).await?;
    }
    Ok(())
}

pub async fn smol_send<S>(mut socket: ws_proto_smol::WebSocket<S>) -> Result<()>
where
    S: smol::io::AsyncRead + smol::io::AsyncWrite + Unpin,
{
    while let Some(message) = socket.next().await {
        socket.send(message?).await?;
    }
    Ok(())
}

pub async fn smol_feed<S>(mut socket: ws_proto_smol::WebSocket<S>) -> Result<()>
where
    S: smol::io::AsyncRead + smol::io::AsyncWrite + Unpin,
{
    while let Some(message) = socket.next().await {
        socket.feed(message?).await?;
    }
    Ok(())
}

pub async fn tokio_batch<S>(mut socket: ws_proto_tokio::WebSocket<S>) -> Result<()>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    while let Some(batch) = socket.next_batch().await {
        let mut batch = batch?;
        while let Some((message, mut sender)) = batch.next() {
            sender.send(message)?;
        }
    }
    Ok(())
}

pub async fn smol_batch<S>(mut socket: ws_proto_smol::WebSocket<S>) -> Result<()>
where
    S: smol::io::AsyncRead + smol::io::AsyncWrite + Unpin,
{
    while let Some(batch) = socket.next_batch().await {
        let mut batch = batch?;
        while let Some((message, mut sender)) = batch.next() {
            sender.send(message)?;
        }
    }
    Ok(())
}
