//! One store that is two, while a deployment moves from one to the other and goes on serving.

mod copier;
mod join;
mod marks;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use grantor_core::Time;
use grantor_core::record::{Expect, Kind, Put, RecordKey, Stored, Under};

use crate::contract::{Page, PutOutcome, Store, StoreError, StoreInfo};

pub use copier::{Advance, Copier, Progress, Stage};
pub use join::{As, MoveError, give_up, object, promote};
pub use marks::{CopyState, LeaveState, Marks, MoveId, MovedAway, MovedHere, marks};

pub(crate) use marks::is_mark;

/// A store that is moved: **every value that anybody was ever given or acknowledged is in `second`, at that version or a
/// later one**, so that whoever goes on with `second` alone loses nothing.
///
/// `first` leads until the [mark](MovedHere) in `second` says [`CopyState::Leading`]. Then `second` does, for good, and
/// every handle finds out as soon as it matters. The proof is in `docs/adr/0007-live-move.md`; it rests on these:
///
/// 1. As long as the mark does not say `Leading`, each value in `second` stood in `first` before, and a key of `second`
///    goes through `first`'s values only forward. `follow` reads `second`, *then* `first`, and
///    compares-and-sets `second` from the one to the other.
/// 2. `follow` reads the mark *after* it read `second`. Whoever promotes writes the mark before anything else. So what
///    `follow` replaces was written before the promotion, and no write of a promoted server is ever overwritten.
/// 3. A put is acknowledged, and a value given, only once `second` is as far.
///
/// A read costs one read of each store, side by side; a put one write of each, one after the other.
pub struct MovingStore {
    first: Arc<dyn Store>,
    second: Arc<dyn Store>,
    id: MoveId,
    /// Never goes back to `false`.
    second_leads: AtomicBool,
}

/// What came of a [`MovingStore::follow`].
enum Followed {
    /// `first` led, and `second` is as far as this, which stood in `first` at some moment meanwhile.
    Given(Option<Stored>),
    /// `second` leads.
    SecondLeads,
}

impl MovingStore {
    /// Whether it is known here that the second store leads. Then the first is not asked any more.
    pub fn second_leads(&self) -> bool {
        self.second_leads.load(Ordering::Acquire)
    }

    /// Brings `key` of the second store as far as the first is.
    ///
    /// Whoever loses the race for the key twice is done: the second winner read `second` after this began, and `first`
    /// after that, so what he carried is no older than what `first` held when this began. That is why it ends.
    ///
    /// # Cancellation
    /// At any moment: the key is then as it was, or further.
    async fn follow(&self, key: &RecordKey) -> Result<Followed, StoreError> {
        for won_twice_by_others in [false, false, true] {
            let standing = self.second.get(key).await?;
            // Not before `second` was read: see 1 and 2 above.
            let (wanted, leads) = tokio::join!(self.first.get(key), self.ask_who_leads());
            if leads? {
                return Ok(Followed::SecondLeads);
            }
            // What only `second` has was purged from `first`, and will be there.
            let Some(wanted) = wanted? else { return Ok(Followed::Given(None)) };
            if standing.as_ref().is_some_and(|standing| standing.version == wanted.version) {
                return Ok(Followed::Given(Some(wanted)));
            }
            if won_twice_by_others {
                return standing.map(|standing| Followed::Given(Some(standing))).ok_or_else(|| purged(key));
            }
            match self.second.put(copy_of(key, standing.as_ref(), wanted.clone())).await {
                PutOutcome::Applied => return Ok(Followed::Given(Some(wanted))),
                PutOutcome::Conflict => {}
                PutOutcome::NotApplied(error) | PutOutcome::Unknown(error) => return Err(error),
            }
        }
        Err(purged(key))
    }

    /// Whether the mark in the second store says that it leads.
    async fn ask_who_leads(&self) -> Result<bool, StoreError> {
        let found = marks::read(&*self.second, &MovedHere::key()).await?.filter(|f| f.mark.id == self.id);
        let Some(found) = found else {
            // It was emptied or replaced under us. It might even have led before that, so nothing is sure.
            return Err(StoreError::Corrupt("the store that is moved to has lost its mark".to_owned()));
        };
        let leads = match found.mark.state {
            CopyState::Leading => true,
            CopyState::Copying | CopyState::Complete | CopyState::GivenUp => false,
        };
        if leads {
            self.second_leads.store(true, Ordering::Release);
        }
        Ok(leads)
    }

    /// What becomes of a failure of `first`: nothing, if it is not needed any more.
    async fn excused(&self, error: StoreError) -> Result<(), StoreError> {
        if self.ask_who_leads().await? { Ok(()) } else { Err(error) }
    }

    /// A put that stands in `first` comes to stand in `second`, too, before it is acknowledged.
    async fn put_into_second(&self, put: Put) -> PutOutcome {
        let (key, version) = (put.key.clone(), put.version);
        // Nobody needs to be asked: what it expects stood in `first`, so no promoted server wrote that.
        match self.second.put(put).await {
            PutOutcome::Applied => return PutOutcome::Applied,
            PutOutcome::Conflict => {}
            PutOutcome::NotApplied(error) | PutOutcome::Unknown(error) => return PutOutcome::Unknown(error),
        }
        match self.follow(&key).await {
            Ok(Followed::Given(_)) => PutOutcome::Applied,
            Ok(Followed::SecondLeads) => match self.second.get(&key).await {
                Ok(Some(stored)) if stored.version == version => PutOutcome::Applied,
                // Never `Conflict`: somebody who read the mark before the promotion may still be carrying this write
                // over, or has, and it was replaced since.
                Ok(_) => PutOutcome::Unknown(StoreError::Unavailable(
                    "the other store took the lead during this write".to_owned(),
                )),
                Err(error) => PutOutcome::Unknown(error),
            },
            Err(error) => PutOutcome::Unknown(error),
        }
    }
}

