//! Loops in the widest vectors that the processor has.

#![cfg_attr(feature = "simd", allow(unsafe_code))]

/// A loop that can be compiled for several processors. All of it has to be `#[inline(always)]`: a function that is
/// called, and not inlined, is compiled once, for every processor.
pub(crate) trait Loop {
    type Output;

    fn run(self) -> Self::Output;
}

/// Runs the loop: with the feature `simd` and on a processor that has AVX2, in vectors of 256 bits.
#[inline(always)]
pub(crate) fn widest<L: Loop>(one: L) -> L::Output {
    #[cfg(all(feature = "simd", target_arch = "x86_64"))]
    if std::is_x86_feature_detected!("avx2") {
        // SAFETY: the processor has AVX2, which is all that the function asks for.
        return unsafe { in_avx2(one) };
    }
    one.run()
}

/// # Safety
///
/// The processor must have AVX2.
#[cfg(all(feature = "simd", target_arch = "x86_64"))]
#[target_feature(enable = "avx2")]
unsafe fn in_avx2<L: Loop>(one: L) -> L::Output {
    one.run()
}
