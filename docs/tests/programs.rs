//! Whole programs of the README and of the guide, run: each server echoes, each client gets its echo.

use std::collections::HashMap;
use std::error::Error;
use std::net::{TcpListener, TcpStream};
use std::sync::{LazyLock, Mutex};
use std::thread;
use std::time::Duration;

use ws_proto::opening::{Acceptor, Connector};
use ws_proto::{CloseCode, CloseReason, Message, Role, WebSocket, WebSocketError};

macro_rules! programs {
    ($($name:ident),*) => {$(
        #[allow(warnings, reason = "it is as the page shows it")]
        mod $name {
            include!(concat!(env!("OUT_DIR"), "/", stringify!($name), ".rs"));
        }
    )*};
}

programs!(
    readme_server,
    readme_client,
    smol_server,
    smol_client,
    std_server,
    std_client,
    mio_server,
    chat_server
);

/// A free port of the loopback for each program.
fn address(program: &str) -> &'static str {
    static ADDRESSES: LazyLock<Mutex<HashMap<String, &'static str>>> =
        LazyLock::new(Mutex::default);
    let mut addresses = ADDRESSES.lock().unwrap();
    addresses.entry(program.to_owned()).or_insert_with(|| {
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        free.local_addr().unwrap().to_string().leak()
    })
}

fn url(program: &str) -> &'static str {
    format!("ws://{}/", address(program)).leak()
}

type Outcome = Result<(), Box<dyn Error>>;

/// Sends each message back, until the peer closes.
fn echo<R: Role>(socket: &mut WebSocket<R>, stream: &mut TcpStream) -> Outcome {
    while socket.exchange(stream)? {
        loop {
            match socket.next_message() {
                Ok(Some((message, mut sender))) => sender.send(message)?,
                Ok(None) | Err(WebSocketError::OutputFull) => break,
                Err(error) => return Err(error.into()),
            }
        }
    }
    Ok(())
}

/// Runs a program that serves for ever, and gets an echo and a Close from it, twice: one client is not the last.
fn server(program: &str, main: impl FnOnce() + Send + 'static) {
    let address = address(program);
    let running = thread::spawn(main);
    for _ in 0..2 {
        let mut stream = loop {
            match TcpStream::connect(address) {
                Ok(stream) => break stream,
                Err(error) => assert!(!running.is_finished(), "{program} has ended: {error}"),
            }
            thread::sleep(Duration::from_millis(10));
        };
        ask(&mut stream, address).unwrap();
    }
}

fn ask(stream: &mut TcpStream, address: &str) -> Outcome {
    let (mut client, _) = Connector::new(&format!("ws://{address}/"))?.connect(stream)?;
    client.sender().send_text("hello")?;
    let mut is_echoed = false;
    while client.exchange(stream)? {
        while let Some((message, mut sender)) = client.next_message()? {
            is_echoed = matches!(message, Message::Text("hello"));
            sender.close(CloseCode::NORMAL, CloseReason::EMPTY)?;
        }
    }
    assert!(is_echoed);
    Ok(())
}

/// Runs a program that asks a server and ends.
fn client(program: &str, main: impl FnOnce() -> Outcome + Send) {
    let listener = TcpListener::bind(address(program)).unwrap();
    thread::scope(|scope| {
        scope.spawn(|| {
            let (mut stream, _) = listener.accept().unwrap();
            let mut server = Acceptor::new().accept(&mut stream).unwrap();
            echo(&mut server, &mut stream).unwrap();
        });
        main().unwrap();
    });
}

#[test]
fn the_server_of_the_readme_echoes() {
    server("readme_server", || {
        let _ = readme_server::main_of_program();
    });
}

#[test]
fn the_client_of_the_readme_gets_its_echo() {
    client("readme_client", readme_client::main_of_program);
}

#[test]
fn the_servers_of_the_guide_echo() {
    server("smol_server", || {
        let _ = smol_server::main_of_program();
    });
    server("std_server", || {
        let _ = std_server::main_of_program();
    });
    server("mio_server", || {
        let _ = mio_server::main_of_program();
    });
    server("chat_server", || {
        let _ = chat_server::main_of_program();
    });
}

#[test]
fn the_clients_of_the_guide_get_their_echo() {
    client("smol_client", smol_client::main_of_program);
    client("std_client", std_client::main_of_program);
}
