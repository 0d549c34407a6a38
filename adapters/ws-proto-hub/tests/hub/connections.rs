//! Members that drive connections, in paused time.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, DuplexStream, duplex};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};
use ws_proto_hub::{DriveEvent, Hub, MemberOptions, Publication, WhenFull};
use ws_proto_tokio::{CloseCode, Fin, Negotiated, Options, WebSocket, client, server};

/// How much the pipe between both ends holds.
const PIPE: usize = 8 * 1024;

/// A connection in the topic "t", and its client. It ends with its reports.
fn connected(
    hub: &Hub,
    options: MemberOptions,
) -> (WebSocket<DuplexStream>, JoinHandle<Vec<String>>) {
    let (ours, theirs) = duplex(PIPE);
    let mut member = hub.join(options);
    member.subscribe("t");
    let hub = hub.clone();
    let task = tokio::spawn(async move {
        let mut socket = server(ours, Negotiated::new(), Options::new());
        let mut events = Vec::new();
        while let Some(event) = member.drive(&mut socket).await {
            match event {
                Ok(DriveEvent::Message(message)) => {
                    hub.publish("t", message);
                }
                Ok(DriveEvent::Missed(count)) => {
                    events.push("missed".to_owned());
                    socket.feed(format!("missed {count}")).await.unwrap();
                }
                Ok(DriveEvent::Closing(close)) => {
                    events.push(format!("close {}", u16::from(close.code)));
                }
                Ok(other) => panic!("{other:?}"),
                Err(error) => events.push(error.to_string()),
            }
        }
        events
    });
    (client(theirs, Negotiated::new(), Options::new()), task)
}

async fn text(socket: &mut WebSocket<DuplexStream>) -> Option<String> {
    let next = timeout(Duration::from_secs(60), socket.next())
        .await
        .expect("nothing comes");
    Some(next?.unwrap().as_text().unwrap().to_owned())
}

#[tokio::test(start_paused = true)]
async fn what_a_peer_says_comes_to_all() {
    let hub = Hub::new();
    let (mut ann, ann_task) = connected(&hub, MemberOptions::new());
    let (mut bob, _bob_task) = connected(&hub, MemberOptions::new());
    ann.send("hello").await.unwrap();
    assert_eq!(text(&mut ann).await.as_deref(), Some("hello"));
    assert_eq!(text(&mut bob).await.as_deref(), Some("hello"));
    ann.close(CloseCode::NORMAL, "").await.unwrap();
    assert!(ann_task.await.unwrap().is_empty());
    assert_eq!((hub.presence("t"), hub.members()), (1, 1));
}

