use alloc::vec::Vec;
use core::fmt::Debug;

use ws_proto::error::CapacityError;
use ws_proto::{BufferLocation, FixedBuf, Input, Limited, MessageStorage, Output, Storage};

use crate::{AnyMessageStorage, AnyStorage, formatter, given, output, state, used};

program!("BufferLocation::of", BufferLocation::of(given()));
program!("BufferLocation::range_of", {
    given::<BufferLocation>().range_of(given())
});

program!("FixedBuf<N>::new", FixedBuf::<1024>::new());
program!("FixedBuf<N>::default", FixedBuf::<1024>::default());
program!("FixedBuf<N>::clear", state::<FixedBuf<1024>>().clear());
program!("FixedBuf<N>::consume", {
    state::<FixedBuf<1024>>().consume(given())
});
program!("FixedBuf<N>::is_empty", {
    state::<FixedBuf<1024>>().is_empty()
});
program!("FixedBuf<N>::pending", state::<FixedBuf<1024>>().pending());
program!("FixedBuf<N>::fmt", {
    Debug::fmt(state::<FixedBuf<1024>>(), formatter())
});
program!("FixedBuf<N>::store_text", {
    state::<FixedBuf<1024>>().store_text(given(), given(), given())
});
program!("FixedBuf<N>::store_with", {
    state::<FixedBuf<1024>>().store_with(given(), given())
});
program!("FixedBuf<N>::text", state::<FixedBuf<1024>>().text());
program!("FixedBuf<N>::bytes", state::<FixedBuf<1024>>().bytes());
program!("FixedBuf<N>::store", {
    state::<FixedBuf<1024>>().store(given())
});
program!("FixedBuf<N>::truncate", {
    state::<FixedBuf<1024>>().truncate(given())
});
program!("FixedBuf<N>::last_mut", {
    state::<FixedBuf<1024>>().last_mut(given())
});
program!("FixedBuf<N>::put", state::<FixedBuf<1024>>().put(given()));
program!("FixedBuf<N>::put_frame", {
    state::<FixedBuf<1024>>().put_frame(given(), given(), given())
});
program!("FixedBuf<N>::reserve", {
    state::<FixedBuf<1024>>().reserve(given())
});
program!("FixedBuf<N>::room", state::<FixedBuf<1024>>().room());

program!("Input::new", Input::new(given()));
program!("Input::from(&mut [u8])", Input::from(given::<&mut [u8]>()));
program!("Input::bytes", state::<Input<'_>>().bytes());
program!("Input::into_bytes", given::<Input<'_>>().into_bytes());
program!("Input::is_empty", state::<Input<'_>>().is_empty());
program!("Input::len", state::<Input<'_>>().len());
program!("Input::location", state::<Input<'_>>().location());
program!("Input::take", state::<Input<'_>>().take(given()));

program!("Limited::new", Limited::new(given()));
program!("Limited::capacity", state::<Limited>().capacity());
program!("Limited::consume", state::<Limited>().consume(given()));
program!("Limited::is_empty", state::<Limited>().is_empty());
program!("Limited::pending", state::<Limited>().pending());
program!("Limited::release", state::<Limited>().release());
program!("Limited::fmt", Debug::fmt(state::<Limited>(), formatter()));
program!("Limited::last_mut", state::<Limited>().last_mut(given()));
program!("Limited::put", state::<Limited>().put(given()));
program!("Limited::put_frame", {
    state::<Limited>().put_frame(given(), given(), given())
});
program!("Limited::reserve", state::<Limited>().reserve(given()));
program!("Limited::room", state::<Limited>().room());

program!("Vec<u8>::last_mut", state::<Vec<u8>>().last_mut(given()));
program!("Vec<u8>::put", state::<Vec<u8>>().put(given()));
program!("Vec<u8>::put_frame", {
    state::<Vec<u8>>().put_frame(given(), given(), given())
});
program!("Vec<u8>::reserve", {
    Output::reserve(state::<Vec<u8>>(), given())
});
program!("Vec<u8>::room", state::<Vec<u8>>().room());
program!("Vec<u8>::bytes", state::<Vec<u8>>().bytes());
program!("Vec<u8>::clear", Storage::clear(state::<Vec<u8>>()));
program!("Vec<u8>::store", state::<Vec<u8>>().store(given()));
program!("Vec<u8>::truncate", {
    Storage::truncate(state::<Vec<u8>>(), given())
});
program!("Vec<u8>::store_text", {
    state::<Vec<u8>>().store_text(given(), given(), given())
});
program!("Vec<u8>::store_with", {
    state::<Vec<u8>>().store_with(given(), given())
});
program!("Vec<u8>::text", state::<Vec<u8>>().text());

// What the traits provide, for outputs and storage of other crates.
program!("Output::reserve", state::<PlainOutput>().reserve(given()));
program!("Output::put_frame", {
    state::<PlainOutput>().put_frame(given(), given(), given())
});
program!("MessageStorage::store_text", {
    state::<PlainStorage>().store_text(given(), given(), given())
});
program!("MessageStorage::store_with", {
    state::<PlainStorage>().store_with(given(), given())
});
program!("MessageStorage::text", state::<PlainStorage>().text());

program!("&mut O::last_mut", by_ref(&mut output()).last_mut(given()));
program!("&mut O::put", by_ref(&mut output()).put(given()));
program!("&mut O::put_frame", {
    by_ref(&mut output()).put_frame(given(), given(), given())
});
program!("&mut O::reserve", by_ref(&mut output()).reserve(given()));
program!("&mut O::room", by_ref(&mut output()).room());
program!("&mut S::bytes", Storage::bytes(&given::<AnyStorage>()));
program!("&mut S::clear", {
    Storage::clear(&mut given::<AnyStorage>())
});
program!("&mut S::store", {
    Storage::store(&mut given::<AnyStorage>(), given())
});
program!("&mut S::truncate", {
    Storage::truncate(&mut given::<AnyStorage>(), given())
});
program!("&mut S::store_text", {
    MessageStorage::store_text(&mut given::<AnyMessageStorage>(), given(), given(), given())
});
program!("&mut S::store_with", {
    MessageStorage::store_with(&mut given::<AnyMessageStorage>(), given(), given())
});
program!("&mut S::text", {
    MessageStorage::text(&given::<AnyMessageStorage>()).map(|text| text.len())
});

fn by_ref<O: Output>(output: &mut O) -> &mut O {
    output
}

/// An output of another crate, that does anything.
struct PlainOutput(&'static mut dyn Output);

impl Output for PlainOutput {
    fn room(&self) -> usize {
        self.0.room()
    }

    fn put(&mut self, bytes: &[u8]) {
        self.0.put(bytes);
    }

    fn last_mut(&mut self, n: usize) -> &mut [u8] {
        self.0.last_mut(n)
    }
}

/// A storage of another crate, that does anything.
struct PlainStorage(AnyStorage);

impl Storage for PlainStorage {
    fn bytes(&self) -> &[u8] {
        self.0.bytes()
    }

    fn store(&mut self, bytes: &[u8]) -> Result<(), CapacityError> {
        self.0.store(bytes)
    }

    fn truncate(&mut self, len: usize) {
        self.0.truncate(len);
    }

    fn clear(&mut self) {
        self.0.clear();
    }
}

impl MessageStorage for PlainStorage {}
