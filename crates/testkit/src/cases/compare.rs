//! Sentences 1, 2 and 3 without any haste: what is compared, what is set, what is said.

use grantor_core::record::{Expect, Put, Version};
use grantor_store::Durability;

use crate::Shared;
use crate::ask::{applied, at, conflicts, key, put, read, standing, version};

/// Sentence 1: a put is applied when its expectation holds, and only then.
pub async fn put_compares_and_sets(store: Shared) {
    let key = key("a");
    assert_eq!(standing(&store, &key).await, None, "a fresh store is not empty");
    conflicts(&store, put(&key, Expect::Version(version()))).await;
    let first = put(&key, Expect::Absent);
    applied(&store, first.clone()).await;
    assert_eq!(standing(&store, &key).await, Some(first.version));
    conflicts(&store, put(&key, Expect::Absent)).await;
    let second = put(&key, Expect::Version(first.version));
    applied(&store, second.clone()).await;
    conflicts(&store, put(&key, Expect::Version(first.version))).await;
    assert_eq!(standing(&store, &key).await, Some(second.version));
}

/// Sentence 1: a version is all of its 16 bytes. One that is compared in part lets a stranger's write pass for one's own.
pub async fn versions_are_compared_whole(store: Shared) {
    let key = key("a");
    let bytes = *b"0123456789abcdef";
    applied(&store, Put { version: Version::from_bytes(bytes), ..put(&key, Expect::Absent) }).await;
    for place in 0..bytes.len() {
        for bit in [0x01, 0x20, 0x80] {
            let mut other = bytes;
            other[place] ^= bit;
            conflicts(&store, put(&key, Expect::Version(Version::from_bytes(other)))).await;
        }
    }
    applied(&store, put(&key, Expect::Version(Version::from_bytes(bytes)))).await;
}

/// Sentence 2: the store says what it is, and counts right if it counts.
pub async fn info_is_stated(store: Shared) {
    applied(&store, put(&key("a"), Expect::Absent)).await;
    let info = store.info().await.unwrap_or_else(|e| panic!("no info: {e}"));
    assert!(!info.backend.is_empty(), "the backend has no name");
    assert!(info.records.is_none_or(|records| records == 1), "{info:?} of one record");
}

/// Sentence 2: durability that is claimed is shown. This stands in for the cases about reopening where there is no way
/// to reopen.
pub async fn a_store_that_is_not_reopened_claims_nothing(store: Shared) {
    let info = store.info().await.unwrap_or_else(|e| panic!("no info: {e}"));
    assert_eq!(info.durability, Durability::None, "durability is claimed: show it with `reopen = …`");
}

/// Sentence 3: a put that conflicts leaves the record, its `keep_until` and all other keys as they were.
pub async fn a_conflict_changes_nothing(store: Shared) {
    let a = key("a");
    let first = Put { keep_until: Some(at(crate::ask::FUTURE)), ..put(&a, Expect::Absent) };
    applied(&store, first.clone()).await;
    let before = read(&store, &a).await;
    for expect in [Expect::Absent, Expect::Version(version())] {
        conflicts(&store, Put { body: b"other".to_vec(), keep_until: Some(at(1)), ..put(&a, expect) }).await;
    }
    let purged = store.purge(at(crate::ask::FUTURE), 10).await.unwrap();
    assert_eq!(purged, 0, "a refused put moved keep_until");
    assert_eq!(read(&store, &a).await, before, "a refused put changed the record");
    let elsewhere = key("b");
    conflicts(&store, put(&elsewhere, Expect::Version(first.version))).await;
    assert_eq!(read(&store, &elsewhere).await, None, "a refused put made a record");
    applied(&store, put(&elsewhere, Expect::Absent)).await;
}
