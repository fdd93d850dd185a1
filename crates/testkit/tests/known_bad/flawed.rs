//! The contract in as few lines as it takes; or, with a flaw, not quite the contract.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use grantor_core::Time;
use grantor_core::record::{Expect, Kind, Put, RecordKey, Stored, Under, Version};
use grantor_store::{Durability, PURGE_STRIDE, Page, PutOutcome, Store, StoreError, StoreInfo, put_in_turn};

macro_rules! flaws {
    ($($(#[$doc:meta])* $flaw:ident,)*) => {
        /// A way to break the contract that adapters have been known to find.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Flaw { $($(#[$doc])* $flaw,)* }

        impl Flaw {
            pub(crate) const ALL: &[Flaw] = &[$(Flaw::$flaw,)*];
        }
    };
}

flaws! {
    /// The last writer wins.
    IgnoresWhatIsExpected,
    /// A refused put is told that it stands.
    SaysAppliedForConflict,
    /// A version is kept in a column of eight bytes.
    ComparesHalfOfVersions,
    /// Reads, lets others run, and writes.
    ChecksThenWrites,
    /// The same, only where nothing stood.
    ChecksThenInserts,
    /// The answer comes before the write.
    AnswersBeforeItWrites,
    /// One write in forty is lost.
    LosesAWriteNowAndThen,
    /// One read in five comes from a replica.
    ReadsFromAReplica,
    NamesNothing,
    ClaimsToSurvive,
    WritesOnConflict,
    /// A put that is dropped half way leaves half of it.
    TearsWhenGivenUp,
    ReadsBodiesAsText,
    CutsLongBodies,
    TakesEmptyForAbsent,
    RoundsMomentsToSeconds,
    /// Version and body are written one after the other.
    TearsWrites,
    ForgetsCase,
    TrimsKeys,
    ReadsKeysAsNumbers,
    CutsLongKeys,
    ForgetsKinds,
    HidesWhatIsOver,
    PurgesTheMomentItself,
    /// Goes by which quarter of an hour it is.
    PurgesWholeStrides,
    KeepsTheFirstEnd,
    PurgesWhatHasNoEnd,
    PurgesBeyondItsLimit,
    UnderstatesItsPurge,
    /// Looks for what is over, lets others run, and removes it.
    LooksThenPurges,
    /// What was purged can still be replaced.
    RevivesWhatWasPurged,
    ListsWhatWasPurged,
    ListsUnordered,
    /// `after` is in the page that begins after it.
    ListsAgainWhatCameBefore,
    SaysThereIsNoMore,
    ListsByPrefixWithoutSlash,
    StartsOverAfterAnAbsentKey,
    ForgetsTheKindOfAfter,
    /// The list is a record of its own, read, changed and written back.
    LosesListEntries,
    /// A page begins at a number and not at a key.
    PagesByRank,
    LosesTheEndOnTheThirdWrite,
    /// Of two puts in order it makes the second.
    ForgetsWhatComesFirst,
    /// Of two puts in order it makes the second though the first came too late.
    GoesOnWithoutTheFirst,
    /// Of two puts in order it compares both, lets others run, and writes both.
    ChecksBothThenWrites,
    /// The last write is still in a buffer when it is acknowledged.
    AnswersBeforeItIsDurable,
    /// A purge is not written down.
    ForgetsItsPurges,
}

type Records = BTreeMap<RecordKey, Stored>;

/// A store over one map, and what the flaws need besides.
#[derive(Default)]
pub(crate) struct Flawed {
    flaw: Option<Flaw>,
    records: Mutex<Records>,
    /// What a new store finds.
    durable: Mutex<Records>,
    /// What was acknowledged and not yet written.
    pending: Mutex<Option<(RecordKey, Stored)>>,
    /// What was acknowledged and written, and not yet where a new store finds it.
    buffered: Mutex<Option<(RecordKey, Stored)>>,
    replaced: Mutex<Records>,
    purged: Mutex<Records>,
    index: Mutex<BTreeSet<RecordKey>>,
    ranks: Mutex<BTreeMap<RecordKey, usize>>,
    writes: Mutex<BTreeMap<RecordKey, usize>>,
    operations: AtomicUsize,
    /// Gets and puts that were begun.
    begun: AtomicUsize,
    turn: tokio::sync::Mutex<()>,
}

impl Flawed {
    pub(crate) fn new(flaw: Option<Flaw>) -> Arc<Self> {
        Arc::new(Self { flaw, ..Self::default() })
    }

    /// A store that finds what this one left behind.
    pub(crate) fn reopened(&self) -> Arc<Self> {
        let left = locked(&self.durable).clone();
        let again = Self { records: Mutex::new(left.clone()), durable: Mutex::new(left), ..Self::default() };
        Arc::new(Self { flaw: self.flaw, ..again })
    }

    fn has(&self, flaw: Flaw) -> bool {
        self.flaw == Some(flaw)
    }

    fn place(&self, key: &RecordKey) -> RecordKey {
        let (mut kind, mut id) = (key.kind(), key.id().to_owned());
        if self.has(Flaw::ForgetsCase) {
            id = id.to_lowercase();
        }
        if self.has(Flaw::TrimsKeys) {
            id = id.trim_end_matches("%20").to_owned();
        }
        if self.has(Flaw::ReadsKeysAsNumbers) {
            id = id.parse().map_or(id, |number: u64| number.to_string());
        }
        if self.has(Flaw::CutsLongKeys) {
            id.truncate(255);
        }
        if self.has(Flaw::ForgetsKinds) {
            kind = Kind::Grant;
        }
        RecordKey::from_stored(kind, &id).unwrap_or_else(|| key.clone())
    }

    /// What comes to be stored of what was given.
    fn kept(&self, key: &RecordKey, mut stored: Stored) -> Stored {
        if self.has(Flaw::ReadsBodiesAsText) {
            stored.body = String::from_utf8_lossy(&stored.body).into_owned().into_bytes();
        }
        if self.has(Flaw::CutsLongBodies) {
            stored.body.truncate(1 << 16);
        }
        if self.has(Flaw::RoundsMomentsToSeconds) {
            let whole = |at: Time| Time::from_unix_millis(at.unix_millis() / 1_000 * 1_000);
            stored.keep_until = stored.keep_until.map(whole);
        }
        if self.has(Flaw::KeepsTheFirstEnd) {
            let first = locked(&self.records).get(key).and_then(|standing| standing.keep_until);
            stored.keep_until = first.or(stored.keep_until);
        }
        if self.has(Flaw::LosesTheEndOnTheThirdWrite) {
            let mut writes = locked(&self.writes);
            let writes = writes.entry(key.clone()).or_default();
            *writes += 1;
            stored.keep_until = stored.keep_until.filter(|_| *writes < 3);
        }
        stored
    }

    fn same(&self, one: Version, other: Version) -> bool {
        let half = self.has(Flaw::ComparesHalfOfVersions);
        if half { one.as_bytes().iter().take(8).eq(other.as_bytes().iter().take(8)) } else { one == other }
    }

    fn holds(&self, records: &Records, key: &RecordKey, expect: Expect) -> bool {
        let empty = |stored: &&Stored| !(self.has(Flaw::TakesEmptyForAbsent) && stored.body.is_empty());
        let standing = records.get(key).filter(empty);
        let grave = locked(&self.purged).get(key).filter(|_| self.has(Flaw::RevivesWhatWasPurged)).cloned();
        match expect {
            _ if self.has(Flaw::IgnoresWhatIsExpected) => true,
            Expect::Absent => standing.is_none(),
            Expect::Version(expected) => {
                standing.or(grave.as_ref()).is_some_and(|stored| self.same(stored.version, expected))
            }
        }
    }

    fn write(&self, records: &mut Records, key: &RecordKey, stored: Stored) {
        if let Some(before) = records.insert(key.clone(), stored) {
            locked(&self.replaced).insert(key.clone(), before);
        }
        let late = self.has(Flaw::AnswersBeforeItIsDurable);
        let written = (key.clone(), records[key].clone());
        let now = if late { locked(&self.buffered).replace(written) } else { Some(written) };
        locked(&self.durable).extend(now);
    }

    /// Puts that take more than one step, or leave one out.
    async fn strange_put(&self, key: &RecordKey, expect: Expect, stored: &Stored) -> ControlFlow<PutOutcome> {
        let slow = match expect {
            Expect::Absent => self.has(Flaw::ChecksThenInserts) || self.has(Flaw::ChecksThenWrites),
            Expect::Version(_) => self.has(Flaw::ChecksThenWrites),
        };
        if slow {
            let held = self.holds(&locked(&self.records), key, expect);
            self.dawdle().await;
            if !held {
                return ControlFlow::Break(PutOutcome::Conflict);
            }
            self.write(&mut locked(&self.records), key, stored.clone());
            return ControlFlow::Break(PutOutcome::Applied);
        }
        if self.has(Flaw::TearsWrites) || self.has(Flaw::TearsWhenGivenUp) {
            {
                let mut records = locked(&self.records);
                let held = self.holds(&records, key, expect);
                match records.get_mut(key).filter(|_| held) {
                    Some(standing) => standing.version = stored.version,
                    None => return ControlFlow::Continue(()),
                }
            }
            self.dawdle().await;
            if let Some(standing) = locked(&self.records).get_mut(key) {
                *standing = stored.clone();
            }
            return ControlFlow::Break(PutOutcome::Applied);
        }
        if self.has(Flaw::LosesListEntries) && expect == Expect::Absent {
            let mut index = locked(&self.index).clone();
            self.dawdle().await;
            index.insert(key.clone());
            *locked(&self.index) = index;
        }
        ControlFlow::Continue(())
    }

    async fn turn(&self) -> Option<tokio::sync::MutexGuard<'_, ()>> {
        if self.has(Flaw::TearsWhenGivenUp) { Some(self.turn.lock().await) } else { None }
    }

    /// Leaves time for another operation to come between, or, where none comes, for a caller to go away.
    async fn dawdle(&self) {
        let begun = self.begun.load(Ordering::Relaxed);
        for _ in 0..1_000 {
            tokio::task::yield_now().await;
            if self.begun.load(Ordering::Relaxed) > begun {
                return;
            }
        }
    }

    fn every(&self, nth: usize) -> bool {
        self.operations.fetch_add(1, Ordering::Relaxed) % nth == nth - 1
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap()
}

#[async_trait]
impl Store for Flawed {
    async fn get(&self, key: &RecordKey) -> Result<Option<Stored>, StoreError> {
        self.begun.fetch_add(1, Ordering::Relaxed);
        let _turn = self.turn().await;
        let key = self.place(key);
        let mut found = locked(&self.records).get(&key).cloned();
        if self.has(Flaw::ReadsFromAReplica) && self.every(5) {
            found = locked(&self.replaced).get(&key).cloned();
        }
        if self.has(Flaw::HidesWhatIsOver) {
            found = found.filter(|stored| stored.keep_until.is_none_or(|at| at.unix_millis() > 9));
        }
        if self.has(Flaw::TakesEmptyForAbsent) {
            found = found.filter(|stored| !stored.body.is_empty());
        }
        Ok(found)
    }

    async fn put(&self, put: Put) -> PutOutcome {
        self.begun.fetch_add(1, Ordering::Relaxed);
        let _turn = self.turn().await;
        let key = self.place(&put.key);
        let stored = Stored { version: put.version, body: put.body, keep_until: put.keep_until };
        let stored = self.kept(&key, stored);
        if let ControlFlow::Break(outcome) = self.strange_put(&key, put.expect, &stored).await {
            return outcome;
        }
        let mut records = locked(&self.records);
        if let Some((key, stored)) = locked(&self.pending).take() {
            self.write(&mut records, &key, stored);
        }
        if !self.holds(&records, &key, put.expect) {
            if self.has(Flaw::WritesOnConflict) {
                self.write(&mut records, &key, stored);
            }
            return if self.has(Flaw::SaysAppliedForConflict) {
                PutOutcome::Applied
            } else {
                PutOutcome::Conflict
            };
        }
        if self.has(Flaw::AnswersBeforeItWrites) {
            *locked(&self.pending) = Some((key, stored));
        } else if !(self.has(Flaw::LosesAWriteNowAndThen) && self.every(40)) {
            self.write(&mut records, &key, stored);
        }
        PutOutcome::Applied
    }

    async fn put_after(&self, first: Vec<Put>, put: Put) -> PutOutcome {
        if self.has(Flaw::ForgetsWhatComesFirst) {
            return self.put(put).await;
        }
        if self.has(Flaw::GoesOnWithoutTheFirst) {
            for first in first {
                let _whatever = self.put(first).await;
            }
            return self.put(put).await;
        }
        if self.has(Flaw::ChecksBothThenWrites) {
            if !self.holds(&locked(&self.records), &put.key, put.expect) {
                return PutOutcome::Conflict;
            }
            self.dawdle().await;
            for first in first {
                let PutOutcome::Applied = self.put(first).await else { return PutOutcome::Conflict };
            }
            let stored = Stored { version: put.version, body: put.body, keep_until: put.keep_until };
            self.write(&mut locked(&self.records), &put.key, stored);
            return PutOutcome::Applied;
        }
        put_in_turn(self, first, put).await
    }

    async fn list(&self, under: &Under, after: Option<&RecordKey>, limit: usize) -> Result<Page, StoreError> {
        let prefix = under.prefix();
        let cut = self.has(Flaw::ListsByPrefixWithoutSlash);
        let prefix = if cut { prefix.trim_end_matches('/') } else { prefix.as_str() };
        let mut all = locked(&self.records).keys().cloned().collect::<BTreeSet<_>>();
        if self.has(Flaw::LosesListEntries) {
            all = locked(&self.index).clone();
        }
        if self.has(Flaw::ListsWhatWasPurged) {
            all.extend(locked(&self.purged).keys().cloned());
        }
        let start_over = self.has(Flaw::StartsOverAfterAnAbsentKey);
        let after = after.filter(|after| !start_over || all.contains(after));
        let rank = after.and_then(|after| locked(&self.ranks).get(after).copied());
        let rank = rank.filter(|_| self.has(Flaw::PagesByRank));
        let again = self.has(Flaw::ListsAgainWhatCameBefore);
        let ids_only = self.has(Flaw::ForgetsTheKindOfAfter);
        let follows = |key: &RecordKey| {
            after
                .is_none_or(|after| key > after || again && key == after || ids_only && key.id() > after.id())
        };
        let mut keys: Vec<_> = all
            .into_iter()
            .filter(|key| key.kind() == under.kind() && key.id().starts_with(prefix))
            .filter(|key| rank.is_some() || follows(key))
            .skip(rank.unwrap_or(0))
            .collect();
        if self.has(Flaw::ListsUnordered) {
            keys.reverse();
        }
        let more = keys.len() > limit && !self.has(Flaw::SaysThereIsNoMore);
        keys.truncate(limit);
        if let Some(last) = keys.last() {
            locked(&self.ranks).insert(last.clone(), rank.unwrap_or(0) + keys.len());
        }
        Ok(Page { keys, more })
    }

    async fn purge(&self, before: Time, limit: usize) -> Result<usize, StoreError> {
        let limit = if self.has(Flaw::PurgesBeyondItsLimit) { usize::MAX } else { limit };
        let over = |stored: &Stored| match stored.keep_until {
            Some(at) if self.has(Flaw::PurgesWholeStrides) => stride_of(at) < stride_of(before),
            Some(at) => at < before || self.has(Flaw::PurgesTheMomentItself) && at == before,
            None => self.has(Flaw::PurgesWhatHasNoEnd),
        };
        let found: Vec<_> = (locked(&self.records).iter())
            .filter(|(_, stored)| over(stored))
            .map(|(key, _)| key.clone())
            .take(limit)
            .collect();
        let looks_once = self.has(Flaw::LooksThenPurges);
        if looks_once {
            self.dawdle().await;
        }
        let mut records = locked(&self.records);
        let mut removed = 0;
        for key in found {
            if looks_once || records.get(&key).is_some_and(over) {
                locked(&self.purged).extend(records.remove_entry(&key));
                if !self.has(Flaw::ForgetsItsPurges) {
                    locked(&self.durable).remove(&key);
                }
                removed += 1;
            }
        }
        Ok(if self.has(Flaw::UnderstatesItsPurge) { removed / 2 } else { removed })
    }

    async fn info(&self) -> Result<StoreInfo, StoreError> {
        let survives = self.has(Flaw::ClaimsToSurvive);
        Ok(StoreInfo {
            backend: if self.has(Flaw::NamesNothing) { String::new() } else { "plain".to_owned() },
            durability: if survives { Durability::PowerCut } else { Durability::None },
            records: None,
        })
    }
}

fn stride_of(moment: Time) -> i64 {
    moment.unix_millis().div_euclid(i64::try_from(PURGE_STRIDE.as_millis()).unwrap())
}
