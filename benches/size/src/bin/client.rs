//! Connects, sends a message and reads the answer.

#![no_std]
#![no_main]

#[path = "../device.rs"]
mod device;

use device::{Device, exit};
use ws_proto::handshake::{ClientHandshake, ClientRequest, Limits};
use ws_proto::{Config, Connection, Event, FixedBuf, Input, Negotiated, ReceiveError};

#[unsafe(no_mangle)]
extern "C" fn start() -> ! {
    let mut device = Device::new();
    let mut out = FixedBuf::<1024>::new();
    let done = connect(&mut device, &mut out)
        .is_some_and(|negotiated| talk(&mut device, &mut out, negotiated).is_some());
    exit(usize::from(!done))
}

fn connect(device: &mut Device, out: &mut FixedBuf<1024>) -> Option<Negotiated> {
    let request = ClientRequest::new("sensors.example.com", "/readings");
    let storage = FixedBuf::<512>::new();
    let mut handshake =
        ClientHandshake::start(request, device.random(), storage, Limits::new(), out).ok()?;
    flush(device, out);
    loop {
        let mut input = Input::new(device.read()?);
        if let Some(established) = handshake.receive(&mut input).ok()? {
            return Some(established.negotiated());
        }
    }
}

fn talk(device: &mut Device, out: &mut FixedBuf<1024>, negotiated: Negotiated) -> Option<()> {
    let mut count = 0_u32;
    let keys = || {
        count = count.wrapping_add(0x9e37_79b9);
        count.to_ne_bytes()
    };
    let mut connection = Connection::client(negotiated, Config::new(), keys);
    connection.send_text("21.5", out).ok()?;
    let mut read = [0; 512];
    loop {
        flush(device, out);
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
                Event::Text(text) => device::take(text.body.as_bytes()),
                Event::Binary(binary) => device::take(binary.data),
                Event::Close(_) => return Some(()),
                _ => {}
            }
        }
    }
}

fn flush(device: &mut Device, out: &mut FixedBuf<1024>) {
    device.write(out.pending());
    out.clear();
}
