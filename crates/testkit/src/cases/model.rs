//! All sentences at once, one operation after another: two stores that must answer alike.

use std::collections::BTreeSet;
use std::fmt;

use grantor_core::Time;
use grantor_core::record::{Expect, Kind, Put, RecordKey, Stored, Under, Version};
use grantor_store::{MemoryStore, PURGE_STRIDE, Page, PutOutcome, StoreError};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestError, TestRunner};
use proptest_state_machine::ReferenceStateMachine;

use crate::ask::{FUTURE, version};
use crate::{Fresh, Shared};

const KINDS: [Kind; 3] = [Kind::Grant, Kind::SubjectGrant, Kind::AccessToken];
const SLOTS: [&str; 5] = ["a", "A", "a-", "b", "é"];
const RESTS: [Option<&str>; 5] = [None, Some(""), Some("1"), Some("2"), Some("/")];

/// The store gives, to any sequence of operations, the answers of [`MemoryStore`], and holds the same records after it.
/// 48 sequences of up to 60 operations; what fails is made small before it is shown.
///
/// # Panics
/// If it does not, and if called on a runtime, since it has one of its own.
pub fn answers_as_memory_does<P>(fresh: impl AsyncFn() -> Fresh<P>) {
    answers_as(async || Fresh::of(MemoryStore::new()), fresh);
}

/// The store gives the answers of another, whatever that is.
///
/// # Panics
/// As [`answers_as_memory_does`].
pub fn answers_as<O, P>(oracle: impl AsyncFn() -> Fresh<O>, fresh: impl AsyncFn() -> Fresh<P>) {
    // A file of failures would lie in this crate's folder, which is not the adapter's.
    let config = Config { cases: 48, failure_persistence: None, ..Config::default() };
    let outcome = TestRunner::new(config).run(&Population::sequential_strategy(1..60), |(_, steps, seen)| {
        crate::run(async {
            let (oracle, fresh) = (oracle().await, fresh().await);
            let mut both = Both { oracle: oracle.store.clone(), store: fresh.store.clone() };
            for step in steps {
                // By this count the runner knows which steps a failure cannot need.
                seen.iter().for_each(|seen| {
                    seen.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                });
                both.take(step).await?;
            }
            both.hold_the_same().await
        })
    });
    match outcome {
        Ok(()) => {}
        Err(TestError::Abort(reason)) => panic!("no sequence could be made: {reason}"),
        Err(TestError::Fail(reason, (_, steps, _))) => panic!("{reason}, in this sequence: {steps:#?}"),
    }
}

/// One operation, in terms that mean the same to both stores.
#[derive(Debug, Clone)]
enum Step {
    Get(RecordKey),
    Put { first: Option<RecordKey>, key: RecordKey, guess: Guess, body: Vec<u8>, keep_until: Option<Time> },
    List { under: Under, after: Option<RecordKey>, limit: usize },
    Purge { before: Time, limit: usize },
}

/// What a put expects, before it is known what stands there.
#[derive(Debug, Clone, Copy)]
enum Guess {
    Right,
    Absent,
    Wrong,
}

/// Which keys were written, so that sequences come back to them. What stands there is the stores' affair.
#[derive(Debug, Clone, Default)]
struct Population(BTreeSet<RecordKey>);

impl ReferenceStateMachine for Population {
    type State = Population;
    type Transition = Step;

    fn init_state() -> BoxedStrategy<Population> {
        Just(Population::default()).boxed()
    }

    fn transitions(population: &Population) -> BoxedStrategy<Step> {
        let known: Vec<_> = population.0.iter().cloned().collect();
        let key = if known.is_empty() {
            any_key().boxed()
        } else {
            prop_oneof![1 => any_key(), 2 => prop::sample::select(known)].boxed()
        };
        let guess = prop_oneof![4 => Just(Guess::Right), 1 => Just(Guess::Absent), 1 => Just(Guess::Wrong)];
        let body = prop::collection::vec(any::<u8>(), 0..24);
        let slot = prop::option::of(prop::sample::select(SLOTS.to_vec()));
        let under = (prop::sample::select(KINDS.to_vec()), slot)
            .prop_map(|(kind, slot)| slot.map_or(Under::Kind(kind), |slot| Under::slot(kind, slot)));
        prop_oneof![
            2 => key.clone().prop_map(Step::Get),
            6 => (prop::option::weighted(0.2, any_key()), key.clone(), guess, body, prop::option::of(moment()))
                .prop_map(|(first, key, guess, body, keep_until)| {
                    Step::Put { first, key, guess, body, keep_until }
                }),
            2 => (under, prop::option::of(key), 0..6_usize)
                .prop_map(|(under, after, limit)| Step::List { under, after, limit }),
            1 => (moment(), 1..4_usize).prop_map(|(before, limit)| Step::Purge { before, limit }),
        ]
        .boxed()
    }

