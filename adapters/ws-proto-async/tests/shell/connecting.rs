//! A client that connects by itself, over a network and a clock of the test's.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::{Future, pending, poll_fn, ready};
use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use ws_proto_async::net::{Client, Network, TlsRequest};
use ws_proto_async::{ConnectError, Connector, Options, Proxy, ProxyError, Stage};
use ws_proto_suite::shells::hand::Hand;

/// What becomes of an attempt, after so many milliseconds.
#[derive(Clone, Copy, Debug)]
enum Fate {
    Connects(u64),
    Fails(u64),
    Hangs,
}

thread_local! {
    static EPOCH: Instant = Instant::now();
    static NOW: Cell<u64> = const { Cell::new(0) };
    /// What somebody waits for.
    static DEADLINES: RefCell<Vec<u64>> = const { RefCell::new(Vec::new()) };
    static FATES: RefCell<VecDeque<Fate>> = const { RefCell::new(VecDeque::new()) };
    /// When the attempts have begun, and how many are under way.
    static STARTED: RefCell<Vec<u64>> = const { RefCell::new(Vec::new()) };
    static LIVE: Cell<i32> = const { Cell::new(0) };
}

struct Fake;

/// An attempt that is under way.
struct Live;

impl Live {
    fn new() -> Self {
        LIVE.set(LIVE.get() + 1);
        Self
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        LIVE.set(LIVE.get() - 1);
    }
}

async fn sleep_until(at: u64) {
    poll_fn(|_| {
        if NOW.get() >= at {
            return Poll::Ready(());
        }
        DEADLINES.with_borrow_mut(|deadlines| deadlines.push(at));
        Poll::Pending
    })
    .await;
}

impl Network for Fake {
    type Stream = Hand;
    type Io = Hand;

    const HAS_TLS: bool = false;

    fn now() -> Instant {
        EPOCH.with(|epoch| *epoch) + Duration::from_millis(NOW.get())
    }

    async fn sleep_until(at: Instant) {
        let epoch = EPOCH.with(|epoch| *epoch);
        sleep_until(at.duration_since(epoch).as_millis() as u64).await;
    }

    async fn resolve(_: String, _: u16) -> io::Result<Vec<SocketAddr>> {
        panic!("the test has its own")
    }

    async fn open_tcp(_: TcpStream) -> io::Result<Hand> {
        let _live = Live::new();
        let now = NOW.get();
        STARTED.with_borrow_mut(|started| started.push(now));
        match FATES.with_borrow_mut(VecDeque::pop_front).unwrap() {
            Fate::Hangs => pending().await,
            Fate::Fails(millis) => {
                sleep_until(now + millis).await;
                Err(ErrorKind::HostUnreachable.into())
            }
            Fate::Connects(millis) => {
                sleep_until(now + millis).await;
                let hand = Hand::new();
                hand.put(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n");
                Ok(hand)
            }
        }
    }

    async fn open_unix(_: PathBuf) -> io::Result<Hand> {
        panic!("not here")
    }

    async fn secure(_: Hand, _: TlsRequest, _: Vec<u8>) -> io::Result<Hand> {
        panic!("there is none")
    }

    fn io(stream: Hand) -> Hand {
        stream
    }
}

/// Polls to the end; time jumps to the next deadline.
fn run<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let mut cx = Context::from_waker(Waker::noop());
    loop {
        DEADLINES.with_borrow_mut(Vec::clear);
        if let Poll::Ready(done) = future.as_mut().poll(&mut cx) {
            return done;
        }
        let next = DEADLINES.with_borrow(|deadlines| deadlines.iter().min().copied());
        NOW.set(next.expect("something is waited for"));
    }
}

/// What comes of attempts with these fates within 10 s, when each has begun, and the time at the end.
fn connect(fates: &[Fate]) -> (ConnectError, Vec<u64>, u64) {
    NOW.set(0);
    STARTED.with_borrow_mut(Vec::clear);
    FATES.set(fates.iter().copied().collect());
    // Real ones: sockets begin to connect before the network sees them.
    let listeners: Vec<TcpListener> = fates
        .iter()
        .map(|_| TcpListener::bind("127.0.0.1:0").unwrap())
        .collect();
    let addresses: Vec<SocketAddr> = listeners.iter().map(|l| l.local_addr().unwrap()).collect();
    let client = Client::<Fake>::new().resolver(move |_, _| ready(Ok(addresses.clone())));
    let options = Options::new().handshake_time(Duration::from_secs(10));
    let connector = Connector::new("ws://server.test/")
        .unwrap()
        .options(options);
    let error = run(client.connect(connector)).map(|_| ()).unwrap_err();
    assert_eq!(LIVE.get(), 0, "nothing is left under way");
    (error, STARTED.take(), NOW.get())
}

