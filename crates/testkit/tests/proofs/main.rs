//! Our own policies, proven: the standard profile in every mode, and every preset.

mod documents;
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

proofs! { rotating strict reusing replacing jwts choosing wistia api_video webmaker brightcove flex }
