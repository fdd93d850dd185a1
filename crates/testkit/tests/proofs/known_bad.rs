//! The proof on stores that are known to be bad: it finds each, tells it shortly, and tells it again.

use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use grantor_core::Time;
use grantor_core::record::{Expect, Kind, Put, RecordKey, Stored, Under};
use grantor_store::{MemoryStore, Page, PutOutcome, Store, StoreError, StoreInfo};
use grantor_testkit::Fresh;
use grantor_testkit::proof::{Budget, Case, Invariant, Proof, Story, assert_holds};

use crate::policies;

/// How a store is bad.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flaw {
    /// The last write wins, whatever was expected.
    DoesNotCompare,
    /// Every so often a write is acknowledged and forgotten.
    Forgets,
    /// What replaces something is acknowledged, and not there.
    KeepsTheFirst,
}

struct Bad {
    inner: MemoryStore,
    flaw: Flaw,
    grants: AtomicU64,
}

impl Bad {
    fn fresh(flaw: Flaw) -> Fresh {
        Fresh::of(Self { inner: MemoryStore::new(), flaw, grants: AtomicU64::new(0) })
    }
}

#[async_trait]
impl Store for Bad {
    async fn get(&self, key: &RecordKey) -> Result<Option<Stored>, StoreError> {
        self.inner.get(key).await
    }

    async fn put(&self, put: Put) -> PutOutcome {
        match (self.flaw, put.key.kind()) {
            (Flaw::DoesNotCompare, _) => {
                let standing = self.inner.get(&put.key).await.unwrap();
                let expect = standing.map_or(Expect::Absent, |stored| Expect::Version(stored.version));
                self.inner.put(Put { expect, ..put }).await
            }
            (Flaw::Forgets, Kind::Grant) if self.grants.fetch_add(1, Ordering::Relaxed) % 3 == 2 => {
                PutOutcome::Applied
            }
            (Flaw::KeepsTheFirst, Kind::Grant) if put.expect != Expect::Absent => PutOutcome::Applied,
            (Flaw::Forgets | Flaw::KeepsTheFirst, _) => self.inner.put(put).await,
        }
    }

    async fn list(&self, under: &Under, after: Option<&RecordKey>, limit: usize) -> Result<Page, StoreError> {
        self.inner.list(under, after, limit).await
    }

    async fn purge(&self, before: Time, limit: usize) -> Result<usize, StoreError> {
        self.inner.purge(before, limit).await
    }

    async fn info(&self) -> Result<StoreInfo, StoreError> {
        self.inner.info().await
    }
}

fn hunt(flaw: Flaw, seed: u64) -> Box<Story> {
    let budget = Budget { on_store: 1_000, seed, ..Budget::default() };
    let proof = Proof::of(policies::rotating()).from_function("policy").budget(budget);
    proof.on_store(async || Bad::fresh(flaw)).expect_err("a bad store is found")
}

#[test]
fn each_bad_store_is_found_and_its_story_is_short() {
    for (flaw, invariants) in [
        (
            Flaw::DoesNotCompare,
            &[Invariant::CodeOnce, Invariant::RefreshReplacedIsOver, Invariant::RevokedIsOver][..],
        ),
        (
            Flaw::Forgets,
            &[
                Invariant::ToldIsSo,
                Invariant::RightIsLetPass,
                Invariant::RevokedIsOver,
                Invariant::CodeReplayEndsTheGrant,
            ],
        ),
        (Flaw::KeepsTheFirst, &[Invariant::ToldIsSo]),
    ] {
        let story = hunt(flaw, 1);
        assert!(invariants.contains(&story.invariant), "{flaw:?} is told as {story}");
        assert!(story.length() <= 4, "{story}");
    }
}

#[test]
fn a_seed_leads_to_the_same_story_again() {
    let story = hunt(Flaw::DoesNotCompare, 1);
    let again = hunt(Flaw::DoesNotCompare, story.seed.unwrap());
    assert_eq!(again.tries, 1);
    assert_eq!((&again.case, again.sentence()), (&story.case, story.sentence()));
}

// A promise that is broken only where the store is bad: on a good one, the pasted test passes.
#[test]
fn a_story_is_told_in_sentences_and_as_a_test_that_compiles() {
    let story = hunt(Flaw::KeepsTheFirst, 1);
    assert_eq!(
        story.sentence(),
        "alice approves what web asks, web redeems the code: the token is worth nothing"
    );
    assert_eq!(format!("{}\n", story.test().trim_end()), include_str!("pasted.rs"));
    assert_holds(&policies::rotating(), &story.case);
    assert!(Case::default().is_empty() && !story.case.is_empty());
}

mod pasted {
    use crate::policies::rotating as policy;
    include!("pasted.rs");
}
