//! Typed reads and writes over the store.

use std::sync::Arc;

use grantor_core::record::{Expect, Key, Put, Record, Under, Version, decode};
use grantor_core::{Entropy, Time};
use grantor_store::{Page, PutOutcome, Store, StoreError};

use crate::error::LedgerError;

/// What became of a write.
pub(crate) enum Written {
    /// It stands.
    Applied,
    /// Something else stands there.
    Lost,
    /// It does not stand, and will not.
    Not(StoreError),
    /// It does not stand, and may come to.
    Unsettled(StoreError),
}

#[derive(Clone)]
pub(crate) struct Records {
    store: Arc<dyn Store>,
}

impl Records {
    pub(crate) fn new(store: Arc<dyn Store>) -> Self {
        Self { store }
    }

    pub(crate) async fn read<R: Record>(&self, key: &Key<R>) -> Result<Option<(Version, R)>, LedgerError> {
        let Some(stored) = self.store.get(key.raw()).await? else { return Ok(None) };
        Ok(Some((stored.version, decode(key.raw(), &stored.body)?)))
    }

    pub(crate) async fn write<R: Record>(
        &self,
        key: &Key<R>,
        expect: Expect,
        record: &R,
        keep_until: Option<Time>,
    ) -> Written {
        let version = Version::draw(&mut Entropy::from_seed(rand::random()));
        let fault = match self.store.put(Put::of(key, expect, version, record, keep_until)).await {
            PutOutcome::Applied => return Written::Applied,
            PutOutcome::Conflict => return Written::Lost,
            PutOutcome::NotApplied(fault) => return Written::Not(fault),
            PutOutcome::Unknown(fault) => fault,
        };
        let before = match expect {
            Expect::Absent => None,
            Expect::Version(version) => Some(version),
        };
        match self.store.get(key.raw()).await.map(|stored| stored.map(|stored| stored.version)) {
            Ok(standing) if standing == Some(version) => Written::Applied,
            Ok(standing) if standing == before => Written::Unsettled(fault),
            Ok(_) => Written::Lost,
            Err(fault) => Written::Unsettled(fault),
        }
    }

    pub(crate) async fn list<R: Record>(
        &self,
        under: &Under,
        after: Option<&Key<R>>,
        limit: usize,
    ) -> Result<Page, LedgerError> {
        Ok(self.store.list(under, after.map(Key::raw), limit).await?)
    }
}
