//! Hubs that are one by a backplane in memory, whose server can be stopped.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use tokio::sync::watch;
use ws_proto_hub::backplane::{Backplane, BackplaneOptions, Command, Inlet, Link};
use ws_proto_hub::{Hub, Member, MemberEvent, MemberOptions, Publication};
use ws_proto_test::task::poll_once;
use ws_proto_tokio::{Bytes, Message};

#[derive(Clone)]
struct Server(Arc<Inner>);

struct Inner {
    is_up: watch::Sender<bool>,
    nodes: Mutex<Vec<(Inlet, BTreeSet<Arc<str>>)>>,
    log: Mutex<Vec<String>>,
}

impl Server {
    fn new(is_up: bool) -> Self {
        Self(Arc::new(Inner {
            is_up: watch::Sender::new(is_up),
            nodes: Mutex::default(),
            log: Mutex::default(),
        }))
    }

    fn hub(&self, options: BackplaneOptions) -> Hub {
        Hub::with_backplane(Node(self.clone()), options)
    }

    fn log(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.log.lock().unwrap())
    }
}

struct Node(Server);

impl Drop for Node {
    fn drop(&mut self) {
        self.0.0.log.lock().unwrap().push("end".to_owned());
    }
}

impl Backplane for Node {
    async fn run(self, mut link: Link) {
        let server = &*self.0.0;
        let node = {
            let mut nodes = server.nodes.lock().unwrap();
            nodes.push((link.inlet(), BTreeSet::new()));
            nodes.len() - 1
        };
        let mut is_up = server.is_up.subscribe();
        loop {
            is_up.wait_for(|is| *is).await.unwrap();
            link.resubscribe();
            link.up();
            loop {
                let command = tokio::select! {
                    biased;
                    _ = is_up.wait_for(|is| !*is) => break,
                    command = link.next() => command,
                };
                let Some(command) = command else { return };
                let mut nodes = server.nodes.lock().unwrap();
                let mut log = server.log.lock().unwrap();
                match command {
                    Command::Subscribe(topic) => {
                        log.push(format!("+{topic}"));
                        nodes[node].1.insert(topic);
                    }
                    Command::Unsubscribe(topic) => {
                        log.push(format!("-{topic}"));
                        nodes[node].1.remove(&topic);
                    }
                    // To its sender too, as servers do.
                    Command::Publish(topic, packet) => {
                        for (inlet, _) in nodes.iter().filter(|(_, topics)| topics.contains(&topic))
                        {
                            inlet.received(&topic, &packet);
                        }
                    }
                }
            }
            server.nodes.lock().unwrap()[node].1.clear();
            link.down("stopped");
        }
    }
}

fn join(hub: &Hub) -> Member {
    let member = hub.join(MemberOptions::new());
    member.subscribe("t");
    member
}

async fn settle() {
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
}

fn texts(member: &mut Member) -> Vec<String> {
    let mut texts = Vec::new();
    while let Poll::Ready(MemberEvent::Delivery(delivery)) = poll_once(member.next()) {
        for message in delivery.messages() {
            texts.push(String::from_utf8_lossy(message.payload()).into_owned());
        }
    }
    texts
}

#[tokio::test(start_paused = true)]
async fn each_member_of_each_process_gets_it_once() {
    let server = Server::new(true);
    let hubs: Vec<_> = (0..3)
        .map(|_| server.hub(BackplaneOptions::new()))
        .collect();
    let mut members: Vec<_> = hubs.iter().chain(&hubs).map(join).collect();
    settle().await;
    for (n, hub) in hubs.iter().enumerate() {
        assert_eq!(hub.publish("t", n.to_string()), 2);
        let group = Publication::group([Message::from("a"), Message::from("b")]).key("k");
        hub.publish("t", group);
        hub.publish("other", "nobody wants it");
        settle().await;
    }
    for member in &mut members {
        assert_eq!(texts(member), ["0", "a", "b", "1", "a", "b", "2", "a", "b"]);
    }
    assert!(hubs.iter().all(|hub| hub.counters().received == 4));
}

