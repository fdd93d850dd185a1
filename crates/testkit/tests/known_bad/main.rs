//! The suite against stores that break the contract: each is caught, by the case that its row names, and there is no
//! case that catches nothing.
#![allow(clippy::unwrap_used, reason = "the helpers of tests are as much test, outside a test function")]

mod flawed;
mod lying;

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use flawed::{Flaw, Flawed};
use grantor_store::{Faults, MemoryStore};
use grantor_testkit::{CASES, Fresh, Trouble, cases, run};
use lying::{Lie, Lying};

/// What can be wrong with a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Bad {
    Flaw(Flaw),
    Lie(Lie),
}

struct Place {
    store: Arc<Flawed>,
    faults: Faults,
}

fn over(store: Arc<Flawed>, lie: Option<Lie>) -> Fresh<Place> {
    let lying = Lying::new(store.clone(), lie);
    Fresh::at(Place { store, faults: lying.faults() }, lying)
}

fn with(bad: Bad) -> Fresh<Place> {
    match bad {
        Bad::Flaw(flaw) => over(Flawed::new(Some(flaw)), None),
        Bad::Lie(lie) => over(Flawed::new(None), Some(lie)),
    }
}

async fn fresh() -> Fresh<Place> {
    over(Flawed::new(None), None)
}

async fn reopen(old: Fresh<Place>) -> Fresh<Place> {
    over(old.place.store.reopened(), None)
}

async fn trouble(place: &Place, trouble: Trouble) {
    match trouble {
        Trouble::Begins => place.faults.seeded(1, 300),
        Trouble::Ends => place.faults.none(),
    }
}

mod the_sound_store {
    grantor_testkit::conformance!(fresh = super::fresh, reopen = super::reopen, trouble = super::trouble);
}

#[test]
fn memory_answers_as_the_plainest_store_does() {
    cases::answers_as(fresh, async || Fresh::of(MemoryStore::new()));
}

/// A store, and the case that catches it.
struct Row {
    bad: Bad,
    case: &'static str,
    run: fn(Bad),
}

macro_rules! rows {
    (@run $case:ident store) => { |bad| run(async { cases::$case(with(bad).store).await }) };
    (@run $case:ident reopen) => { |bad| run(async { cases::$case(with(bad), reopen).await }) };
    (@run $case:ident trouble) => { |bad| run(async { cases::$case(with(bad), trouble).await }) };
    (@run $case:ident model) => { |bad| cases::$case(async || with(bad)) };
    ($($kind:ident $case:ident: $($bad:path),+;)*) => {
        vec![$($(Row { bad: bad($bad), case: stringify!($case), run: rows!(@run $case $kind) },)+)*]
    };
}

impl From<Flaw> for Bad {
    fn from(flaw: Flaw) -> Self {
        Bad::Flaw(flaw)
    }
}

impl From<Lie> for Bad {
    fn from(lie: Lie) -> Self {
        Bad::Lie(lie)
    }
}

fn bad(bad: impl Into<Bad>) -> Bad {
    bad.into()
}

