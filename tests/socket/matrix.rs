//! The scenarios of all shells, over `io`.

use ws_proto::io::Error;
use ws_proto::{CloseCode, Negotiated, Role, WebSocket, WebSocketError};
use ws_proto_suite::matrix::{Ending, Outcome, Scenario, check_all};
use ws_proto_test::Side;
use ws_proto_test::stream::SharedScript;

fn play<R: Role>(mut socket: WebSocket<R>, mut stream: SharedScript) -> Outcome {
    let mut messages = Vec::new();
    let mut refused = None;
    let ending = loop {
        while refused.is_none() {
            match socket.next_message() {
                Ok(None) | Err(WebSocketError::OutputFull) => break,
                Ok(Some((message, mut reply))) => {
                    messages.push(message.into_owned());
                    let _ = reply.send(message);
                }
                Err(error) => refused = Some(error),
            }
        }
        match socket.exchange(&mut stream) {
            Ok(true) => {}
            Ok(false) => {
                break match refused {
                    None => Ending::Clean,
                    Some(error) => Ending::Refused(error.close_code().map(CloseCode::as_u16)),
                };
            }
            Err(Error::Eof(_)) => break Ending::Eof,
            Err(_) => break Ending::Stream,
        }
    };
    let connection = socket.connection();
    Outcome {
        messages,
        closed: connection.is_close_received().then(|| {
            let code = connection.close_code().map(CloseCode::as_u16);
            (code, connection.close_reason().to_owned())
        }),
        ending,
    }
}

#[test]
fn every_scenario_comes_to_the_same_as_by_hand() {
    let played = check_all(usize::MAX, |scenario, stream| {
        let (negotiated, config) = (Negotiated::new(), Scenario::config());
        match scenario.side {
            Side::Server => play(WebSocket::server(negotiated, config), stream),
            Side::Client => play(
                WebSocket::client(negotiated, config, || [1, 2, 3, 4]),
                stream,
            ),
        }
    });
    println!("{played} scenarios");
    assert!(played > 5_000, "{played}");
}
