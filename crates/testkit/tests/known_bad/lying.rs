//! A store whose surroundings fail; or, with a lie, one that does not say so.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use grantor_core::Time;
use grantor_core::record::{Put, RecordKey, Stored, Under};
use grantor_store::{FaultLayer, Faults, Page, PutOutcome, Store, StoreError, StoreInfo, put_in_turn};

use crate::flawed::Flawed;

/// A way to hide a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lie {
    /// "I do not know" becomes "it failed".
    SaysNotAppliedForUnknown,
    /// "I do not know" becomes "another was first".
    SaysConflictForUnknown,
    /// "I do not know" becomes "it stands".
    SaysAppliedForUnknown,
    /// What is not known is tried again, and meets itself.
    RetriesWhatItDoesNotKnow,
    /// What failed is kept, and written once it can be.
    WritesLate,
    /// What cannot be read is not there.
    ReadsNothing,
    /// What cannot be listed is not there.
    ListsNothing,
    /// Who failed once fails for ever.
    StaysBroken,
}

impl Lie {
    pub(crate) const ALL: [Lie; 8] = [
        Lie::SaysNotAppliedForUnknown,
        Lie::SaysConflictForUnknown,
        Lie::SaysAppliedForUnknown,
        Lie::RetriesWhatItDoesNotKnow,
        Lie::WritesLate,
        Lie::ReadsNothing,
        Lie::ListsNothing,
        Lie::StaysBroken,
    ];
}

pub(crate) struct Lying {
    inner: FaultLayer<Arc<Flawed>>,
    lie: Option<Lie>,
    late: Mutex<Vec<Put>>,
    broken: AtomicBool,
}

impl Lying {
    pub(crate) fn new(inner: Arc<Flawed>, lie: Option<Lie>) -> Self {
        Self { inner: FaultLayer::new(inner), lie, late: Mutex::default(), broken: AtomicBool::new(false) }
    }

    pub(crate) fn faults(&self) -> Faults {
        self.inner.faults()
    }

    fn tells(&self, lie: Lie) -> bool {
        self.lie == Some(lie)
    }

    async fn catch_up(&self) {
        let late = std::mem::take(&mut *self.late.lock().unwrap());
        for put in late {
            self.inner.put(put).await;
        }
    }
}

#[async_trait]
impl Store for Lying {
    async fn get(&self, key: &RecordKey) -> Result<Option<Stored>, StoreError> {
        self.catch_up().await;
        if self.broken.load(Ordering::Relaxed) {
            return Err(StoreError::Unavailable("it failed once".to_owned()));
        }
        let found = self.inner.get(key).await;
        if self.tells(Lie::ReadsNothing) { Ok(found.unwrap_or(None)) } else { found }
    }

    async fn put(&self, put: Put) -> PutOutcome {
        let outcome = self.inner.put(put.clone()).await;
        match (outcome, self.lie) {
            (PutOutcome::Unknown(e), Some(Lie::SaysNotAppliedForUnknown)) => PutOutcome::NotApplied(e),
            (PutOutcome::Unknown(_), Some(Lie::SaysConflictForUnknown)) => PutOutcome::Conflict,
            (PutOutcome::Unknown(_), Some(Lie::SaysAppliedForUnknown)) => PutOutcome::Applied,
            (PutOutcome::Unknown(_), Some(Lie::RetriesWhatItDoesNotKnow)) => self.inner.put(put).await,
            (PutOutcome::NotApplied(e), Some(Lie::WritesLate)) => {
                self.late.lock().unwrap().push(put);
                PutOutcome::NotApplied(e)
            }
            (outcome @ (PutOutcome::NotApplied(_) | PutOutcome::Unknown(_)), Some(Lie::StaysBroken)) => {
                self.broken.store(true, Ordering::Relaxed);
                outcome
            }
            (outcome, _) => outcome,
        }
    }

    async fn put_after(&self, first: Vec<Put>, put: Put) -> PutOutcome {
        match self.lie {
            None => self.inner.put_after(first, put).await,
            Some(_) => put_in_turn(self, first, put).await,
        }
    }

    async fn list(&self, under: &Under, after: Option<&RecordKey>, limit: usize) -> Result<Page, StoreError> {
        let page = self.inner.list(under, after, limit).await;
        let nothing = Page { keys: Vec::new(), more: false };
        if self.tells(Lie::ListsNothing) { Ok(page.unwrap_or(nothing)) } else { page }
    }

    async fn purge(&self, before: Time, limit: usize) -> Result<usize, StoreError> {
        self.inner.purge(before, limit).await
    }

    async fn info(&self) -> Result<StoreInfo, StoreError> {
        self.inner.info().await
    }
}
