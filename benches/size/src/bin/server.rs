//! Accepts a connection and echoes its messages, which arrive in pieces and are sent as such.

#![no_std]
#![no_main]

#[path = "../device.rs"]
mod device;

use device::{Device, exit};
use ws_proto::handshake::{Accept, Limits, ServerHandshake};
use ws_proto::{Config, Connection, Event, Fin, FixedBuf, Input, Negotiated, Output, ReceiveError};

#[unsafe(no_mangle)]
extern "C" fn start() -> ! {
    let mut device = Device::new();
    let mut out = FixedBuf::<1024>::new();
    let served = accept(&mut device, &mut out)
        .is_some_and(|negotiated| echo(&mut device, &mut out, negotiated).is_some());
    exit(usize::from(!served))
}

fn accept(device: &mut Device, out: &mut FixedBuf<1024>) -> Option<Negotiated> {
    let mut handshake = ServerHandshake::new(FixedBuf::<512>::new(), Limits::new());
    loop {
        let mut input = Input::new(device.read()?);
        let received = handshake.receive(&mut input, out);
        let accepted = match received {
            Ok(Some(upgrade)) => upgrade.accept(&Accept::new(), out).map(Some).ok(),
            Ok(None) => Some(None),
            Err(_) => None,
        };
        flush(device, out);
        if let Some(negotiated) = accepted? {
            return Some(negotiated);
        }
    }
}

fn echo(device: &mut Device, out: &mut FixedBuf<1024>, negotiated: Negotiated) -> Option<()> {
    let mut connection = Connection::server(negotiated, Config::new());
    let mut read = [0; 512];
    loop {
        let bytes = device.read()?;
        let read = read.get_mut(..bytes.len())?;
        read.copy_from_slice(bytes);
        let mut input = Input::new(read);
        loop {
            let event = match connection.receive(&mut input, out) {
                Ok(Some(event)) => event,
                Ok(None) => break,
                Err(ReceiveError::OutputFull) => {
                    flush(device, out);
                    continue;
                }
                Err(ReceiveError::Protocol(_)) => {
                    flush(device, out);
                    return None;
                }
            };
            match event {
                Event::Text(text) => {
                    if let Some(head) = text.head {
                        let mut utf8 = [0; 4];
                        let head = head.encode_utf8(&mut utf8);
                        connection.send_text_part(head, Fin::No, out).ok()?;
                    }
                    let fin = if text.last { Fin::Yes } else { Fin::No };
                    connection.send_text_part(text.body, fin, out).ok()?;
                }
                Event::Binary(binary) => {
                    let fin = if binary.last { Fin::Yes } else { Fin::No };
                    connection.send_binary_part(binary.data, fin, out).ok()?;
                }
                Event::Close(_) => return Some(()),
                _ => {}
            }
            if out.room() < 600 {
                flush(device, out);
            }
        }
        flush(device, out);
    }
}

fn flush(device: &mut Device, out: &mut FixedBuf<1024>) {
    device.write(out.pending());
    out.clear();
}
