//! Sentence 4: what comes back is what was given, under the key it was given under.

use grantor_core::record::{Expect, Kind, Put, RecordKey, Stored, Under, Version};

use crate::Shared;
use crate::ask::{FUTURE, applied, at, conflicts, ids, key, put, read, standing};

/// Bodies come back byte for byte: empty ones, 1 MiB, what looks like a number, and what is no text at all.
pub async fn bodies_come_back(store: Shared) {
    let bodies: [Vec<u8>; 12] = [
        Vec::new(),
        br#"{"v":1,"name":"\u00e9 \"quoted\""}"#.to_vec(),
        "{\"v\":1,\"name\":\"é\"}".as_bytes().to_vec(),
        b" {\"b\": 1.0, \"a\":1, \"a\":2}\r\n".to_vec(),
        b"123".to_vec(),
        b"1e400 ".to_vec(),
        b"\0".to_vec(),
        b"before\0after".to_vec(),
        (0..=255).collect(),
        vec![0xff, 0xfe],
        vec![0xff; 70_000],
        (0..1 << 20).map(|n: u32| n.wrapping_mul(0x9E37_79B9).to_be_bytes()[0]).collect(),
    ];
    for (number, body) in bodies.into_iter().enumerate() {
        let key = key(&format!("b{number}"));
        for body in [body, b"{}".to_vec()] {
            let expect = standing(&store, &key).await.map_or(Expect::Absent, Expect::Version);
            let put = Put { body: body.clone(), ..put(&key, expect) };
            applied(&store, put.clone()).await;
            let stored = read(&store, &key).await.unwrap_or_else(|| panic!("body {number} is gone"));
            assert!(stored.body == body, "body {number} of {} bytes came back as another", body.len());
            assert_eq!(stored.version, put.version);
            conflicts(&store, Put { expect: Expect::Absent, ..put }).await;
        }
    }
}

/// Versions of any bytes come back, and moments to the millisecond, from before the epoch to the end of time.
pub async fn versions_and_moments_come_back(store: Shared) {
    let versions =
        [[0; 16], [0xff; 16], *b"'; DROP TABLE r;", [0x20; 16], *b"\0\r\n\t\x1a\0\0\0\0\0\0\0\0\0\0\0"];
    // The ends of the range lie between milliseconds; what a store keeps, and so what is asked of it, does not.
    let whole = |millis| at(at(millis).unix_millis());
    let moments = [
        None,
        Some(at(FUTURE + 1)),
        Some(at(FUTURE + 999)),
        Some(at(1)),
        Some(at(0)),
        Some(at(-1)),
        Some(whole(i64::MAX)),
        Some(whole(i64::MIN)),
    ];
    for (row, bytes) in versions.into_iter().enumerate() {
        for (column, keep_until) in moments.into_iter().enumerate() {
            let key = key(&format!("{row}-{column}"));
            let first = Put { version: Version::from_bytes(bytes), keep_until, ..put(&key, Expect::Absent) };
            applied(&store, first.clone()).await;
            let stored = Stored { version: first.version, body: first.body, keep_until };
            match read(&store, &key).await {
                Some(read) => assert_eq!(read, stored),
                // Its own garbage collection may have been faster than the read.
                None => assert!(keep_until.is_some_and(|at| at.unix_millis() < FUTURE), "{key} is gone"),
            }
            // An update brings its own moment and version.
            let Some(standing) = standing(&store, &key).await else { continue };
            let next = put(&key, Expect::Version(standing));
            applied(&store, next.clone()).await;
            let stored = Stored { version: next.version, body: next.body, keep_until: None };
            assert_eq!(read(&store, &key).await, Some(stored));
        }
    }
}

/// Keys that differ at all are apart: in case, in a trailing byte, in a leading zero, in one being the other's beginning.
pub async fn keys_are_exact(store: Shared) {
    let one = |slot| RecordKey::new(Kind::Grant, slot, None);
    let two = |slot, rest| RecordKey::new(Kind::Grant, slot, Some(rest));
    let hostile = vec![
        one("a"),
        one("A"),
        one("aa"),
        one("a "),
        one(" a"),
        one("a\0"),
        one("a."),
        one("a/"),
        one("a/b"),
        one("a%2Fb"),
        one("%_*?["),
        one("é\0'\"\n"),
        one("e\u{301}"),
        one("\u{e9}"),
        one("."),
        one(".."),
        one("..\\..\\a"),
        one("CON"),
        one("1"),
        one("01"),
        one("1.0"),
        one("1e0"),
        one("@"),
        one("~"),
        two("a", ""),
        two("a", "b"),
        two("A", "b"),
        two("a", "B"),
        two("", ""),
        two("", "a"),
        two("..", ".."),
        two("a", "b/c"),
    ];
    apart(&store, hostile).await;
}

/// Keys of 1 KiB and more are kept whole, and told apart by their last byte.
pub async fn long_keys_are_exact(store: Shared) {
    let mut keys = Vec::new();
    for length in [63, 64, 127, 128, 191, 254, 255, 256, 511, 512, 1_023, 1_024, 2_000] {
        let long = "l".repeat(length);
        let other = format!("{}m", "l".repeat(length - 1));
        keys.push(RecordKey::new(Kind::Grant, &long, None));
        keys.push(RecordKey::new(Kind::Grant, &other, None));
        keys.push(RecordKey::new(Kind::Grant, &long, Some(&long)));
        keys.push(RecordKey::new(Kind::Grant, &long, Some(&other)));
    }
    apart(&store, keys).await;
}

/// A kind is part of a key: a code can never be read as a session.
pub async fn kinds_are_apart(store: Shared) {
    let ids = [("a", None), ("a", Some("b"))];
    let keys = Kind::ALL.iter().flat_map(|kind| ids.map(|(slot, rest)| RecordKey::new(*kind, slot, rest)));
    apart(&store, keys.collect()).await;
}

/// Writes under each key, and finds under each its own, in gets, in puts and in lists.
async fn apart(store: &Shared, mut keys: Vec<RecordKey>) {
    let mut versions = Vec::new();
    for key in &keys {
        assert_eq!(
            standing(store, key).await,
            None,
            "something stands under {key}, where nothing was written"
        );
        let put = Put { body: key.to_string().into_bytes(), ..put(key, Expect::Absent) };
        versions.push(put.version);
        applied(store, put).await;
    }
    for (key, version) in keys.iter().zip(versions) {
        assert_eq!(standing(store, key).await, Some(version), "another write stands under {key}");
        let next = put(key, Expect::Version(version));
        applied(store, next).await;
    }
    keys.sort_unstable();
    for kind in Kind::ALL {
        let of_kind: Vec<_> = keys.iter().filter(|key| key.kind() == *kind).map(RecordKey::id).collect();
        let (listed, more) = ids(store, &Under::Kind(*kind), None, keys.len() + 1).await;
        assert_eq!(listed, of_kind, "the keys of {kind} that were written, and no others");
        assert!(!more);
    }
}
