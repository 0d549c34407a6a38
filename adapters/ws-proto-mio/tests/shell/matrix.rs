//! The scenarios of all shells.

use mio::Token;
use ws_proto::OwnedMessage;
use ws_proto_mio::{Buffers, Error, Event, Instant, Negotiated, Options, WebSocket};
use ws_proto_suite::matrix::{Ending, Outcome, Scenario, check_all};
use ws_proto_test::Side;
use ws_proto_test::stream::SharedScript;

fn play(scenario: &Scenario, stream: SharedScript, buffers: &mut Buffers) -> Outcome {
    let options = Options::new().config(Scenario::config());
    let (token, negotiated) = (Token(0), Negotiated::new());
    let mut socket = match scenario.side {
        Side::Server => WebSocket::server(stream, token, negotiated, &[], &options),
        Side::Client => WebSocket::client(stream, token, negotiated, &[], &options),
    };
    let mut messages = Vec::new();
    let mut ending = Ending::Clean;
    for _ in 0..100_000 {
        if socket.is_over() {
            break;
        }
        socket.note_ready();
        let mut turn = socket.turn(buffers, Instant::from_millis(0));
        while turn.read() {
            loop {
                match turn.next_event() {
                    Ok(None) => break,
                    Ok(Some(Event::Message(message, mut sender))) => {
                        messages.push(OwnedMessage::from(message));
                        let _ = sender.send(message);
                    }
                    Ok(Some(_)) => {}
                    Err(error) => {
                        ending = match error {
                            Error::Eof(_) => Ending::Eof,
                            Error::Receive(error) => {
                                Ending::Refused(error.close_code().map(ws_proto::CloseCode::as_u16))
                            }
                            _ => Ending::Stream,
                        };
                        break;
                    }
                }
            }
        }
    }
    assert!(socket.is_over(), "it comes to an end");
    Outcome {
        messages,
        closed: socket.closed().map(|(code, reason)| {
            let code = code.map(ws_proto::CloseCode::as_u16);
            (code, reason.to_owned())
        }),
        ending,
    }
}

#[test]
fn every_scenario_comes_to_the_same_as_by_hand() {
    let mut buffers = Buffers::new();
    let played = check_all(usize::MAX, |scenario, stream| {
        play(scenario, stream, &mut buffers)
    });
    println!("{played} scenarios");
    assert!(played > 5_000, "{played}");
}
