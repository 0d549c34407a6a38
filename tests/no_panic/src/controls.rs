//! Programs that show that the method works: `run.sh` wants those with `fails` not to link.

use alloc::vec::Vec;

use super::{given, used};

program!("control: index, fails", given::<&[u8]>()[given::<usize>()]);
program!("control: overflow, fails", given::<u64>() + given::<u64>());
program!("control: unwrap, fails", given::<Option<u8>>().unwrap());
program!("control: character boundary, fails", {
    given::<&str>().split_at(given())
});
program!("control: invariant of a state, fails", {
    // Any program that fills the struct itself would keep `end <= bytes.len()`.
    struct Buffer {
        bytes: [u8; 8],
        end: usize,
    }
    let buffer = given::<&Buffer>();
    &buffer.bytes[..buffer.end]
});
program!("control: allocation, fails", {
    Vec::<u8>::with_capacity(given())
});
program!("control: index within bounds, links", {
    let bytes = given::<&[u8]>();
    if bytes.is_empty() { 0 } else { bytes[0] }
});
program!("control: checked sum, links", {
    given::<u64>().checked_add(given())
});
program!("control: allocation that may fail, links", {
    let mut bytes = Vec::<u8>::new();
    bytes.try_reserve(given()).map(|()| bytes)
});
