//! Random sequences of operations, for two stores that must answer alike.

use grantor_core::Time;
use grantor_core::record::{Expect, Kind, Put, RecordKey, Under, Version};
use grantor_store::PutOutcome;
use proptest::prelude::*;

use super::{Shared, version};

/// One operation, in terms that mean the same to both stores.
#[derive(Debug, Clone)]
pub enum Step {
    Get(RecordKey),
    Put { key: RecordKey, guess: Guess, body: Vec<u8>, keep_until: Option<Time> },
    List { under: Under, after: Option<RecordKey>, limit: usize },
    Purge(Time),
}

/// What a put expects, before it is known what stands there.
#[derive(Debug, Clone, Copy)]
pub enum Guess {
    Right,
    Absent,
    Wrong,
}

fn key() -> impl Strategy<Value = RecordKey> {
    let kind = prop::sample::select(vec![Kind::Grant, Kind::SubjectGrant]);
    let slot = prop::sample::select(vec!["a", "a-", "b", "é"]);
    let rest = prop::option::of(prop::sample::select(vec!["", "1", "2", "/"]));
    (kind, slot, rest).prop_map(|(kind, slot, rest)| RecordKey::new(kind, slot, rest))
}

fn moment() -> impl Strategy<Value = Time> {
    (0..8_i64).prop_map(Time::from_unix_millis)
}

fn step() -> impl Strategy<Value = Step> {
    let guess = prop_oneof![4 => Just(Guess::Right), 1 => Just(Guess::Absent), 1 => Just(Guess::Wrong)];
    let body = prop::collection::vec(any::<u8>(), 0..24);
    let kind = prop::sample::select(vec![Kind::Grant, Kind::SubjectGrant]);
    let under = (kind, prop::option::of(prop::sample::select(vec!["a", "a-", "b", "é"])))
        .prop_map(|(kind, slot)| slot.map_or(Under::Kind(kind), |slot| Under::slot(kind, slot)));
    prop_oneof![
        2 => key().prop_map(Step::Get),
        5 => (key(), guess, body, prop::option::of(moment()))
            .prop_map(|(key, guess, body, keep_until)| Step::Put { key, guess, body, keep_until }),
        2 => (under, prop::option::of(key()), 0..6_usize)
            .prop_map(|(under, after, limit)| Step::List { under, after, limit }),
        1 => moment().prop_map(Step::Purge),
    ]
}

/// Sequences worth a store of their own.
pub fn steps() -> impl Strategy<Value = Vec<Step>> {
    prop::collection::vec(step(), 1..60)
}

/// Takes the steps on both stores and compares every answer, and at the end every record.
pub async fn agree(left: &Shared, right: &Shared, steps: Vec<Step>) -> Result<(), TestCaseError> {
    for step in steps {
        match step {
            Step::Get(key) => {
                prop_assert_eq!(left.get(&key).await.unwrap(), right.get(&key).await.unwrap());
            }
            Step::Put { key, guess, body, keep_until } => {
                let standing = left.get(&key).await.unwrap().map(|stored| stored.version);
                let expect = match guess {
                    Guess::Right => standing.map_or(Expect::Absent, Expect::Version),
                    Guess::Absent => Expect::Absent,
                    Guess::Wrong => Expect::Version(Version::from_bytes([0xee; 16])),
                };
                let put = Put { key, expect, version: version(), body, keep_until };
                prop_assert_eq!(name(&left.put(put.clone()).await), name(&right.put(put).await));
            }
            Step::List { under, after, limit } => {
                let (one, other) = (
                    left.list(&under, after.as_ref(), limit).await,
                    right.list(&under, after.as_ref(), limit).await,
                );
                prop_assert_eq!(one.unwrap(), other.unwrap());
            }
            Step::Purge(before) => {
                // Which records a bounded purge takes first is the store's own affair; that they all go is not.
                prop_assert_eq!(drain(left, before).await, drain(right, before).await);
            }
        }
    }
    for kind in [Kind::Grant, Kind::SubjectGrant] {
        let (one, other) =
            (left.list(&Under::Kind(kind), None, 999).await, right.list(&Under::Kind(kind), None, 999).await);
        let (one, other) = (one.unwrap(), other.unwrap());
        prop_assert_eq!(&one, &other);
        for key in &one.keys {
            prop_assert_eq!(left.get(key).await.unwrap(), right.get(key).await.unwrap());
        }
    }
    Ok(())
}

async fn drain(store: &Shared, before: Time) -> usize {
    let mut total = 0;
    loop {
        let removed = store.purge(before, 2).await.unwrap();
        total += removed;
        if removed < 2 {
            return total;
        }
    }
}

fn name(outcome: &PutOutcome) -> &'static str {
    match outcome {
        PutOutcome::Applied => "applied",
        PutOutcome::Conflict => "conflict",
        PutOutcome::NotApplied(_) => "not applied",
        PutOutcome::Unknown(_) => "unknown",
    }
}
