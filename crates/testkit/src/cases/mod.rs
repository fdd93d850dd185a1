//! The cases: each is a sentence that holds of every store, or it panics.
//!
//! Those on one store take it empty. [`conformance!`](crate::conformance) makes a test of each; an adapter's test may
//! also call one by itself, say on a store behind a proxy.

mod compare;
mod given_back;
mod listing;
mod model;
mod purging;
mod racing;
mod reopening;
mod together;
mod trouble;

pub use compare::{
    a_conflict_changes_nothing, a_store_that_is_not_reopened_claims_nothing, info_is_stated,
    put_compares_and_sets, versions_are_compared_whole,
};
pub use given_back::{
    bodies_come_back, keys_are_exact, kinds_are_apart, long_keys_are_exact, versions_and_moments_come_back,
};
pub use listing::{
    a_list_begins_after_any_key, a_slot_is_listed_by_itself, list_is_in_order,
    list_misses_nothing_under_writes, pages_give_each_key_once, pages_miss_nothing_under_writes,
};
pub use model::{answers_as, answers_as_memory_does};
pub use purging::{
    keep_until_hides_nothing, purge_goes_by_the_last_write, purge_is_bounded, purge_is_never_early,
    purge_reaches_to_its_moment, purge_spares_what_has_no_end, purge_spares_what_is_being_prolonged,
    what_was_purged_never_comes_back,
};
pub use racing::{
    a_get_after_applied_sees_it, a_put_given_up_is_whole_or_nothing, a_record_is_never_torn,
    every_history_is_one_unforked_chain, of_racing_first_puts_one_is_applied, of_racing_puts_one_is_applied,
};
pub use reopening::{
    what_was_acknowledged_is_there_after_reopening, what_was_spent_stays_spent_after_reopening,
};
pub use together::{
    of_racing_puts_after_another_one_is_applied, put_after_is_two_puts_in_order,
    under_trouble_nothing_stands_without_what_comes_first,
};
pub use trouble::{
    after_trouble_the_store_works_again, under_trouble_every_answer_is_honest, under_trouble_no_read_lies,
};
