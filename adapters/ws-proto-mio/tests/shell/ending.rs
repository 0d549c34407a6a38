//! How connections end, and the time it takes, on a clock of the test's.

use std::time::Duration;

use crate::common::{Seen, at, pair, turn};
use ws_proto_mio::{CloseCode, Config, Error, Options, SendError, TimedOut};

#[test]
fn both_sides_see_a_closing_handshake_to_its_end() {
    for server_closes in [true, false] {
        let options = Options::new();
        let (mut server, mut client, mut buffers) = pair(1000, &options, &options);
        let closing = if server_closes {
            &mut server
        } else {
            &mut client
        };
        let mut sender = closing.sender().unwrap();
        sender.send_text("last words").unwrap();
        sender.close(CloseCode::NORMAL, "done").unwrap();
        assert_eq!(sender.send_text("x"), Err(SendError::Closed));
        let mut seen = Vec::new();
        for _ in 0..4 {
            for socket in [&mut server, &mut client] {
                let (more, result) = turn(socket, &mut buffers, at(0));
                result.unwrap();
                seen.extend(more);
            }
        }
        assert_eq!(seen, [Seen::Text("last words".into())]);
        assert!(server.is_over(), "the server ends the stream");
        assert!(client.is_over());
        let other = if server_closes { &client } else { &server };
        assert_eq!(other.closed(), Some((Some(CloseCode::NORMAL), "done")));
        assert_eq!(server.next_deadline(), None);
    }
}

#[test]
fn a_peer_that_breaks_the_protocol_is_told_and_given_time_to_read_it() {
    let options = Options::new();
    let (mut server, mut client, mut buffers) = pair(1000, &options, &options);
    std::io::Write::write_all(client.get_mut(), &[0x83, 0x80, 0, 0, 0, 0, 1, 2, 3]).unwrap();
    let (_, result) = turn(&mut server, &mut buffers, at(0));
    assert!(matches!(result, Err(Error::Receive(_))), "{result:?}");
    assert!(server.has_more());
    turn(&mut server, &mut buffers, at(0)).1.unwrap();
    assert!(!server.is_over());
    turn(&mut client, &mut buffers, at(0)).1.unwrap();
    let closed = client.closed().map(|(code, _)| code);
    assert_eq!(closed, Some(Some(CloseCode::PROTOCOL_ERROR)));
    turn(&mut client, &mut buffers, at(0)).1.unwrap();
    drop(client);
    turn(&mut server, &mut buffers, at(0)).1.unwrap();
    assert!(server.is_over());
}

#[test]
fn a_message_over_the_limit_ends_the_connection() {
    let options = Options::new().config(Config::new().max_message(1000));
    let (mut server, mut client, mut buffers) = pair(1 << 16, &options, &Options::new());
    client.sender().unwrap().send_binary(&[0; 1001]).unwrap();
    turn(&mut client, &mut buffers, at(0)).1.unwrap();
    let (seen, result) = turn(&mut server, &mut buffers, at(0));
    assert_eq!(seen, []);
    assert!(matches!(result, Err(Error::Receive(_))), "{result:?}");
    turn(&mut server, &mut buffers, at(0)).1.unwrap();
    turn(&mut client, &mut buffers, at(0)).1.unwrap();
    let closed = client.closed().map(|(code, _)| code);
    assert_eq!(closed, Some(Some(CloseCode::MESSAGE_TOO_BIG)));
}

#[test]
fn a_peer_that_vanishes_is_noticed_by_keepalive() {
    let config = Config::new()
        .keepalive(Some(Duration::from_secs(2)))
        .pong_timeout(Duration::from_secs(1));
    let options = Options::new().config(config);
    // A loop that is busy comes after the deadline.
    for late in [0, 7] {
        let (mut server, client, mut buffers) = pair(1000, &options, &Options::new());
        turn(&mut server, &mut buffers, at(0)).1.unwrap();
        assert_eq!(server.next_deadline(), Some(at(2000)));
        turn(&mut server, &mut buffers, at(2000 + late)).1.unwrap();
        assert_eq!(server.next_deadline(), Some(at(3000 + late)));
        let (_, result) = turn(&mut server, &mut buffers, at(3000 + 2 * late));
        assert!(
            matches!(result, Err(Error::TimedOut(TimedOut::Pong))),
            "{result:?}"
        );
        assert!(server.is_over());
        drop(client);
    }
}

#[test]
fn a_peer_that_answers_pings_stays() {
    let config = Config::new()
        .keepalive(Some(Duration::from_secs(2)))
        .pong_timeout(Duration::from_secs(1));
    let options = Options::new().config(config);
    let (mut server, mut client, mut buffers) = pair(1000, &options, &Options::new());
    for second in 0..100 {
        turn(&mut server, &mut buffers, at(second * 1000))
            .1
            .unwrap();
        turn(&mut client, &mut buffers, at(second * 1000))
            .1
            .unwrap();
        turn(&mut server, &mut buffers, at(second * 1000))
            .1
            .unwrap();
    }
    assert!(!server.is_over() && server.can_send());
}

#[test]
fn a_peer_that_takes_nothing_is_given_up() {
    let config = Config::new().keepalive(None);
    let options = Options::new()
        .config(config)
        .stall_time(Duration::from_secs(5));
    let (mut server, client, mut buffers) = pair(1000, &options, &Options::new());
    server.sender().unwrap().send_binary(&[0; 5000]).unwrap();
    turn(&mut server, &mut buffers, at(1000)).1.unwrap();
    turn(&mut server, &mut buffers, at(1000)).1.unwrap();
    assert_eq!(server.next_deadline(), Some(at(6000)));
    turn(&mut server, &mut buffers, at(5999)).1.unwrap();
    let (_, result) = turn(&mut server, &mut buffers, at(6000));
    assert!(
        matches!(result, Err(Error::TimedOut(TimedOut::Write))),
        "{result:?}"
    );
    assert!(server.is_over());
    drop(client);
}

#[test]
fn a_peer_that_does_not_answer_close_is_given_up() {
    let config = Config::new().close_timeout(Duration::from_secs(4));
    let options = Options::new().config(config);
    let (mut server, client, mut buffers) = pair(1000, &options, &Options::new());
    server
        .sender()
        .unwrap()
        .close(CloseCode::NORMAL, "")
        .unwrap();
    turn(&mut server, &mut buffers, at(0)).1.unwrap();
    assert_eq!(server.next_deadline(), Some(at(4000)));
    let (_, result) = turn(&mut server, &mut buffers, at(4000));
    assert!(
        matches!(result, Err(Error::TimedOut(TimedOut::Close))),
        "{result:?}"
    );
    assert!(server.is_over());
    drop(client);
}

#[test]
fn an_end_without_close_is_an_error_once_and_what_came_before_is_given() {
    let options = Options::new();
    let (mut server, mut client, mut buffers) = pair(1000, &options, &options);
    client.sender().unwrap().send_text("bye").unwrap();
    turn(&mut client, &mut buffers, at(0)).1.unwrap();
    drop(client);
    let (seen, result) = turn(&mut server, &mut buffers, at(0));
    assert_eq!(seen, [Seen::Text("bye".into())]);
    assert!(matches!(result, Err(Error::Eof(_))), "{result:?}");
    assert!(turn(&mut server, &mut buffers, at(0)).1.is_ok());
    assert!(server.is_over() && !server.can_send());
    assert_eq!(server.closed(), None);
}
