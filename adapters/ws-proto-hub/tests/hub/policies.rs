//! Members without connections, polled by hand.

use std::sync::Arc;
use std::task::{Context, Poll};
use std::thread;

use ws_proto_hub::{Hub, Member, MemberEvent, MemberOptions, Publication, WhenFull};
use ws_proto_test::task::{Wakes, poll_once};
use ws_proto_tokio::{CloseCode, Message, PreparedMessage};

#[test]
fn handles_are_for_all_threads() {
    const fn is_for_all<T: Send + Sync>() {}
    is_for_all::<(Hub, Member, MemberEvent, MemberOptions, Publication)>();
    is_for_all::<ws_proto_hub::backplane::Link>();
    is_for_all::<ws_proto_hub::backplane::Inlet>();
}

fn options(max_waiting: usize, when_full: WhenFull) -> MemberOptions {
    MemberOptions::new()
        .max_waiting(max_waiting)
        .when_full(when_full)
}

fn join(hub: &Hub, topics: &[&str], options: MemberOptions) -> Member {
    let member = hub.join(options);
    for topic in topics {
        assert!(member.subscribe(topic));
        assert!(!member.subscribe(topic));
    }
    member
}

/// All that is there, as words.
fn taken(member: &mut Member) -> Vec<String> {
    let mut words = Vec::new();
    while let Poll::Ready(event) = poll_once(member.next()) {
        words.push(match event {
            MemberEvent::Delivery(delivery) => {
                let texts = delivery.messages().iter().map(PreparedMessage::payload);
                texts
                    .map(String::from_utf8_lossy)
                    .collect::<Vec<_>>()
                    .join("+")
            }
            MemberEvent::Missed(count) => format!("missed {count}"),
            MemberEvent::Close(close) => {
                words.push(format!("close {} {}", u16::from(close.code), close.reason));
                break;
            }
            other => panic!("{other:?}"),
        });
    }
    words
}

#[test]
fn what_is_published_comes_to_all_who_have_subscribed() {
    let hub = Hub::new();
    let mut ann = join(&hub, &["a", "b"], MemberOptions::new());
    let mut bob = join(&hub, &["b"], MemberOptions::new());
    assert_eq!(hub.publish("a", "1"), 1);
    assert_eq!(hub.publish("b", "2"), 2);
    assert_eq!(hub.publish("c", "3"), 0);
    assert!(ann.unsubscribe("a"));
    assert!(!ann.unsubscribe("a"));
    assert_eq!(hub.publish("a", "4"), 0);
    let group = Publication::group([Message::from("5"), Message::from("6")]);
    assert_eq!(hub.publish("b", group), 2);
    assert_eq!(taken(&mut ann), ["1", "2", "5+6"]);
    assert_eq!(taken(&mut bob), ["2", "5+6"]);
    let counters = hub.counters();
    assert_eq!((counters.published, counters.delivered), (5, 5));
    assert_eq!(
        (counters.dropped, counters.replaced, counters.closed),
        (0, 0, 0)
    );
}

#[test]
fn a_message_is_shared_by_all() {
    let hub = Hub::new();
    let mut all: Vec<_> = (0..3)
        .map(|_| join(&hub, &["t"], MemberOptions::new()))
        .collect();
    hub.publish("t", "shared");
    let places: Vec<_> = all
        .iter_mut()
        .map(|member| match poll_once(member.next()) {
            Poll::Ready(MemberEvent::Delivery(delivery)) => {
                (delivery.messages().as_ptr(), delivery.clone())
            }
            other => panic!("{other:?}"),
        })
        .collect();
    assert!(places.iter().all(|(place, _)| *place == places[0].0));
}

#[test]
fn presence_counts_members() {
    let hub = Hub::new();
    let mut all: Vec<_> = (0..5)
        .map(|_| join(&hub, &["t"], MemberOptions::new()))
        .collect();
    assert_eq!((hub.presence("t"), hub.members()), (5, 5));
    drop(all.remove(0)); // the last one takes its place
    drop(all.remove(1));
    assert_eq!((hub.presence("t"), hub.publish("t", "x")), (3, 3));
    for member in &mut all {
        assert_eq!(taken(member), ["x"]);
    }
    drop(all);
    assert_eq!((hub.presence("t"), hub.members()), (0, 0));
    assert!(hub.topics().is_empty());
}

