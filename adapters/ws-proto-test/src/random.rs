//! Numbers that are the same in every run.

/// A SplitMix64 generator: small, fast, and good enough to choose inputs with.
///
/// ```
/// use ws_proto_test::random::Random;
///
/// let (mut one, mut other) = (Random::new(7), Random::new(7));
/// assert_eq!(one.next(), other.next());
/// assert!(one.below(10) < 10);
/// assert_eq!(one.bytes(100).len(), 100);
/// ```
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// A generator whose numbers depend on `seed` only.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The generator number `index` of a seed: each input of a test can have its own, so that it
    /// does not depend on the inputs before it.
    ///
    /// ```
    /// use ws_proto_test::random::Random;
    ///
    /// let (mut one, mut other) = (Random::nth(7, 0), Random::nth(7, 1));
    /// assert_ne!(one.next(), other.next());
    /// ```
    #[must_use]
    pub const fn nth(seed: u64, index: u64) -> Self {
        let seed = Self(seed).next();
        Self(seed ^ index.wrapping_mul(0xd6e8_feb8_6659_fd93))
    }

    /// The next number.
    pub const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A byte.
    ///
    /// ```
    /// use ws_proto_test::random::Random;
    ///
    /// let three = |mut random: Random| [random.byte(), random.byte(), random.byte()];
    /// assert_eq!(three(Random::new(7)), three(Random::new(7)));
    /// ```
    pub const fn byte(&mut self) -> u8 {
        self.next() as u8
    }

    /// A masking key.
    ///
    /// ```
    /// use ws_proto_test::random::Random;
    /// use ws_proto_test::wire::masked;
    ///
    /// let key = Random::new(7).key();
    /// assert_eq!(masked(&masked(b"Hello", key), key), b"Hello");
    /// ```
    pub const fn key(&mut self) -> [u8; 4] {
        (self.next() as u32).to_be_bytes()
    }

    /// A number below `n`.
    ///
    /// # Panics
    ///
    /// If `n` is 0.
    pub const fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }

    /// A number from `low` to `high`, both of them included.
    ///
    /// ```
    /// let n = ws_proto_test::random::Random::new(7).between(3, 5);
    /// assert!((3..=5).contains(&n));
    /// ```
    ///
    /// # Panics
    ///
    /// If `low` is more than `high`.
    pub const fn between(&mut self, low: usize, high: usize) -> usize {
        low + self.below(high - low + 1)
    }

    /// True in `chance` of 100 cases.
    ///
    /// ```
    /// use ws_proto_test::random::Random;
    ///
    /// assert!(Random::new(7).percent(100) && !Random::new(7).percent(0));
    /// ```
    pub const fn percent(&mut self, chance: usize) -> bool {
        self.below(100) < chance
    }

    /// One element of `from`.
    ///
    /// ```
    /// let one = ws_proto_test::random::Random::new(7).pick(&["a", "b"]);
    /// assert!(one == "a" || one == "b");
    /// ```
    ///
    /// # Panics
    ///
    /// If `from` is empty.
    pub const fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    /// `n` bytes that neither repeat nor compress.
    pub fn bytes(&mut self, n: usize) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(n.next_multiple_of(8));
        while bytes.len() < n {
            bytes.extend(self.next().to_le_bytes());
        }
        bytes.truncate(n);
        bytes
    }
}
