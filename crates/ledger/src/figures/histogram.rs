//! How long things took, to an eighth, in fixed memory.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Parts of an octave: a duration is known to one part in eight.
const PARTS: usize = 8;
const PARTS_LOG2: u32 = PARTS.trailing_zeros();
/// Up to 2^26 microseconds, which is above a minute; what takes longer counts as that.
const OCTAVES: u32 = 26;
const BUCKETS: usize = PARTS + (OCTAVES - PARTS_LOG2) as usize * PARTS;

/// Counts durations by size. To count one costs two additions.
pub(super) struct Histogram {
    buckets: [AtomicU64; BUCKETS],
    micros: AtomicU64,
}

impl Histogram {
    pub(super) fn new() -> Self {
        Self { buckets: std::array::from_fn(|_| AtomicU64::new(0)), micros: AtomicU64::new(0) }
    }

    pub(super) fn record(&self, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        if let Some(bucket) = self.buckets.get(bucket_of(micros)) {
            bucket.fetch_add(1, Ordering::Relaxed);
        }
        self.micros.fetch_add(micros, Ordering::Relaxed);
    }

    pub(super) fn read(&self) -> Latency {
        let buckets = self.buckets.iter().map(|bucket| bucket.load(Ordering::Relaxed)).collect();
        Latency { buckets, micros: self.micros.load(Ordering::Relaxed) }
    }
}

/// Durations by size, at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Latency {
    buckets: Box<[u64]>,
    micros: u64,
}

impl Latency {
    pub(super) fn none() -> Self {
        Self { buckets: vec![0; BUCKETS].into(), micros: 0 }
    }

    pub(super) fn sum(parts: impl Iterator<Item = Latency>) -> Self {
        parts.fold(Self::none(), |mut sum, part| {
            sum.buckets.iter_mut().zip(&part.buckets).for_each(|(sum, part)| *sum += part);
            sum.micros = sum.micros.wrapping_add(part.micros);
            sum
        })
    }

    /// What came after `earlier`.
    pub(super) fn since(&self, earlier: &Latency) -> Self {
        let buckets = self.buckets.iter().zip(&earlier.buckets);
        Self {
            buckets: buckets.map(|(now, then)| now.saturating_sub(*then)).collect(),
            micros: self.micros.wrapping_sub(earlier.micros),
        }
    }

    /// How many.
    pub fn count(&self) -> u64 {
        self.buckets.iter().sum()
    }

    /// All of them together.
    pub fn total(&self) -> Duration {
        Duration::from_micros(self.micros)
    }

    /// How many took less than two to the power of `log2` microseconds, at least eight: exact, since a bucket ends there.
    pub fn below(&self, log2: u32) -> u64 {
        let end = bucket_of(1_u64.checked_shl(log2).unwrap_or(u64::MAX));
        self.buckets.iter().take(end).sum()
    }

    /// How long the quickest `per_mille` took at most, to an eighth, in microseconds; `None` if there were none.
    pub fn quantile(&self, per_mille: u64) -> Option<u64> {
        let count = self.count();
        let rank = count.saturating_mul(per_mille).div_ceil(1000).max(1);
        let mut passed = 0;
        self.buckets.iter().enumerate().find_map(|(bucket, here)| {
            passed += here;
            (passed >= rank).then(|| last_of(bucket))
        })
    }
}

fn bucket_of(micros: u64) -> usize {
    let octave = (u64::BITS - micros.leading_zeros()).saturating_sub(1);
    if octave < PARTS_LOG2 {
        return usize::try_from(micros).unwrap_or(0);
    }
    let shift = octave - PARTS_LOG2;
    let part = usize::try_from(micros >> shift).unwrap_or(0) % PARTS;
    let bucket = PARTS + usize::try_from(shift).unwrap_or(0) * PARTS + part;
    bucket.min(BUCKETS - 1)
}

/// The longest duration of a bucket.
fn last_of(bucket: usize) -> u64 {
    let Some(above) = bucket.checked_sub(PARTS) else { return bucket as u64 };
    let (shift, part) = (above / PARTS, above % PARTS);
    (((PARTS + part + 1) as u64) << shift) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_meet_without_gap_or_overlap() {
        for bucket in 0..BUCKETS - 1 {
            assert_eq!(bucket_of(last_of(bucket)), bucket);
            assert_eq!(bucket_of(last_of(bucket) + 1), bucket + 1);
        }
        assert_eq!(bucket_of(u64::MAX), BUCKETS - 1);
        assert!(last_of(BUCKETS - 1) > 60_000_000, "a minute is within");
    }

    #[test]
    fn quantiles_are_right_to_an_eighth() {
        let histogram = Histogram::new();
        (1..=1000_u64).for_each(|millis| histogram.record(Duration::from_millis(millis)));
        let read = histogram.read();
        for (per_mille, exact) in [(500, 500_000), (990, 990_000), (1000, 1_000_000), (1, 1_000)] {
            let found = read.quantile(per_mille).unwrap();
            assert!(found >= exact && found <= exact + exact / 8, "{per_mille}: {found}");
        }
        assert_eq!((read.count(), read.total()), (1000, Duration::from_millis(500_500)));
        assert_eq!(Latency::none().quantile(500), None);
    }

    #[test]
    fn powers_of_two_cut_exactly() {
        let histogram = Histogram::new();
        [1023, 1024, 1025, 2048]
            .into_iter()
            .map(Duration::from_micros)
            .for_each(|took| histogram.record(took));
        let read = histogram.read();
        assert_eq!([9, 10, 11, 12].map(|log2| read.below(log2)), [0, 1, 3, 4]);
    }

    #[test]
    fn what_came_since_is_the_difference() {
        let histogram = Histogram::new();
        histogram.record(Duration::from_secs(1));
        let then = histogram.read();
        histogram.record(Duration::from_micros(10));
        let since = histogram.read().since(&then);
        assert_eq!(
            (since.count(), since.quantile(990), since.total()),
            (1, Some(10), Duration::from_micros(10))
        );
    }
}
