//! The suite: one test for each case, and their list.

use std::io::Write as _;

/// The whole suite for one store: one `#[test]` for each sentence of [`cases`](crate::cases) that can be asked of it.
///
/// - `fresh`, an `async fn() -> Fresh<P>`: an empty store that no other test uses.
/// - `reopen`, an `async fn(Fresh<P>) -> Fresh<P>`: the same records, in a store opened anew. A store that says it
///   survives its process must give this; one that does not fails `a_store_that_is_not_reopened_claims_nothing`. To let
///   go of the old store first tests the most friendly end; to copy its files and open the copy tests a crash.
/// - `trouble`, an `async fn(&P, Trouble)`: makes operations fail, and ends that.
///
/// They are given in this order, each once. The suite is a module's worth of functions: two stores in one file each get
/// a module.
///
/// # Examples
/// ```
/// mod layered {
///     use grantor_store::{FaultLayer, Faults, MemoryStore};
///     use grantor_testkit::{Fresh, Trouble};
///
///     async fn fresh() -> Fresh<Faults> {
///         let store = FaultLayer::new(MemoryStore::new());
///         Fresh::at(store.faults(), store)
///     }
///
///     async fn trouble(faults: &Faults, trouble: Trouble) {
///         match trouble {
///             Trouble::Begins => faults.seeded(1, 300),
///             Trouble::Ends => faults.none(),
///         }
///     }
///
///     grantor_testkit::conformance!(fresh = fresh, trouble = trouble);
/// }
/// ```
#[macro_export]
macro_rules! conformance {
    (fresh = $fresh:path $(,)?) => {
        $crate::conformance!(@store $fresh);
        $crate::conformance!(@not_reopened $fresh);
        $crate::conformance!(@no_trouble);
    };
    (fresh = $fresh:path, reopen = $reopen:path $(,)?) => {
        $crate::conformance!(@store $fresh);
        $crate::__reopen_cases!([$crate::__with_hook] $fresh, $reopen);
        $crate::conformance!(@no_trouble);
    };
    (fresh = $fresh:path, trouble = $trouble:path $(,)?) => {
        $crate::conformance!(@store $fresh);
        $crate::conformance!(@not_reopened $fresh);
        $crate::__trouble_cases!([$crate::__with_hook] $fresh, $trouble);
    };
    (fresh = $fresh:path, reopen = $reopen:path, trouble = $trouble:path $(,)?) => {
        $crate::conformance!(@store $fresh);
        $crate::__reopen_cases!([$crate::__with_hook] $fresh, $reopen);
        $crate::__trouble_cases!([$crate::__with_hook] $fresh, $trouble);
    };
    (@store $fresh:path) => {
        $crate::__store_cases!([$crate::__with_store] $fresh);
        #[test]
        fn answers_as_memory_does() {
            $crate::cases::answers_as_memory_does($fresh);
        }
    };
    (@not_reopened $fresh:path) => {
        $crate::__with_store!($fresh: a_store_that_is_not_reopened_claims_nothing);
    };
    (@no_trouble) => {
        #[test]
        fn trouble_is_left_out() {
            $crate::skipped("the cases under trouble, for want of `trouble = …`");
        }
    };
}

/// Runs a case on a runtime of its own, with four workers and every driver.
///
/// # Panics
/// Where the case does, and if the machine gives no runtime.
pub fn run<F: Future>(case: F) -> F::Output {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    runtime.worker_threads(4).enable_all().build().expect("a runtime").block_on(case)
}

/// Says on standard output what a suite leaves out, so that nothing is left out in silence.
pub fn skipped(what: &str) {
    // To standard output itself, since the harness keeps back what a passing test prints.
    let _said = writeln!(std::io::stdout(), "skipped: {what}");
}

#[doc(hidden)]
#[macro_export]
macro_rules! __with_store {
    ($fresh:path: $($case:ident)*) => {$(
        #[test]
        fn $case() {
            $crate::run(async {
                let fresh = $fresh().await;
                $crate::cases::$case(fresh.store.clone()).await;
                drop(fresh);
            });
        }
    )*};
}

#[doc(hidden)]
#[macro_export]
macro_rules! __with_hook {
    ($fresh:path, $hook:path: $($case:ident)*) => {$(
        #[test]
        fn $case() {
            $crate::run(async { $crate::cases::$case($fresh().await, $hook).await });
        }
    )*};
}

#[doc(hidden)]
#[macro_export]
macro_rules! __store_cases {
    ([$($with:tt)+] $($fresh:path)?) => {
        $($with)+! { $($fresh:)?
            put_compares_and_sets
            versions_are_compared_whole
            of_racing_puts_one_is_applied
            of_racing_first_puts_one_is_applied
            put_after_is_two_puts_in_order
            of_racing_puts_after_another_one_is_applied
            a_get_after_applied_sees_it
            every_history_is_one_unforked_chain
            info_is_stated
            a_conflict_changes_nothing
            a_put_given_up_is_whole_or_nothing
            bodies_come_back
            versions_and_moments_come_back
            a_record_is_never_torn
            keys_are_exact
            long_keys_are_exact
            kinds_are_apart
            keep_until_hides_nothing
            purge_is_never_early
            purge_reaches_to_its_moment
            purge_goes_by_the_last_write
            purge_spares_what_has_no_end
            purge_is_bounded
            purge_spares_what_is_being_prolonged
            what_was_purged_never_comes_back
            list_is_in_order
            pages_give_each_key_once
            a_slot_is_listed_by_itself
            a_list_begins_after_any_key
            list_misses_nothing_under_writes
            pages_miss_nothing_under_writes
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __reopen_cases {
    ([$($with:tt)+] $($fresh:path, $reopen:path)?) => {
        $($with)+! { $($fresh, $reopen:)?
            what_was_acknowledged_is_there_after_reopening
            what_was_spent_stays_spent_after_reopening
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __trouble_cases {
    ([$($with:tt)+] $($fresh:path, $trouble:path)?) => {
        $($with)+! { $($fresh, $trouble:)?
            under_trouble_every_answer_is_honest
            under_trouble_no_read_lies
            under_trouble_nothing_stands_without_what_comes_first
            after_trouble_the_store_works_again
        }
    };
}

macro_rules! names {
    ($($case:ident)*) => { [$(stringify!($case)),*] };
}

const ALONE: [&str; 2] = ["answers_as_memory_does", "a_store_that_is_not_reopened_claims_nothing"];

/// The name of every case, so that a suite of known-bad stores can tell whether it is whole.
pub const CASES: &[&[&str]] =
    &[&__store_cases!([names]), &ALONE, &__reopen_cases!([names]), &__trouble_cases!([names])];
