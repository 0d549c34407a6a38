//! Driving it right: the rules for a program that owns the transport, each with a program that runs.
//!
//! The engine does no I/O. The program that drives it reads, writes, keeps the time and closes. A program
//! that breaks one of these rules loses data, or keeps dead connections. The whole loop stands in the
//! README; here are its parts.
//!
//! # Bytes after the handshake
//!
//! **A read can bring more than the handshake.** The peer may send frames right after its request or its
//! response. They stay in the [`Input`]: give the same input to the connection before you read again. A
//! program that drops them loses the first messages, and takes later bytes for headers.
//!
//! ```
//! use ws_proto::handshake::{ClientHandshake, ClientRequest, Limits};
//! use ws_proto::{Config, Connection, Event, Input};
//!
//! let request = ClientRequest::new("example.com", "/");
//! let mut out = Vec::new();
//! let mut handshake =
//!     ClientHandshake::start(request, *b"the sample nonce", Vec::new(), Limits::new(), &mut out)?;
//!
//! // One read brings the response and a message.
//! let mut read = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
//!     Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n\x81\x05hello".to_vec();
//! let mut input = Input::new(&mut read);
//! let response = handshake.receive(&mut input)?.expect("the response is complete");
//! let negotiated = response.negotiated();
//!
//! let mut connection = Connection::client(negotiated, Config::new(), || [1, 2, 3, 4]);
//! let event = connection.receive(&mut input, &mut out)?; // the same input
//! assert!(matches!(event, Some(Event::Text(text)) if text.body == "hello"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # All input is consumed, or the call says that it was not
//!
//! **Call [`receive`] until it returns `Ok(None)`.** Then all input is consumed, and the buffer can serve
//! another connection. [`ReceiveError::OutputFull`] consumes nothing and changes nothing: write the output,
//! then call again with the same input. A program that reads on instead has lost the rest.
//!
//! A `Vec` is never full; [`Limited`] and [`FixedBuf`] are. They need room for one answer when they are empty:
//! [`MAX_CONTROL_FRAME`] bytes for a connection, [`MAX_REFUSAL`] for the handshake of a server. With less, every call
//! finds them full.
//!
//! ```
//! use ws_proto::{Config, Connection, Event, Input, Limited, MAX_CONTROL_FRAME, Negotiated, ReceiveError};
//!
//! let mut connection = Connection::client(Negotiated::new(), Config::new(), || [0; 4]);
//! let mut out = Limited::new(MAX_CONTROL_FRAME); // the least: one Pong
//! let mut sent = Vec::new();
//! let mut read = [&[0x89, 0x7d][..], &[7; 125]].concat().repeat(10); // ten Pings
//! read.extend_from_slice(b"\x81\x04last");
//! let mut input = Input::new(&mut read);
//! let mut last = None;
//! loop {
//!     match connection.receive(&mut input, &mut out) {
//!         Ok(Some(Event::Text(text))) => last = Some(text.body.to_owned()),
//!         Ok(Some(_)) => {}
//!         Ok(None) => break,
//!         Err(ReceiveError::OutputFull) => {
//!             sent.extend_from_slice(out.pending()); // stands for a write
//!             out.consume(out.pending().len());
//!         }
//!         Err(error) => return Err(error),
//!     }
//! }
//! sent.extend_from_slice(out.pending());
//! assert_eq!((sent.len(), last.as_deref()), (10 * 131, Some("last")));
//! # Ok::<(), ReceiveError>(())
//! ```
//!
//! # The first tick, and every turn
//!
//! **Call [`tick`] once a turn, after all input was received, beginning with the turn in which the connection
//! is made.** It starts the timers, writes a Ping or Close that is due, and returns the time of the next call. Wait for input
//! until then. Without the first call no timer runs, and the connection of a silent peer never ends.
//!
//! Received bytes win over expired timers: receive a Pong that lies in the buffer before you look at the
//! time. In the other order a program that was busy closes peers that have answered.
//!
//! ```
//! use core::time::Duration;
//! use ws_proto::{Config, Connection, Input, Instant, Negotiated};
//!
//! let config = Config::new().keepalive(Some(Duration::from_secs(20))).pong_timeout(Duration::from_secs(5));
//! let mut connection = Connection::server(Negotiated::new(), config);
//! let mut out = Vec::new();
//! let start = Instant::from_millis(0);
//! let deadline = connection.tick(start, &mut out)?.expect("keepalive is on");
//! assert_eq!(deadline, start + Duration::from_secs(20));
//!
//! // The peer was silent: a Ping is due, and its answer has five seconds.
//! let deadline = connection.tick(deadline, &mut out)?.expect("a Pong is waited for");
//! assert_eq!(out, [0x89, 0x00]);
//!
//! // The program was busy for a minute. The Pong lies there to be read: receive it, then look at the time.
//! let late = deadline + Duration::from_secs(60);
//! let mut read = [0x8a, 0x80, 0, 0, 0, 0];
//! connection.receive(&mut Input::new(&mut read), &mut out)?;
//! assert!(connection.tick(late, &mut out).is_ok());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Signs of life
//!
//! **A peer that takes output is alive, even if it sends nothing.** [`receive`] sees only input. When
//! the transport takes bytes after it was full, call [`note_activity`]; else a peer that reads a big message
//! slowly is closed as silent.
//!
//! ```
//! use core::time::Duration;
//! use ws_proto::{Config, Connection, Instant, Negotiated};
//!
//! let mut connection = Connection::server(Negotiated::new(), Config::new()); // 20 s and 20 s
//! let mut out = Vec::new();
//! connection.send_binary(&[7; 1_000_000], &mut out)?;
//! connection.tick(Instant::from_millis(0), &mut out)?;
//! for second in 1..=120 {
//!     let taken = out.len().min(5_000); // the transport was full, and takes a little each second
//!     out.drain(..taken);
//!     if taken > 0 {
//!         connection.note_activity();
//!     }
//!     let now = Instant::from_millis(0) + Duration::from_secs(second);
//!     assert!(connection.tick(now, &mut out).is_ok(), "the peer reads: it is alive");
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Half-close and drain
//!
//! **Do what [`transport`] asks for, in every turn.** In [`Transport::Close`] write out, end the writing
//! side, read until the peer ends its side or the deadline comes, then close. A transport that is closed
//! while bytes wait in it is reset, and the reset can destroy the Close frame on its way. [`tick`] bounds the
//! wait with [`Config::close_timeout`].
//!
//! ```
//! use ws_proto::{Config, Connection, Input, Instant, Negotiated, TimedOut, Transport};
//!
//! let mut connection = Connection::server(Negotiated::new(), Config::new());
//! let mut out = Vec::new();
//! let mut read = *b"\x81\x02hi"; // not masked: a fault
//! assert!(connection.receive(&mut Input::new(&mut read), &mut out).is_err());
//! assert_eq!(out, [0x88, 0x02, 0x03, 0xea]); // write this, then end the writing side
//! assert_eq!(connection.transport(), Transport::Close);
//!
//! // Read on. What still comes is dropped; the error stays the same.
//! let deadline = connection.tick(Instant::from_millis(0), &mut out)?.expect("draining has an end");
//! let mut read = *b"\x81\x02ho";
//! assert!(connection.receive(&mut Input::new(&mut read), &mut out).is_err());
//!
//! // The peer never ends its side.
//! assert_eq!(connection.tick(deadline, &mut out), Err(TimedOut::Drain));
//! assert_eq!(connection.transport(), Transport::Abort);
//! # Ok::<(), TimedOut>(())
//! ```
//!
//! **On a stream of HTTP/2 or HTTP/3** the same steps are END_STREAM and a reset, as the second table of
//! [`Transport`] says. Keep the stream until both sides have ended: most HTTP stacks reset a stream that is dropped
//! earlier, and the reset destroys the last frames.
//!
//! **A failed write ends writing, not reading**: the peer's Close may lie there to be read. So stop writing, drop
//! the output, and call [`close`], which starts the time to close; then read to the end. After both Close
//! frames any error of a read is the end of the input. A program that returns at the first error loses the
//! last messages, and reports an error where both have closed.
//!
//! **A Close can be owed.** While there is no masking key or no room for it, [`transport`] is
//! [`Transport::AwaitEof`]: keep the writing side open, write, and call [`tick`] again. It writes the Close, and the
//! state becomes [`Transport::Close`].
//!
//! ```
//! use ws_proto::{CloseCode, Config, Connection, Instant, Limited, Negotiated, Transport};
//!
//! let mut connection = Connection::server(Negotiated::new(), Config::new());
//! let mut out = Limited::new(200);
//! connection.send_binary(&[7; 190], &mut out)?;
//! connection.fail(CloseCode::INVALID_PAYLOAD, &mut out); // no room
//! assert_eq!(connection.transport(), Transport::AwaitEof); // do not half-close
//!
//! out.consume(out.pending().len()); // stands for a write
//! connection.tick(Instant::from_millis(0), &mut out)?;
//! assert_eq!(out.pending(), [0x88, 0x02, 0x03, 0xef]);
//! assert_eq!(connection.transport(), Transport::Close);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # One timer heap for many connections
//!
//! **A connection has one deadline at a time, so give it one entry in the heap.** Nearly every turn moves its
//! deadline on. A program that adds an entry each time has a heap that grows with the traffic. So remember
//! the time of the entry, and add another only for an earlier deadline. When the entry comes up,
//! [`tick`] returns the deadline of now, and that gets the next entry.
//!
//! ```
//! use core::cmp::Reverse;
//! use std::collections::{BinaryHeap, HashMap};
//! use ws_proto::{Config, Connection, Input, Instant, Negotiated, Server};
//!
//! type Heap = BinaryHeap<Reverse<(Instant, u32)>>;
//!
//! struct Entry {
//!     connection: Connection<Server>,
//!     scheduled: Option<Instant>, // the first entry in the heap
//!     out: Vec<u8>,
//! }
//!
//! fn tick(token: u32, entry: &mut Entry, now: Instant, heap: &mut Heap) -> bool {
//!     let Ok(deadline) = entry.connection.tick(now, &mut entry.out) else {
//!         return false; // timed out: close the transport
//!     };
//!     if let Some(at) = deadline.filter(|at| entry.scheduled.is_none_or(|scheduled| *at < scheduled)) {
//!         entry.scheduled = Some(at);
//!         heap.push(Reverse((at, token)));
//!     }
//!     true
//! }
//!
//! let (mut heap, mut table) = (Heap::new(), HashMap::new());
//! for token in 0..1000 {
//!     let connection = Connection::server(Negotiated::new(), Config::new());
//!     let mut entry = Entry { connection, scheduled: None, out: Vec::new() };
//!     tick(token, &mut entry, Instant::from_millis(0), &mut heap);
//!     table.insert(token, entry);
//! }
//! // Half of them say something each second, which moves their deadlines on.
//! for second in 1..=20 {
//!     for token in 0..500 {
//!         let entry = table.get_mut(&token).expect("nobody has left");
//!         let mut pong = [0x8a, 0x80, 0, 0, 0, 0];
//!         entry.connection.receive(&mut Input::new(&mut pong), &mut entry.out)?;
//!         tick(token, entry, Instant::from_millis(second * 1000), &mut heap);
//!     }
//! }
//! assert_eq!(heap.len(), 1000);
//!
//! // A turn at 20 s: `tick` for every connection that is due, and a Ping for every silent peer.
//! let now = Instant::from_millis(20_000);
//! while let Some(&Reverse((at, token))) = heap.peek() {
//!     if at > now {
//!         break; // wait for input until then
//!     }
//!     heap.pop();
//!     let Some(entry) = table.get_mut(&token) else { continue }; // it is closed
//!     if entry.scheduled == Some(at) {
//!         entry.scheduled = None;
//!         if !tick(token, entry, now, &mut heap) {
//!             table.remove(&token);
//!         }
//!     }
//! }
//! let pinged = table.values().filter(|entry| entry.out == [0x89, 0x00]).count();
//! assert_eq!((pinged, heap.len()), (500, 1000));
//! # Ok::<(), ws_proto::ReceiveError>(())
//! ```
//!
//! # A slow reader
//!
//! **Bound the output of each connection.** What a peer does not read waits in your memory: without a bound,
//! one peer can take all of it. [`Limited`] is such an output; [`SendError::OutputFull`] changes nothing.
//! Then write first: a burst of messages can fill the output of a peer that reads well. Drop the peer only if
//! its socket takes nothing either.
//!
//! **While the output is full, do not read from that peer.** [`receive`] refuses then, and the input would
//! have to be kept. It also stops a peer that sends Pings and does not read the answers. What it sends
//! waits in its own socket, until the output has room again.
//!
//! ```
//! use ws_proto::{Config, Connection, Input, Limited, Negotiated, Output, SendError, Server};
//! use ws_proto::MAX_CONTROL_FRAME;
//!
//! struct Peer {
//!     connection: Connection<Server>,
//!     out: Limited,
//!     takes: usize, // how much its socket takes now
//! }
//!
//! impl Peer {
//!     fn write(&mut self) {
//!         let n = self.out.pending().len().min(self.takes); // stands for a write
//!         self.takes -= n;
//!         self.out.consume(n);
//!     }
//!
//!     /// `false`: the peer is too slow, drop it.
//!     fn send(&mut self, text: &str) -> bool {
//!         if self.connection.send_text(text, &mut self.out) != Err(SendError::OutputFull) {
//!             return true;
//!         }
//!         self.write();
//!         self.connection.send_text(text, &mut self.out) != Err(SendError::OutputFull)
//!     }
//!
//!     /// Whether to wait for input, beside room to write.
//!     fn wants_read(&self) -> bool {
//!         self.out.room() >= MAX_CONTROL_FRAME
//!     }
//! }
//!
//! let peer = |takes| Peer {
//!     connection: Connection::server(Negotiated::new(), Config::new()),
//!     out: Limited::new(4096), // what may wait for this peer
//!     takes,
//! };
//! let (mut good, mut slow) = (peer(100_000), peer(1000));
//! let news = "news ".repeat(200);
//! assert!((0..50).all(|_| good.send(&news))); // a burst of 50 KB
//! assert!(!(0..50).all(|_| slow.send(&news))); // it is dropped
//!
//! // The program reads nothing from a peer that asks and does not read the answers.
//! let mut asks = peer(0);
//! let ping = [&[0x89, 0xfd, 0, 0, 0, 0][..], &[7; 125]].concat();
//! let mut answered = 0;
//! while asks.wants_read() {
//!     let mut read = ping.clone(); // one read
//!     asks.connection.receive(&mut Input::new(&mut read), &mut asks.out)?;
//!     answered += 1;
//! }
//! assert_eq!((answered, asks.out.pending().len()), (32, 32 * 127));
//! asks.takes = 1000;
//! asks.write();
//! assert!(asks.wants_read());
//! # Ok::<(), ws_proto::ReceiveError>(())
//! ```
//!
//! # One message to many connections
//!
//! **Encode once, and compress once: the frames of a server are the same for every peer.** A
//! [`PreparedMessage`] has its frame. [`frame_prepared`] returns header and payload, which go to each socket
//! without a copy. What the socket does not take waits in the output of that connection. If something waits there
//! already, [`send_prepared`] copies the frame after it. Both refuse while a message is sent in parts on that
//! connection, so the two cannot mix: send it after the last part.
//!
//! ```
//! use ws_proto::{Config, Connection, Fin, Negotiated, PreparedMessage, SendError, Server};
//!
//! struct Peer {
//!     connection: Connection<Server>,
//!     socket: Vec<u8>, // stands for a socket, which takes so many bytes
//!     takes: usize,
//!     out: Vec<u8>,
//! }
//!
//! fn send(peer: &mut Peer, news: &PreparedMessage<&str>) -> Result<(), SendError> {
//!     if !peer.out.is_empty() {
//!         return peer.connection.send_prepared(news, &mut peer.out);
//!     }
//!     for slice in peer.connection.frame_prepared(news)? { // stands for one `writev`
//!         let (taken, left) = slice.split_at(slice.len().min(peer.takes));
//!         peer.takes -= taken.len();
//!         peer.socket.extend_from_slice(taken);
//!         peer.out.extend_from_slice(left);
//!     }
//!     Ok(())
//! }
//!
//! let mut peers = [usize::MAX, 5, 0].map(|takes| Peer {
//!     connection: Connection::server(Negotiated::new(), Config::new()),
//!     socket: Vec::new(),
//!     takes,
//!     out: Vec::new(),
//! });
//! let news = PreparedMessage::text("to all of you");
//! for peer in &mut peers {
//!     send(peer, &news)?;
//!     assert_eq!([&peer.socket[..], &peer.out].concat(), b"\x81\x0dto all of you");
//! }
//!
//! let Peer { connection, out, .. } = &mut peers[0];
//! connection.send_text_part("I am in the middle of ", Fin::No, out)?;
//! assert_eq!(send(&mut peers[0], &news), Err(SendError::MessageOpen)); // queue it after the last part
//! # Ok::<(), SendError>(())
//! ```
//!
//! With permessage-deflate, the encoder of the connection sends it ([`DeflateEncoder::send_prepared`]): compressed
//! when the first peer needs that, once for each size of window, and as it is to those that have not agreed on it.
//!
//! ```
//! # #[cfg(feature = "deflate")] {
//! use ws_proto::extension::deflate::{Deflate, DeflateParams, DeflatePool};
//! use ws_proto::{Config, Connection, Negotiated, PreparedMessage};
//!
//! let deflate = Deflate::new().pool(&DeflatePool::new(1)); // else a compressor is made for each such message
//! let agreed = DeflateParams::new();
//! let news = PreparedMessage::<Vec<u8>>::text("to all, to all of you, to all of you ".repeat(10));
//! for negotiated in [agreed.negotiated(), Negotiated::new(), agreed.negotiated()] {
//!     let (encoder, _) = deflate.server(agreed);
//!     let mut connection = Connection::server(negotiated, Config::new());
//!     let [header, payload] = encoder.frame_prepared(&mut connection, &news)?;
//!     let is_compressed = negotiated == agreed.negotiated();
//!     assert_eq!(header[0], if is_compressed { 0xc1 } else { 0x81 });
//!     assert_eq!(payload.len() < 40, is_compressed);
//! }
//! # }
//! # Ok::<(), ws_proto::SendError>(())
//! ```
//!
//! [`close`]: crate::Connection::close
//! [`Config::close_timeout`]: crate::Config::close_timeout
//! [`DeflateEncoder::send_prepared`]: crate::extension::deflate::DeflateEncoder::send_prepared
//! [`FixedBuf`]: crate::FixedBuf
//! [`frame_prepared`]: crate::Connection::frame_prepared
//! [`Input`]: crate::Input
//! [`Limited`]: crate::Limited
//! [`MAX_CONTROL_FRAME`]: crate::MAX_CONTROL_FRAME
//! [`MAX_REFUSAL`]: crate::handshake::MAX_REFUSAL
//! [`note_activity`]: crate::Connection::note_activity
//! [`receive`]: crate::Connection::receive
//! [`PreparedMessage`]: crate::PreparedMessage
//! [`ReceiveError::OutputFull`]: crate::ReceiveError::OutputFull
//! [`send_prepared`]: crate::Connection::send_prepared
//! [`SendError::OutputFull`]: crate::SendError::OutputFull
//! [`tick`]: crate::Connection::tick
//! [`transport`]: crate::Connection::transport
//! [`Transport::AwaitEof`]: crate::Transport::AwaitEof
//! [`Transport::Close`]: crate::Transport::Close
