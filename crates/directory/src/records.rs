//! Typed reads and writes over the store, and the one place that settles a lost answer.

use std::sync::Arc;

use grantor_core::record::{Expect, Key, Prefix, Put, Record, RecordKey, Under, Version, decode};
use grantor_core::{Entropy, Time};
use grantor_store::{Page, PutOutcome, Store, list_prefix};

use crate::error::DirectoryError;

/// What became of a write that the store could carry out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Written {
    /// It stands.
    Applied,
    /// Somebody else changed the record first.
    Lost,
}

#[derive(Clone)]
pub(crate) struct Records {
    store: Arc<dyn Store>,
}

impl Records {
    pub(crate) fn new(store: Arc<dyn Store>) -> Self {
        Self { store }
    }

    pub(crate) async fn read<R: Record>(&self, key: &Key<R>) -> Result<Option<(Version, R)>, DirectoryError> {
        let Some(stored) = self.store.get(key.raw()).await? else { return Ok(None) };
        Ok(Some((stored.version, decode(key.raw(), &stored.body)?)))
    }

    pub(crate) async fn write<R: Record>(
        &self,
        key: &Key<R>,
        expect: Expect,
        record: &R,
        keep_until: Option<Time>,
    ) -> Result<Written, DirectoryError> {
        let version = Version::draw(&mut entropy()?);
        let fault = match self.store.put(Put::of(key, expect, version, record, keep_until)).await {
            PutOutcome::Applied => return Ok(Written::Applied),
            PutOutcome::Conflict => return Ok(Written::Lost),
            PutOutcome::NotApplied(fault) => return Err(fault.into()),
            PutOutcome::Unknown(fault) => fault,
        };
        let standing = self.store.get(key.raw()).await?.map(|stored| stored.version);
        let before = match expect {
            Expect::Absent => None,
            Expect::Version(version) => Some(version),
        };
        match standing {
            standing if standing == Some(version) => Ok(Written::Applied),
            // It may still come to stand: neither yes nor no would be true.
            standing if standing == before => Err(fault.into()),
            // What it expected is gone for good, since no version comes back.
            _ => Ok(Written::Lost),
        }
    }

    pub(crate) async fn list<R: Record>(
        &self,
        under: &Under,
        after: Option<&Key<R>>,
        limit: usize,
    ) -> Result<Page, DirectoryError> {
        self.list_raw(under, after.map(Key::raw), limit).await
    }

    pub(crate) async fn list_raw(
        &self,
        under: &Under,
        after: Option<&RecordKey>,
        limit: usize,
    ) -> Result<Page, DirectoryError> {
        Ok(self.store.list(under, after, limit).await?)
    }

    /// At most `limit` keys of a kind whose ids begin with `prefix` and come after `after`. Costs what the page costs.
    pub(crate) async fn list_beginning<R: Record>(
        &self,
        prefix: Option<&str>,
        after: Option<&Key<R>>,
        limit: usize,
    ) -> Result<Page, DirectoryError> {
        let prefix = Prefix::of(R::KIND, prefix.unwrap_or_default());
        Ok(list_prefix(&*self.store, &prefix, after.map(Key::raw), limit).await?)
    }
}

/// Fresh entropy from the operating system.
pub(crate) fn entropy() -> Result<Entropy, DirectoryError> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(|_| DirectoryError::NoEntropy)?;
    Ok(Entropy::from_seed(seed))
}
