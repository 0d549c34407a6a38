//! A storage of bounded room that can fail, as memory does that cannot be allocated.

use ws_proto::{CapacityError, MessageStorage, Storage};

/// Which stores fail, by number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lack {
    #[default]
    Never,
    /// The `n`th store fails, once.
    At(usize),
    /// The `n`th store and all later ones fail.
    From(usize),
}

#[derive(Debug, Default)]
pub struct Room {
    pub bytes: Vec<u8>,
    pub limit: usize,
    pub lack: Lack,
    /// How many stores there were.
    pub stores: usize,
    /// How many of them failed for want of memory.
    pub failed: usize,
}

impl Room {
    pub fn new(limit: usize, lack: Lack) -> Self {
        let mut room = Self::default();
        room.reset(limit, lack);
        room
    }

    /// Begins anew with the same memory.
    pub fn reset(&mut self, limit: usize, lack: Lack) {
        self.bytes.clear();
        self.limit = limit;
        self.lack = lack;
        self.stores = 0;
        self.failed = 0;
    }

    fn lacks(&mut self) -> bool {
        let n = self.stores;
        self.stores += 1;
        let lacks = match self.lack {
            Lack::Never => false,
            Lack::At(at) => n == at,
            Lack::From(from) => n >= from,
        };
        self.failed += usize::from(lacks);
        lacks
    }
}

impl Storage for Room {
    fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    fn store(&mut self, bytes: &[u8]) -> Result<(), CapacityError> {
        if self.lacks() || bytes.len() > self.limit - self.bytes.len() {
            return Err(CapacityError);
        }
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    fn truncate(&mut self, len: usize) {
        self.bytes.truncate(len);
    }

    fn clear(&mut self) {
        self.bytes.clear();
    }
}

impl MessageStorage for Room {
    fn store_with(&mut self, most: usize, write: &mut dyn FnMut(&mut [u8]) -> usize) {
        let most = most.min(self.limit - self.bytes.len());
        if self.lacks() || most == 0 {
            return;
        }
        let before = self.bytes.len();
        self.bytes.resize(before + most, 0);
        let written = write(&mut self.bytes[before..]);
        self.bytes.truncate(before + written);
    }
}
