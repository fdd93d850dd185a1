//! What lies in Redis: which keys, what is in them, and the scripts that change them.
//!
//! **Invariant: a record and its index entries lie in one shard, and a shard in one hash slot.** So one script changes them
//! together, on one server and on a cluster alike, and no entry is ever missing. None is left over either, but for those of
//! purged records in a list of what is new, until that is emptied.
//!
//! | key | type | holds |
//! |---|---|---|
//! | `grantor:{SHARD}:KIND:ID` | string | a record: `2 VERSION KEEP_UNTIL`, a line feed, the body |
//! | `grantor:{SHARD}#KIND` | sorted set, by member | the ids of the shard's records of the kind |
//! | `grantor:{SHARD}#due` | sorted set, by score | `KIND:ID` of those that have a `keep_until`, and that or an earlier moment |
//! | `grantor:{SHARD}#KIND:new:WINDOW` | list | ids of new records of a kind that is [seldom listed](crate::news), which ended in that window when they were made. They are in neither sorted set until they are sorted in |
//! | `grantor:{SHARD}#KIND:new` | sorted set, by score | the windows that have such a list, each its own score, and perhaps some that have none any more |
//! | `grantor:{00}#layout` | string | the number of this layout |
//!
//! A shard is a number of two hexadecimal digits that follows from the first part of the id, so records that belong
//! together lie together. There are 256: few enough to ask them all for a list of a kind, enough to spread evenly over the
//! nodes of any cluster.
//!
//! A record is one string because that is the one command to read it and the least memory to keep it: the bodies are too
//! long for Redis's compact form of hashes, and as a hash each would cost some 150 bytes more. Its head is text so that
//! `redis-cli` shows it. No key expires by itself: Redis's clock decides nothing.

use std::io::Write as _;
use std::sync::Arc;

use grantor_core::Time;
use grantor_core::record::{Kind, RecordKey, Stored, Version};
use grantor_store::StoreError;
use redis::Script;

use crate::news::Window;
pub(crate) use crate::shard::Shard;

/// The layout described above. Another number under the layout key is not written to.
pub(crate) const LAYOUT: &str = "2";

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

    /// The windows in which new records of the kind end.
    pub(crate) fn windows(&self, shard: Shard, kind: Kind) -> String {
        let mut key = self.index(shard, kind);
        key.push_str(":new");
        key
    }

    /// The list of those that end in one.
    pub(crate) fn new_in(&self, shard: Shard, kind: Kind, window: Window) -> String {
        let mut key = self.windows(shard, kind);
        key.push(':');
        key.push_str(&window.number().to_string());
        key
    }

    pub(crate) fn due(&self, shard: Shard) -> String {
        self.key(shard, '#', "due")
    }

    pub(crate) fn layout(&self) -> String {
        self.key(Shard::FIRST, '#', "layout")
    }

    fn key(&self, shard: Shard, mark: char, rest: &str) -> String {
        let mut key = String::with_capacity(self.prefix.len() + rest.len() + 6);
        key.push_str(&self.prefix);
        key.push_str(":{");
        key.extend(shard.digits());
        key.push('}');
        key.push(mark);
        key.push_str(rest);
        key
    }
}

/// A record's name within its shard.
pub(crate) fn name(key: &RecordKey) -> String {
    let (kind, id) = (key.kind().as_str(), key.id());
    let mut name = String::with_capacity(kind.len() + 1 + id.len());
    name.push_str(kind);
    name.push(':');
    name.push_str(id);
    name
}

/// What [`name`] gave.
pub(crate) fn key_of(name: &str) -> Option<RecordKey> {
    let (kind, id) = name.split_once(':')?;
    RecordKey::from_stored(Kind::from_name(kind)?, id)
}

/// A record as Redis keeps it.
pub(crate) fn pack(version: Version, keep_until: Option<Time>, body: &[u8]) -> Vec<u8> {
    let mut value = Vec::with_capacity(body.len() + 40);
    // Writing to a Vec cannot fail.
    let _ = match keep_until {
        Some(at) => writeln!(value, "{LAYOUT} {version} {}", at.unix_millis()),
        None => writeln!(value, "{LAYOUT} {version} -"),
    };
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
    pub(crate) create: KnownScript,
    pub(crate) replace: KnownScript,
    pub(crate) remove: KnownScript,
    pub(crate) take: KnownScript,
    pub(crate) look: KnownScript,
}

/// A script and its digest.
#[derive(Clone)]
pub(crate) struct KnownScript {
    pub(crate) text: &'static str,
    pub(crate) digest: Arc<str>,
}

impl Scripts {
    pub(crate) fn new() -> Self {
        let known = |text| KnownScript { text, digest: Script::new(text).get_hash().into() };
        Self {
            create: known(include_str!("schema/create.lua")),
            replace: known(include_str!("schema/replace.lua")),
            remove: known(include_str!("schema/remove.lua")),
            take: known(include_str!("schema/take.lua")),
            look: known(include_str!("schema/look.lua")),
        }
    }
}

#[cfg(test)]
mod tests {
    use grantor_core::record::{Expect, Put};

    use super::*;

    #[test]
    fn keys_lie_as_they_always_did() {
        let keys = Keys::new("grantor").unwrap();
        let key = RecordKey::new(Kind::SubjectGrant, "alice", Some("g/1"));
        assert_eq!(keys.record(&key), "grantor:{ed}:subject-grant:alice/g%2F1");
        assert_eq!(keys.index(Shard::of("alice"), Kind::SubjectGrant), "grantor:{ed}#subject-grant");
        assert_eq!(keys.windows(Shard::FIRST, Kind::AccessToken), "grantor:{00}#access-token:new");
        for (end, list) in [(1_800_000, "2"), (2_699_999, "2"), (-1, "-1")] {
            let key = RecordKey::new(Kind::AccessToken, "g", Some("t"));
            let (version, keep_until) = (Version::from_bytes([7; 16]), Some(Time::from_unix_millis(end)));
            let put = Put { key, expect: Expect::Absent, version, body: Vec::new(), keep_until };
            let window = Window::of(&put).unwrap();
            let list = format!("grantor:{{00}}#access-token:new:{list}");
            assert_eq!(keys.new_in(Shard::FIRST, Kind::AccessToken, window), list);
        }
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
        assert_eq!(packed, b"2 BwcHBwcHBwcHBwcHBwcHBw -5\n{\"v\":1}\n\0");
        assert_eq!(packed[2..24], *version.to_string().as_bytes());
        assert_eq!(pack(version, None, b""), b"2 BwcHBwcHBwcHBwcHBwcHBw -\n");
        for value in [
            &b""[..],
            b"hush",
            b"1 BwcHBwcHBwcHBwcHBwcHBw -\n",
            b"2 BwcHBwcHBwcHBwcHBwcH -\n",
            b"2 BwcHBwcHBwcHBwcHBwcHBw\n",
            b"2 BwcHBwcHBwcHBwcHBwcHBw x\n",
            b"2 BwcHBwcHBwcHBwcHBwcHBw - \n",
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
