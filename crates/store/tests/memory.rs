//! `MemoryStore` against the contract, and the contract's checks against stores that break it.
#![allow(clippy::unwrap_used, reason = "the helpers of tests are as much test, outside a test function")]

mod contract;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use contract::{Fresh, Shared};
use grantor_core::Time;
use grantor_core::record::{Expect, Put, RecordKey, Stored, Under};
use grantor_store::{Durability, MemoryStore, Page, PutOutcome, Store, StoreError, StoreInfo};
use proptest::prelude::*;

fn fresh() -> Fresh {
    Fresh { store: Arc::new(MemoryStore::new()), keep: Box::new(()) }
}

contract_tests!(fresh);

proptest! {
    #[test]
    fn answers_as_the_plainest_store_does(steps in contract::model::steps()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let plain: Shared = Arc::new(Plain::new(None));
        runtime.block_on(contract::model::agree(&plain, &fresh().store, steps))?;
    }
}

/// A way to break the contract.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Flaw {
    ChecksThenWrites,
    AnswersBeforeItWrites,
    WritesOnConflict,
    ReadsBodiesAsText,
    ForgetsCase,
    HidesWhatIsOver,
    PurgesTheMomentItself,
    PurgesBeyondItsLimit,
    KeepsTheFirstKeepUntil,
    ListsByPrefixWithoutSlash,
    ListsUnordered,
    ListsAgainWhatCameBefore,
}

/// The contract in as few lines as it takes, over one map; or, with a flaw, not quite the contract.
struct Plain {
    records: Mutex<BTreeMap<RecordKey, Stored>>,
    flaw: Option<Flaw>,
}

impl Plain {
    fn new(flaw: Option<Flaw>) -> Self {
        Self { records: Mutex::default(), flaw }
    }

    fn has(&self, flaw: Flaw) -> bool {
        self.flaw == Some(flaw)
    }

    fn place(&self, key: &RecordKey) -> RecordKey {
        let id = if self.has(Flaw::ForgetsCase) { key.id().to_lowercase() } else { key.id().to_owned() };
        RecordKey::from_stored(key.kind(), &id).unwrap()
    }
}

#[async_trait]
impl Store for Plain {
    async fn get(&self, key: &RecordKey) -> Result<Option<Stored>, StoreError> {
        let found = self.records.lock().unwrap().get(&self.place(key)).cloned();
        Ok(found.filter(|s| {
            !self.has(Flaw::HidesWhatIsOver) || s.keep_until.is_none_or(|at| at.unix_millis() > 9)
        }))
    }

    async fn put(&self, mut put: Put) -> PutOutcome {
        let key = self.place(&put.key);
        if self.has(Flaw::ReadsBodiesAsText) {
            put.body = String::from_utf8_lossy(&put.body).into_owned().into_bytes();
        }
        let holds = |records: &BTreeMap<RecordKey, Stored>| match put.expect {
            Expect::Absent => !records.contains_key(&key),
            Expect::Version(version) => records.get(&key).is_some_and(|s| s.version == version),
        };
        let stored = Stored { version: put.version, body: put.body.clone(), keep_until: put.keep_until };
        if self.has(Flaw::ChecksThenWrites) {
            let held = holds(&self.records.lock().unwrap());
            tokio::task::yield_now().await;
            if !held {
                return PutOutcome::Conflict;
            }
            self.records.lock().unwrap().insert(key, stored);
            return PutOutcome::Applied;
        }
        let mut records = self.records.lock().unwrap();
        if !holds(&records) {
            if self.has(Flaw::WritesOnConflict) {
                records.insert(key, stored);
            }
            return PutOutcome::Conflict;
        }
        if self.has(Flaw::AnswersBeforeItWrites) && put.body.first() == Some(&b'7') {
            return PutOutcome::Applied;
        }
        let first_keep = records.get(&key).and_then(|s| s.keep_until);
        let keep_until = first_keep.filter(|_| self.has(Flaw::KeepsTheFirstKeepUntil)).or(stored.keep_until);
        records.insert(key, Stored { keep_until, ..stored });
        PutOutcome::Applied
    }

