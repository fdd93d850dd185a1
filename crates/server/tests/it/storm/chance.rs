//! Chance that can be had again: the same seed gives the same numbers.

/// The generator SplitMix64.
pub(super) struct Chance(u64);

impl Chance {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// From the environment, or another one each time.
    pub(super) fn seed() -> u64 {
        use std::hash::BuildHasher as _;
        match std::env::var("GRANTOR_TEST_SEED") {
            Ok(seed) => seed.parse().expect("GRANTOR_TEST_SEED is a number"),
            Err(_) => std::collections::hash_map::RandomState::new().hash_one(()),
        }
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// One of the numbers below `bound`.
    pub(super) fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(bound).unwrap()).unwrap()
    }
}