/// `wanted`, to the version, in place of what stands.
fn copy_of(key: &RecordKey, standing: Option<&Stored>, wanted: Stored) -> Put {
    let Stored { version, body, keep_until } = wanted;
    let expect = standing.map_or(Expect::Absent, |standing| Expect::Version(standing.version));
    Put { key: key.clone(), expect, version, body, keep_until }
}

/// Others wrote twice meanwhile, and what they wrote was past its time and was purged.
fn purged(key: &RecordKey) -> StoreError {
    StoreError::Unavailable(format!("{key} was purged while it was copied"))
}

fn version_of(stored: Option<&Stored>) -> Option<grantor_core::record::Version> {
    stored.map(|stored| stored.version)
}

/// A page without the marks.
async fn list(
    store: &dyn Store,
    under: &Under,
    after: Option<&RecordKey>,
    limit: usize,
) -> Result<Page, StoreError> {
    if under.kind() != Kind::Deployment {
        return store.list(under, after, limit).await;
    }
    // Enough that a page without them is still full.
    let mut page = store.list(under, after, limit.saturating_add(marks::MARKS)).await?;
    page.keys.retain(|key| !is_mark(key));
    page.more |= page.keys.len() > limit;
    page.keys.truncate(limit);
    Ok(page)
}

/// The marks themselves lie under [`MovedHere::key`] and [`MovedAway::key`] and are not to be read or written through it.
#[async_trait]
impl Store for MovingStore {
    async fn get(&self, key: &RecordKey) -> Result<Option<Stored>, StoreError> {
        if !self.second_leads() {
            match tokio::join!(self.first.get(key), self.second.get(key)) {
                // Whoever leads: what `second` holds was current while it was read.
                (Ok(first), Ok(second)) if version_of(first.as_ref()) == version_of(second.as_ref()) => {
                    return Ok(first);
                }
                (Ok(_), Ok(_)) => match self.follow(key).await? {
                    Followed::Given(stored) => return Ok(stored),
                    Followed::SecondLeads => {}
                },
                (Err(error), Ok(_)) => self.excused(error).await?,
                (Ok(_) | Err(_), Err(error)) => return Err(error),
            }
        }
        self.second.get(key).await
    }

    /// # Cancellation
    /// As of a put whose outcome is unknown: it stands, comes to stand with the next read, or never does.
    async fn put(&self, put: Put) -> PutOutcome {
        if !self.second_leads() {
            match self.first.put(put.clone()).await {
                PutOutcome::Applied => return self.put_into_second(put).await,
                // What it met may not have been carried over yet, and its caller will go by it.
                PutOutcome::Conflict => match self.follow(&put.key).await {
                    Ok(Followed::Given(_)) => return PutOutcome::Conflict,
                    Ok(Followed::SecondLeads) => {}
                    Err(error) => return PutOutcome::NotApplied(error),
                },
                PutOutcome::NotApplied(error) => {
                    if let Err(error) = self.excused(error).await {
                        return PutOutcome::NotApplied(error);
                    }
                }
                // It may come to stand later. Whoever reads it then carries it over.
                PutOutcome::Unknown(error) => return PutOutcome::Unknown(error),
            }
        }
        self.second.put(put).await
    }

    async fn list(&self, under: &Under, after: Option<&RecordKey>, limit: usize) -> Result<Page, StoreError> {
        if !self.second_leads() {
            // A key that a promoted server made before this began is missed by `first`, and then the mark says so.
            let (page, leads) = tokio::join!(list(&*self.first, under, after, limit), self.ask_who_leads());
            if !leads? {
                return page;
            }
        }
        list(&*self.second, under, after, limit).await
    }

    async fn purge(&self, before: Time, limit: usize) -> Result<usize, StoreError> {
        if !self.second_leads() {
            match self.first.purge(before, limit).await {
                Ok(removed) => {
                    // After `first`, or what goes here would be copied again at once. Its own count is nobody's.
                    self.second.purge(before, limit).await?;
                    return Ok(removed);
                }
                Err(error) => self.excused(error).await?,
            }
        }
        self.second.purge(before, limit).await
    }

    /// Of the store that leads, with both named. Both must answer, since both are needed.
    async fn info(&self) -> Result<StoreInfo, StoreError> {
        if !self.second_leads() {
            let (first, second, leads) =
                tokio::join!(info(&*self.first), self.second.info(), self.ask_who_leads());
            if !leads? {
                let (first, second) = (first?, second?);
                let backend = format!("{}, being moved to {}", first.backend, second.backend);
                return Ok(StoreInfo { backend, ..first });
            }
        }
        info(&*self.second).await
    }
}

/// What a store says of itself, but for the marks.
async fn info(store: &dyn Store) -> Result<StoreInfo, StoreError> {
    let (info, marks) = tokio::join!(store.info(), marks(store));
    let (info, marks) = (info?, marks?);
    let of_them = u64::from(marks.here.is_some()) + u64::from(marks.away.is_some());
    let records = info.records.map(|records| records.saturating_sub(of_them));
    Ok(StoreInfo { records, ..info })
}

impl fmt::Debug for MovingStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("MovingStore");
        debug.field("id", &self.id).field("second_leads", &self.second_leads()).finish_non_exhaustive()
    }
}