#[tokio::test(start_paused = true)]
async fn topics_are_asked_for_while_they_have_members() {
    let server = Server::new(true);
    let hub = server.hub(BackplaneOptions::new());
    let one = join(&hub);
    let two = join(&hub);
    settle().await;
    assert_eq!(server.log(), ["+t"]);
    drop(one);
    settle().await;
    assert!(server.log().is_empty());
    two.unsubscribe("t");
    settle().await;
    assert_eq!(server.log(), ["-t"]);
    two.subscribe("t");
    two.unsubscribe("t"); // before the server has heard of it
    settle().await;
    assert!(server.log().is_empty());
    two.subscribe("t");
    settle().await;
    assert_eq!(server.log(), ["+t"]);
}

#[tokio::test(start_paused = true)]
async fn a_loss_is_reported_and_then_it_goes_on() {
    let server = Server::new(true);
    let (one, two) = (
        server.hub(BackplaneOptions::new()),
        server.hub(BackplaneOptions::new()),
    );
    let mut member = join(&two);
    let mut link = one.link().unwrap();
    settle().await;
    assert!(link.borrow_and_update().is_up);
    one.publish("t", "before");
    settle().await;

    server.0.is_up.send_replace(false);
    let status = link.wait_for(|status| !status.is_up).await.unwrap().clone();
    assert_eq!(
        (status.losses, status.reason.as_deref()),
        (1, Some("stopped"))
    );
    two.join(MemberOptions::new())
        .subscribe("gone before the return");
    let later = two.join(MemberOptions::new());
    later.subscribe("later");
    one.publish("t", "meanwhile");
    server.log();

    server.0.is_up.send_replace(true);
    link.wait_for(|status| status.is_up).await.unwrap();
    settle().await;
    let mut log = server.log();
    log.sort();
    assert_eq!(log, ["+later", "+t"]);
    one.publish("t", "after");
    settle().await;
    let texts = texts(&mut member);
    assert_eq!(
        (texts.first(), texts.last()),
        (Some(&"before".into()), Some(&"after".into()))
    );
    // Whether the other one had subscribed again is not certain.
    assert!(texts.len() <= 3, "{texts:?}");
}

#[tokio::test(start_paused = true)]
async fn what_waits_for_the_server_is_bounded() {
    let server = Server::new(true);
    let far = server.hub(BackplaneOptions::new());
    let mut member = join(&far);
    settle().await;
    // Their tasks do not run before all is published.
    let few = server.hub(BackplaneOptions::new().max_waiting(3));
    // A packet of one byte has 27.
    let short = server.hub(BackplaneOptions::new().max_bytes(60));
    for n in 0..10 {
        few.publish("t", n.to_string());
        short.publish("t", char::from(b'a' + n).to_string());
    }
    short.publish("t", "x".repeat(100));
    assert_eq!((few.counters().unsent, short.counters().unsent), (7, 9));
    settle().await;
    let texts = texts(&mut member);
    let of = |digits: bool| {
        let chosen = texts
            .iter()
            .filter(|text| text.as_bytes()[0].is_ascii_digit() == digits);
        chosen.cloned().collect::<Vec<_>>()
    };
    assert_eq!(
        (of(true), of(false)),
        (
            vec!["7".to_owned(), "8".to_owned(), "9".to_owned()],
            vec!["i".to_owned(), "j".to_owned()],
        )
    );
}

fn named(hub: &Hub, name: &str) -> Member {
    let member = hub.join(MemberOptions::new().name(name));
    member.subscribe("t");
    member
}

