//! Questions to a store whose wrong answers panic: what cases are written in, here and in an adapter's own tests.

use std::sync::atomic::{AtomicU64, Ordering};

use grantor_core::Time;
use grantor_core::record::{Expect, Kind, Put, RecordKey, Stored, Under, Version};
use grantor_store::{PutOutcome, Store};

static ATTEMPTS: AtomicU64 = AtomicU64::new(1);

/// A version that no other attempt of this process has.
pub fn version() -> Version {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&ATTEMPTS.fetch_add(1, Ordering::Relaxed).to_be_bytes());
    Version::from_bytes(bytes)
}

/// A key with an id of one part.
pub fn key(id: &str) -> RecordKey {
    RecordKey::new(Kind::Grant, id, None)
}

/// A put of a small record.
pub fn put(key: &RecordKey, expect: Expect) -> Put {
    Put { key: key.clone(), expect, version: version(), body: br#"{"v":1}"#.to_vec(), keep_until: None }
}

/// A put whose body and `keep_until` follow from its version, so that [`assert_whole`] knows a record that is not one
/// write's alone.
pub fn marked(key: &RecordKey, expect: Expect) -> Put {
    let version = version();
    let (body, keep_until) = mark(&version);
    Put { key: key.clone(), expect, version, body, keep_until }
}

/// # Panics
/// If `stored` is not what one [`marked`] put wrote.
#[track_caller]
pub fn assert_whole(stored: &Stored) {
    let (body, keep_until) = mark(&stored.version);
    let whole = stored.body == body && stored.keep_until == keep_until;
    assert!(whole, "a record was torn: not all of it is of the write {}", stored.version);
}

/// Bodies of many lengths, and moments so far away that nobody collects them during a test.
fn mark(version: &Version) -> (Vec<u8>, Option<Time>) {
    let bytes = version.as_bytes();
    let number = bytes[..8].iter().fold(0_i64, |sum, byte| (sum << 8) | i64::from(*byte));
    let copies = 1 + usize::from(bytes[7] % 13) * 20;
    (bytes.repeat(copies), (number % 3 != 0).then(|| at(FUTURE + number)))
}

/// Moments from here on lie beyond the reach of an adapter's own garbage collection: the year 2096.
pub const FUTURE: i64 = 4_000_000_000_000;

/// A moment, in Unix milliseconds.
pub fn at(millis: i64) -> Time {
    Time::from_unix_millis(millis)
}

/// # Panics
/// If `put` is not applied.
pub async fn applied(store: &(impl Store + ?Sized), put: Put) {
    let (key, expect) = (put.key.clone(), put.expect);
    let outcome = store.put(put).await;
    assert!(matches!(outcome, PutOutcome::Applied), "{key}, which expects {expect:?}: {outcome:?}");
}

/// # Panics
/// If `put` is not a conflict.
pub async fn conflicts(store: &(impl Store + ?Sized), put: Put) {
    let (key, expect) = (put.key.clone(), put.expect);
    let outcome = store.put(put).await;
    assert!(matches!(outcome, PutOutcome::Conflict), "{key}, which expects {expect:?}: {outcome:?}");
}

/// What stands under `key`.
///
/// # Panics
/// If it cannot be read.
pub async fn read(store: &(impl Store + ?Sized), key: &RecordKey) -> Option<Stored> {
    store.get(key).await.unwrap_or_else(|e| panic!("{key} cannot be read: {e}"))
}

/// The write that stands under `key`.
///
/// # Panics
/// If it cannot be read.
pub async fn standing(store: &(impl Store + ?Sized), key: &RecordKey) -> Option<Version> {
    read(store, key).await.map(|stored| stored.version)
}

/// One page of ids, and whether more may follow.
///
/// # Panics
/// If it cannot be read, or is no page of what was asked for: too long, of another kind or slot, or out of order.
pub async fn ids(
    store: &(impl Store + ?Sized),
    under: &Under,
    after: Option<&RecordKey>,
    limit: usize,
) -> (Vec<String>, bool) {
    let page = store.list(under, after, limit).await.unwrap_or_else(|e| panic!("no list: {e}"));
    assert!(page.keys.len() <= limit, "a page is longer than was asked for");
    for key in &page.keys {
        let belongs = key.kind() == under.kind() && key.id().starts_with(&under.prefix());
        assert!(belongs, "{key} was listed under {under:?}");
        assert!(after.is_none_or(|after| key > after), "{key} does not come after {after:?}");
    }
    assert!(page.keys.is_sorted_by(|a, b| a.id() < b.id()), "a page is not in order: {:?}", page.keys);
    (page.keys.iter().map(|key| key.id().to_owned()).collect(), page.more)
}

/// Every id under `under`, in pages of `limit`.
///
/// # Panics
/// As [`ids`], and if a page says there is more and gives nothing to go on from.
pub async fn pages(store: &(impl Store + ?Sized), under: &Under, limit: usize) -> Vec<String> {
    let mut seen: Vec<String> = Vec::new();
    loop {
        let after = seen.last().map(|id| RecordKey::from_stored(under.kind(), id).unwrap());
        let (page, more) = ids(store, under, after.as_ref(), limit).await;
        assert!(!page.is_empty() || !more, "a page without keys and with more to come never ends");
        seen.extend(page);
        if !more {
            return seen;
        }
    }
}

/// Purges until nothing is left that ends before `before`, `limit` records at a time, and says how many went.
///
/// # Panics
/// If it cannot, or if more go at once than asked for.
pub async fn purge_all(store: &(impl Store + ?Sized), before: Time, limit: usize) -> usize {
    let mut total = 0;
    loop {
        let removed = store.purge(before, limit).await.unwrap_or_else(|e| panic!("no purge: {e}"));
        assert!(removed <= limit, "a purge took {removed} records and was to take {limit}");
        total += removed;
        if removed < limit {
            return total;
        }
    }
}
