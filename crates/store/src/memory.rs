//! The store that needs nothing, and the oracle that the others are compared with.

use std::collections::BTreeMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;
use std::ops::Bound;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use grantor_core::Time;
use grantor_core::record::{Expect, Kind, Put, RecordKey, Stored, Under, Version};

use crate::contract::{Durability, Page, PutOutcome, Store, StoreError, StoreInfo};

/// How many locks the records are spread over. Enough that requests on different grants rarely meet, and that the
/// longest thing done under one lock, a purge's walk over one shard, stays short with millions of records.
const SHARDS: usize = 64;

/// Keeps records in this process's memory; they end with it.
///
/// Records lie in shards by the slot of their key, each an ordered map behind its own lock: a map that grows node by
/// node never stops the world to double, and a slot is listed under one lock. No operation ever waits for anything but
/// such a lock, and none fails.
#[derive(Debug)]
pub struct MemoryStore {
    shards: [Mutex<Shard>; SHARDS],
    // Random per store, or whoever chooses ids could choose them all into one shard.
    hasher: RandomState,
    // Where the next purge begins, so that a series of small purges walks each shard about once.
    purge_from: AtomicUsize,
}

type Shard = BTreeMap<RecordKey, Entry>;

/// A record at rest. The body is boxed because a `Vec` would keep for the record's whole life the slack it was written with.
#[derive(Debug)]
struct Entry {
    version: Version,
    body: Box<[u8]>,
    keep_until: Option<Time>,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self {
            shards: std::array::from_fn(|_| Mutex::default()),
            hasher: RandomState::new(),
            purge_from: AtomicUsize::new(0),
        }
    }

    #[expect(clippy::indexing_slicing, reason = "a remainder by the length is within the length")]
    fn shard(&self, kind: Kind, slot: &str) -> MutexGuard<'_, Shard> {
        let hash = self.hasher.hash_one((kind, slot));
        lock(&self.shards[usize::try_from(hash % SHARDS as u64).unwrap_or(0)])
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

/// A shard is changed by single map operations only, so one whose lock was poisoned by a panic is still whole.
fn lock(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

#[async_trait]
impl Store for MemoryStore {
    async fn get(&self, key: &RecordKey) -> Result<Option<Stored>, StoreError> {
        Ok(self.shard(key.kind(), key.slot()).get(key).map(|entry| Stored {
            version: entry.version,
            body: entry.body.to_vec(),
            keep_until: entry.keep_until,
        }))
    }

    async fn put(&self, put: Put) -> PutOutcome {
        let Put { key, expect, version, body, keep_until } = put;
        let entry = Entry { version, body: body.into_boxed_slice(), keep_until };
        let mut shard = self.shard(key.kind(), key.slot());
        let holds = match (expect, shard.get(&key)) {
            (Expect::Absent, None) => true,
            (Expect::Version(expected), Some(standing)) => standing.version == expected,
            (Expect::Absent, Some(_)) | (Expect::Version(_), None) => false,
        };
        if !holds {
            return PutOutcome::Conflict;
        }
        shard.insert(key, entry);
        PutOutcome::Applied
    }

    /// A slot is read under one lock. A whole kind is read shard by shard, each giving the first `limit` of its keys, so
    /// that costs up to `64 * limit` keys a page.
    async fn list(&self, under: &Under, after: Option<&RecordKey>, limit: usize) -> Result<Page, StoreError> {
        let wanted = limit.saturating_add(1);
        let mut keys = match under {
            Under::Slot(kind, slot) => first_keys(&self.shard(*kind, slot), under, after, wanted),
            Under::Kind(_) => {
                let mut keys: Vec<_> =
                    self.shards.iter().flat_map(|s| first_keys(&lock(s), under, after, wanted)).collect();
                keys.sort_unstable();
                keys
            }
        };
        let more = keys.len() > limit;
        keys.truncate(limit);
        Ok(Page { keys, more })
    }

    /// Walks the shards one after another, each under its lock, until `limit` records are removed.
    async fn purge(&self, before: Time, limit: usize) -> Result<usize, StoreError> {
        let start = self.purge_from.load(Ordering::Relaxed);
        let mut removed = 0;
        for (index, shard) in self.shards.iter().enumerate().cycle().skip(start % SHARDS).take(SHARDS) {
            let expired = |_: &RecordKey, entry: &mut Entry| entry.keep_until.is_some_and(|at| at < before);
            removed += lock(shard).extract_if(.., expired).take(limit - removed).count();
            if removed == limit {
                self.purge_from.store(index, Ordering::Relaxed);
                break;
            }
        }
        Ok(removed)
    }

    async fn info(&self) -> Result<StoreInfo, StoreError> {
        let records: usize = self.shards.iter().map(|shard| lock(shard).len()).sum();
        Ok(StoreInfo {
            backend: "memory".to_owned(),
            durability: Durability::None,
            records: u64::try_from(records).ok(),
        })
    }
}

/// The first `wanted` keys of a shard that lie under `under` and after `after`.
fn first_keys(shard: &Shard, under: &Under, after: Option<&RecordKey>, wanted: usize) -> Vec<RecordKey> {
    let prefix = under.prefix();
    let floor = match under {
        Under::Kind(kind) => Some(RecordKey::new(*kind, "", None)),
        Under::Slot(kind, _) => RecordKey::from_stored(*kind, &prefix),
    };
    // A slot that no key can have has no records.
    let Some(floor) = floor else { return Vec::new() };
    let start = after.filter(|after| **after >= floor).map_or(Bound::Included(&floor), Bound::Excluded);
    shard
        .range((start, Bound::Unbounded))
        .map(|(key, _)| key)
        .take_while(|key| key.kind() == under.kind() && key.id().starts_with(&prefix))
        .take(wanted)
        .cloned()
        .collect()
}
