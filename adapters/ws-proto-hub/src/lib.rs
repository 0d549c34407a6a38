//! Broadcast over WebSocket connections of [`ws-proto-tokio`](ws_proto_tokio): topics, members that do not keep up, and
//! several processes as one.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use std::time::Duration;
//! use tokio::net::TcpListener;
//! use ws_proto_hub::{DriveEvent, Hub, MemberOptions};
//! use ws_proto_tokio::accept;
//!
//! let hub = Hub::new();
//! let listener = TcpListener::bind("127.0.0.1:0").await?;
//! # let url = format!("ws://{}/", listener.local_addr()?);
//! # let client = tokio::spawn(async move {
//! #     let (mut socket, _) = ws_proto_tokio::connect(&url).await.unwrap();
//! #     socket.send("hello").await.unwrap();
//! #     assert_eq!(socket.next().await.unwrap().unwrap().as_text(), Some("hello"));
//! #     assert!(socket.next().await.is_none());
//! #     socket.closed().unwrap().code
//! # });
//! # for _ in 0..1 {
//! let (stream, _) = listener.accept().await?;
//! let connection = hub.clone();
//! tokio::spawn(async move {
//!     let mut socket = accept(stream).await?;
//!     let mut member = connection.join(MemberOptions::new());
//!     member.subscribe("room");
//!     while let Some(event) = member.drive(&mut socket).await {
//!         if let DriveEvent::Message(message) = event? {
//!             connection.publish("room", message); // to all in the room
//!         }
//!     }
//!     Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
//! });
//! # }
//! # while hub.counters().delivered == 0 { tokio::task::yield_now().await; }
//!
//! // From anywhere, and without waiting:
//! hub.publish("news", "for all members that have subscribed");
//! // At the end: 1001 to all.
//! let left = hub.shutdown("the server restarts", Duration::from_secs(5)).await;
//! assert_eq!(left, 0);
//! # assert_eq!(client.await?, Some(ws_proto_tokio::CloseCode::GOING_AWAY));
//! # Ok(())
//! # }
//! ```
//!
//! Connections are those of `ws-proto-tokio` and of `ws-proto-axum`: [which door for which program](ws_proto_tokio::ws_proto::doors).
//!
//! # What it does
//!
//! * A message is encoded once, and compressed once for each size of window that connections have agreed on (feature
//!   `deflate`).
//! * [`Hub::publish`] never waits. Each member has a queue with bounds in messages and bytes, and its own policy for a
//!   full queue: see [`WhenFull`]. A slow member delays no other one, and no publisher.
//! * Each member gets the publications of one task or thread to one topic in their order.
//! * [`Member::drive`] does everything that the task of a connection has to do; [`Member::next`] and [`Member::closing`] are
//!   for tasks that write themselves.
//! * [`Hub::presence`] counts the members of a topic, [`Hub::presence_everywhere`] those of all processes, with their
//!   names; [`Hub::counters`] counts publications; [`Hub::shutdown`] ends all connections, within a bounded time.
//! * With a [`backplane`], members of several processes are in one hub.
//!
//! # Features
//!
//! | feature | adds |
//! |---|---|
//! | `deflate` | permessage-deflate (RFC 7692) for the connections, see [`ws_proto_tokio`] |
//! | `http` | handshakes with the types of the crate `http`, see [`ws_proto_tokio`] |
//! | `nats` | several processes, connected by a NATS server: `backplane::Nats` |
//! | `redis` | several processes, connected by a Redis server: `backplane::Redis` |
//! | `redis-tls` | the same over TLS: `rediss` URLs |
//! | `simd` (default) | uses the vectors and the SHA-1 of the processor, if it has them; a little `unsafe` in `ws-proto` |
#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(
    not(all(feature = "nats", feature = "redis")),
    allow(rustdoc::broken_intra_doc_links)
)]

pub mod backplane;
mod counters;
mod hub;
mod member;
mod presence;
mod publication;
mod queue;

pub use counters::Counters;
pub use hub::Hub;
pub use member::{DriveEvent, Member};
pub use presence::Presence;
pub use publication::{Delivery, Publication};
pub use queue::{Closing, MemberEvent, MemberOptions, WhenFull};
/// The connections: a program need not name this crate a second time.
pub use ws_proto_tokio;
