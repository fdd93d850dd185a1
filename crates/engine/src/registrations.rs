//! Registrations of clients, read once per change.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use grantor_core::client::Client;
use grantor_core::record::{CorruptRecord, Version, decode};
use grantor_core::{ClientId, Lifetime, Time};
use grantor_store::Store;

use crate::error::EngineError;

/// How many clients are remembered. One takes about a kilobyte, so all take some ten megabytes.
const REMEMBERED: usize = 10_000;

/// Clients as they were last read. Every request names one, and to read its record takes longer than all other rules
/// together.
///
/// What is remembered is gone by for a moment without a question to the store, if whoever put the engine together allows one;
/// after that, or where he allows none, the store is asked, and a record that has not changed is not decoded again. A change
/// that this engine makes is seen by the next request.
pub(crate) struct Registrations {
    moment: Lifetime,
    /// How often this engine has changed one. What was read before the last change is not gone by.
    changes: AtomicU64,
    known: Mutex<HashMap<ClientId, Known>>,
}

#[derive(Clone)]
struct Known {
    version: Version,
    client: Arc<Client>,
    read_at: Time,
    /// The changes there had been when its reading began.
    changes: u64,
}

impl Registrations {
    pub(crate) fn new(moment: Lifetime) -> Self {
        Self { moment, changes: AtomicU64::new(0), known: Mutex::default() }
    }

    /// A client's registration, if there is one. Costs one read, unless it is remembered from this moment, and its decoding
    /// where it has changed.
    pub(crate) async fn find(
        &self,
        store: &dyn Store,
        id: &ClientId,
        now: Time,
    ) -> Result<Result<Option<Arc<Client>>, CorruptRecord>, EngineError> {
        let changes = self.changes.load(Ordering::Acquire);
        let known = self.known().get(id).cloned();
        if let Some(known) = &known
            && self.is_fresh(known, changes, now)
        {
            return Ok(Ok(Some(known.client.clone())));
        }
        let key = Client::key(id);
        let Some(stored) = store.get(key.raw()).await? else { return Ok(Ok(None)) };
        let client = match known.filter(|known| known.version == stored.version) {
            Some(known) => known.client,
            None => match decode::<Client>(key.raw(), &stored.body) {
                Ok(client) => Arc::new(client),
                Err(corrupt) => return Ok(Err(corrupt)),
            },
        };
        let mut known = self.known();
        if known.len() >= REMEMBERED && !known.contains_key(id) {
            // Rarely, and cheaper than to keep account of who was asked for last.
            known.clear();
        }
        let remembered = Known { version: stored.version, client: client.clone(), read_at: now, changes };
        known.insert(id.clone(), remembered);
        Ok(Ok(Some(client)))
    }

    /// A clock that was set back makes nothing fresh.
    fn is_fresh(&self, known: &Known, changes: u64, now: Time) -> bool {
        known.changes == changes && known.read_at <= now && now < known.read_at + self.moment
    }

    /// A registration is being written, until what this gives is dropped.
    pub(crate) fn changing(&self) -> Changing<'_> {
        Changing(self)
    }

    /// The store failed: who knows what it is when it comes back.
    pub(crate) fn distrust(&self) {
        self.changes.fetch_add(1, Ordering::Release);
    }

    /// The map is changed by single operations only, so one whose lock was poisoned is still whole.
    fn known(&self) -> MutexGuard<'_, HashMap<ClientId, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// While a registration is written. However that ends, and if nobody waits for it any more, what was read before is not gone by.
pub(crate) struct Changing<'a>(&'a Registrations);

impl Drop for Changing<'_> {
    fn drop(&mut self) {
        self.0.changes.fetch_add(1, Ordering::Release);
    }
}
