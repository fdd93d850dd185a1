//! `SledStore` against the contract that every store keeps.
#![allow(clippy::expect_used, reason = "the helpers of tests are as much test, outside a test function")]

#[path = "../../store/tests/contract/mod.rs"]
mod contract;

use std::sync::Arc;

use contract::{Fresh, Shared};
use grantor_store::MemoryStore;
use grantor_store_sled::{SledOptions, SledStore};
use proptest::prelude::*;

fn fresh() -> Fresh {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let store = SledStore::open(folder.path().join("contract"), SledOptions::default()).expect("a new store");
    Fresh { store: Arc::new(store), keep: Box::new(folder) }
}

contract_tests!(fresh);

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn answers_as_memory_does(steps in contract::model::steps()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (memory, sled): (Shared, Fresh) = (Arc::new(MemoryStore::new()), fresh());
        runtime.block_on(contract::model::agree(&memory, &sled.store, steps))?;
    }
}
