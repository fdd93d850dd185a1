//! The contract between the rules and what keeps their records.

use std::fmt;

use async_trait::async_trait;
use grantor_core::record::{Put, RecordKey, Stored, Under};
use grantor_core::{Lifetime, Time};

/// grantor [purges](Store::purge) at multiples of this since the Unix epoch, so an adapter may keep together what ends between
/// two of them. It is a quarter of an hour.
pub const PURGE_STRIDE: Lifetime = Lifetime::seconds(900);

/// Keeps records. **One compare-and-set on one key is all the atomicity there is**, and all that any rule needs.
///
/// The sentences an adapter must keep:
///
/// 1. [`put`](Store::put) is linearizable per key: of several puts that expect the same state of a key, at most one is
///    [`PutOutcome::Applied`], and every [`get`](Store::get) that begins after an `Applied` sees that write or a later one.
/// 2. `Applied` means durable to the extent that [`info`](Store::info) states, before it is returned.
/// 3. `Conflict` and `NotApplied` mean that nothing changed and nothing of this put will change later.
///    Whoever cannot tell says `Unknown`; the caller settles it with one `get`, by the put's version.
/// 4. `body` and `version` come back byte for byte.
/// 5. `keep_until` never hides a record: only [`purge`](Store::purge), or an adapter's own garbage collection after that
///    moment, removes it, and then as a whole.
/// 6. [`list`](Store::list) returns, in ascending order of ids, each key that existed from its beginning to its end.
/// 7. [`put_after`](Store::put_after) is puts in order, each with all of the above.
///
/// An adapter knows nothing of OAuth. It never retries a put whose outcome it does not know.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// What stands under `key`. Costs one read.
    ///
    /// # Errors
    /// [`StoreError`] if that cannot be found out.
    async fn get(&self, key: &RecordKey) -> Result<Option<Stored>, StoreError>;

    /// Writes if `put.expect` holds. Costs one atomic write.
    async fn put(&self, put: Put) -> PutOutcome;

    /// Puts in order: those of `first`, which nobody can be in the way of, and then `put`, of which the outcome tells. It is
    /// `Applied` only where all stand; any of `first` may stand where `put` does not, but never `put` without all of them.
    ///
    /// That is all it is, and an adapter needs no more than this. One that can do them at once saves its callers the way.
    async fn put_after(&self, first: Vec<Put>, put: Put) -> PutOutcome {
        put_in_turn(self, first, put).await
    }

    /// The keys under `under` that come after `after`, at most `limit` of them.
    ///
    /// # Errors
    /// [`StoreError`] if they cannot be read.
    async fn list(&self, under: &Under, after: Option<&RecordKey>, limit: usize) -> Result<Page, StoreError>;

    /// Removes at most `limit` records whose `keep_until` lies before `before`, and says how many it removed. A result
    /// below `limit` means that none is left. It may be any moment, and is best a multiple of [`PURGE_STRIDE`].
    ///
    /// # Errors
    /// [`StoreError`] if it cannot; some records may have been removed.
    async fn purge(&self, before: Time, limit: usize) -> Result<usize, StoreError>;

    /// What this store is and what its acknowledgement is worth. Also the question that tells whether it is there.
    ///
    /// # Errors
    /// [`StoreError`] if the store does not answer.
    async fn info(&self) -> Result<StoreInfo, StoreError>;
}

/// What [`Store::put_after`] does unless a store has a shorter way: one put after the other.
pub async fn put_in_turn<S: Store + ?Sized>(store: &S, first: Vec<Put>, put: Put) -> PutOutcome {
    for first in first {
        match store.put(first).await {
            PutOutcome::Applied => {}
            PutOutcome::Conflict => return PutOutcome::Conflict,
            // Nobody has tried `put`, so it is certain what became of that.
            PutOutcome::NotApplied(error) | PutOutcome::Unknown(error) => {
                return PutOutcome::NotApplied(error);
            }
        }
    }
    store.put(put).await
}

/// What became of a put.
#[derive(Debug)]
pub enum PutOutcome {
    /// It stands.
    Applied,
    /// The key was not in the expected state. Nothing changed.
    Conflict,
    /// It failed, and certainly changed nothing.
    NotApplied(StoreError),
    /// It may stand, or come to stand. One read settles it.
    Unknown(StoreError),
}

/// Part of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The keys, ascending by id.
    pub keys: Vec<RecordKey>,
    /// Whether more may follow the last of them.
    pub more: bool,
}

/// What an acknowledged write survives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// Nothing: records end with the process.
    None,
    /// The end of the process, not always that of the machine.
    Process,
    /// The sudden end of the machine.
    PowerCut,
}

impl fmt::Display for Durability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Durability::None => "nothing: records end with the process",
            Durability::Process => "a crash of the process, not always a power cut",
            Durability::PowerCut => "a power cut",
        })
    }
}

/// What a store says of itself, for operators.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreInfo {
    /// The kind of backend and its version, as in `SQLite 3.50`.
    pub backend: String,
    /// What an acknowledged write survives.
    pub durability: Durability,
    /// Records held, where the backend can tell at little cost.
    pub records: Option<u64>,
}

/// A store that could not do its work. It is a fault and never an answer about a record: the server says 503.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// It cannot be reached, is locked, full, or too busy. It may work again by itself.
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
    /// It did not answer in time.
    #[error("the store did not answer in time: {0}")]
    TimedOut(String),
    /// What it holds is damaged or not ours. A person must look.
    #[error("the store is damaged or not grantor's: {0}")]
    Corrupt(String),
}
