//! Every byte at every place of a line, in heads that come at once, in two reads, and byte by byte.
//! The scan for the end of a head looks at several bytes at a time; this holds it against rules that
//! look at one.

use ws_proto::Input;
use ws_proto::handshake::{
    ClientHandshake, ClientRequest, HandshakeError, Limits, ServerHandshake,
};
use ws_proto_suite::failed;

const FIELDS: &str = "Host: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";

type Outcome = Result<bool, HandshakeError>;

fn serve(head: &[u8], cuts: &[usize], limits: Limits) -> Outcome {
    let mut handshake = ServerHandshake::new(Vec::new(), limits);
    let mut out = Vec::new();
    let mut complete = false;
    for mut piece in pieces(head, cuts) {
        complete = handshake
            .receive(&mut Input::new(&mut piece), &mut out)
            .map_err(failed)?
            .is_some();
    }
    Ok(complete)
}

fn ask(head: &[u8], cuts: &[usize], limits: Limits) -> Outcome {
    let (request, mut out) = (ClientRequest::new("h", "/"), Vec::new());
    let nonce = *b"the sample nonce";
    let started = ClientHandshake::start(request, nonce, Vec::new(), limits, &mut out);
    let mut handshake = started.expect("it can be sent");
    let mut complete = false;
    for mut piece in pieces(head, cuts) {
        complete = handshake.receive(&mut Input::new(&mut piece))?.is_some();
    }
    Ok(complete)
}

fn pieces(head: &[u8], cuts: &[usize]) -> Vec<Vec<u8>> {
    let mut rest = head.to_vec();
    let mut pieces = Vec::new();
    for &cut in cuts.iter().rev() {
        pieces.push(rest.split_off(cut));
    }
    pieces.push(rest);
    pieces.reverse();
    pieces
}

/// The same at once, split after `at`, and in single bytes.
fn in_all_ways(head: &[u8], at: usize, run: impl Fn(&[u8], &[usize]) -> Outcome) -> Outcome {
    let at_once = run(head, &[]);
    let single: Vec<usize> = (1..head.len()).collect();
    for cuts in [&[at][..], &[at + 1], &single] {
        assert_eq!(
            run(head, cuts),
            at_once,
            "{:?}",
            head.escape_ascii().to_string()
        );
    }
    at_once
}

fn of_byte(byte: u8) -> Outcome {
    match byte {
        b'\t' | 0x20..=0x7e | 0x80.. => Ok(true),
        b'\n' => Err(HandshakeError::BareLf),
        b'\r' => Err(HandshakeError::BareCr),
        _ => Err(HandshakeError::ControlCharacter),
    }
}

#[test]
fn every_byte_at_every_place_of_a_value() {
    let mut tried = 0;
    for fill in ['a', 'é', '~'] {
        for at in 0..20 {
            for byte in 0..=255_u8 {
                let mut value = fill.to_string().repeat(20).into_bytes();
                value.truncate(19);
                value.insert(at, byte);
                let request = [
                    b"GET / HTTP/1.1\r\nX: ",
                    &value[..],
                    b"\r\n",
                    FIELDS.as_bytes(),
                ];
                let served = in_all_ways(&request.concat(), 19 + at, |head, cuts| {
                    serve(head, cuts, Limits::new())
                });
                assert_eq!(served, of_byte(byte), "{byte} at {at}");
                tried += 1;
            }
        }
    }
    println!("{tried} values");
    assert_eq!(tried, 3 * 20 * 256);
}

#[test]
fn every_byte_at_every_place_of_an_answers_value() {
    const ANSWER: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
        Connection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nX: ";
    let mut tried = 0;
    for at in 0..20 {
        for byte in 0..=255_u8 {
            let mut value = [b'a'; 19].to_vec();
            value.insert(at, byte);
            let head = [ANSWER, &value, b"\r\n\r\n"].concat();
            let asked = in_all_ways(&head, ANSWER.len() + at, |head, cuts| {
                ask(head, cuts, Limits::new())
            });
            assert_eq!(asked, of_byte(byte), "{byte} at {at}");
            tried += 1;
        }
    }
    println!("{tried} values");
    assert_eq!(tried, 20 * 256);
}

#[test]
fn every_byte_at_every_place_of_a_target() {
    let mut tried = 0;
    for at in 1..20 {
        for byte in 0..=255_u8 {
            let mut target = *b"/aaaaaaaaaaaaaaaaaaa";
            target[at] = byte;
            let request = [b"GET ", &target[..], b" HTTP/1.1\r\n", FIELDS.as_bytes()];
            let served = in_all_ways(&request.concat(), 4 + at, |head, cuts| {
                serve(head, cuts, Limits::new())
            });
            let expected = match byte {
                b'\n' => Err(HandshakeError::BareLf),
                b'\r' => Err(HandshakeError::BareCr),
                b' ' => Err(HandshakeError::StartLineInvalid),
                b'#' => Err(HandshakeError::TargetInvalid),
                0x21..=0x7e => Ok(true),
                _ => Err(HandshakeError::TargetInvalid),
            };
            assert_eq!(served, expected, "{byte} at {at}");
            tried += 1;
        }
    }
    println!("{tried} targets");
    assert_eq!(tried, 19 * 256);
}

/// What follows a line end decides whether it is one, also at the limits.
#[test]
fn every_byte_behind_a_line_end() {
    let mut tried = 0;
    for line in 1..20 {
        for byte in 0..=255_u8 {
            let value = "v".repeat(line);
            let next = [b"X: ", value.as_bytes(), b"\r\n", &[byte], b"Y: y\r\n"];
            let request = [b"GET / HTTP/1.1\r\n", &next.concat()[..], FIELDS.as_bytes()].concat();
            let served = in_all_ways(&request, 21 + line, |head, cuts| {
                serve(head, cuts, Limits::new())
            });
            let expected = match byte {
                b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' => Ok(true),
                byte if b"!#$%&'*+-.^_`|~".contains(&byte) => Ok(true),
                b'\t' | b' ' => Err(HandshakeError::LineFolded),
                b'\n' => Err(HandshakeError::BareLf),
                b'\r' => Err(HandshakeError::BareCr),
                0x20..=0x7e | 0x80.. => Err(HandshakeError::HeaderInvalid),
                _ => Err(HandshakeError::ControlCharacter),
            };
            assert_eq!(served, expected, "{byte} behind {line}");
            tried += 1;
        }
    }
    println!("{tried} line ends");
    assert_eq!(tried, 19 * 256);
}

#[test]
fn the_limits_hold_at_every_byte_and_line() {
    let request = format!("GET /room HTTP/1.1\r\nX-Some: thing\r\n{FIELDS}").into_bytes();
    let lines = request.iter().filter(|byte| **byte == b'\n').count() - 1;
    for bytes in 1..request.len() + 2 {
        let limits = Limits::new().head_bytes(bytes);
        let served = in_all_ways(&request, bytes.min(request.len() - 2), |head, cuts| {
            serve(head, cuts, limits)
        });
        let expected = if bytes >= request.len() {
            Ok(true)
        } else {
            Err(HandshakeError::HeadTooLarge)
        };
        assert_eq!(served, expected, "{bytes} bytes");
    }
    for limit in 1..lines + 2 {
        let limits = Limits::new().lines(limit);
        let served = in_all_ways(&request, 30, |head, cuts| serve(head, cuts, limits));
        let expected = if limit >= lines {
            Ok(true)
        } else {
            Err(HandshakeError::TooManyLines)
        };
        assert_eq!(served, expected, "{limit} lines");
    }
    println!("{} limits", request.len() + lines + 2);
}
