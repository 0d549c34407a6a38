//! Links as streams of futures-io.

use std::time::Duration;

use futures_util::{AsyncReadExt, AsyncWriteExt};
use ws_proto_test::link::{Conditions, Link};

const MS: Duration = Duration::from_millis(1);

#[test]
fn the_traits_of_futures() {
    let link = Link::new().both_ways(Conditions::new().latency(7 * MS).chunks(1, 3));
    let (mut left, mut right) = link.ends();
    let exchanged = link.time().run(async {
        let write = async {
            left.write_all(b"a few words").await.unwrap();
            left.close().await.unwrap();
        };
        let mut text = String::new();
        let (_, n) = futures_util::future::join(write, right.read_to_string(&mut text)).await;
        (n.unwrap(), text)
    });
    assert_eq!(exchanged, Ok((11, "a few words".to_owned())));
    assert_eq!(link.time().now(), 7 * MS);
}