    fn apply(mut population: Population, step: &Step) -> Population {
        if let Step::Put { first, key, .. } = step {
            population.0.extend(first.iter().chain([key]).cloned());
        }
        population
    }
}

fn any_key() -> impl Strategy<Value = RecordKey> + Clone {
    let parts = (
        prop::sample::select(KINDS.to_vec()),
        prop::sample::select(SLOTS.to_vec()),
        prop::sample::select(RESTS.to_vec()),
    );
    parts.prop_map(|(kind, slot, rest)| RecordKey::new(kind, slot, rest))
}

/// Some lie side by side, and some so far apart that a store may keep what ends then in different places.
fn moment() -> impl Strategy<Value = Time> {
    let stride = i64::try_from(PURGE_STRIDE.as_millis()).unwrap_or(i64::MAX);
    (0..3_i64, 0..4_i64).prop_map(move |(strides, millis)| {
        Time::from_unix_millis(FUTURE - FUTURE % stride + strides * stride + millis)
    })
}

struct Both {
    oracle: Shared,
    store: Shared,
}

impl Both {
    async fn take(&mut self, step: Step) -> Result<(), TestCaseError> {
        match step {
            Step::Get(key) => self.get(&key).await.map(drop),
            Step::Put { first, key, guess, body, keep_until } => {
                let standing = self.get(&key).await?.map(|stored| stored.version);
                let expect = match guess {
                    Guess::Right => standing.map_or(Expect::Absent, Expect::Version),
                    Guess::Absent => Expect::Absent,
                    Guess::Wrong => Expect::Version(Version::from_bytes([0xee; 16])),
                };
                let put = Put { key, expect, version: version(), body, keep_until };
                let what = format!("a put of {}", put.key);
                // Whether the first stands where the second does not is the store's own affair.
                let first = first.filter(|first| matches!(guess, Guess::Right) && *first != put.key);
                let (expected, found) = match first {
                    None => (self.oracle.put(put.clone()).await, self.store.put(put).await),
                    Some(key) => {
                        let version = version();
                        let first = Put { key, expect: Expect::Absent, version, ..put.clone() };
                        (
                            self.oracle.put_after(vec![first.clone()], put.clone()).await,
                            self.store.put_after(vec![first], put).await,
                        )
                    }
                };
                alike(what, name(&expected), name(&found))
            }
            Step::List { under, after, limit } => self.list(&under, after.as_ref(), limit).await.map(drop),
            Step::Purge { before, limit } => {
                // Which records a bounded purge takes first is the store's own affair; that they all go is not.
                let expected = crate::ask::purge_all(&self.oracle, before, limit).await;
                alike("a purge", expected, crate::ask::purge_all(&self.store, before, limit).await)
            }
        }
    }

    async fn get(&self, key: &RecordKey) -> Result<Option<Stored>, TestCaseError> {
        let expected = self.oracle.get(key).await.map_err(failed)?;
        alike(format!("a get of {key}"), &expected, &self.store.get(key).await.map_err(failed)?)?;
        Ok(expected)
    }

    async fn list(
        &self,
        under: &Under,
        after: Option<&RecordKey>,
        limit: usize,
    ) -> Result<Page, TestCaseError> {
        let expected = self.oracle.list(under, after, limit).await.map_err(failed)?;
        let found = self.store.list(under, after, limit).await.map_err(failed)?;
        alike(format!("a list under {under:?}"), &expected.keys, &found.keys)?;
        // `more` may be said in vain, but what does follow may not be denied.
        prop_assert!(found.more || !expected.more, "a list under {:?} denies that more follows", under);
        Ok(expected)
    }

    async fn hold_the_same(&self) -> Result<(), TestCaseError> {
        for kind in KINDS {
            for key in self.list(&Under::Kind(kind), None, 999).await?.keys {
                self.get(&key).await?;
            }
        }
        Ok(())
    }
}

fn alike<T: PartialEq + fmt::Debug>(
    what: impl fmt::Display,
    expected: T,
    found: T,
) -> Result<(), TestCaseError> {
    prop_assert!(expected == found, "{} gave {:?} where {:?} is right", what, found, expected);
    Ok(())
}

fn failed(error: StoreError) -> TestCaseError {
    TestCaseError::fail(error.to_string())
}

fn name(outcome: &PutOutcome) -> &'static str {
    match outcome {
        PutOutcome::Applied => "applied",
        PutOutcome::Conflict => "conflict",
        PutOutcome::NotApplied(_) => "not applied",
        PutOutcome::Unknown(_) => "unknown",
    }
}
