use std::collections::{BTreeMap, VecDeque};
use std::future::poll_fn;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::task::Poll;

use async_trait::async_trait;
use grantor_core::Time;
use grantor_core::record::{Expect, Put, RecordKey, Stored, Under};
use grantor_store::{Durability, Page, PutOutcome, Store, StoreError, StoreInfo};

/// What becomes of one put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    Works,
    NotApplied,
    /// It is carried out, and the answer is lost.
    AppliedUnheard,
    /// It is not carried out, and the answer is lost.
    DroppedUnheard,
}

/// Records in memory. Each operation yields once first, so a test that polls by hand decides the order of operations.
#[derive(Default)]
pub(crate) struct TestStore {
    records: Mutex<BTreeMap<RecordKey, Stored>>,
    fates: Mutex<VecDeque<Fate>>,
    pub(crate) down: AtomicBool,
    pub(crate) gets: AtomicUsize,
    pub(crate) puts: AtomicUsize,
}

impl TestStore {
    /// What becomes of the next puts; those after them work.
    pub(crate) fn fate(&self, fates: &[Fate]) {
        *self.fates.lock().unwrap() = fates.iter().copied().collect();
    }

    pub(crate) fn gets(&self) -> usize {
        self.gets.load(SeqCst)
    }

    pub(crate) fn puts(&self) -> usize {
        self.puts.load(SeqCst)
    }

    /// The record whose key prints like this.
    pub(crate) fn body(&self, key: &str) -> Option<String> {
        self.dump().into_iter().find(|(k, _)| k == key).map(|(_, body)| body)
    }

    /// Until when the record whose key prints like this is kept.
    pub(crate) fn keep_until(&self, key: &str) -> Option<Time> {
        let records = self.records.lock().unwrap();
        records.iter().find(|(k, _)| k.to_string() == key).unwrap().1.keep_until
    }

    /// Sweeps one record away.
    pub(crate) fn sweep(&self, key: &str) {
        self.records.lock().unwrap().retain(|k, _| k.to_string() != key);
    }

    /// Everything at rest: keys and bodies.
    pub(crate) fn dump(&self) -> Vec<(String, String)> {
        let records = self.records.lock().unwrap();
        records.iter().map(|(k, s)| (k.to_string(), String::from_utf8(s.body.clone()).unwrap())).collect()
    }

    async fn enter(&self) -> Result<(), StoreError> {
        let mut yielded = false;
        poll_fn(|context| {
            if std::mem::replace(&mut yielded, true) {
                return Poll::Ready(());
            }
            context.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
        if self.down.load(SeqCst) { Err(down()) } else { Ok(()) }
    }
}

fn down() -> StoreError {
    StoreError::Unavailable("switched off by the test".to_owned())
}

#[async_trait]
impl Store for TestStore {
    async fn get(&self, key: &RecordKey) -> Result<Option<Stored>, StoreError> {
        self.enter().await?;
        self.gets.fetch_add(1, SeqCst);
        Ok(self.records.lock().unwrap().get(key).cloned())
    }

    async fn put(&self, put: Put) -> PutOutcome {
        if let Err(fault) = self.enter().await {
            return PutOutcome::NotApplied(fault);
        }
        self.puts.fetch_add(1, SeqCst);
        let fate = self.fates.lock().unwrap().pop_front().unwrap_or(Fate::Works);
        match fate {
            Fate::NotApplied => return PutOutcome::NotApplied(down()),
            Fate::DroppedUnheard => return PutOutcome::Unknown(down()),
            Fate::Works | Fate::AppliedUnheard => {}
        }
        let mut records = self.records.lock().unwrap();
        let expected = match put.expect {
            Expect::Absent => None,
            Expect::Version(version) => Some(version),
        };
        let holds = records.get(&put.key).map(|stored| stored.version) == expected;
        if holds {
            let stored = Stored { version: put.version, body: put.body, keep_until: put.keep_until };
            records.insert(put.key, stored);
        }
        match (fate, holds) {
            (Fate::AppliedUnheard, _) => PutOutcome::Unknown(down()),
            (_, true) => PutOutcome::Applied,
            (_, false) => PutOutcome::Conflict,
        }
    }

    async fn list(&self, under: &Under, after: Option<&RecordKey>, limit: usize) -> Result<Page, StoreError> {
        self.enter().await?;
        let records = self.records.lock().unwrap();
        let listed = |key: &&RecordKey| {
            key.kind() == under.kind()
                && key.id().starts_with(&under.prefix())
                && after.is_none_or(|after| key.id() > after.id())
        };
        let mut keys: Vec<_> = records.keys().filter(listed).take(limit + 1).cloned().collect();
        let more = keys.len() > limit;
        keys.truncate(limit);
        Ok(Page { keys, more })
    }

    async fn purge(&self, _before: Time, _limit: usize) -> Result<usize, StoreError> {
        self.enter().await.map(|()| 0)
    }

    async fn info(&self) -> Result<StoreInfo, StoreError> {
        self.enter().await?;
        Ok(StoreInfo { backend: "test".to_owned(), durability: Durability::None, records: None })
    }
}
