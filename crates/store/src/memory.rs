//! The store that needs nothing, and the oracle that the others are compared with.

mod ordered;
mod shard;

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use grantor_core::Time;
use grantor_core::record::{Kind, Put, RecordKey, Stored, Under};

use crate::contract::{Durability, Page, PutOutcome, Store, StoreError, StoreInfo};
use ordered::Name;
use shard::{Entry, Shard};

/// How many locks the records are spread over: enough that requests on different grants rarely meet, and that a purge's
/// walk over one shard takes microseconds with millions of records. A page of a whole kind looks into each of them.
const SHARDS: usize = 256;

/// Keeps records in this process's memory; they end with it.
///
/// Records lie in shards by the slot of their key, each in order behind its own lock, and no shard ever moves more than a
/// few kilobytes at once: the store grows without stopping the world, and a slot is listed under one lock. No operation
/// ever waits for anything but such a lock, and none fails.
#[derive(Debug)]
pub struct MemoryStore {
    shards: [Mutex<Shard>; SHARDS],
    // Random per store, or whoever chooses ids could choose them all into one shard.
    hasher: RandomState,
    // Where the next purge begins, so that a series of small purges walks each shard about once.
    purge_from: AtomicUsize,
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

    fn write(&self, put: &Put) -> PutOutcome {
        let name = Name::of(&put.key);
        // Made before the lock is taken; and what it replaces, or it itself, is freed once the lock is given back.
        let entry = Entry::of(put);
        let done = self.shard(put.key.kind(), put.key.slot()).put(name, put.expect, entry);
        match done {
            Ok(_replaced) => PutOutcome::Applied,
            Err(_refused) => PutOutcome::Conflict,
        }
    }

    fn merged(&self, under: &Under, after: Option<&RecordKey>, wanted: usize) -> Vec<RecordKey> {
        let next = |at: usize, after: Option<&RecordKey>| {
            let key = lock(self.shards.get(at)?).keys(under, after, 1).pop()?;
            Some(Reverse((key, at)))
        };
        let mut heads: BinaryHeap<_> = (0..SHARDS).filter_map(|at| next(at, after)).collect();
        let mut keys = Vec::new();
        while keys.len() < wanted
            && let Some(Reverse((key, at))) = heads.pop()
        {
            heads.extend(next(at, Some(&key)));
            keys.push(key);
        }
        keys
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

/// Nothing that can panic happens between two states of a shard, so one whose lock was poisoned is still whole.
fn lock(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

#[async_trait]
impl Store for MemoryStore {
    async fn get(&self, key: &RecordKey) -> Result<Option<Stored>, StoreError> {
        Ok(self.shard(key.kind(), key.slot()).get(Name::of(key)))
    }

    async fn put(&self, put: Put) -> PutOutcome {
        self.write(&put)
    }

    async fn put_after(&self, first: Vec<Put>, put: Put) -> PutOutcome {
        let stands = |put: &Put| matches!(self.write(put), PutOutcome::Applied);
        if first.iter().all(stands) { self.write(&put) } else { PutOutcome::Conflict }
    }

    /// A slot is read under one lock. A whole kind is the shards' lists merged: each is asked for its next key when the last
    /// it gave is used up, so a page costs a look into each shard and one for each key.
    async fn list(&self, under: &Under, after: Option<&RecordKey>, limit: usize) -> Result<Page, StoreError> {
        let wanted = limit.saturating_add(1);
        let mut keys = match under {
            Under::Slot(kind, slot) => self.shard(*kind, slot).keys(under, after, wanted),
            Under::Kind(_) => self.merged(under, after, wanted),
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
            // Freed once the lock is given back.
            let purged = lock(shard).purge(before, limit - removed);
            removed += purged.len();
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
