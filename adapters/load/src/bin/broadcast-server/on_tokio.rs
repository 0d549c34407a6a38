//! On tokio, one thread, a task for each connection: a floor that wakes all tasks, the hub, and tokio-tungstenite with
//! a channel of `tokio::sync::broadcast`.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Poll, Waker};

use anyhow::Result;
use axum::body::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::io::{AsyncRead as _, AsyncWriteExt as _, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::broadcast;
use ws_proto_hub::{DriveEvent, Hub, MemberOptions};
use ws_proto_tokio::{Acceptor, Deflate};

use crate::BACKLOG;
use crate::by_hand::{READ, Receiver};

fn serve<F>(connection: impl Fn(TcpStream) -> F) -> Result<()>
where
    F: Future<Output = Result<()>> + 'static,
{
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let local = tokio::task::LocalSet::new();
    runtime.block_on(local.run_until(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        println!("listening on {}", listener.local_addr()?);
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            tokio::task::spawn_local(connection(stream));
        }
    }))
}

/// What waits for a task, and how to wake it.
#[derive(Default)]
struct Mailbox {
    frames: VecDeque<Bytes>,
    waker: Option<Waker>,
}

pub fn floor() -> Result<()> {
    let all = Rc::new(RefCell::new(Vec::<Rc<RefCell<Mailbox>>>::new()));
    let buffer = Rc::new(RefCell::new(vec![0; READ]));
    serve(move |mut stream| {
        let (all, buffer) = (Rc::clone(&all), Rc::clone(&buffer));
        let mailbox = Rc::new(RefCell::new(Mailbox::default()));
        all.borrow_mut().push(Rc::clone(&mailbox));
        async move {
            let (mut receiver, mut out) = (Receiver::new(), Vec::new());
            loop {
                // What waits for it is taken before what its peer has sent.
                let next = poll_fn(|cx| {
                    if let Some(frame) = mailbox.borrow_mut().frames.pop_front() {
                        return Poll::Ready(Ok(Some(frame)));
                    }
                    let mut buffer = buffer.borrow_mut();
                    let mut read = ReadBuf::new(&mut buffer);
                    match Pin::new(&mut stream).poll_read(cx, &mut read) {
                        Poll::Ready(Ok(())) if read.filled().is_empty() => Poll::Ready(Ok(None)),
                        Poll::Ready(Ok(())) => {
                            let frame = receiver.receive(read.filled_mut(), &mut out);
                            if let Ok(Some(frame)) = &frame {
                                publish(&all.borrow(), &Bytes::copy_from_slice(frame));
                            }
                            Poll::Ready(frame.map(|_| Some(Bytes::new())))
                        }
                        Poll::Ready(Err(error)) => Poll::Ready(Err(error.into())),
                        Poll::Pending => {
                            mailbox.borrow_mut().waker = Some(cx.waker().clone());
                            Poll::Pending
                        }
                    }
                });
                let Some(frame) = next.await? else {
                    return Ok(());
                };
                if !out.is_empty() {
                    stream.write_all(&out).await?;
                    out.clear();
                }
                if !frame.is_empty() {
                    stream.write_all(&frame).await?;
                }
            }
        }
    })
}

fn publish(all: &[Rc<RefCell<Mailbox>>], frame: &Bytes) {
    for mailbox in all {
        let mut mailbox = mailbox.borrow_mut();
        mailbox.frames.push_back(frame.clone());
        mailbox.waker.take().into_iter().for_each(Waker::wake);
    }
}

pub fn hub() -> Result<()> {
    let hub = Hub::new();
    serve(move |stream| {
        let hub = hub.clone();
        async move {
            let deflate = Deflate::new();
            let acceptor = Acceptor::new().deflate(&deflate);
            let mut socket = ws_proto_tokio::accept_with(stream, acceptor).await?;
            let mut member = hub.join(MemberOptions::new());
            member.subscribe("all");
            while let Some(event) = member.drive(&mut socket).await {
                if let DriveEvent::Message(message) = event? {
                    hub.publish("all", message);
                }
            }
            Ok(())
        }
    })
}

pub fn tungstenite() -> Result<()> {
    use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};

    let (sender, _) = broadcast::channel::<Bytes>(BACKLOG);
    serve(move |stream| {
        let (sender, mut receiver) = (sender.clone(), sender.subscribe());
        async move {
            let mut socket = tokio_tungstenite::accept_async(stream).await?;
            loop {
                tokio::select! {
                    message = socket.next() => match message {
                        Some(Ok(Message::Text(text))) => drop(sender.send(text.into())),
                        Some(Ok(_)) => {}
                        _ => return Ok(()),
                    },
                    said = receiver.recv() => {
                        let text = Utf8Bytes::try_from(said?)?;
                        socket.send(Message::Text(text)).await?;
                    }
                }
            }
        }
    })
}
