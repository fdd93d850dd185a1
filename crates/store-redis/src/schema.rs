//! What lies in Redis: which keys, what is in them, and the scripts that change them.
//!
//! **Invariant: a record and its index entries lie in one shard, and a shard in one hash slot.** So one script changes them
//! together, on one server and on a cluster alike, and no entry is ever missing or left over.
//!
//! | key | type | holds |
//! |---|---|---|
//! | `grantor:{SHARD}:KIND:ID` | string | a record: `1 VERSION KEEP_UNTIL`, a line feed, the body |
//! | `grantor:{SHARD}#KIND` | sorted set, by member | the ids of the shard's records of the kind |
//! | `grantor:{SHARD}#due` | sorted set, by score | `KIND:ID` of those that have a `keep_until`, and that |
//! | `grantor:{00}#layout` | string | the number of this layout |
//!
//! A shard is a number of two hexadecimal digits that follows from the first part of the id, so records that belong
//! together lie together. There are 256: few enough to ask them all for a list of a kind, enough to spread evenly over the
//! nodes of any cluster.
//!
//! A record is one string because that is the one command to read it and the least memory to keep it: the bodies are too
//! long for Redis's compact form of hashes, and as a hash each would cost some 150 bytes more. Its head is text so that
//! `redis-cli` shows it. No key expires by itself: Redis's clock decides nothing.

use std::fmt::Write as _;

use grantor_core::Time;
use grantor_core::record::{Kind, RecordKey, Stored, Version};
use grantor_store::StoreError;
use redis::Script;

/// The layout described above. Another number under the layout key is not written to.
pub(crate) const LAYOUT: &str = "1";

/// One 256th of the records. The number is part of the layout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
        crc16(format!("{:02x}", self.0).as_bytes()) % 16_384
    }
}

/// CRC16 as Redis Cluster has it (XMODEM: polynomial 0x1021, begun with 0).
fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc, byte| {
        (0..8).fold(crc ^ (u16::from(*byte) << 8), |crc: u16, _| {
            if crc & 0x8000 == 0 { crc << 1 } else { (crc << 1) ^ 0x1021 }
        })
    })
}

/// The names of keys.
#[derive(Debug)]
pub(crate) struct Keys {
    prefix: String,
}

impl Keys {
    /// # Errors
    /// `Unavailable` for a prefix that would take the keys out of their hash slots or into Redis's patterns.
    pub(crate) fn new(prefix: &str) -> Result<Self, StoreError> {
        let fits = !prefix.is_empty()
            && prefix.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b':'));
        if !fits {
            return Err(StoreError::Unavailable(format!(
                "{prefix:?} cannot be what keys begin with; use letters, digits and - _ . :"
            )));
        }
        Ok(Self { prefix: prefix.to_owned() })
    }

    pub(crate) fn record(&self, key: &RecordKey) -> String {
        self.record_of(Shard::of(key.slot()), &name(key))
    }

    pub(crate) fn record_of(&self, shard: Shard, name: &str) -> String {
        self.key(shard, ':', name)
    }

    /// A pattern, as `SCAN` takes it, of every record's key.
    pub(crate) fn every_record(&self) -> String {
        format!("{}:{{??}}:*", self.prefix)
    }

    pub(crate) fn index(&self, shard: Shard, kind: Kind) -> String {
        self.key(shard, '#', kind.as_str())
    }

    pub(crate) fn due(&self, shard: Shard) -> String {
        self.key(shard, '#', "due")
    }

    pub(crate) fn layout(&self) -> String {
        self.key(Shard::FIRST, '#', "layout")
    }

    fn key(&self, shard: Shard, mark: char, rest: &str) -> String {
        let mut key = String::with_capacity(self.prefix.len() + rest.len() + 6);
        // Writing to a String cannot fail.
        let _ = write!(key, "{}:{{{:02x}}}{mark}{rest}", self.prefix, shard.0);
        key
    }
}

/// A record's name within its shard.
pub(crate) fn name(key: &RecordKey) -> String {
    format!("{}:{}", key.kind(), key.id())
}

/// What [`name`] gave.
pub(crate) fn key_of(name: &str) -> Option<RecordKey> {
    let (kind, id) = name.split_once(':')?;
    RecordKey::from_stored(Kind::from_name(kind)?, id)
}