    async fn list(&self, under: &Under, after: Option<&RecordKey>, limit: usize) -> Result<Page, StoreError> {
        let prefix = under.prefix();
        let prefix = if self.has(Flaw::ListsByPrefixWithoutSlash) {
            prefix.trim_end_matches('/')
        } else {
            prefix.as_str()
        };
        let mut keys: Vec<_> = (self.records.lock().unwrap().keys())
            .filter(|key| key.kind() == under.kind() && key.id().starts_with(prefix))
            .filter(|key| self.has(Flaw::ListsAgainWhatCameBefore) || after.is_none_or(|after| *key > after))
            .cloned()
            .collect();
        if self.has(Flaw::ListsUnordered) {
            keys.reverse();
        }
        let more = keys.len() > limit;
        keys.truncate(limit);
        Ok(Page { keys, more })
    }

    async fn purge(&self, before: Time, limit: usize) -> Result<usize, StoreError> {
        let before = match self.flaw {
            Some(Flaw::PurgesTheMomentItself) => {
                Time::from_unix_millis(before.unix_millis().saturating_add(1))
            }
            Some(_) | None => before,
        };
        let limit = if self.has(Flaw::PurgesBeyondItsLimit) { usize::MAX } else { limit };
        let mut records = self.records.lock().unwrap();
        Ok(records.extract_if(.., |_, s| s.keep_until.is_some_and(|at| at < before)).take(limit).count())
    }

    async fn info(&self) -> Result<StoreInfo, StoreError> {
        Ok(StoreInfo { backend: "plain".to_owned(), durability: Durability::None, records: None })
    }
}

/// Whether a check finds fault with a store.
async fn caught<F: Future<Output = ()> + Send + 'static>(
    flaw: Flaw,
    check: impl FnOnce(Shared) -> F,
) -> bool {
    tokio::spawn(check(Arc::new(Plain::new(Some(flaw))))).await.is_err_and(|e| e.is_panic())
}

#[tokio::test]
async fn every_flaw_is_caught() {
    assert!(caught(Flaw::ChecksThenWrites, contract::of_racing_puts_one_is_applied).await);
    assert!(caught(Flaw::AnswersBeforeItWrites, contract::a_get_after_applied_sees_it).await);
    assert!(caught(Flaw::WritesOnConflict, contract::a_conflict_changes_nothing).await);
    assert!(caught(Flaw::ReadsBodiesAsText, contract::bytes_come_back).await);
    assert!(caught(Flaw::ForgetsCase, contract::keys_are_exact).await);
    assert!(caught(Flaw::HidesWhatIsOver, contract::keep_until_hides_nothing).await);
    assert!(caught(Flaw::PurgesTheMomentItself, contract::purge_is_exact).await);
    assert!(caught(Flaw::PurgesBeyondItsLimit, contract::purge_is_exact).await);
    assert!(caught(Flaw::KeepsTheFirstKeepUntil, contract::purge_is_exact).await);
    assert!(caught(Flaw::ListsByPrefixWithoutSlash, contract::list_is_ordered_and_bounded).await);
    assert!(caught(Flaw::ListsUnordered, contract::list_is_ordered_and_bounded).await);
    assert!(caught(Flaw::ListsAgainWhatCameBefore, contract::list_is_ordered_and_bounded).await);
}

#[tokio::test]
async fn a_pointer_to_a_store_is_that_store() {
    let store: Shared = Arc::new(MemoryStore::new());
    let behind: Box<dyn Store> = Box::new(store.clone());
    let key = contract::key("a");
    assert!(matches!(behind.put(contract::put(&key, Expect::Absent)).await, PutOutcome::Applied));
    assert!(store.get(&key).await.unwrap().is_some());
    assert_eq!(behind.info().await.unwrap().records, Some(1));
}