/// Publishes more than pipe and queues hold, while `fast` reads all of it.
async fn flood(hub: &Hub, fast: &mut WebSocket<DuplexStream>) {
    for n in 0..2000 {
        hub.publish("t", format!("{n:4} {}", "x".repeat(995)));
        assert_eq!(text(fast).await.unwrap()[..4].trim(), n.to_string());
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_reader_misses_the_oldest_and_delays_nobody() {
    let hub = Hub::new();
    let (mut fast, _fast_task) = connected(&hub, MemberOptions::new());
    let options = MemberOptions::new()
        .max_waiting(10)
        .when_full(WhenFull::DropOldest);
    let (mut slow, _slow_task) = connected(&hub, options);
    flood(&hub, &mut fast).await;
    let (mut got, mut missed, mut next) = (0, 0, 0);
    while next < 2000 {
        let text = text(&mut slow).await.unwrap();
        if let Some(count) = text.strip_prefix("missed ") {
            missed += count.parse::<u64>().unwrap();
            next += count.parse::<u64>().unwrap();
        } else {
            assert_eq!(
                text[..4].trim(),
                next.to_string(),
                "in order, and what is missed is reported"
            );
            next += 1;
            got += 1;
        }
    }
    assert_eq!((got + missed, missed), (2000, hub.counters().dropped));
    assert!(got < 200, "{got} waited");
}

#[tokio::test(start_paused = true)]
async fn a_slow_reader_gets_the_latest() {
    let hub = Hub::new();
    let (mut fast, _fast_task) = connected(&hub, MemberOptions::new());
    let options = MemberOptions::new().when_full(WhenFull::KeepLatest);
    let (mut slow, _slow_task) = connected(&hub, options);
    flood(&hub, &mut fast).await;
    let mut before = -1;
    while before < 1999 {
        let n = text(&mut slow).await.unwrap()[..4]
            .trim()
            .parse::<i32>()
            .unwrap();
        assert!(n > before);
        before = n;
    }
    assert!(hub.counters().replaced > 1800);
}

#[tokio::test(start_paused = true)]
async fn a_slow_reader_is_closed() {
    for code in [CloseCode::POLICY_VIOLATION, CloseCode::TRY_AGAIN_LATER] {
        let hub = Hub::new();
        let (mut fast, _fast_task) = connected(&hub, MemberOptions::new());
        let options = MemberOptions::new().when_full(WhenFull::Close(code, "too slow".into()));
        let (mut slow, task) = connected(&hub, options);
        flood(&hub, &mut fast).await;
        while text(&mut slow).await.is_some() {}
        let closed = slow.closed().unwrap();
        assert_eq!((closed.code, &*closed.reason), (Some(code), "too slow"));
        assert_eq!(task.await.unwrap(), [format!("close {}", u16::from(code))]);
        assert_eq!((hub.counters().closed, hub.members()), (1, 1));
    }
}

#[tokio::test(start_paused = true)]
async fn who_never_reads_is_ended() {
    let hub = Hub::new();
    let (mut fast, _fast_task) = connected(&hub, MemberOptions::new());
    let (_never, task) = connected(&hub, MemberOptions::new());
    flood(&hub, &mut fast).await;
    let events = timeout(Duration::from_secs(120), task)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(events[0], "close 1013");
    assert_eq!(hub.members(), 1);
}

#[tokio::test(start_paused = true)]
async fn shutdown_is_bounded() {
    let hub = Hub::new();
    let (mut reader, reader_task) = connected(&hub, MemberOptions::new());
    let oldest = MemberOptions::new().when_full(WhenFull::DropOldest);
    let (mut never, never_task) = connected(&hub, oldest);
    flood(&hub, &mut reader).await;
    hub.publish("t", "last");
    let before = Instant::now();
    let within = Duration::from_secs(2);
    let (left, ()) = tokio::join!(hub.shutdown("bye", within), async {
        assert_eq!(text(&mut reader).await.as_deref(), Some("last"));
        assert_eq!(text(&mut reader).await, None);
        assert_eq!(reader.closed().unwrap().code, Some(CloseCode::GOING_AWAY));
    });
    assert_eq!((left, before.elapsed()), (1, within));
    assert_eq!(reader_task.await.unwrap(), ["close 1001"]);
    let _ = never_task.await.unwrap();
    assert_eq!(hub.members(), 0);
    let mut rest = Vec::new();
    let _ = never.get_mut().read_to_end(&mut rest).await.unwrap();
    assert!(rest.len() <= PIPE);
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_sends_is_served_while_much_is_published() {
    let hub = Hub::new();
    let options = MemberOptions::new()
        .max_waiting(1_000_000)
        .max_bytes(usize::MAX);
    let (mut peer, _task) = connected(&hub, options);
    peer.send("from the peer").await.unwrap();
    for n in 0..1000 {
        hub.publish("t", n.to_string());
    }
    let mut at = 0;
    while text(&mut peer).await.unwrap() != "from the peer" {
        at += 1;
    }
    assert_eq!(at, 1000, "it was published after those");
}

#[tokio::test(start_paused = true)]
async fn shutdown_delivers_all_of_a_group() {
    let hub = Hub::new();
    let (mut reader, task) = connected(&hub, MemberOptions::new());
    hub.publish(
        "t",
        Publication::group(["x".repeat(200_000).into(), "y".into()]),
    );
    // There is no room for the second one before the client reads.
    tokio::time::sleep(Duration::from_millis(1)).await;
    let (left, ()) = tokio::join!(hub.shutdown("bye", Duration::from_secs(5)), async {
        assert_eq!(
            text(&mut reader).await.map(|text| text.len()),
            Some(200_000)
        );
        assert_eq!(text(&mut reader).await.as_deref(), Some("y"));
        assert_eq!(text(&mut reader).await, None);
    });
    assert_eq!(left, 0);
    assert_eq!(task.await.unwrap(), ["close 1001"]);
}

#[tokio::test(start_paused = true)]
async fn a_publication_waits_for_the_end_of_a_message_in_parts() {
    let hub = Hub::new();
    let (ours, theirs) = duplex(PIPE);
    let mut member = hub.join(MemberOptions::new());
    member.subscribe("t");
    let mut socket = server(ours, Negotiated::new(), Options::new());
    let mut client = client(theirs, Negotiated::new(), Options::new());
    socket.send_text_part("in ", Fin::No).await.unwrap();
    hub.publish("t", "news");
    let second = Duration::from_secs(1);
    let driven = timeout(second, member.drive(&mut socket)).await;
    assert!(driven.is_err(), "{driven:?}");
    socket.send_text_part("parts", Fin::Yes).await.unwrap();
    let driven = timeout(second, member.drive(&mut socket)).await;
    assert!(driven.is_err(), "{driven:?}");
    assert_eq!(text(&mut client).await.as_deref(), Some("in parts"));
    assert_eq!(text(&mut client).await.as_deref(), Some("news"));
    // Nor does it keep the hub from ending the connection.
    socket.send_text_part("in ", Fin::No).await.unwrap();
    hub.publish("t", "more");
    let (left, closing) = tokio::join!(
        hub.shutdown("bye", second),
        timeout(2 * second, async {
            while member.drive(&mut socket).await.is_some() {}
            drop(member);
        })
    );
    assert_eq!((left, closing), (1, Ok(())));
}