/// A record as Redis keeps it.
pub(crate) fn pack(version: Version, keep_until: Option<Time>, body: &[u8]) -> Vec<u8> {
    let mut value = Vec::with_capacity(body.len() + 40);
    value.extend_from_slice(format!("{LAYOUT} {version} ").as_bytes());
    value.extend_from_slice(keep_until.map_or("-".to_owned(), score).as_bytes());
    value.push(b'\n');
    value.extend_from_slice(body);
    value
}

/// A moment as the score of a sorted set. Milliseconds within [`Time`]'s range are whole numbers in a double.
pub(crate) fn score(at: Time) -> String {
    at.unix_millis().to_string()
}

/// What [`pack`] made. The error says what is wrong, without a byte of it.
pub(crate) fn unpack(value: &[u8]) -> Result<Stored, &'static str> {
    let end = value.iter().position(|byte| *byte == b'\n').ok_or("it has no head")?;
    let (head, body) = value.split_at(end);
    let head = std::str::from_utf8(head).map_err(|_| "its head is not text")?;
    let mut parts = head.split(' ');
    if parts.next() != Some(LAYOUT) {
        return Err("it is not in the format this version knows");
    }
    let version = parts.next().and_then(|text| text.parse().ok()).ok_or("its version is not one")?;
    let keep_until = match parts.next() {
        Some("-") => None,
        Some(text) => Some(Time::from_unix_millis(text.parse().map_err(|_| "its moment is not one")?)),
        None => return Err("it has no moment"),
    };
    if parts.next().is_some() {
        return Err("its head has too many parts");
    }
    Ok(Stored { version, body: body.get(1..).unwrap_or_default().to_vec(), keep_until })
}

/// The scripts, with the digests that Redis knows them by once it has seen them.
pub(crate) struct Scripts {
    pub(crate) put: KnownScript,
    pub(crate) remove: KnownScript,
    pub(crate) look: KnownScript,
}

/// A script and its digest.
#[derive(Clone)]
pub(crate) struct KnownScript {
    pub(crate) text: &'static str,
    pub(crate) digest: String,
}

impl Scripts {
    pub(crate) fn new() -> Self {
        let known = |text| KnownScript { text, digest: Script::new(text).get_hash().to_owned() };
        Self {
            put: known(include_str!("schema/put.lua")),
            remove: known(include_str!("schema/remove.lua")),
            look: known(include_str!("schema/look.lua")),
        }
    }
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

    #[test]
    fn keys_lie_as_they_always_did() {
        let keys = Keys::new("grantor").unwrap();
        let key = RecordKey::new(Kind::SubjectGrant, "alice", Some("g/1"));
        assert_eq!(keys.record(&key), "grantor:{ed}:subject-grant:alice/g%2F1");
        assert_eq!(keys.index(Shard::of("alice"), Kind::SubjectGrant), "grantor:{ed}#subject-grant");
        assert_eq!(keys.due(Shard::of("alice")), "grantor:{ed}#due");
        assert_eq!(keys.layout(), "grantor:{00}#layout");
        assert_eq!(key_of(&name(&key)), Some(key));
        for prefix in ["", "a{b}", "a*", "a b"] {
            assert!(Keys::new(prefix).is_err(), "{prefix}");
        }
    }

    #[test]
    fn values_lie_as_they_always_did() {
        let version = Version::from_bytes([7; 16]);
        let packed = pack(version, Some(Time::from_unix_millis(-5)), b"{\"v\":1}\n\0");
        assert_eq!(packed, b"1 BwcHBwcHBwcHBwcHBwcHBw -5\n{\"v\":1}\n\0");
        assert_eq!(packed[2..24], *version.to_string().as_bytes());
        assert_eq!(pack(version, None, b""), b"1 BwcHBwcHBwcHBwcHBwcHBw -\n");
        for value in [
            &b""[..],
            b"hush",
            b"2 BwcHBwcHBwcHBwcHBwcHBw -\n",
            b"1 BwcHBwcHBwcHBwcHBwcH -\n",
            b"1 BwcHBwcHBwcHBwcHBwcHBw\n",
            b"1 BwcHBwcHBwcHBwcHBwcHBw x\n",
            b"1 BwcHBwcHBwcHBwcHBwcHBw - \n",
            b"\xff\n",
        ] {
            let refused = unpack(value);
            assert!(refused.is_err_and(|text| !text.contains("hush")), "{value:?}");
        }
        let stored = unpack(&packed).unwrap();
        assert_eq!((stored.version, &*stored.body), (version, &b"{\"v\":1}\n\0"[..]));
        assert_eq!(stored.keep_until, Some(Time::from_unix_millis(-5)));
    }
}
