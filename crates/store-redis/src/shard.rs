//! Which shard a record lies in, and which of a cluster's hash slots a shard does. Part of the layout.

/// One 256th of the records. The number is part of the layout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Shard(u8);

impl Shard {
    /// The shard of the layout's number.
    pub(crate) const FIRST: Shard = Shard(0);

    pub(crate) fn all() -> impl Iterator<Item = Shard> {
        (0..=u8::MAX).map(Shard)
    }

    /// Where records whose id begins with `slot` lie.
    pub(crate) fn of(slot: &str) -> Self {
        Self(crc16(slot.as_bytes()).to_be_bytes()[1])
    }

    /// The shard's place in a list of all.
    pub(crate) fn index(self) -> usize {
        usize::from(self.0)
    }

    /// Which of a cluster's 16,384 hash slots the shard lies in.
    pub(crate) fn hash_slot(self) -> u16 {
        crc16(&self.digits().map(|digit| u8::try_from(digit).unwrap_or(b'0'))) % 16_384
    }

    /// The number as it stands in keys.
    pub(crate) fn digits(self) -> [char; 2] {
        [self.0 >> 4, self.0 & 15].map(|digit| char::from_digit(digit.into(), 16).unwrap_or('0'))
    }
}

/// CRC16 as Redis Cluster has it (XMODEM: polynomial 0x1021, begun with 0).
fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc, byte| {
        // What eight steps bit by bit come to, where each but the carry's is a shift.
        let carry = (crc >> 8) ^ u16::from(*byte);
        let carry = carry ^ (carry >> 4);
        (crc << 8) ^ (carry << 12) ^ (carry << 5) ^ carry
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hash_slots_are_those_of_redis() {
        // The check value of the algorithm, and what CLUSTER KEYSLOT said.
        assert_eq!(crc16(b"123456789"), 0x31c3);
        let counts = Shard::all().fold([0; 6], |mut counts: [u16; 6], shard| {
            counts[usize::from(shard.hash_slot() / 2731)] += 1;
            counts
        });
        assert_eq!(counts.iter().sum::<u16>(), 256);
        assert!(counts.iter().all(|count| (36..=52).contains(count)), "unevenly spread: {counts:?}");
    }
}
