//! The history checker: planted violations are found, and on small histories it agrees with trying every order.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "the helpers of tests are as much test, outside a test function"
)]

use std::cell::Cell;

use grantor_core::record::{Expect, RecordKey, Version};
use grantor_testkit::ask::key;
use grantor_testkit::history::{Deed, Event, Told, Violation, check};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

fn v(number: u8) -> Version {
    Version::from_bytes([number; 16])
}

/// What is replaced, 0 for nothing.
fn expect(number: u8) -> Expect {
    if number == 0 { Expect::Absent } else { Expect::Version(v(number)) }
}

fn wrote(before: u8, version: u8, told: Told, began: u64, ended: u64) -> Event {
    let what = Deed::Wrote { expect: expect(before), version: v(version), told };
    Event { key: key("k"), began, ended, what }
}

fn applied(before: u8, version: u8, began: u64, ended: u64) -> Event {
    wrote(before, version, Told::Applied, began, ended)
}

/// A read of a write, 0 for nothing.
fn saw(version: u8, began: u64, ended: u64) -> Event {
    let what = Deed::Saw((version > 0).then(|| v(version)));
    Event { key: key("k"), began, ended, what }
}

fn k() -> RecordKey {
    key("k")
}

#[test]
fn what_can_happen_passes() {
    let possible: [(&str, Vec<Event>); 10] = [
        ("one after another", vec![saw(0, 1, 2), applied(0, 1, 3, 4), applied(1, 2, 5, 6), saw(2, 7, 8)]),
        (
            "reads of both states during a write",
            vec![applied(0, 1, 1, 9), saw(0, 2, 3), saw(1, 4, 5), saw(1, 6, 7)],
        ),
        ("a write seen before its answer", vec![applied(0, 1, 1, 9), saw(1, 2, 3), applied(1, 2, 4, 5)]),
        ("a lost answer that stands", vec![wrote(0, 1, Told::Unknown, 1, 2), saw(1, 3, 4)]),
        (
            "a lost answer that never stands",
            vec![wrote(0, 1, Told::Unknown, 1, 2), saw(0, 3, 4), applied(0, 2, 5, 6)],
        ),
        ("a lost answer that comes late", vec![wrote(0, 1, Told::Unknown, 1, 2), saw(0, 3, 4), saw(1, 5, 6)]),
        ("a lost answer known by its successor", vec![wrote(0, 1, Told::Unknown, 1, 2), applied(1, 2, 3, 4)]),
        ("a conflict with a concurrent write", vec![applied(0, 1, 1, 9), wrote(0, 2, Told::Conflict, 2, 3)]),
        (
            "a conflict with a lost answer",
            vec![wrote(0, 1, Told::Unknown, 1, 2), wrote(0, 2, Told::Conflict, 3, 4)],
        ),
        ("a conflict with what never was", vec![applied(0, 1, 1, 2), wrote(9, 2, Told::Conflict, 3, 4)]),
    ];
    for (what, events) in possible {
        assert_eq!(check(&events), Ok(()), "{what}");
    }
}

#[test]
fn what_cannot_happen_is_named() {
    let planted: [(&str, Vec<Event>, Violation); 12] = [
        ("an empty history", vec![], Violation::Empty),
        (
            "one version twice",
            vec![applied(0, 1, 1, 2), applied(1, 1, 3, 4)],
            Violation::VersionTwice(k(), v(1)),
        ),
        ("a fork", vec![applied(0, 1, 1, 9), applied(0, 2, 2, 8)], Violation::Forked(k(), v(1), v(2))),
        (
            "a fork with a lost answer that was seen",
            vec![applied(0, 1, 1, 9), wrote(0, 2, Told::Unknown, 2, 8), saw(2, 3, 4)],
            Violation::Forked(k(), v(1), v(2)),
        ),
        ("a read of nobody's write", vec![saw(7, 1, 2)], Violation::FromNowhere(k(), v(7))),
        ("a write on nobody's write", vec![applied(7, 1, 1, 2)], Violation::FromNowhere(k(), v(7))),
        (
            "a conflict that stands",
            vec![applied(0, 1, 1, 2), wrote(0, 2, Told::Conflict, 3, 4), saw(2, 5, 6)],
            Violation::RefusedStands(k(), v(2)),
        ),
        (
            "a put that was not applied and comes late",
            vec![wrote(0, 1, Told::NotApplied, 1, 2), saw(0, 3, 4), applied(1, 2, 5, 6)],
            Violation::RefusedStands(k(), v(1)),
        ),
        ("a ring", vec![applied(2, 1, 1, 2), applied(1, 2, 3, 4)], Violation::Unfounded(k(), v(2))),
        (
            "a conflict in spite of all",
            vec![applied(0, 1, 1, 2), wrote(1, 2, Told::Conflict, 3, 4), saw(1, 5, 6)],
            Violation::FalseConflict(k(), v(2)),
        ),
        (
            "a conflict with a lost answer that had not come yet",
            vec![wrote(0, 1, Told::Unknown, 1, 2), wrote(0, 2, Told::Conflict, 3, 4), saw(0, 5, 6)],
            Violation::FalseConflict(k(), v(2)),
        ),
        (
            "a conflict with what is absent",
            vec![wrote(0, 1, Told::Conflict, 1, 2), applied(0, 2, 3, 4)],
            Violation::FalseConflict(k(), v(1)),
        ),
    ];
    for (what, events, violation) in planted {
        assert_eq!(check(&events), Err(violation), "{what}");
    }
}

