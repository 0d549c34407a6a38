//! Handshakes over sockets.

use tokio::net::{TcpListener, TcpStream, UnixStream};
use ws_proto_tokio::{CloseCode, ConnectError, Error, UriError, accept, connect, connect_over};

#[tokio::test]
async fn over_tcp_and_unix_sockets() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}/", listener.local_addr().unwrap());
    let serve = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let mut socket = accept(stream).await.unwrap();
        let _: &TcpStream = socket.get_ref();
        while let Some(message) = socket.next().await {
            socket.send(message.unwrap()).await.unwrap();
        }
    });
    let (mut client, response) = connect(&url).await.unwrap();
    assert_eq!(response.status(), 101);
    assert!(client.get_ref().tcp().unwrap().nodelay().unwrap());
    let big = vec![5_u8; 3 << 20];
    client.send(big.clone()).await.unwrap();
    assert_eq!(client.next().await.unwrap().unwrap().as_bytes(), big);
    client.close(CloseCode::NORMAL, "").await.unwrap();
    serve.await.unwrap();

    let (client, server) = UnixStream::pair().unwrap();
    let (client, server) = tokio::join!(connect_over(client, "ws://h/"), accept(server));
    let (mut client, _) = client.unwrap();
    let mut server = server.unwrap();
    client.send("over a Unix socket").await.unwrap();
    assert!(server.next().await.unwrap().is_ok());
}

#[tokio::test]
async fn a_peer_that_resets() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}/", listener.local_addr().unwrap());
    let serve = tokio::spawn(async move { accept(listener.accept().await.unwrap().0).await });
    let (client, _) = connect(&url).await.unwrap();
    let mut server = serve.await.unwrap().unwrap();
    server.send("never read").await.unwrap();
    client
        .get_ref()
        .tcp()
        .unwrap()
        .peek(&mut [0])
        .await
        .unwrap();
    drop(client); // with something unread: a reset
    match server.next().await {
        Some(Err(Error::Io(error))) => {
            assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
            assert!(error.raw_os_error().is_some());
        }
        Some(Err(Error::Eof(_))) => {}
        other => panic!("{other:?}"),
    }
    assert!(server.send("late").await.is_err());
}

#[tokio::test]
async fn another_scheme_is_refused() {
    let error = connect("http://h/").await.unwrap_err();
    assert!(matches!(error, ConnectError::Uri(UriError::Scheme)));
}