#[rustfmt::skip]
fn rows() -> Vec<Row> {
    rows! {
        store put_compares_and_sets: Flaw::IgnoresWhatIsExpected, Flaw::SaysAppliedForConflict;
        store versions_are_compared_whole: Flaw::ComparesHalfOfVersions;
        store of_racing_puts_one_is_applied: Flaw::ChecksThenWrites;
        store of_racing_first_puts_one_is_applied: Flaw::ChecksThenInserts;
        store put_after_is_two_puts_in_order: Flaw::ForgetsWhatComesFirst, Flaw::GoesOnWithoutTheFirst;
        store of_racing_puts_after_another_one_is_applied: Flaw::ChecksBothThenWrites;
        store a_get_after_applied_sees_it: Flaw::AnswersBeforeItWrites, Flaw::LosesAWriteNowAndThen;
        store every_history_is_one_unforked_chain: Flaw::ReadsFromAReplica, Flaw::ChecksThenWrites, Flaw::LosesAWriteNowAndThen;
        store info_is_stated: Flaw::NamesNothing;
        store a_store_that_is_not_reopened_claims_nothing: Flaw::ClaimsToSurvive;
        store a_conflict_changes_nothing: Flaw::WritesOnConflict;
        store a_put_given_up_is_whole_or_nothing: Flaw::TearsWhenGivenUp;
        store bodies_come_back: Flaw::ReadsBodiesAsText, Flaw::CutsLongBodies, Flaw::TakesEmptyForAbsent;
        store versions_and_moments_come_back: Flaw::RoundsMomentsToSeconds;
        store a_record_is_never_torn: Flaw::TearsWrites;
        store keys_are_exact: Flaw::ForgetsCase, Flaw::TrimsKeys, Flaw::ReadsKeysAsNumbers;
        store long_keys_are_exact: Flaw::CutsLongKeys;
        store kinds_are_apart: Flaw::ForgetsKinds;
        store keep_until_hides_nothing: Flaw::HidesWhatIsOver;
        store purge_is_never_early: Flaw::PurgesTheMomentItself;
        store purge_reaches_to_its_moment: Flaw::PurgesWholeStrides;
        store purge_goes_by_the_last_write: Flaw::KeepsTheFirstEnd;
        store purge_spares_what_has_no_end: Flaw::PurgesWhatHasNoEnd;
        store purge_is_bounded: Flaw::PurgesBeyondItsLimit, Flaw::UnderstatesItsPurge;
        store purge_spares_what_is_being_prolonged: Flaw::LooksThenPurges;
        store what_was_purged_never_comes_back: Flaw::RevivesWhatWasPurged, Flaw::ListsWhatWasPurged;
        store list_is_in_order: Flaw::ListsUnordered;
        store pages_give_each_key_once: Flaw::ListsAgainWhatCameBefore, Flaw::SaysThereIsNoMore;
        store a_slot_is_listed_by_itself: Flaw::ListsByPrefixWithoutSlash;
        store a_list_begins_after_any_key: Flaw::StartsOverAfterAnAbsentKey, Flaw::ForgetsTheKindOfAfter;
        store list_misses_nothing_under_writes: Flaw::LosesListEntries;
        store pages_miss_nothing_under_writes: Flaw::PagesByRank;
        model answers_as_memory_does: Flaw::LosesTheEndOnTheThirdWrite, Flaw::SaysThereIsNoMore;
        reopen what_was_acknowledged_is_there_after_reopening: Flaw::AnswersBeforeItIsDurable;
        reopen what_was_spent_stays_spent_after_reopening: Flaw::ForgetsItsPurges;
        trouble under_trouble_every_answer_is_honest: Lie::SaysNotAppliedForUnknown, Lie::SaysConflictForUnknown,
            Lie::SaysAppliedForUnknown, Lie::RetriesWhatItDoesNotKnow, Lie::WritesLate;
        trouble under_trouble_no_read_lies: Lie::ReadsNothing, Lie::ListsNothing;
        trouble under_trouble_nothing_stands_without_what_comes_first: Lie::SaysAppliedForUnknown;
        trouble after_trouble_the_store_works_again: Lie::StaysBroken;
    }
}

#[test]
fn each_bad_store_is_caught_by_the_case_that_is_for_it() {
    let escaped: Vec<_> = (rows().into_iter())
        .filter(|row| catch_unwind(AssertUnwindSafe(|| (row.run)(row.bad))).is_ok())
        .map(|row| format!("{:?} passes {}", row.bad, row.case))
        .collect();
    assert_eq!(escaped, Vec::<String>::new());
}

#[test]
fn no_bad_store_is_left_out() {
    let all = Flaw::ALL.iter().map(|flaw| Bad::Flaw(*flaw)).chain(Lie::ALL.map(Bad::Lie));
    let rows = rows();
    let left_out: Vec<_> = all.filter(|bad| rows.iter().all(|row| row.bad != *bad)).collect();
    assert_eq!(left_out, []);
}

#[test]
fn no_case_catches_nothing() {
    let cases: BTreeSet<_> = CASES.iter().copied().flatten().copied().collect();
    let caught_by: BTreeSet<_> = rows().iter().map(|row| row.case).collect();
    assert_eq!(cases, caught_by);
}

#[test]
fn trouble_that_makes_no_trouble_is_found() {
    let idle = async |_: &Place, _: Trouble| {};
    let case = || run(async { cases::under_trouble_every_answer_is_honest(fresh().await, idle).await });
    assert!(catch_unwind(AssertUnwindSafe(case)).is_err());
}