#[test]
fn drop_oldest() {
    let hub = Hub::new();
    let mut slow = join(&hub, &["t"], options(3, WhenFull::DropOldest));
    let mut other = join(&hub, &["t"], MemberOptions::new());
    for n in 0..10 {
        assert_eq!(hub.publish("t", n.to_string()), 2);
    }
    assert_eq!(taken(&mut slow), ["missed 7", "7", "8", "9"]);
    assert_eq!(taken(&mut other).len(), 10);
    hub.publish("t", "more");
    assert_eq!(taken(&mut slow), ["more"]);
    assert_eq!(hub.counters().dropped, 7);
}

#[test]
fn keep_latest_of_each_key() {
    let hub = Hub::new();
    let mut slow = join(&hub, &["p", "q"], options(3, WhenFull::KeepLatest));
    for n in 0..5 {
        hub.publish("p", Publication::from(format!("eur{n}")).key("eur"));
        hub.publish("p", Publication::from(format!("usd{n}")).key("usd"));
    }
    hub.publish("q", "q0");
    hub.publish("q", "q1"); // without a key: the topic
    assert_eq!(taken(&mut slow), ["eur4", "usd4", "q1"]);
    assert_eq!((hub.counters().replaced, hub.counters().dropped), (9, 0));
    // More keys than there is room for.
    for key in ["1", "2", "3", "4"] {
        hub.publish("p", Publication::from(key).key(key));
    }
    hub.publish("p", Publication::from("2b").key("2"));
    hub.publish("p", Publication::from("1b").key("1")); // dropped before, so it is the newest
    assert_eq!(taken(&mut slow), ["missed 2", "3", "4", "1b"]);
    // A key that has been taken waits anew.
    hub.publish("p", Publication::from("4c").key("4"));
    assert_eq!(taken(&mut slow), ["4c"]);
}

#[test]
fn close_with_a_code_and_a_reason() {
    for code in [CloseCode::POLICY_VIOLATION, CloseCode::TRY_AGAIN_LATER] {
        let hub = Hub::new();
        let full = WhenFull::Close(code, "read faster".into());
        let mut slow = join(&hub, &["t"], options(2, full));
        assert_eq!((hub.publish("t", "1"), hub.publish("t", "2")), (1, 1));
        assert!(poll_once(slow.closing()).is_pending());
        assert_eq!((hub.publish("t", "3"), hub.publish("t", "4")), (0, 0));
        assert!(poll_once(slow.closing()).is_ready());
        let close = format!("close {} read faster", u16::from(code));
        assert_eq!(taken(&mut slow), [close.as_str()]);
        assert_eq!(taken(&mut slow), [close.as_str()]); // again and again
        assert_eq!((hub.counters().closed, hub.counters().dropped), (1, 3));
    }
}

#[test]
fn bytes_are_bounded() {
    let hub = Hub::new();
    let bounded = |when_full| MemberOptions::new().max_bytes(10).when_full(when_full);
    let mut oldest = join(&hub, &["t"], bounded(WhenFull::DropOldest));
    let mut latest = join(&hub, &["t"], bounded(WhenFull::KeepLatest));
    let close = WhenFull::Close(CloseCode::POLICY_VIOLATION, "".into());
    let mut closed = join(&hub, &["t"], bounded(close));
    for text in ["1234", "5678", "abc"] {
        hub.publish("t", Publication::from(text).key(text));
    }
    assert_eq!(taken(&mut oldest), ["missed 1", "5678", "abc"]);
    assert_eq!(taken(&mut latest), ["missed 1", "5678", "abc"]);
    assert_eq!(taken(&mut closed), ["close 1008 "]);
    // Longer in the place of the queued one.
    for text in ["a", "bbbb"] {
        hub.publish("t", Publication::from(text).key(&text[..1]));
    }
    hub.publish(
        "t",
        Publication::from("b0123456789"[..10].to_owned()).key("b"),
    );
    assert_eq!(taken(&mut latest), ["missed 1", "b012345678"]);
    let _ = taken(&mut oldest);
    // Bigger than all.
    hub.publish("t", "0123456789a");
    hub.publish("t", "fits");
    assert_eq!(taken(&mut oldest), ["missed 1", "fits"]);
    assert_eq!(taken(&mut latest), ["missed 1", "fits"]);
}

