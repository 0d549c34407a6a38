//! What a client reads before it gives up counts towards its limits, the framing of HTTP too.

use std::time::{Duration, Instant as Clock};

use ws_proto::Input;
use ws_proto::handshake::{ClientHandshake, ClientRequest, HandshakeError, Limits};

const ACCEPTED: &str = "HTTP/1.1 101 OK\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
const CHUNKED: &str = "HTTP/1.1 400 No\r\nTransfer-Encoding: chunked\r\n\r\n";

/// How a client ends that reads `answer` in pieces of `cut` bytes, and how many bytes it had been
/// given then.
fn end_of(
    answer: &[u8],
    cut: usize,
    limits: Limits,
) -> (Option<HandshakeError>, usize, Vec<u8>, bool) {
    let (request, nonce) = (ClientRequest::new("h", "/"), *b"the sample nonce");
    let mut handshake =
        ClientHandshake::start(request, nonce, Vec::new(), limits, &mut Vec::new()).unwrap();
    let (mut error, mut given) = (None, 0);
    for piece in answer.to_vec().chunks_mut(cut) {
        given += piece.len();
        match handshake.receive(&mut Input::new(piece)) {
            Ok(None) => {}
            Ok(Some(_)) => break,
            Err(found) => {
                error = Some(found);
                break;
            }
        }
    }
    let body = handshake.refusal().map(|refusal| refusal.body().to_vec());
    let complete = handshake
        .refusal()
        .is_some_and(|refusal| refusal.is_body_complete());
    (error, given, body.unwrap_or_default(), complete)
}

fn assert_ends_within(framing: &[u8], limit: usize) {
    let answer = [CHUNKED.as_bytes(), framing].concat();
    let limits = Limits::new().body_bytes(limit);
    let (error, given, body, complete) = end_of(&answer, 1, limits);
    assert_eq!(error, Some(HandshakeError::Refused { status: 400 }));
    assert!(given <= CHUNKED.len() + limit, "{given} bytes were read");
    assert!(!complete, "the body was cut off");
    for cut in [2, 3, 7, 64, answer.len()] {
        let (again, _, kept, complete) = end_of(&answer, cut, limits);
        assert_eq!(
            (again, kept, complete),
            (error, body.clone(), false),
            "in pieces of {cut}"
        );
    }
}

#[test]
fn chunk_extensions_count_towards_the_limit_of_the_body() {
    assert_ends_within(&[b"1;".as_slice(), &[b'a'; 500]].concat(), 100);
    assert_ends_within(b"1;a\r\nx\r\n".repeat(100).as_slice(), 100);
}

#[test]
fn leading_zeros_of_chunk_sizes_count_towards_the_limit_of_the_body() {
    assert_ends_within(&[b'0'; 500], 100);
    assert_ends_within(b"00000001\r\nx\r\n".repeat(100).as_slice(), 100);
}

#[test]
fn a_trailer_is_not_read_at_all() {
    let framing = [
        b"1\r\nx\r\n0\r\n".as_slice(),
        b"A: b\r\n".repeat(500).as_slice(),
    ]
    .concat();
    let answer = [CHUNKED.as_bytes(), &framing].concat();
    let (error, given, body, complete) = end_of(&answer, 1, Limits::new());
    assert_eq!(error, Some(HandshakeError::Refused { status: 400 }));
    assert_eq!(given, CHUNKED.len() + "1\r\nx\r\n0\r\n".len());
    assert_eq!((body, complete), (b"x".to_vec(), true));
}

/// At every limit: the body is known to be complete exactly if all of it, framing too, is within it.
#[test]
fn a_chunked_body_is_complete_if_its_framing_fits_too() {
    let framing = b"3;x=y\r\nabc\r\n002\r\nde\r\n0\r\n";
    let answer = [CHUNKED.as_bytes(), framing].concat();
    for limit in 0..framing.len() + 3 {
        for cut in 1..=answer.len() {
            let limits = Limits::new().body_bytes(limit);
            let (error, _, body, complete) = end_of(&answer, cut, limits);
            assert_eq!(error, Some(HandshakeError::Refused { status: 400 }));
            assert!(b"abcde".starts_with(&body), "{limit} {cut}");
            assert_eq!(complete, limit >= framing.len(), "{limit} {cut}");
        }
    }
}

/// The bytes of all heads of an answer, informational ones too, count towards one limit.
#[test]
fn informational_responses_count_towards_the_limit_of_the_head() {
    let hint = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n";
    for count in 0..4 {
        let answer = [hint.repeat(count).as_str(), ACCEPTED].concat();
        for cut in 1..=answer.len() {
            let end = |limit| end_of(answer.as_bytes(), cut, Limits::new().head_bytes(limit)).0;
            assert_eq!(end(answer.len()), None, "{count} {cut}");
            assert_eq!(
                end(answer.len() - 1),
                Some(HandshakeError::HeadTooLarge),
                "{count} {cut}"
            );
        }
    }
}

/// Twice the bytes take about twice the time, however they are cut.
#[test]
fn a_chunked_body_takes_linear_time() {
    let time = |count: usize, cut: usize| {
        let framing = [b"1;".as_slice(), &b"a".repeat(count), b"\r\nx\r\n"].concat();
        let ones = b"1\r\nx\r\n".repeat(count / 6);
        let answer = [CHUNKED.as_bytes(), &framing, &ones, b"0\r\n\r\n"].concat();
        let limits = Limits::new().body_bytes(usize::MAX);
        let start = Clock::now();
        let (error, _, _, complete) = end_of(&answer, cut, limits);
        assert_eq!(
            (error, complete),
            (Some(HandshakeError::Refused { status: 400 }), true)
        );
        start.elapsed()
    };
    for cut in [1, 100, 16 << 10, usize::MAX] {
        let (short, long) = (time(1 << 18, cut), time(1 << 21, cut));
        let most = short.max(Duration::from_millis(5)) * 8 * 4;
        assert!(
            long < most,
            "{short:?} for an eighth, {long:?} for all, in pieces of {cut}"
        );
    }
}
