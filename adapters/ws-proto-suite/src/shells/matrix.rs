//! The scenarios of all shells, over the asynchronous ones.

use ws_proto_async::{Error, Message, Negotiated, Options, WebSocket};

use super::{Runtime, Stream};
use crate::matrix::{Ending, Outcome, Scenario, check_all};
use ws_proto::OwnedMessage;
use ws_proto_test::Side;
use ws_proto_test::stream::SharedScript;

impl Stream for SharedScript {}

async fn play<R: Runtime>(scenario: &Scenario, stream: SharedScript) -> Outcome {
    let io = R::io(stream);
    let options = Options::new().config(Scenario::config());
    let mut socket = match scenario.side {
        Side::Server => WebSocket::server(io, Negotiated::new(), &[], options),
        Side::Client => WebSocket::client(io, Negotiated::new(), &[], options),
    };
    let mut messages = Vec::new();
    let ending = loop {
        match socket.next().await {
            None => break Ending::Clean,
            Some(Ok(message)) => {
                messages.push(match &message {
                    Message::Text(text) => OwnedMessage::Text(text.as_str().to_owned()),
                    Message::Binary(data) => OwnedMessage::Binary(data.to_vec()),
                });
                let _ = socket.feed(message).await;
            }
            Some(Err(Error::Eof(_))) => break Ending::Eof,
            Some(Err(Error::Receive(error))) => {
                break Ending::Refused(error.close_code().map(ws_proto::CloseCode::as_u16));
            }
            Some(Err(_)) => break Ending::Stream,
        }
    };
    Outcome {
        messages,
        closed: socket.closed().map(|closed| {
            let code = closed.code.map(ws_proto::CloseCode::as_u16);
            (code, closed.reason.as_str().to_owned())
        }),
        ending,
    }
}

pub fn every_scenario_comes_to_the_same_as_by_hand<R: Runtime>() {
    let played = R::run(async {
        check_all(usize::MAX, |scenario, stream| {
            // A stream that would block wakes its task at once.
            ws_proto_test::task::block_on(play::<R>(scenario, stream))
        })
    });
    println!("{played} scenarios");
    assert!(played > 5_000, "{played}");
}