#[test]
fn wakes_once_for_what_is_waited_for() {
    let hub = Hub::new();
    let close = WhenFull::Close(CloseCode::POLICY_VIOLATION, "".into());
    let mut member = join(&hub, &["t"], options(2, close));
    let wakes = Wakes::new();
    let waker = wakes.waker();
    let mut cx = Context::from_waker(&waker);
    assert!(member.poll_next(&mut cx).is_pending());
    hub.publish("t", "1");
    hub.publish("t", "2");
    assert_eq!(wakes.count(), 1);
    let _ = taken(&mut member);
    // A member that waits to be closed is not woken by publications.
    let mut closing = Box::pin(member.closing());
    assert!(closing.as_mut().poll(&mut cx).is_pending());
    hub.publish("t", "3");
    hub.publish("t", "4");
    assert_eq!(wakes.count(), 1);
    hub.publish("t", "5");
    assert_eq!(wakes.count(), 2);
    assert!(closing.as_mut().poll(&mut cx).is_ready());
}

#[test]
fn order_of_each_publisher_is_kept_while_members_come_and_go() {
    const PUBLISHERS: usize = 4;
    const MESSAGES: usize = 2000;
    let hub = Hub::new();
    let big = MemberOptions::new().max_waiting(PUBLISHERS * MESSAGES);
    let mut members: Vec<_> = (0..3).map(|_| join(&hub, &["t"], big.clone())).collect();
    thread::scope(|scope| {
        for publisher in 0..PUBLISHERS {
            let hub = &hub;
            scope.spawn(move || {
                for n in 0..MESSAGES {
                    hub.publish("t", format!("{publisher} {n}"));
                }
            });
        }
        for _ in 0..2 {
            scope.spawn(|| {
                for _ in 0..MESSAGES {
                    let other = hub.join(MemberOptions::new());
                    other.subscribe("t");
                    other.subscribe("only now and then");
                }
            });
        }
    });
    for member in &mut members {
        let mut next = [0; PUBLISHERS];
        for words in taken(member) {
            let (publisher, n) = words.split_once(' ').unwrap();
            let next = &mut next[publisher.parse::<usize>().unwrap()];
            assert_eq!(n.parse(), Ok(*next));
            *next += 1;
        }
        assert_eq!(next, [MESSAGES; PUBLISHERS]);
    }
    assert_eq!(hub.topics(), [Arc::from("t")]);
}

#[test]
fn shutdown_delivers_what_waits_and_then_closes() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async {
        let hub = Hub::new();
        let mut member = join(&hub, &["t"], MemberOptions::new());
        let stuck = join(&hub, &[], MemberOptions::new()); // without a topic
        hub.publish("t", "last");
        let before = tokio::time::Instant::now();
        let within = std::time::Duration::from_secs(3);
        let (left, ()) = tokio::join!(hub.shutdown("bye", within), async {
            assert_eq!(hub.publish("t", "too late"), 0);
            assert_eq!(taken(&mut member), ["last", "close 1001 bye"]);
            let mut late = hub.join(MemberOptions::new());
            assert_eq!(taken(&mut late), ["close 1001 bye"]);
            drop(member);
        });
        assert_eq!((left, before.elapsed()), (1, within));
        drop(stuck);
        assert_eq!(hub.shutdown("again", within).await, 0);
        assert_eq!(before.elapsed(), within);
    });
}
