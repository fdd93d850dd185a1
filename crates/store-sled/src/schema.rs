//! What is in the folder, byte by byte. Golden tests hold it still.
//!
//! | tree | key | value |
//! |---|---|---|
//! | sled's default | `format` | [`FORMAT`] |
//! | `records` | `KIND/ID` | version (16 bytes), 0 or 1 and `keep_until` (8 bytes), body |
//! | `keep-until` | `keep_until` (8 bytes), `KIND/ID` | nothing |
//!
//! A moment is Unix milliseconds, big-endian with the sign bit turned over, so that bytes sort as moments do.
//!
//! An entry of `keep-until` is written before the record that it is about and removed after, and the log keeps that order: after a crash an
//! entry may be there in vain, but no record with a `keep_until` is without one. Purge asks the record.

use grantor_core::Time;
use grantor_core::record::{Kind, Put, RecordKey, Stored, Version};

/// The mark of a store of grantor's, and the version of all this. Also what the file `format` holds, and a line end.
pub(crate) const FORMAT: &str = "grantor-store-sled 1";
/// What the mark of every version begins with.
pub(crate) const FORMAT_NAME: &str = "grantor-store-sled ";
pub(crate) const FORMAT_KEY: &str = "format";
pub(crate) const RECORDS: &str = "records";
pub(crate) const KEEP_UNTIL: &str = "keep-until";

/// The key of a record.
pub(crate) fn record_key(key: &RecordKey) -> Vec<u8> {
    [key.kind().as_str(), "/", key.id()].concat().into_bytes()
}

/// The key that was made into these bytes.
pub(crate) fn parse_key(bytes: &[u8]) -> Option<RecordKey> {
    let (kind, id) = std::str::from_utf8(bytes).ok()?.split_once('/')?;
    RecordKey::from_stored(Kind::from_name(kind)?, id)
}

/// The value of a record.
pub(crate) fn record_value(put: &Put) -> Vec<u8> {
    let mut value = Vec::with_capacity(25 + put.body.len());
    value.extend_from_slice(put.version.as_bytes());
    match put.keep_until {
        None => value.push(0),
        Some(keep_until) => {
            value.push(1);
            value.extend_from_slice(&moment(keep_until));
        }
    }
    value.extend_from_slice(&put.body);
    value
}

/// A record's value in its parts.
pub(crate) struct Value<'a> {
    pub(crate) version: Version,
    pub(crate) keep_until: Option<Time>,
    body: &'a [u8],
}

impl<'a> Value<'a> {
    /// `None` if these are not the bytes of one.
    pub(crate) fn parse(bytes: &'a [u8]) -> Option<Self> {
        let (version, rest) = bytes.split_first_chunk::<16>()?;
        let (keep_until, body) = match rest.split_first()? {
            (0, body) => (None, body),
            (1, rest) => {
                let (at, body) = rest.split_first_chunk::<8>()?;
                (Some(parse_moment(*at)), body)
            }
            (_, _) => return None,
        };
        Some(Self { version: Version::from_bytes(*version), keep_until, body })
    }

    pub(crate) fn to_stored(&self) -> Stored {
        Stored { version: self.version, body: self.body.to_vec(), keep_until: self.keep_until }
    }
}

/// The key of an entry in the index.
pub(crate) fn index_key(keep_until: Time, record: &[u8]) -> Vec<u8> {
    [moment(keep_until).as_slice(), record].concat()
}

/// The moment and the record's key in an entry of the index.
pub(crate) fn parse_index_key(bytes: &[u8]) -> Option<(Time, &[u8])> {
    let (at, record) = bytes.split_first_chunk::<8>()?;
    Some((parse_moment(*at), record))
}

/// A moment in bytes that sort as moments do.
pub(crate) fn moment(at: Time) -> [u8; 8] {
    (at.unix_millis() ^ i64::MIN).to_be_bytes()
}

fn parse_moment(bytes: [u8; 8]) -> Time {
    Time::from_unix_millis(i64::from_be_bytes(bytes) ^ i64::MIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_sort_as_their_bytes_do() {
        let moments =
            [i64::MIN, -86_400_000, -1, 0, 1, 4_000_000_000_000, i64::MAX].map(Time::from_unix_millis);
        assert!(moments.map(moment).is_sorted());
        for at in moments {
            assert_eq!(parse_moment(moment(at)), at);
        }
    }

    #[test]
    fn what_is_too_short_is_no_value() {
        for bytes in [&[0; 16][..], &[1; 24], &[2; 40], &[]] {
            assert!(Value::parse(bytes).is_none());
        }
        assert!(Value::parse(&[0; 17]).is_some());
    }
}
