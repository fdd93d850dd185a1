//! Randomness as an argument.

use sha2::{Digest as _, Sha256};
use zeroize::{Zeroize, ZeroizeOnDrop};

/// A seed of 256 random bits from which one run of a flow draws all it needs.
///
/// The caller takes the seed from the operating system (or a generator seeded by it) once per flow and never uses it
/// twice. Equal seeds give equal draws, which is what lets a test or a replay run the same flow again.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct Entropy {
    seed: [u8; 32],
    draws: u32,
}

impl Entropy {
    /// Entropy from a fresh random seed.
    pub fn from_seed(seed: [u8; 32]) -> Self {
        Self { seed, draws: 0 }
    }

    /// The next 256 bits, independent of all others for whoever does not know the seed. Costs one SHA-256.
    pub fn draw(&mut self) -> [u8; 32] {
        self.draws += 1;
        let mut hash = Sha256::new();
        hash.update(b"grantor entropy");
        hash.update(self.seed);
        hash.update(self.draws.to_be_bytes());
        hash.finalize().into()
    }

    /// Fills `bytes` with the next bits.
    pub(crate) fn fill(&mut self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(32) {
            let drawn = self.draw();
            chunk.copy_from_slice(drawn.split_at(chunk.len()).0);
        }
    }

    /// The next 128 bits.
    pub fn draw_half(&mut self) -> [u8; 16] {
        let whole = self.draw();
        let mut half = [0; 16];
        half.copy_from_slice(whole.split_at(16).0);
        half
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_differ_and_repeat_with_the_seed() {
        let (mut a, mut b) = (Entropy::from_seed([7; 32]), Entropy::from_seed([7; 32]));
        let first = a.draw();
        assert_eq!(first, b.draw());
        assert_ne!(first, a.draw());
        assert_ne!(first, Entropy::from_seed([8; 32]).draw());
    }
}
