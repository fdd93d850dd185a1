//! Registrations of clients, read once per change.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use grantor_core::ClientId;
use grantor_core::client::Client;
use grantor_core::record::{CorruptRecord, Version, decode};
use grantor_store::Store;

use crate::error::EngineError;

/// How many clients are remembered. One takes about a kilobyte, so all take some ten megabytes.
const REMEMBERED: usize = 10_000;

/// Clients as they were last read. Every request names one, and to read its record takes longer than all other rules
/// together. What is remembered is known by its version: the store is asked each time, so nothing here is ever out of date.
#[derive(Default)]
pub(crate) struct Registrations {
    known: Mutex<HashMap<ClientId, (Version, Arc<Client>)>>,
}

impl Registrations {
    /// A client's registration, if there is one. Costs one read, and its decoding where it has changed.
    pub(crate) async fn find(
        &self,
        store: &dyn Store,
        id: &ClientId,
    ) -> Result<Result<Option<Arc<Client>>, CorruptRecord>, EngineError> {
        let key = Client::key(id);
        let Some(stored) = store.get(key.raw()).await? else { return Ok(Ok(None)) };
        if let Some((version, client)) = self.known().get(id)
            && *version == stored.version
        {
            return Ok(Ok(Some(client.clone())));
        }
        let client = match decode::<Client>(key.raw(), &stored.body) {
            Ok(client) => Arc::new(client),
            Err(corrupt) => return Ok(Err(corrupt)),
        };
        let mut known = self.known();
        if known.len() >= REMEMBERED && !known.contains_key(id) {
            // Rarely, and cheaper than to keep account of who was asked for last.
            known.clear();
        }
        known.insert(id.clone(), (stored.version, client.clone()));
        Ok(Ok(Some(client)))
    }

    /// The map is changed by single operations only, so one whose lock was poisoned is still whole.
    fn known(&self) -> MutexGuard<'_, HashMap<ClientId, (Version, Arc<Client>)>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
