//! What readers and the writer share: sled's trees, and what readers must not see yet.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock, RwLockReadGuard};

use grantor_core::record::{RecordKey, Stored, Under};
use grantor_store::{Page, StoreError};
use sled::{Db, IVec, Tree};

use crate::error::{guarded, is_of_the_disk, store_error};
use crate::file::{Identity, StoreFolder};
use crate::schema::{self, Value};

/// sled's database and the two trees in it.
#[derive(Debug, Clone)]
pub(crate) struct Trees {
    pub(crate) db: Db,
    pub(crate) records: Tree,
    pub(crate) keep_until: Tree,
}

#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) folder: StoreFolder,
    identity: Identity,
    /// `None` once closed, and while it is opened again.
    trees: RwLock<Option<Trees>>,
    /// The keys whose last write is in sled but may not be on the disk. A reader asks sled first and this second: what
    /// sled had then is either hidden here still, or was flushed in between.
    unshown: RwLock<HashMap<Vec<u8>, Unshown>>,
    records: AtomicU64,
    /// Whether a write or a flush failed. sled does not write again after that until it is opened anew.
    broken: AtomicBool,
    /// Whether a read failed since then.
    unreadable: AtomicBool,
    /// Why it could not be opened anew, as of the last try.
    hindrance: RwLock<Option<String>>,
}

/// What a reader is told of a key whose last write is not known to be on the disk.
#[derive(Debug, Clone)]
enum Unshown {
    /// What stood before: a flush is under way.
    Before(Option<IVec>),
    /// Nothing: the flush failed, and only opening it anew will tell what stands.
    Doubtful,
}

impl Shared {
    pub(crate) fn new(folder: StoreFolder, identity: Identity, trees: Trees, records: u64) -> Self {
        Self {
            folder,
            identity,
            trees: RwLock::new(Some(trees)),
            unshown: RwLock::default(),
            records: AtomicU64::new(records),
            broken: AtomicBool::new(false),
            unreadable: AtomicBool::new(false),
            hindrance: RwLock::default(),
        }
    }

    /// The trees, for as long as one operation takes.
    pub(crate) fn trees(&self) -> Result<Trees, StoreError> {
        self.lend().clone().ok_or_else(|| self.absent())
    }

    /// Opened anew: what is on the disk is what stands, and nothing is in doubt.
    pub(crate) fn reopened(&self, trees: Trees, records: u64) {
        let mut lent = self.trees.write().unwrap_or_else(PoisonError::into_inner);
        self.unshown.write().unwrap_or_else(PoisonError::into_inner).clear();
        *lent = Some(trees);
        self.records.store(records, Ordering::Relaxed);
        self.unreadable.store(false, Ordering::Relaxed);
    }

    /// It can be written to again.
    pub(crate) fn mended(&self) {
        self.set_hindrance(None);
        self.broken.store(false, Ordering::Release);
    }

    /// Whether a read failed since a write did: sled tidies up as it reads, where writes left something to tidy up.
    pub(crate) fn is_unreadable(&self) -> bool {
        self.unreadable.load(Ordering::Relaxed)
    }

    pub(crate) fn set_hindrance(&self, why: Option<String>) {
        *self.hindrance.write().unwrap_or_else(PoisonError::into_inner) = why;
    }

    /// The fewest records there can be, if none that was shown is lost.
    pub(crate) fn fewest(&self) -> u64 {
        let unshown = self.unshown.read().unwrap_or_else(PoisonError::into_inner).len();
        self.records().saturating_sub(u64::try_from(unshown).unwrap_or(u64::MAX))
    }

