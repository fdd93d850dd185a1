//! Was that possible? A check of what happened against what one compare-and-set register could have done.
//!
//! Every write carries a version of its own, and names the version it replaces. So the writes that took effect must
//! form **one unforked chain from nothing**, and the only question left is whether each link can be given a moment
//! such that all answers come out as they did: after the write began and before it ended, before the end of every read
//! that saw it, and after the beginning of every read that still saw the link before. Those are bounds from below and
//! from above on an ascending series, so taking each moment as early as possible decides it, in about linear time.

mod check;

use std::fmt;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, Ordering};

use grantor_core::record::{Expect, Put, RecordKey, Stored, Version};
use grantor_store::{PutOutcome, Store, StoreError};

pub use check::check;

/// One operation on one key, and when it took place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The key.
    pub key: RecordKey,
    /// A moment at which it had not begun. Moments are numbers that grow with real time, each given once.
    pub began: u64,
    /// A moment at which it had ended.
    pub ended: u64,
    /// What it was.
    pub what: Deed,
}

/// What an operation asked and was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deed {
    /// A get that saw this write, or nothing.
    Saw(Option<Version>),
    /// A put.
    Wrote {
        /// What it expected.
        expect: Expect,
        /// Its own version.
        version: Version,
        /// What it was told.
        told: Told,
    },
}

/// A [`PutOutcome`] without its error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// It stands.
    Applied,
    /// What it expected did not hold.
    Conflict,
    /// It failed, and changed nothing.
    NotApplied,
    /// Nobody knows.
    Unknown,
}

/// What cannot have happened on a store that keeps its contract.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Violation {
    /// Nothing was recorded, so nothing was shown.
    Empty,
    /// Two puts had one version: a fault of the test.
    VersionTwice(RecordKey, Version),
    /// A version stands that no put had.
    FromNowhere(RecordKey, Version),
    /// A put stands of which it was said that it changed nothing.
    RefusedStands(RecordKey, Version),
    /// Two puts that expect the same state both stand.
    Forked(RecordKey, Version, Version),
    /// A put stands whose expectation never held.
    Unfounded(RecordKey, Version),
    /// No moment is left for this write: it must lie after the first of these and before the second.
    NoMoment(RecordKey, Version, Bound, Bound),
    /// A put conflicted while what it expected stood all the time.
    FalseConflict(RecordKey, Version),
}

/// A moment that bounds another, and why it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bound {
    /// The moment.
    pub moment: u64,
    /// What happened then.
    pub because: &'static str,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Violation::Empty => write!(f, "an empty history shows nothing"),
            Violation::VersionTwice(key, version) => write!(f, "{key}: two puts had the version {version}"),
            Violation::FromNowhere(key, version) => write!(f, "{key}: {version} was read and never written"),
            Violation::RefusedStands(key, version) => {
                write!(f, "{key}: {version} stands, and its writer was told that nothing changed")
            }
            Violation::Forked(key, one, other) => {
                write!(f, "{key}: {one} and {other} expected the same state, and both stand")
            }
            Violation::Unfounded(key, version) => {
                write!(f, "{key}: {version} stands, and what it expected never did")
            }
            Violation::NoMoment(key, version, after, before) => write!(
                f,
                "{key}: {version} has no moment: at {} {}, yet at {} {}",
                after.moment, after.because, before.moment, before.because
            ),
            Violation::FalseConflict(key, version) => {
                write!(f, "{key}: {version} conflicted, and what it expected stood all the time")
            }
        }
    }
}

impl std::error::Error for Violation {}

/// Records what tasks do to stores of the same records, which begin empty and are not purged.
///
/// Clones of an `Arc` of it may go to as many tasks as there are. Operations whose future is dropped are not recorded,
/// so a put that is given up belongs in another kind of test.
#[derive(Debug, Default)]
pub struct History {
    clock: AtomicU64,
    events: Mutex<Vec<Event>>,
}

impl History {
    /// Nothing happened yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// A get, recorded if it is answered.
    ///
    /// # Errors
    /// The store's.
    pub async fn get(
        &self,
        store: &(impl Store + ?Sized),
        key: &RecordKey,
    ) -> Result<Option<Stored>, StoreError> {
        let began = self.tick();
        let stored = store.get(key).await?;
        self.record(key.clone(), began, Deed::Saw(stored.as_ref().map(|stored| stored.version)));
        Ok(stored)
    }

    /// A put, recorded with what came of it.
    pub async fn put(&self, store: &(impl Store + ?Sized), put: Put) -> PutOutcome {
        let (key, expect, version) = (put.key.clone(), put.expect, put.version);
        let began = self.tick();
        let outcome = store.put(put).await;
        let told = match &outcome {
            PutOutcome::Applied => Told::Applied,
            PutOutcome::Conflict => Told::Conflict,
            PutOutcome::NotApplied(_) => Told::NotApplied,
            PutOutcome::Unknown(_) => Told::Unknown,
        };
        self.record(key, began, Deed::Wrote { expect, version, told });
        outcome
    }

    /// Whether all that was possible.
    ///
    /// # Errors
    /// The first [`Violation`] found.
    pub fn check(&self) -> Result<(), Violation> {
        check(&self.events())
    }

    /// What was recorded so far.
    pub fn events(&self) -> Vec<Event> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn tick(&self) -> u64 {
        // One total order over all threads, which is what makes the numbers agree with real time.
        self.clock.fetch_add(1, Ordering::SeqCst)
    }

    fn record(&self, key: RecordKey, began: u64, what: Deed) {
        let ended = self.tick();
        let event = Event { key, began, ended, what };
        self.events.lock().unwrap_or_else(PoisonError::into_inner).push(event);
    }
}