#[test]
fn what_comes_at_the_wrong_time_is_found() {
    let planted: [(&str, Vec<Event>); 7] = [
        ("nothing is read after an acknowledgement", vec![applied(0, 1, 1, 2), saw(0, 3, 4)]),
        ("a stale read", vec![applied(0, 1, 1, 2), applied(1, 2, 3, 4), saw(1, 5, 6)]),
        ("a read before its write", vec![saw(1, 1, 2), applied(0, 1, 3, 4)]),
        ("reads that go back", vec![applied(0, 1, 1, 2), applied(1, 2, 3, 20), saw(2, 5, 6), saw(1, 7, 8)]),
        ("a write before what it replaces", vec![applied(1, 2, 1, 2), applied(0, 1, 3, 4)]),
        (
            "a lost answer that comes and goes",
            vec![wrote(0, 1, Told::Unknown, 1, 2), saw(1, 3, 4), saw(0, 5, 6)],
        ),
        (
            "a late successor that pins a stale read",
            vec![applied(0, 1, 1, 30), applied(1, 2, 2, 30), saw(2, 3, 4), saw(0, 5, 6)],
        ),
    ];
    for (what, events) in planted {
        let found = check(&events);
        assert!(matches!(found, Err(Violation::NoMoment(..))), "{what}: {found:?}");
    }
}

#[test]
fn keys_do_not_disturb_one_another() {
    let elsewhere = |event: Event| Event { key: key("other"), ..event };
    assert_eq!(check(&[applied(0, 1, 1, 2), elsewhere(saw(0, 3, 4))]), Ok(()));
    let stale = [saw(0, 1, 2), elsewhere(applied(0, 1, 3, 4)), elsewhere(saw(0, 5, 6))];
    assert!(matches!(check(&stale), Err(Violation::NoMoment(at, ..)) if at == key("other")));
}

/// Whether some order of the events, consistent with real time, gives these answers: by trying them all.
fn possible(state: u8, left: &[(u64, u64, Small)]) -> bool {
    if left.iter().all(|(_, _, small)| small.told == Some(Told::Unknown)) {
        return true;
    }
    // Whatever comes next must not have begun after another had ended. What nobody knows may end at any time.
    let end =
        |event: &(u64, u64, Small)| if event.2.told == Some(Told::Unknown) { u64::MAX } else { event.1 };
    let first_end = left.iter().map(end).min().unwrap_or(u64::MAX);
    (0..left.len()).any(|at| {
        let (began, _, small) = left[at];
        let mut rest = left.to_vec();
        rest.remove(at);
        began < first_end
            && match small.told {
                None => small.before == state && possible(state, &rest),
                Some(Told::Applied) => small.before == state && possible(small.version, &rest),
                Some(Told::Conflict) => small.before != state && possible(state, &rest),
                Some(Told::NotApplied) => possible(state, &rest),
                Some(Told::Unknown) => small.before == state && possible(small.version, &rest),
            }
    })
}

/// A put that expects `before`, or, told nothing, a read that saw it.
#[derive(Debug, Clone, Copy)]
struct Small {
    before: u8,
    version: u8,
    told: Option<Told>,
}

fn histories() -> impl Strategy<Value = Vec<(u64, u64, Small)>> {
    let told = prop_oneof![
        4 => Just(None),
        5 => Just(Some(Told::Applied)),
        1 => Just(Some(Told::Conflict)),
        1 => Just(Some(Told::NotApplied)),
        2 => Just(Some(Told::Unknown)),
    ];
    (1..7_usize).prop_flat_map(move |count| {
        let last = u8::try_from(count).unwrap();
        let events = prop::collection::vec((0..=last, told.clone()), count);
        // Every begin and end at a moment of its own.
        let moments = Just((0..2 * count as u64).collect::<Vec<_>>()).prop_shuffle();
        (events, moments).prop_map(|(events, moments)| {
            let pairs = moments.chunks(2).map(|pair| (pair[0].min(pair[1]), pair[0].max(pair[1])));
            let mut all: Vec<_> = events.into_iter().zip(pairs).collect();
            // In order of beginning, so that versions grow with time and chains are likely.
            all.sort_by_key(|(_, (began, _))| *began);
            let numbered = all.into_iter().zip(1_u8..);
            numbered
                .map(|(((before, told), (began, ended)), version)| {
                    (began, ended, Small { before: before.min(version), version, told })
                })
                .collect()
        })
    })
}

#[test]
fn small_histories_are_judged_as_by_trying_every_order() {
    let judged = [Cell::new(0), Cell::new(0)];
    let config = ProptestConfig { cases: 6_000, failure_persistence: None, ..ProptestConfig::default() };
    let outcome = TestRunner::new(config).run(&histories(), |history| {
        let events: Vec<Event> = (history.iter())
            .map(|(began, ended, small)| match small.told {
                None => saw(small.before, *began, *ended),
                Some(told) => wrote(small.before, small.version, told, *began, *ended),
            })
            .collect();
        let possible = possible(0, &history);
        let count = &judged[usize::from(possible)];
        count.set(count.get() + 1);
        // Conflicts are judged one by one, so that two of them together may pass; the module says so.
        let conflicts = history.iter().filter(|(_, _, small)| small.told == Some(Told::Conflict)).count();
        match check(&events) {
            Ok(()) => prop_assert!(possible || conflicts > 1, "an impossible history passes"),
            Err(violation) => prop_assert!(!possible, "a possible history is refused: {}", violation),
        }
        Ok(())
    });
    outcome.unwrap_or_else(|failure| panic!("{failure}"));
    // Neither verdict is so rare that the comparison would be empty.
    assert!(judged.iter().all(|count| count.get() > 1_000), "{judged:?}");
}
