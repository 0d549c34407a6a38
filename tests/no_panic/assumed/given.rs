// Shared by the replacements: any value of a type, out of memory that the optimiser cannot see.

struct Memory(*mut u8);

// SAFETY: nothing is written there, and nothing runs.
unsafe impl Sync for Memory {}

static MEMORY: Memory = Memory(core::ptr::null_mut());

fn given<T>() -> T {
    // SAFETY: no program runs.
    unsafe { (&raw const MEMORY.0).read_volatile().cast::<T>().read() }
}
