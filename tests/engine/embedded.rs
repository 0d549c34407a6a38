//! The devices of `examples/embedded`: with an output of any size, they lose nothing.

#[path = "../../examples/embedded/device.rs"]
#[allow(dead_code, reason = "the test plays the link itself")]
mod device;

use device::{Adder, Sensor};

const NONCE: [u8; 16] = *b"the sample nonce";

/// A frame of a client's, masked with a key of zeros.
fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    [&[first, 0x80 | payload.len() as u8, 0, 0, 0, 0], payload].concat()
}

/// An adder with an output of `OUT` bytes gets six Pings and a reading in one packet; its output, in
/// packets of `size` bytes.
fn answered<const OUT: usize>(size: usize) -> Vec<u8> {
    let mut adder = Adder::<OUT>::new();
    let mut sensor = Sensor::<_, 512>::new(NONCE, || [0; 4]).expect("a request");
    let mut packet = [0; 512];
    let n = sensor.send(&mut packet);
    assert_eq!(adder.receive(&mut packet[..n]), Ok(n), "the request");
    while adder.send(&mut packet) > 0 {}

    let mut bytes = masked(0x89, &[b'p'; 100]).repeat(6);
    bytes.extend(masked(0x82, &1000_u16.to_be_bytes()));
    assert_eq!(bytes.len(), 644);
    let (mut taken, mut sent) = (0, Vec::new());
    loop {
        taken += adder.receive(&mut bytes[taken..]).expect("legal frames");
        let n = adder.send(&mut packet[..size]);
        if n == 0 {
            assert_eq!(taken, bytes.len(), "all of the packet is taken");
            return sent;
        }
        sent.extend_from_slice(&packet[..n]);
    }
}

#[test]
fn a_reading_behind_six_pings_is_answered_with_an_output_of_every_size() {
    let pong = [&[0x8a, 100][..], &[b'p'; 100]].concat();
    let expected = [&pong.repeat(6)[..], &[0x82, 4, 0, 0, 0x03, 0xe8]].concat();
    macro_rules! outputs {
        ($($out:literal)*) => {
            [$(($out, answered::<$out> as fn(usize) -> Vec<u8>)),*]
        };
    }
    let outputs = outputs! {
        256 257 300 357 358 359 360 361 362 363 364 365 366 400 459 460 461 462 463 500 511 512
        513 561 562 563 564 612 613 614 700 1024
    };
    for (out, answered) in outputs {
        for size in [1, 7, 48, 512] {
            assert_eq!(answered(size), expected, "{out} bytes, drained by {size}");
        }
    }
}

#[test]
fn the_devices_add_up_the_readings() {
    assert_eq!(device::run(NONCE, || [1, 2, 3, 4]), Ok(33_000));
}