    /// The trees, for good. Waits for gets and lists that are under way.
    pub(crate) fn take_trees(&self) -> Option<Trees> {
        self.trees.write().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn lend(&self) -> RwLockReadGuard<'_, Option<Trees>> {
        self.trees.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records that readers can see.
    pub(crate) fn records(&self) -> u64 {
        self.records.load(Ordering::Relaxed)
    }

    pub(crate) fn is_broken(&self) -> bool {
        self.broken.load(Ordering::Acquire)
    }

    pub(crate) fn set_broken(&self) {
        self.broken.store(true, Ordering::Release);
    }

    pub(crate) fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Whether a write could be acknowledged.
    pub(crate) fn probe(&self) -> Result<(), StoreError> {
        self.folder.still_there(&self.identity)?;
        if self.is_broken() {
            return Err(self.broken_error());
        }
        if self.lend().is_none() { Err(self.absent()) } else { Ok(()) }
    }

    pub(crate) fn broken_error(&self) -> StoreError {
        let hindrance = self.hindrance.read().unwrap_or_else(PoisonError::into_inner).clone();
        StoreError::Unavailable(format!(
            "{} takes no writes since one failed, until it can be opened anew: {}",
            self.folder.path().display(),
            hindrance.as_deref().unwrap_or("that is tried every few seconds")
        ))
    }

    fn absent(&self) -> StoreError {
        if self.is_broken() { self.broken_error() } else { closed() }
    }

    pub(crate) fn fault(&self, doing: &str, error: &sled::Error) -> StoreError {
        store_error(self.folder.path(), doing, error)
    }

    /// What a read that failed means: where the disk did, or sled remembers that it did, the store must be opened anew.
    pub(crate) fn read_fault(&self, error: &sled::Error) -> StoreError {
        self.unreadable.store(true, Ordering::Relaxed);
        if is_of_the_disk(error) {
            self.set_broken();
        }
        // What a failed write left need not be damage.
        if self.is_broken() { self.broken_error() } else { self.fault("read", error) }
    }

    pub(crate) fn corrupt(&self, what: &str) -> StoreError {
        StoreError::Corrupt(format!("{} {what}; restore a backup", self.folder.path().display()))
    }

    // What the writer does around a write.

    /// Until further notice readers are told of `key` what they were told before: `before`.
    pub(crate) fn hide(&self, key: &[u8], before: Option<IVec>) {
        let mut unshown = self.unshown.write().unwrap_or_else(PoisonError::into_inner);
        // Of two writes of one key under one flush, the first knows what was shown.
        unshown.entry(key.to_vec()).or_insert(Unshown::Before(before));
    }

    /// Readers are told nothing of `key` any more.
    pub(crate) fn doubt(&self, key: &[u8]) {
        let mut unshown = self.unshown.write().unwrap_or_else(PoisonError::into_inner);
        unshown.insert(key.to_vec(), Unshown::Doubtful);
    }

    /// What is hidden was flushed, and so many records are there now.
    pub(crate) fn show(&self, records: u64) {
        let mut unshown = self.unshown.write().unwrap_or_else(PoisonError::into_inner);
        unshown.retain(|_, state| matches!(state, Unshown::Doubtful));
        self.records.store(records, Ordering::Relaxed);
    }

    /// What is hidden may or may not be on the disk.
    pub(crate) fn doubt_all(&self) {
        let mut unshown = self.unshown.write().unwrap_or_else(PoisonError::into_inner);
        unshown.values_mut().for_each(|state| *state = Unshown::Doubtful);
    }

    // What readers do.

    pub(crate) fn get(&self, key: &RecordKey) -> Result<Option<Stored>, StoreError> {
        let name = schema::record_key(key);
        let trees = self.lend();
        let records = &trees.as_ref().ok_or_else(|| self.absent())?.records;
        let found = guarded(|| records.get(&name)).map_err(|e| self.read_fault(&e))?;
        let shown = match self.unshown(&name) {
            None => found,
            Some(Unshown::Before(before)) => before,
            Some(Unshown::Doubtful) => return Err(self.broken_error()),
        };
        shown.map(|bytes| self.parse(&bytes).map(|value| value.to_stored())).transpose()
    }

    pub(crate) fn list(
        &self,
        under: &Under,
        after: Option<&RecordKey>,
        limit: usize,
    ) -> Result<Page, StoreError> {
        let nothing = Page { keys: Vec::new(), more: false };
        let kind = under.kind();
        let first = format!("{kind}/{}", under.prefix()).into_bytes();
        let from = match after {
            Some(after) if after.kind() > kind => return Ok(nothing),
            // The least bytes after an id: no id has a control character.
            Some(after) if after.kind() == kind => [schema::record_key(after).as_slice(), &[0]].concat(),
            Some(_) | None => Vec::new(),
        };
        let from = from.max(first.clone());
        let wanted = limit.saturating_add(1);
        let trees = self.lend();
        let records = &trees.as_ref().ok_or_else(|| self.absent())?.records;
        let mut names = guarded(|| {
            let mut names: Vec<Vec<u8>> = Vec::new();
            for name in records.range(from.clone()..).keys() {
                let name = name?.to_vec();
                if !name.starts_with(&first) || names.len() == wanted {
                    break;
                }
                // A new record that is not flushed may never have been.
                if !matches!(self.unshown(&name), Some(Unshown::Before(None))) {
                    names.push(name);
                }
            }
            Ok(names)
        })
        .map_err(|e| self.read_fault(&e))?;
        // A removed record whose removal is not flushed may come back.
        let unshown = self.unshown.read().unwrap_or_else(PoisonError::into_inner);
        let hidden = unshown.iter().filter(|(name, state)| {
            **name >= from && name.starts_with(&first) && !matches!(state, Unshown::Before(None))
        });
        let found = names.len();
        names.extend(hidden.map(|(name, _)| name.clone()));
        drop(unshown);
        if names.len() > found {
            names.sort_unstable();
            names.dedup();
        }
        let more = names.len() > limit;
        let keys = names.into_iter().take(limit);
        let key = |name: Vec<u8>| {
            schema::parse_key(&name).ok_or_else(|| self.corrupt("holds a record whose key is not one"))
        };
        Ok(Page { keys: keys.map(key).collect::<Result<_, _>>()?, more })
    }

    pub(crate) fn parse<'a>(&self, bytes: &'a IVec) -> Result<Value<'a>, StoreError> {
        Value::parse(bytes).ok_or_else(|| self.corrupt("holds a record that is not as grantor wrote it"))
    }

    fn unshown(&self, name: &[u8]) -> Option<Unshown> {
        self.unshown.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }
}

