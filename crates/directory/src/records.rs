//! Typed reads and writes over the store, and the one place that settles a lost answer.

use std::sync::Arc;

use grantor_core::record::{Expect, Key, Put, Record, RecordKey, Under, Version, decode};
use grantor_core::{Entropy, Time};
use grantor_store::{Page, PutOutcome, Store};

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

    /// At most `limit` keys of a kind whose ids begin with `prefix` and come after `after`. Costs what the page costs, and
    /// a read more where a list begins at a prefix: what bears just that name comes first.
    pub(crate) async fn list_beginning<R: Record>(
        &self,
        prefix: Option<&str>,
        after: Option<&Key<R>>,
        limit: usize,
    ) -> Result<Page, DirectoryError> {
        let under = Under::Kind(R::KIND);
        let Some(prefix) = prefix.filter(|prefix| !prefix.is_empty()) else {
            return self.list(&under, after, limit).await;
        };
        // Each byte is encoded by itself, so what begins with a text has an id that begins with the text's.
        let first = Key::<R>::of(prefix);
        let mut keys = Vec::new();
        let after = match after.filter(|after| after.raw() >= first.raw()) {
            Some(after) => after.raw().clone(),
            None => {
                keys.extend(self.store.get(first.raw()).await?.map(|_| first.raw().clone()));
                first.raw().clone()
            }
        };
        let Page { keys: mut rest, mut more } = self.list_raw(&under, Some(&after), limit).await?;
        let listed = rest.len();
        rest.retain(|key| key.id().starts_with(first.raw().id()));
        more &= rest.len() == listed;
        keys.append(&mut rest);
        more |= keys.len() > limit;
        keys.truncate(limit);
        Ok(Page { keys, more })
    }
}

/// Fresh entropy from the operating system.
pub(crate) fn entropy() -> Result<Entropy, DirectoryError> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(|_| DirectoryError::NoEntropy)?;
    Ok(Entropy::from_seed(seed))
}
