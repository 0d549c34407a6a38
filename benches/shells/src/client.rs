//! The other end of the socket pair: it plays bursts of messages and looks at the answers. It acts only
//! when the server waits, on the same thread, and nothing of it is counted.

use std::cell::RefCell;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::rc::Rc;

use crate::callgrind::apart;
use crate::wire::{self, Payload};

/// What the client does when the server waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// It has written or read something: the server can go on.
    Moved,
    /// It waits for the server, which waits for it.
    Stuck,
    /// All answers are there.
    Done,
}

#[derive(Clone)]
pub struct Client(Rc<RefCell<State>>);

struct State {
    stream: UnixStream,
    /// A burst, and the answer to it.
    burst: Vec<u8>,
    answer: Vec<u8>,
    written: usize,
    answered: usize,
    bursts_left: usize,
    buffer: Vec<u8>,
}

impl Client {
    /// A client that sends `together` messages of `size` bytes at once, and the server's end of the
    /// socket. Neither blocks.
    pub fn pair(size: usize, together: usize) -> (Self, UnixStream) {
        let (stream, server) = UnixStream::pair().unwrap();
        stream.set_nonblocking(true).unwrap();
        server.set_nonblocking(true).unwrap();
        let burst = wire::messages(Payload::Binary, size, together, true);
        let answer = wire::messages(Payload::Binary, size, together, false);
        let state = State {
            stream,
            written: burst.len(),
            answered: answer.len(),
            burst,
            answer,
            bursts_left: 0,
            buffer: vec![0; 256 * 1024],
        };
        (Self(Rc::new(RefCell::new(state))), server)
    }

    pub fn begin(&self, bursts: usize) {
        self.0.borrow_mut().bursts_left = bursts;
    }

    /// Not counted. A burst is sent when the one before is answered.
    pub fn step(&self) -> Step {
        let mut step = Step::Stuck;
        apart(&mut || step = self.0.borrow_mut().step());
        step
    }
}

impl State {
    fn step(&mut self) -> Step {
        let mut step = Step::Stuck;
        while let Some(n) = now(self.stream.read(&mut self.buffer)) {
            let answer = self.answer.get(self.answered..self.answered + n);
            assert_eq!(answer, self.buffer.get(..n), "not an echo");
            self.answered += n;
            step = Step::Moved;
        }
        if self.written == self.burst.len() && self.answered == self.answer.len() {
            if self.bursts_left == 0 {
                return Step::Done;
            }
            self.bursts_left -= 1;
            (self.written, self.answered) = (0, 0);
        }
        while self.written < self.burst.len() {
            let Some(n) = now(self.stream.write(&self.burst[self.written..])) else {
                break;
            };
            self.written += n;
            step = Step::Moved;
        }
        step
    }
}

fn now(result: std::io::Result<usize>) -> Option<usize> {
    match result {
        Ok(0) => panic!("the server has closed"),
        Ok(n) => Some(n),
        Err(error) if error.kind() == ErrorKind::WouldBlock => None,
        Err(error) => panic!("{error}"),
    }
}
