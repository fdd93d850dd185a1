//! Our own policies, proven: the standard profile in every mode, and every preset.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "the helpers of tests are as much test, outside a test function"
)]

mod documents;
mod explained;
mod known_bad;
mod policies;

macro_rules! proofs {
    ($($policy:ident)*) => {$(
        mod $policy {
            use super::policies::$policy;
            grantor_testkit::prove!($policy);
        }
    )*};
}

/// Those that differ from `rotating` in values, and hardly in steps: every order of two requests is tried by `cargo xtask prove`.
macro_rules! shorter_proofs {
    ($($policy:ident)*) => {$(
        mod $policy {
            use super::policies::$policy;
            use grantor_testkit::proof::Proof;

            #[test]
            fn every_history_keeps_every_promise() {
                Proof::of($policy()).from_function(stringify!($policy)).assert_histories();
            }

            #[test]
            fn every_schedule_that_was_tried_keeps_every_promise() {
                Proof::of($policy()).from_function(stringify!($policy)).assert_by_chance();
            }
        }
    )*};
}

/// Every policy but one is proven in memory alone; this one on a store as well.
mod on_a_store {
    use super::policies::rotating;
    use grantor_store::MemoryStore;
    use grantor_testkit::Fresh;

    async fn fresh() -> Fresh {
        Fresh::of(MemoryStore::new())
    }

    #[test]
    fn every_promise_is_kept() {
        grantor_testkit::proof::Proof::of(rotating()).assert_on_store(fresh);
    }
}

proofs! { rotating choosing wistia api_video webmaker brightcove flex }
shorter_proofs! { strict reusing replacing jwts }
