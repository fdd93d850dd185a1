//! The signing keys while the server runs: one record in the store, parsed once per change.

use std::sync::{Arc, PoisonError, RwLock};

use grantor_core::record::{Expect, Put, Version};
use grantor_core::step::{FlowFault, Loaded};
use grantor_core::{Lifetime, ServerKey, Time};
use grantor_jose::{Algorithm, KeyRing, KeySet, KeyStatus, Sealer};
use grantor_store::{PutOutcome, Store};

use crate::error::{EngineError, Fault};
use crate::surroundings::entropy;

/// How often a change of the keys is tried again when another process changed them first.
const RACES: usize = 8;

pub(crate) struct Keys {
    sealer: Sealer,
    live: RwLock<Live>,
}

#[derive(Clone)]
struct Live {
    version: Version,
    ring: Arc<KeyRing>,
}

impl Keys {
    /// Reads the keys, or makes the first ones.
    pub(crate) async fn open(
        store: &dyn Store,
        server_key: &ServerKey,
        algorithm: Algorithm,
        now: Time,
    ) -> Result<Self, EngineError> {
        let sealer = Sealer::new(server_key)?;
        let found = read_or_make(store, &sealer, algorithm, now).await?;
        let ring = Arc::new(KeyRing::open(&found.record, &sealer)?);
        Ok(Self { sealer, live: RwLock::new(Live { version: found.version, ring }) })
    }

    pub(crate) fn ring(&self) -> Arc<KeyRing> {
        self.live.read().unwrap_or_else(PoisonError::into_inner).ring.clone()
    }

    /// Takes over what another process changed. Costs one read where nothing did, and no parsing.
    ///
    /// A store that came back empty has forgotten which tokens were revoked. Then new keys are made and the old ones are let
    /// go of, so that no JWT which was revoked is live again.
    pub(crate) async fn reload(
        &self,
        store: &dyn Store,
        algorithm: Algorithm,
        now: Time,
    ) -> Result<(), EngineError> {
        let known = self.live.read().unwrap_or_else(PoisonError::into_inner).version;
        if store.get(KeySet::key().raw()).await?.is_some_and(|stored| stored.version == known) {
            return Ok(());
        }
        let found = read_or_make(store, &self.sealer, algorithm, now).await?;
        self.take_over(&found)
    }

    fn take_over(&self, found: &Loaded<KeySet>) -> Result<(), EngineError> {
        let current = self.live.read().unwrap_or_else(PoisonError::into_inner).version;
        if found.version != current {
            let ring = Arc::new(KeyRing::open(&found.record, &self.sealer)?);
            *self.live.write().unwrap_or_else(PoisonError::into_inner) =
                Live { version: found.version, ring };
        }
        Ok(())
    }

    pub(crate) async fn list(&self, store: &dyn Store, now: Time) -> Result<Vec<KeyStatus>, EngineError> {
        Ok(read(store).await?.map(|found| found.record.list(now)).unwrap_or_default())
    }

    /// Adds a key that signs from `now + ahead`; the old one verifies until `keep` after it stopped signing.
    pub(crate) async fn rotate(
        &self,
        store: &dyn Store,
        algorithm: Algorithm,
        now: Time,
        ahead: Lifetime,
        keep: Lifetime,
    ) -> Result<(), EngineError> {
        self.change(store, |set| Ok(set.prune(now).rotate(algorithm, &self.sealer, now, ahead, keep)?)).await
    }

    /// Takes a key out at once: what it signed is worth nothing from now on.
    pub(crate) async fn retire(&self, store: &dyn Store, kid: &str, now: Time) -> Result<(), EngineError> {
        self.change(store, |set| Ok(set.retire(kid, now)?)).await
    }

    async fn change(
        &self,
        store: &dyn Store,
        change: impl Fn(KeySet) -> Result<KeySet, EngineError>,
    ) -> Result<(), EngineError> {
        for _ in 0..RACES {
            let Some(found) = read(store).await? else { return Err(contended()) };
            if write(store, Expect::Version(found.version), &change(found.record)?).await? {
                return read(store).await?.map_or_else(|| Err(contended()), |found| self.take_over(&found));
            }
        }
        Err(contended())
    }
}

fn contended() -> EngineError {
    FlowFault::Contended(KeySet::key().raw().clone()).into()
}

/// Of several processes that find no keys at once, one makes them for all.
async fn read_or_make(
    store: &dyn Store,
    sealer: &Sealer,
    algorithm: Algorithm,
    now: Time,
) -> Result<Loaded<KeySet>, EngineError> {
    for _ in 0..RACES {
        if let Some(found) = read(store).await? {
            return Ok(found);
        }
        let first = KeySet::generate(algorithm, sealer, now)?;
        write(store, Expect::Absent, &first).await?;
    }
    Err(contended())
}

async fn read(store: &dyn Store) -> Result<Option<Loaded<KeySet>>, EngineError> {
    let key = KeySet::key();
    let Some(stored) = store.get(key.raw()).await? else { return Ok(None) };
    let record = grantor_core::record::decode(key.raw(), &stored.body).map_err(FlowFault::Corrupt)?;
    Ok(Some(Loaded { record, version: stored.version }))
}

async fn write(store: &dyn Store, expect: Expect, set: &KeySet) -> Result<bool, EngineError> {
    let key = KeySet::key();
    let put = Put::of(&key, expect, Version::draw(&mut entropy()), set, None);
    match store.put(put).await {
        PutOutcome::Applied => Ok(true),
        PutOutcome::Conflict => Ok(false),
        // Not tried again: an operator sees the error and looks at `key list`.
        PutOutcome::NotApplied(error) | PutOutcome::Unknown(error) => Err(Fault::Store(error).into()),
    }
}