pub(crate) fn closed() -> StoreError {
    StoreError::Unavailable("the sled store was closed".to_owned())
}

#[cfg(test)]
mod tests {
    use grantor_core::record::{Kind, Put, Version};

    use super::*;

    fn key(id: &str) -> RecordKey {
        RecordKey::new(Kind::Grant, id, None)
    }

    fn value(id: &str, version: u8) -> Vec<u8> {
        let (key, version) = (key(id), Version::from_bytes([version; 16]));
        let expect = grantor_core::record::Expect::Absent;
        schema::record_value(&Put { key, expect, version, body: Vec::new(), keep_until: None })
    }

    /// A store whose writer is this test: `old` and `removed` stand, and it is amid a batch that writes `old`, removes
    /// `removed` and adds `new`.
    fn amid_a_batch() -> (tempfile::TempDir, Shared) {
        let folder = tempfile::tempdir().unwrap();
        let db = sled::open(folder.path().join("records")).unwrap();
        let records = db.open_tree(schema::RECORDS).unwrap();
        let keep_until = db.open_tree(schema::KEEP_UNTIL).unwrap();
        let at = StoreFolder::at(folder.path().to_owned());
        let identity = at.identity().unwrap();
        let shared = Shared::new(at, identity, Trees { db, records: records.clone(), keep_until }, 2);
        for id in ["old", "removed"] {
            records.insert(schema::record_key(&key(id)), value(id, 1)).unwrap();
        }
        for (id, write) in [("old", true), ("removed", false), ("new", true)] {
            let name = schema::record_key(&key(id));
            let before = records.get(&name).unwrap();
            shared.hide(&name, before.clone());
            let new = write.then(|| value(id, 2));
            records.compare_and_swap(&name, before, new).unwrap().unwrap();
        }
        (folder, shared)
    }

    fn version(shared: &Shared, id: &str) -> Option<Version> {
        shared.get(&key(id)).unwrap().map(|stored| stored.version)
    }

    fn listed(shared: &Shared, limit: usize) -> (Vec<String>, bool) {
        let page = shared.list(&Under::Kind(Kind::Grant), None, limit).unwrap();
        (page.keys.iter().map(|key| key.id().to_owned()).collect(), page.more)
    }

    #[test]
    fn readers_see_what_was_before_until_the_flush() {
        let (_folder, shared) = amid_a_batch();
        let one = Some(Version::from_bytes([1; 16]));
        assert_eq!(["old", "removed", "new"].map(|id| version(&shared, id)), [one, one, None]);
        assert_eq!(listed(&shared, 9), (vec!["old".into(), "removed".into()], false));
        assert_eq!(listed(&shared, 1), (vec!["old".into()], true));
        assert_eq!(shared.records(), 2);
        shared.show(2);
        let two = Some(Version::from_bytes([2; 16]));
        assert_eq!(["old", "removed", "new"].map(|id| version(&shared, id)), [two, None, two]);
        assert_eq!(listed(&shared, 9), (vec!["new".into(), "old".into()], false));
    }

    #[test]
    fn of_two_writes_under_one_flush_the_first_knows_what_was_before() {
        let (_folder, shared) = amid_a_batch();
        shared.hide(&schema::record_key(&key("new")), Some(value("new", 2).into()));
        assert_eq!(version(&shared, "new"), None);
    }

    #[test]
    fn after_a_flush_that_failed_nothing_is_said_of_what_it_was_for() {
        let (_folder, shared) = amid_a_batch();
        shared.set_broken();
        shared.doubt_all();
        for id in ["old", "removed", "new"] {
            assert!(matches!(shared.get(&key(id)), Err(StoreError::Unavailable(_))), "{id}");
        }
        assert_eq!(version(&shared, "untouched"), None);
        assert_eq!(
            listed(&shared, 9).0,
            ["new", "old", "removed"],
            "a hint may dangle and must not be missing"
        );
        assert!(shared.probe().is_err());
        // A later flush that succeeds says nothing of the one that did not.
        shared.show(2);
        assert!(shared.get(&key("old")).is_err());
    }
}