#[tokio::test(start_paused = true)]
async fn presence_is_asked_of_all_processes() {
    const WITHIN: Duration = Duration::from_millis(200);
    let server = Server::new(true);
    let hubs: Vec<_> = (0..3)
        .map(|_| server.hub(BackplaneOptions::new()))
        .collect();
    let mut ann = named(&hubs[0], "ann");
    let cid = named(&hubs[1], "cid");
    let _unnamed = join(&hubs[1]);
    let bob = named(&hubs[1], "bob");
    settle().await;
    server.log();
    for hub in &hubs {
        let before = tokio::time::Instant::now();
        let presence = hub.presence_everywhere("t", WITHIN).await;
        assert_eq!(before.elapsed(), WITHIN);
        assert_eq!((presence.members, presence.processes), (4, 2));
        let names: Vec<_> = presence.names.iter().map(|name| &**name).collect();
        assert_eq!(names, ["ann", "bob", "cid"]);
    }
    // Each process that asks has subscribed to its answers, once.
    let answers = server.log().len();
    let (one, two, three) = tokio::join!(
        hubs[0].presence_everywhere("t", WITHIN),
        hubs[0].presence_everywhere("other", WITHIN),
        hubs[2].presence_everywhere("t", WITHIN),
    );
    assert_eq!((answers, server.log().len()), (3, 0));
    assert_eq!((one.members, two.members, three.members), (4, 0, 4));
    assert_eq!(two, ws_proto_hub::Presence::default());

    cid.unsubscribe("t");
    drop(bob);
    let presence = hubs[0].presence_everywhere("t", WITHIN).await;
    assert_eq!((presence.members, presence.processes), (2, 2));
    assert_eq!(&*presence.names, [Arc::from("ann")]);
    // Members get nothing of it, and it counts as no publication.
    assert!(texts(&mut ann).is_empty());
    for counters in hubs.iter().map(Hub::counters) {
        let counted = (counters.received, counters.unread, counters.published);
        assert_eq!(counted, (0, 0, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn presence_without_a_connection_is_of_this_process() {
    let server = Server::new(false);
    for hub in [server.hub(BackplaneOptions::new()), Hub::new()] {
        let _ann = named(&hub, "ann");
        settle().await;
        let before = tokio::time::Instant::now();
        let presence = hub.presence_everywhere("t", Duration::from_secs(9)).await;
        assert_eq!(before.elapsed(), Duration::ZERO);
        assert_eq!((presence.members, presence.processes), (1, 1));
        assert_eq!(&*presence.names, [Arc::from("ann")]);
    }
}

#[tokio::test(start_paused = true)]
async fn names_are_bounded_and_members_are_not() {
    let server = Server::new(true);
    let (one, two) = (
        server.hub(BackplaneOptions::new()),
        server.hub(BackplaneOptions::new()),
    );
    let name = "x".repeat(1000);
    let _many: Vec<_> = (0..200).map(|_| named(&one, &name)).collect();
    settle().await;
    for hub in [&one, &two] {
        let presence = hub.presence_everywhere("t", Duration::from_millis(1)).await;
        assert_eq!(presence.members, 200);
        assert_eq!(presence.names.len(), 65);
    }
}

/// What another process sends: a kind, its name, the number of the question, and the rest.
fn packet(kind: u8, node: u8, id: u64, rest: &[u8]) -> Bytes {
    let head = [&[kind][..], &[node; 16], &id.to_be_bytes()].concat();
    [&head[..], rest].concat().into()
}

fn answer(node: u8, members: u64, name: &str) -> Bytes {
    let len = (name.len() as u32).to_be_bytes();
    let rest = [&members.to_be_bytes()[..], &len, name.as_bytes()].concat();
    packet(3, node, 0, &rest)
}

#[tokio::test(start_paused = true)]
async fn questions_displace_no_publication() {
    let server = Server::new(true);
    let (one, two) = (
        server.hub(BackplaneOptions::new().max_waiting(4)),
        server.hub(BackplaneOptions::new()),
    );
    let (_asked, mut member) = (named(&one, "ann"), join(&two));
    settle().await;
    let inlet = server.0.nodes.lock().unwrap()[0].0.clone();
    // All of that waits: the task of the backplane gets no turn.
    one.publish("t", "first");
    one.publish("t", "second");
    for id in 0..100 {
        inlet.received("t", &packet(2, 9, id, b""));
    }
    assert_eq!(one.counters().unsent, 98);
    settle().await;
    assert_eq!(texts(&mut member), ["first", "second"]);
}

#[tokio::test(start_paused = true)]
async fn a_process_answers_once_and_within_its_bounds() {
    let server = Server::new(true);
    let hub = server.hub(BackplaneOptions::new());
    let _ann = named(&hub, "ann");
    settle().await;
    let inlet = server.0.nodes.lock().unwrap()[0].0.clone();
    let asked = hub.presence_everywhere("t", Duration::from_secs(1));
    let answered = async {
        settle().await;
        for packet in [
            answer(7, 2, "zoe"),
            answer(7, 2, "zoe"),
            answer(8, 1, &"x".repeat(64 * 1024)), // more than there can be
            answer(9, u64::MAX, "bob"),
        ] {
            inlet.received("inbox", &packet);
        }
    };
    let (presence, ()) = tokio::join!(asked, answered);
    assert_eq!((presence.members, presence.processes), (usize::MAX, 3));
    let names: Vec<_> = presence.names.iter().map(|name| &**name).collect();
    assert_eq!(names, ["ann", "bob", "zoe"]);
    assert_eq!(hub.counters().unread, 1);
}

#[tokio::test(start_paused = true)]
async fn the_longest_time_is_no_time_that_overflows() {
    let server = Server::new(true);
    let hub = server.hub(BackplaneOptions::new());
    let member = join(&hub);
    settle().await;
    assert!(poll_once(hub.presence_everywhere("t", Duration::MAX)).is_pending());
    let presence = hub.presence_everywhere("t", Duration::ZERO).await;
    assert_eq!(presence.members, 1);
    drop(member);
    assert_eq!(hub.shutdown("", Duration::MAX).await, 0);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_read_is_counted() {
    let server = Server::new(true);
    let hub = server.hub(BackplaneOptions::new());
    let mut member = join(&hub);
    settle().await;
    let inlet = server.0.nodes.lock().unwrap()[0].0.clone();
    inlet.received("t", &Bytes::from_static(b"nonsense"));
    inlet.lost(2);
    assert_eq!(hub.counters().unread, 3);
    assert!(texts(&mut member).is_empty());
}

#[tokio::test(start_paused = true)]
async fn shutdown_sends_what_waits_and_is_bounded() {
    let server = Server::new(true);
    let (one, two) = (
        server.hub(BackplaneOptions::new()),
        server.hub(BackplaneOptions::new()),
    );
    let mut member = join(&two);
    settle().await;
    one.publish("t", "last");
    let before = tokio::time::Instant::now();
    assert_eq!(one.shutdown("", Duration::from_secs(5)).await, 0);
    assert_eq!(before.elapsed(), Duration::ZERO);
    assert_eq!(texts(&mut member), ["last"]);
    // A first connection, of which nothing is known yet, is waited for.
    let three = Server::new(false).hub(BackplaneOptions::new());
    three.publish("t", "never");
    three.shutdown("", Duration::from_secs(5)).await;
    assert_eq!(before.elapsed(), Duration::from_secs(5));
    assert_eq!(three.counters().unsent, 1);
}

#[tokio::test(start_paused = true)]
async fn shutdown_does_not_wait_for_a_lost_server() {
    let server = Server::new(true);
    let hub = server.hub(BackplaneOptions::new());
    let member = join(&hub);
    settle().await;
    server.0.is_up.send_replace(false);
    settle().await;
    hub.publish("t", "never");
    let before = tokio::time::Instant::now();
    let leave = async {
        tokio::time::sleep(Duration::from_secs(2)).await;
        drop(member);
    };
    let (left, ()) = tokio::join!(hub.shutdown("", Duration::from_secs(60)), leave);
    assert_eq!((left, before.elapsed()), (0, Duration::from_secs(2)));
    assert_eq!(hub.counters().unsent, 1);
    assert_eq!(hub.shutdown("", Duration::from_secs(60)).await, 0);
    assert_eq!(hub.counters().unsent, 1);
}

/// A server that takes nothing, and stops after a second.
struct Stuck;

impl Backplane for Stuck {
    async fn run(self, link: Link) {
        link.up();
        tokio::time::sleep(Duration::from_secs(1)).await;
        link.down("stopped");
        link.ended().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_lost_during_shutdown_ends_it() {
    let hub = Hub::with_backplane(Stuck, BackplaneOptions::new());
    settle().await;
    hub.publish("t", "never");
    let before = tokio::time::Instant::now();
    hub.shutdown("", Duration::from_secs(60)).await;
    assert_eq!(before.elapsed(), Duration::from_secs(1));
}

/// Clients choose topics: those that come and go while the server is away are not kept for it.
#[tokio::test(start_paused = true)]
async fn topics_that_were_given_up_do_not_wait_for_the_server() {
    let server = Server::new(true);
    let hub = server.hub(BackplaneOptions::new());
    let member = join(&hub);
    member.subscribe("left");
    settle().await;
    assert_eq!(server.log(), ["+t", "+left"]);
    server.0.is_up.send_replace(false);
    settle().await;
    member.unsubscribe("left");
    let mut names = Vec::new();
    for number in 0..10_000 {
        let topic = format!("room {number}");
        member.subscribe(&topic);
        names.extend(hub.topics().iter().map(Arc::downgrade));
        member.unsubscribe(&topic);
    }
    member.subscribe("new");
    let is_kept = |name: &&std::sync::Weak<str>| name.upgrade().is_some_and(|name| *name != *"t");
    let kept = names.iter().filter(is_kept).count();
    assert!(kept < 100, "{kept}");
    server.0.is_up.send_replace(true);
    settle().await;
    let mut log = server.log();
    log.sort_unstable();
    assert_eq!(log, ["+new", "+t"]);
}

/// A backplane that gives up in the middle.
struct Failing(bool);

impl Backplane for Failing {
    async fn run(self, mut link: Link) {
        link.up();
        link.next().await;
        assert!(!self.0, "a fault of the backplane");
    }
}

#[tokio::test(start_paused = true)]
async fn a_backplane_that_ends_by_itself_is_reported_and_not_waited_for() {
    for panics in [false, true] {
        let hub = Hub::with_backplane(Failing(panics), BackplaneOptions::new());
        settle().await;
        assert!(hub.link().unwrap().borrow().is_up);
        hub.publish("t", "never");
        settle().await;
        let status = hub.link().unwrap().borrow().clone();
        assert_eq!((status.is_up, status.losses), (false, 1), "{panics}");
        let before = tokio::time::Instant::now();
        hub.presence_everywhere("t", Duration::from_secs(1)).await;
        hub.shutdown("", Duration::from_secs(60)).await;
        assert_eq!(before.elapsed(), Duration::ZERO, "{panics}");
    }
}

/// An address at which nothing listens.
#[cfg(any(feature = "nats", feature = "redis"))]
fn closed() -> std::net::SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap()
}

#[cfg(any(feature = "nats", feature = "redis"))]
async fn is_reported(hub: Hub) {
    let mut link = hub.link().unwrap();
    let status = link.wait_for(|status| status.reason.is_some()).await;
    let status = status.unwrap().clone();
    assert_eq!((status.is_up, status.losses), (false, 0));
}

#[cfg(feature = "nats")]
#[tokio::test]
async fn a_nats_server_that_is_not_there_is_reported() {
    let nats = ws_proto_hub::backplane::Nats::new(format!("nats://{}", closed()));
    is_reported(Hub::with_backplane(nats, BackplaneOptions::new())).await;
}

#[cfg(feature = "redis")]
#[tokio::test]
async fn a_redis_server_that_is_not_there_is_reported() {
    let redis = ws_proto_hub::backplane::Redis::new(format!("redis://{}/", closed())).unwrap();
    is_reported(Hub::with_backplane(redis, BackplaneOptions::new())).await;
}

#[tokio::test(start_paused = true)]
async fn a_dropped_hub_ends_its_task() {
    let server = Server::new(false);
    drop(server.hub(BackplaneOptions::new()));
    settle().await;
    assert!(server.log().is_empty());
    tokio::time::sleep(Duration::from_secs(6)).await;
    assert_eq!(server.log(), ["end"]);
}
