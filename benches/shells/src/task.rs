//! Asynchronous servers: the task of one connection, which a runtime polls on this thread.

use std::future::Future;
use std::os::unix::net::UnixStream;
use std::pin::Pin;
use std::rc::Rc;
use std::task::Poll;

use crate::client::{Client, Step};
use crate::counted::{Counted, Traffic};
use crate::echo::Result;
use crate::quiet;

pub type Task = Pin<Box<dyn Future<Output = Result<()>>>>;
pub type Tokio = Counted<tokio::net::UnixStream>;
pub type Smol = Counted<smol::Async<UnixStream>>;

/// How often a task may wait for what the client waits for, before it counts as stuck.
const PATIENCE: u32 = 16;

pub struct OnTokio {
    runtime: tokio::runtime::Runtime,
    task: Task,
}

impl OnTokio {
    pub fn new(stream: UnixStream, traffic: &Rc<Traffic>, serve: fn(Tokio) -> Task) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let guard = runtime.enter();
        let stream = tokio::net::UnixStream::from_std(stream).unwrap();
        let task = serve(Counted::new(stream, traffic));
        drop(guard);
        Self { runtime, task }
    }

    pub fn run(&mut self, client: &Client) {
        self.runtime.block_on(served(&mut self.task, client));
    }
}

pub struct OnSmol {
    task: Task,
}

impl OnSmol {
    pub fn new(stream: UnixStream, traffic: &Rc<Traffic>, serve: fn(Smol) -> Task) -> Self {
        quiet::stop_async_io();
        let stream = smol::Async::new(stream).unwrap();
        let task = serve(Counted::new(stream, traffic));
        Self { task }
    }

    pub fn run(&mut self, client: &Client) {
        smol::block_on(served(&mut self.task, client));
    }
}

/// Polls the task until the client has all answers. The client acts when the task waits, just before
/// the thread would sleep: there is an event already when the runtime asks for one.
fn served(task: &mut Task, client: &Client) -> impl Future<Output = ()> {
    let mut stuck = 0;
    std::future::poll_fn(move |cx| {
        if let Poll::Ready(ended) = task.as_mut().poll(cx) {
            panic!("the server has ended: {ended:?}");
        }
        match client.step() {
            Step::Done => return Poll::Ready(()),
            Step::Moved => stuck = 0,
            Step::Stuck => {
                stuck += 1;
                assert!(stuck < PATIENCE, "server and client wait for each other");
                cx.waker().wake_by_ref();
            }
        }
        Poll::Pending
    })
}
