//! Links as streams of tokio, in the time of its paused clock.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use ws_proto_test::link::{Conditions, Link, Time};

#[tokio::test(start_paused = true)]
async fn the_traits_and_the_paused_clock_of_tokio() {
    let hour = Duration::from_secs(3600);
    let link = Link::new()
        .at(&Time::tokio())
        .both_ways(Conditions::new().latency(hour));
    let (mut left, mut right) = link.ends();
    let began = tokio::time::Instant::now();
    let writer = tokio::spawn(async move {
        left.write_all(b"late").await.unwrap();
        left.shutdown().await.unwrap();
        let mut answer = [0; 4];
        left.read_exact(&mut answer).await.unwrap();
        answer
    });
    let mut text = String::new();
    right.read_to_string(&mut text).await.unwrap();
    assert_eq!((text.as_str(), began.elapsed()), ("late", hour));
    right.write_all(b"back").await.unwrap();
    assert_eq!(&writer.await.unwrap(), b"back");
    assert_eq!(began.elapsed(), 2 * hour);
}

#[tokio::test(start_paused = true)]
async fn the_longest_time_is_for_ever_here_too() {
    let time = Time::tokio();
    let slept = tokio::time::timeout(Duration::from_secs(9), time.sleep(Duration::MAX)).await;
    assert!(slept.is_err());
}
