//! Names of clients, people, accounts and grants. Each has its own type, so one cannot stand in for another.

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::entropy::Entropy;
use crate::limits::Limits;
use crate::secret::decode_array;
use crate::time::Time;

/// A text that cannot be an identifier: empty, too long, or with characters outside its alphabet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidId;

impl fmt::Display for InvalidId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not an identifier: empty, too long, or with characters that are not allowed")
    }
}

impl std::error::Error for InvalidId {}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $max:expr, $allowed:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Reads an identifier.
            ///
            /// # Errors
            /// [`InvalidId`] if it is empty, too long or has a character that is not allowed.
            pub fn parse(text: &str) -> Result<Self, InvalidId> {
                let allowed: fn(u8) -> bool = $allowed;
                let fits = !text.is_empty() && text.len() <= $max && text.bytes().all(allowed);
                if fits { Ok(Self(text.into())) } else { Err(InvalidId) }
            }

            /// The identifier as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                Self::parse(text)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                Self::parse(&text).map_err(serde::de::Error::custom)
            }
        }
    };
}

text_id! {
    /// A `client_id`: 1 to 256 printable ASCII characters (RFC 6749, appendix A.1).
    ClientId, Limits::DEFAULT.client_id_bytes, |b| (0x20..=0x7e).contains(&b)
}

impl ClientId {
    /// The id of the client that an API key names, from what was derived of the key.
    pub(crate) fn of_api_key(derived: &[u8; 32]) -> Self {
        Self(format!("key_{}", URL_SAFE_NO_PAD.encode(derived.split_at(16).0)).into())
    }
}

text_id! {
    /// The person, or other party, that a grant speaks for: the `sub` of a token. Never given to anyone else, even
    /// after its owner is gone.
    SubjectId, 256, |b| (0x21..=0x7e).contains(&b)
}

text_id! {
    /// An account of the service that a person acts for.
    AccountId, 256, |b| (0x21..=0x7e).contains(&b)
}

/// The public name of a grant: 128 bits, printed as 22 characters of base64url. Every code and token carries it, so it
/// is no secret and proves nothing.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GrantId([u8; 16]);

impl GrantId {
    /// A grant's id from 128 bits that are known: derived from who may hold only one grant, or read.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The id of a grant that begins now: the millisecond, and 80 random bits.
    ///
    /// The time comes first, and so that the printed ids are in its order. All that is written of a grant lies under its id, so
    /// what is new lies side by side in any store that keeps an order, and to add to a large one costs no more than to add to
    /// a small one. It tells when the grant began, which whoever holds a token of it may know.
    pub fn draw(now: Time, entropy: &mut Entropy) -> Self {
        let moment = u64::try_from(now.unix_millis()).unwrap_or_default().saturating_add(FROM_A);
        let sextet = |at: u32| in_order(u8::try_from(moment >> (42 - 6 * at) & 63).unwrap_or_default());
        let moment = (0..8).fold(0, |moment, at| moment << 6 | u64::from(sextet(at)));
        let mut bytes = entropy.draw_half();
        bytes.split_at_mut(6).0.copy_from_slice(moment.to_be_bytes().split_at(2).1);
        Self(bytes)
    }

    /// The bits.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

/// What is added to a moment, so that ids begin with `A` until 2109 and then with `B`: the first of all ranks is a hyphen, and a
/// command line takes what begins with one for an option.
const FROM_A: u64 = 11 << 42;

/// The six bits that base64url prints as the character of this rank: its letters are not in the order of what they mean.
const fn in_order(rank: u8) -> u8 {
    match rank {
        0 => 62,              // -
        1..=10 => rank + 51,  // 0 to 9
        11..=36 => rank - 11, // A to Z
        37 => 63,             // _
        _ => rank - 12,       // a to z
    }
}

impl fmt::Display for GrantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl fmt::Debug for GrantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::str::FromStr for GrantId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        decode_array(text).map(Self).ok_or(InvalidId)
    }
}

impl Serialize for GrantId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for GrantId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn grants_that_begin_later_have_greater_ids(one in 0..52_i64 << 42, other in 0..52_i64 << 42, seed in any::<[u8; 32]>()) {
            let mut entropy = Entropy::from_seed(seed);
            let mut id = |millis| GrantId::draw(Time::from_unix_millis(millis), &mut entropy).to_string();
            let (first, second) = (id(one), id(other));
            prop_assert_ne!(&first, &second);
            if one != other {
                prop_assert_eq!(one < other, first < second, "{} at {}, {} at {}", first, one, second, other);
            }
        }
    }

    #[test]
    fn no_id_of_this_age_is_taken_for_an_option() {
        let mut entropy = Entropy::from_seed([7; 32]);
        for year in 0..139 {
            let now = Time::from_unix_millis(year * 365 * 24 * 3_600_000);
            assert!(GrantId::draw(now, &mut entropy).to_string().starts_with('A'));
        }
    }

    #[test]
    fn every_rank_is_another_character() {
        let print = |rank| URL_SAFE_NO_PAD.encode([in_order(rank) << 2]);
        let texts: Vec<_> = (0..64).map(print).collect();
        assert!(texts.is_sorted_by(|one, other| one < other), "{texts:?}");
    }
}
