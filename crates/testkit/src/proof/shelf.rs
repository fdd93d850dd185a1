//! Where a server that is held still keeps its records: in a map, or in somebody's store.

use std::collections::BTreeMap;
use std::sync::Arc;

use grantor_core::Time;
use grantor_core::record::{Expect, Kind, Put, RecordKey, Stored, Under};
use grantor_core::step::CommitOutcome;
use grantor_store::PutOutcome;
use tokio::runtime::Handle;

use crate::fresh::Shared;

/// The store did not answer: whoever asked is told so.
#[derive(Debug)]
pub(crate) struct Down;

/// How many keys are listed at a time.
const PAGE: usize = 200;

#[derive(Clone)]
pub(crate) enum Shelf {
    Map(BTreeMap<RecordKey, Shelved>),
    Store(Shared, Handle),
}

/// A record, and the one that it replaced.
#[derive(Clone)]
pub(crate) struct Shelved {
    stands: Arc<Stored>,
    before: Option<Arc<Stored>>,
}

impl Shelf {
    /// Whether a clone is a shelf of its own, and not the same once more.
    pub(crate) fn can_be_copied(&self) -> bool {
        match self {
            Shelf::Map(_) => true,
            Shelf::Store(..) => false,
        }
    }

    pub(crate) fn get(&self, key: &RecordKey) -> Result<Option<Stored>, Down> {
        match self {
            Shelf::Map(map) => Ok(map.get(key).map(|record| (*record.stands).clone())),
            Shelf::Store(store, runtime) => runtime.block_on(store.get(key)).map_err(|_| Down),
        }
    }

    /// What stood there before what stands there now.
    pub(crate) fn before(&self, key: &RecordKey) -> Option<&Stored> {
        match self {
            Shelf::Map(map) => map.get(key).and_then(|record| record.before.as_deref()),
            Shelf::Store(..) => None,
        }
    }

    pub(crate) fn put(&mut self, put: Put) -> Result<CommitOutcome, Down> {
        let map = match self {
            Shelf::Map(map) => map,
            Shelf::Store(store, runtime) => {
                return match runtime.block_on(store.put(put)) {
                    PutOutcome::Applied => Ok(CommitOutcome::Applied),
                    PutOutcome::Conflict => Ok(CommitOutcome::Conflict),
                    PutOutcome::Unknown(_) => Ok(CommitOutcome::Unknown),
                    PutOutcome::NotApplied(_) => Err(Down),
                };
            }
        };
        let standing = map.get(&put.key).map(|record| &record.stands);
        let holds = match (put.expect, standing) {
            (Expect::Absent, None) => true,
            (Expect::Version(expected), Some(standing)) => standing.version == expected,
            (Expect::Absent, Some(_)) | (Expect::Version(_), None) => false,
        };
        if !holds {
            return Ok(CommitOutcome::Conflict);
        }
        let before = standing.cloned();
        let stands = Arc::new(Stored { version: put.version, body: put.body, keep_until: put.keep_until });
        map.insert(put.key, Shelved { stands, before });
        Ok(CommitOutcome::Applied)
    }

    pub(crate) fn purge(&mut self, before: Time) {
        match self {
            Shelf::Map(map) => {
                map.retain(|_, record| record.stands.keep_until.is_none_or(|until| until >= before));
            }
            Shelf::Store(store, runtime) => {
                while runtime.block_on(store.purge(before, PAGE)).is_ok_and(|removed| removed == PAGE) {}
            }
        }
    }

    /// Shows every record that stands, in order.
    pub(crate) fn each(&self, mut show: impl FnMut(&RecordKey, &Stored)) {
        match self {
            Shelf::Map(map) => map.iter().for_each(|(key, record)| show(key, &record.stands)),
            Shelf::Store(store, runtime) => {
                for key in Kind::ALL.iter().flat_map(|kind| keys(store, runtime, &Under::Kind(*kind))) {
                    if let Ok(Some(stored)) = runtime.block_on(store.get(&key)) {
                        show(&key, &stored);
                    }
                }
            }
        }
    }

    /// The keys that lie there.
    pub(crate) fn list(&self, under: &Under) -> Vec<RecordKey> {
        match self {
            Shelf::Map(map) => {
                let prefix = under.prefix();
                let there = |key: &&RecordKey| key.kind() == under.kind() && key.id().starts_with(&prefix);
                map.keys().filter(there).cloned().collect()
            }
            Shelf::Store(store, runtime) => keys(store, runtime, under),
        }
    }
}

fn keys(store: &Shared, runtime: &Handle, under: &Under) -> Vec<RecordKey> {
    let mut keys: Vec<RecordKey> = Vec::new();
    while let Ok(page) = runtime.block_on(store.list(under, keys.last(), PAGE)) {
        let more = page.more && !page.keys.is_empty();
        keys.extend(page.keys);
        if !more {
            break;
        }
    }
    keys
}
