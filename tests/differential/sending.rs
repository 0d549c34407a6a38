//! What one sends, the other has to read; and as servers both have to send the same bytes.

use std::io::Write as _;

use tungstenite::protocol::frame::coding::{Data, OpCode};
use tungstenite::protocol::frame::{CloseFrame, Frame};
use tungstenite::protocol::{Role, WebSocket as TheirSocket};
use tungstenite::{Error as TheirError, Message as TheirMessage};
use ws_proto::{
    Assembler, CloseCode, CloseReason, Config, Connection, Event, Fin, Input, Message, Negotiated,
    Transport,
};

use ws_proto_test::random::Random;
use ws_proto_test::stream::Script;

/// Something to send, and what the other end reads of it.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    /// In one or more parts.
    Text(Vec<String>),
    Binary(Vec<Vec<u8>>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(Option<(u16, String)>),
}

#[test]
fn each_reads_what_the_other_sends() {
    for index in 0..crate::streams() / 3 {
        let mut rng = Random::nth(crate::seed() ^ 5, index);
        let steps = steps(&mut rng);
        let whole: Vec<Step> = steps.iter().map(joined).collect();
        let mut keys = Random::nth(rng.next(), 0);

        let server = ours(&steps, Connection::server(Negotiated::new(), Config::new()));
        let client = Connection::client(Negotiated::new(), Config::new(), || keys.key());
        let client = ours(&steps, client);
        let their_server = theirs(&steps, Role::Server);
        assert!(server == their_server, "{index}: as servers, for {steps:?}");
        assert!(
            read_by_them(&client, Role::Server) == whole,
            "{index}: {steps:?}"
        );

        let reader = Connection::server(Negotiated::new(), Config::new());
        let their_client = theirs(&steps, Role::Client);
        assert!(
            read_by_us(their_client, reader) == whole,
            "{index}: {steps:?}"
        );
        let reader = Connection::client(Negotiated::new(), Config::new(), || [0; 4]);
        assert!(read_by_us(server, reader) == whole, "{index}: {steps:?}");
    }
    let sent = crate::streams() / 3;
    let _ = writeln!(
        std::io::stderr(),
        "sending: {sent} sessions both ways, all the same"
    );
}

fn steps(rng: &mut Random) -> Vec<Step> {
    let mut steps: Vec<Step> = (0..rng.between(1, 8))
        .map(|_| match rng.below(8) {
            0 => {
                let n = rng.pick(&[0, 1, 125]);
                Step::Ping(rng.bytes(n))
            }
            1 => {
                let n = rng.pick(&[0, 1, 125]);
                Step::Pong(rng.bytes(n))
            }
            2..=4 => Step::Binary(parts(rng, Random::bytes)),
            _ => Step::Text(parts(rng, |rng, n| {
                let chars = ['a', '\u{e9}', '\u{20ac}', '\u{1f600}'];
                (0..n / 2).map(|_| rng.pick(&chars)).collect()
            })),
        })
        .collect();
    steps.push(Step::Close(rng.percent(80).then(|| {
        let code = rng.pick(&[
            1000, 1001, 1002, 1003, 1007, 1008, 1009, 1011, 1012, 3000, 4999,
        ]);
        (code, rng.pick(&["", "bye", "\u{20ac}\u{1f600}"]).to_owned())
    })));
    steps
}

fn parts<T>(rng: &mut Random, part: impl Fn(&mut Random, usize) -> T) -> Vec<T> {
    (0..rng.pick(&[1, 1, 1, 2, 3]))
        .map(|_| {
            let n = rng.pick(&[0, 1, 2, 10, 124, 125, 126, 127, 300]);
            let n = if rng.percent(1) {
                65_535 + rng.below(2)
            } else {
                n
            };
            part(rng, n)
        })
        .collect()
}

fn joined(step: &Step) -> Step {
    match step {
        Step::Text(parts) => Step::Text(vec![parts.concat()]),
        Step::Binary(parts) => Step::Binary(vec![parts.concat()]),
        step => step.clone(),
    }
}

