//! A server of hyper, with a client of `h2`.

use std::convert::Infallible;

use http::Request;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{DuplexStream, duplex};
use tokio::sync::mpsc;
use ws_proto_tokio::http2::connect;
use ws_proto_tokio::http2::h2::client;
use ws_proto_tokio::{Acceptor, Bytes, CloseCode, WebSocket, open_server};

use super::{Socket, connector, handshake, noise, quiet};

/// A server of hyper, and a client of it, with these windows.
async fn hyper_pair(windows: (u32, u32)) -> (Socket, WebSocket<TokioIo<hyper::upgrade::Upgraded>>) {
    let (client_io, server_io): (DuplexStream, DuplexStream) = duplex(64 * 1024);
    let (put, mut sockets) = mpsc::unbounded_channel();
    let service = service_fn(move |mut request: Request<Incoming>| {
        let put = put.clone();
        async move {
            let protocol = request.extensions().get::<hyper::ext::Protocol>().cloned();
            let protocol = protocol.as_ref().map(hyper::ext::Protocol::as_str);
            let acceptor = Acceptor::new().options(quiet());
            let (response, opened) = acceptor.answer_http(&request, protocol).unwrap();
            let upgrade = hyper::upgrade::on(&mut request);
            tokio::spawn(async move {
                let stream = TokioIo::new(upgrade.await.unwrap());
                let _ = put.send(open_server(stream, opened));
            });
            Ok::<_, Infallible>(response.map(|()| Full::<Bytes>::default()))
        }
    });
    tokio::spawn(
        hyper::server::conn::http2::Builder::new(TokioExecutor::new())
            .enable_connect_protocol()
            .initial_stream_window_size(windows.1)
            .serve_connection(TokioIo::new(server_io), service),
    );
    let mut builder = client::Builder::new();
    builder.initial_window_size(windows.0);
    let (sender, connection) = handshake(client_io, &builder).await.unwrap();
    tokio::spawn(connection);
    let (client, server) = tokio::join!(connect(&sender, connector()), sockets.recv());
    (client.unwrap().0, server.unwrap())
}

#[tokio::test]
async fn a_server_of_hyper_loses_nothing_at_the_end() {
    for windows in [(65_535, 65_535), (700, 1), (1, 700)] {
        for from_server in [false, true] {
            let (mut client, mut server) = hyper_pair(windows).await;
            let data = noise(5000);
            if from_server {
                let close = async {
                    server.feed(data.clone()).await.unwrap();
                    server.close(CloseCode::NORMAL, "end").await
                };
                let receive = async {
                    assert!(client.next().await.unwrap().unwrap().as_bytes() == data);
                    assert!(client.next().await.is_none());
                };
                tokio::join!(close, receive).0.unwrap();
            } else {
                let close = async {
                    client.feed(data.clone()).await.unwrap();
                    client.close(CloseCode::NORMAL, "end").await
                };
                let receive = async {
                    assert!(server.next().await.unwrap().unwrap().as_bytes() == data);
                    assert!(server.next().await.is_none());
                };
                tokio::join!(close, receive).0.unwrap();
            }
            for closed in [client.closed(), server.closed()] {
                assert_eq!(closed.unwrap().code, Some(CloseCode::NORMAL));
            }
        }
    }
}
