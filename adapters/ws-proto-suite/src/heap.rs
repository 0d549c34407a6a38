//! What code allocates, counted for each thread apart, so that tests can run side by side.
//!
//! ```
//! use ws_proto_suite::heap::{Counting, Region};
//!
//! #[global_allocator]
//! static ALLOCATOR: Counting = Counting;
//!
//! let region = Region::new();
//! let bytes = vec![0_u8; 1000];
//! assert_eq!(region.change().allocations, 1);
//! assert_eq!(region.change().held(), 1000);
//! drop(bytes);
//! assert_eq!(region.change().held(), 0);
//! ```

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

/// Counts of one thread.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Blocks that were allocated.
    pub allocations: usize,
    /// Blocks that were freed.
    pub deallocations: usize,
    /// Blocks whose size was changed.
    pub reallocations: usize,
    /// Bytes of all blocks that were allocated, and of the growth of blocks.
    pub bytes_allocated: usize,
    /// Bytes of all blocks that were freed, and of the shrinking of blocks.
    pub bytes_deallocated: usize,
}

impl Counts {
    const NONE: Self = Self {
        allocations: 0,
        deallocations: 0,
        reallocations: 0,
        bytes_allocated: 0,
        bytes_deallocated: 0,
    };

    /// Bytes that were allocated and have not been freed; negative if more were freed.
    #[must_use]
    pub const fn held(&self) -> isize {
        self.bytes_allocated as isize - self.bytes_deallocated as isize
    }
}

thread_local! {
    static COUNTS: Cell<Counts> = const { Cell::new(Counts::NONE) };
}

/// The system's allocator, counting. A program of tests makes it its `#[global_allocator]`.
#[derive(Clone, Copy, Debug)]
pub struct Counting;

fn count(change: impl FnOnce(&mut Counts)) {
    // A thread that ends allocates when its locals are gone; nobody counts that.
    let _ = COUNTS.try_with(|counts| {
        let mut changed = counts.get();
        change(&mut changed);
        counts.set(changed);
    });
}

// SAFETY: every call is passed on to the system's allocator unchanged. Counting neither allocates nor
// unwinds: the counts are constants of the thread that need no destructor.
#[expect(
    unsafe_code,
    reason = "an allocator is a trait that is unsafe to implement"
)]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(|counts| {
            counts.allocations += 1;
            counts.bytes_allocated += layout.size();
        });
        // SAFETY: the caller keeps the contract of the same call.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(|counts| {
            counts.allocations += 1;
            counts.bytes_allocated += layout.size();
        });
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        count(|counts| {
            counts.deallocations += 1;
            counts.bytes_deallocated += layout.size();
        });
        // SAFETY: as above.
        unsafe { System.dealloc(block, layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(|counts| {
            counts.reallocations += 1;
            counts.bytes_allocated += size.saturating_sub(layout.size());
            counts.bytes_deallocated += layout.size().saturating_sub(size);
        });
        // SAFETY: as above.
        unsafe { System.realloc(block, layout, size) }
    }
}

/// Counts what this thread allocates from [`new`](Self::new) on.
///
/// It counts nothing unless [`Counting`] is the allocator of the program.
#[derive(Clone, Copy, Debug)]
pub struct Region {
    before: Counts,
}

impl Region {
    /// Starts to count.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "when it is made matters")]
    pub fn new() -> Self {
        Self {
            before: COUNTS.get(),
        }
    }

    /// What has been counted since.
    #[must_use]
    pub fn change(&self) -> Counts {
        let (now, before) = (COUNTS.get(), self.before);
        Counts {
            allocations: now.allocations - before.allocations,
            deallocations: now.deallocations - before.deallocations,
            reallocations: now.reallocations - before.reallocations,
            bytes_allocated: now.bytes_allocated - before.bytes_allocated,
            bytes_deallocated: now.bytes_deallocated - before.bytes_deallocated,
        }
    }
}