fn ours<R: ws_proto::Role>(steps: &[Step], mut connection: Connection<R>) -> Vec<u8> {
    let mut out = Vec::new();
    for step in steps {
        match step {
            Step::Text(parts) => {
                for (index, part) in parts.iter().enumerate() {
                    let fin = fin(index, parts.len());
                    connection
                        .send_text_part(part, fin, &mut out)
                        .expect("open");
                }
            }
            Step::Binary(parts) => {
                for (index, part) in parts.iter().enumerate() {
                    let fin = fin(index, parts.len());
                    connection
                        .send_binary_part(part, fin, &mut out)
                        .expect("open");
                }
            }
            Step::Ping(data) => {
                let payload = data.as_slice().try_into();
                let payload: ws_proto::ControlPayload<'_> = payload.expect("short");
                connection.ping(payload, &mut out).expect("open");
            }
            Step::Pong(data) => {
                let payload = data.as_slice().try_into();
                let payload: ws_proto::ControlPayload<'_> = payload.expect("short");
                connection.pong(payload, &mut out).expect("open");
            }
            Step::Close(None) => connection.close_empty(&mut out).expect("open"),
            Step::Close(Some((code, reason))) => {
                let code = CloseCode::new(*code).expect("valid");
                let reason = CloseReason::new(reason).expect("short");
                connection.close(code, reason, &mut out).expect("open");
            }
        }
    }
    out
}

fn fin(index: usize, count: usize) -> Fin {
    if index + 1 == count {
        Fin::Yes
    } else {
        Fin::No
    }
}

fn theirs(steps: &[Step], role: Role) -> Vec<u8> {
    let mut socket = TheirSocket::from_raw_socket(Script::new(), role, None);
    for step in steps {
        let messages: Vec<TheirMessage> = match step {
            Step::Text(parts) => frames(Data::Text, parts.iter().map(String::as_bytes)),
            Step::Binary(parts) => frames(Data::Binary, parts.iter().map(Vec::as_slice)),
            Step::Ping(data) => vec![TheirMessage::Ping(data.clone().into())],
            Step::Pong(data) => vec![TheirMessage::Pong(data.clone().into())],
            Step::Close(close) => vec![TheirMessage::Close(close.clone().map(|(code, reason)| {
                CloseFrame {
                    code: code.into(),
                    reason: reason.into(),
                }
            }))],
        };
        for message in messages {
            socket.send(message).expect("open");
        }
    }
    socket.get_ref().written().to_vec()
}

fn frames<'a>(kind: Data, parts: impl ExactSizeIterator<Item = &'a [u8]>) -> Vec<TheirMessage> {
    let count = parts.len();
    parts
        .enumerate()
        .map(|(index, part)| {
            let kind = if index == 0 { kind } else { Data::Continue };
            let frame = Frame::message(part.to_vec(), OpCode::Data(kind), index + 1 == count);
            TheirMessage::Frame(frame)
        })
        .collect()
}

fn read_by_them(stream: &[u8], role: Role) -> Vec<Step> {
    let mut socket = TheirSocket::from_raw_socket(Script::new().then_read(stream), role, None);
    let mut steps = Vec::new();
    loop {
        steps.push(match socket.read() {
            Ok(TheirMessage::Text(text)) => Step::Text(vec![text.to_string()]),
            Ok(TheirMessage::Binary(data)) => Step::Binary(vec![data.to_vec()]),
            Ok(TheirMessage::Ping(data)) => Step::Ping(data.to_vec()),
            Ok(TheirMessage::Pong(data)) => Step::Pong(data.to_vec()),
            Ok(TheirMessage::Close(close)) => {
                Step::Close(close.map(|close| (close.code.into(), close.reason.to_string())))
            }
            Ok(TheirMessage::Frame(frame)) => panic!("never read: {frame:?}"),
            Err(TheirError::ConnectionClosed) => return steps,
            Err(error) => panic!("{error} after {steps:?}"),
        });
    }
}

fn read_by_us<R: ws_proto::Role>(mut stream: Vec<u8>, mut connection: Connection<R>) -> Vec<Step> {
    let mut assembler = Assembler::new(Vec::new(), 1 << 20);
    let (mut steps, mut out) = (Vec::new(), Vec::new());
    let mut input = Input::new(&mut stream);
    while let Some(event) = connection.receive(&mut input, &mut out).expect("valid") {
        match event {
            Event::Ping => steps.push(Step::Ping(connection.control_payload().to_vec())),
            Event::Pong => steps.push(Step::Pong(connection.control_payload().to_vec())),
            Event::Close(code) => {
                let reason = connection.close_reason().to_owned();
                steps.push(Step::Close(code.map(|code| (code.as_u16(), reason))));
            }
            event => match assembler.push(event).expect("small") {
                Some(Message::Text(text)) => steps.push(Step::Text(vec![text.to_owned()])),
                Some(Message::Binary(data)) => steps.push(Step::Binary(vec![data.to_vec()])),
                None => {}
            },
        }
    }
    assert!(matches!(
        connection.transport(),
        Transport::Close | Transport::AwaitEof
    ));
    steps
}