#[test]
fn the_first_that_connects_is_taken_and_the_others_are_dropped() {
    use Fate::{Connects, Fails, Hangs};
    for (fates, started, end) in [
        (&[Connects(100)][..], &[0][..], 100),
        (&[Connects(100), Connects(0)], &[0], 100),
        (&[Hangs, Connects(20)], &[0, 250], 270),
        (&[Hangs, Hangs, Connects(20), Hangs], &[0, 250, 500], 520),
        // The first one goes on, and can still be the first.
        (&[Connects(300), Connects(200)], &[0, 250], 300),
        (&[Fails(10), Fails(10), Connects(5)], &[0, 10, 20], 25),
        // A failure starts the next one, whichever it is of.
        (&[Fails(300), Hangs, Connects(5)], &[0, 250, 300], 305),
        (
            &[Hangs, Fails(20), Hangs, Connects(5)],
            &[0, 250, 270, 520],
            525,
        ),
    ] {
        let (error, seen, now) = connect(fates);
        assert!(matches!(error, ConnectError::Refused(_)), "{error:?}");
        assert_eq!((&*seen, now), (started, end), "{fates:?}");
    }
}

#[test]
fn the_time_of_all_attempts_is_limited_and_each_is_reported() {
    use Fate::{Fails, Hangs};
    let (error, started, now) = connect(&[Hangs, Fails(100), Hangs]);
    assert_eq!((&*started, now), (&[0, 250, 350][..], 10_000));
    let ConnectError::TimedOut(late) = error else {
        panic!("{error:?}")
    };
    assert_eq!(late.stage(), Stage::Connect);
    assert_eq!(late.spent(), Duration::from_secs(10));
    let spent: Vec<u128> = late
        .get_attempts()
        .iter()
        .map(|attempt| attempt.spent().as_millis())
        .collect();
    assert_eq!(spent, [10_000, 100, 9650]);

    let (error, started, now) = connect(&[Fails(300), Fails(300)]);
    assert_eq!((&*started, now), (&[0, 250][..], 550));
    assert!(matches!(error, ConnectError::Unreachable(u) if u.attempts().len() == 2));
}

#[test]
fn a_network_without_tls_names_the_feature_before_anything_is_done() {
    let client = Client::<Fake>::new();
    let error = run(client.connect("wss://server.test/"))
        .map(|_| ())
        .unwrap_err();
    assert!(matches!(error, ConnectError::TlsNeeded));
    let words = error.to_string();
    assert!(
        words.contains("feature `rustls-platform-verifier`"),
        "{words}"
    );
}

#[test]
fn a_proxy_that_is_not_supported_is_named_before_anything_is_done() {
    let schemes = ["https", "socks5", "socks5h"];
    let without = if cfg!(feature = "socks") { 1 } else { 3 };
    for scheme in &schemes[..without] {
        let proxy = Proxy::new(&format!("{scheme}://proxy.test")).unwrap();
        let client = Client::<Fake>::new().proxy(proxy);
        let error = run(client.connect("ws://server.test/"))
            .map(|_| ())
            .unwrap_err();
        assert!(
            matches!(error, ConnectError::Proxy(ProxyError::Unsupported(s)) if s.name() == *scheme),
            "{error:?}"
        );
        assert_eq!(error.end(), None);
    }
}

#[test]
fn what_is_connecting_can_go_to_another_thread() {
    fn is_send<T: Send>(_: &T) {}
    let client = Client::<Fake>::new();
    is_send(&client.connect("ws://server.test/"));
    is_send(&client);
    let proxied = client.proxy(Proxy::new("proxy.test").unwrap());
    is_send(&proxied.connect("ws://server.test/"));
}
