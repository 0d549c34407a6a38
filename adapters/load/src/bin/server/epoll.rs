//! The floor on epoll: a loop of mio's around `Connection`.

use std::io::ErrorKind;
use std::time::Duration;

use anyhow::Result;
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};
use ws_proto_mio::Instant;

use crate::echo::READ;
use crate::echo::by_hand::{Echo, Peer};

const LISTENER: Token = Token(usize::MAX);

/// How often the time limits of all are looked at.
const SECOND: Duration = Duration::from_secs(1);

pub fn serve() -> Result<()> {
    let epoch = std::time::Instant::now();
    let mut poll = Poll::new()?;
    let mut listener = TcpListener::bind(([127, 0, 0, 1], 0).into())?;
    let registry = poll.registry();
    registry.register(&mut listener, LISTENER, Interest::READABLE)?;
    println!("listening on {}", listener.local_addr()?);
    let mut events = Events::with_capacity(1024);
    let mut peers = Peers::default();
    let (mut buffer, mut out) = (vec![0; READ], Vec::new());
    let mut swept = Instant::now_since(epoch);
    loop {
        poll.poll(&mut events, Some(SECOND))?;
        let now = Instant::now_since(epoch);
        for event in &events {
            if event.token() == LISTENER {
                peers.accept(&listener, &poll)?;
            } else {
                peers.with(event.token().0, |peer| {
                    peer.turn(&mut buffer, &mut out, now).unwrap_or(false)
                });
            }
        }
        if now >= swept + SECOND {
            swept = now;
            for index in 0..peers.peers.len() {
                peers.with(index, |peer| peer.tick(&mut out, now).is_ok());
            }
        }
    }
}

#[derive(Default)]
struct Peers {
    peers: Vec<Option<Peer<TcpStream>>>,
    free: Vec<usize>,
}

impl Peers {
    fn accept(&mut self, listener: &TcpListener, poll: &Poll) -> Result<()> {
        loop {
            let mut stream = match listener.accept() {
                Ok((stream, _)) => stream,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error.into()),
            };
            stream.set_nodelay(true)?;
            let index = self.free.pop().unwrap_or_else(|| {
                self.peers.push(None);
                self.peers.len() - 1
            });
            let interests = Interest::READABLE | Interest::WRITABLE;
            let registry = poll.registry();
            registry.register(&mut stream, Token(index), interests)?;
            self.peers[index] = Some(Peer::new(stream, Echo::accept()));
        }
    }

    /// Removes the peer if `goes_on` returns false.
    fn with(&mut self, index: usize, goes_on: impl FnOnce(&mut Peer<TcpStream>) -> bool) {
        let slot = &mut self.peers[index];
        let Some(peer) = slot else { return };
        if !goes_on(peer) {
            *slot = None; // this closes the socket, which leaves epoll
            self.free.push(index);
        }
    }
}
