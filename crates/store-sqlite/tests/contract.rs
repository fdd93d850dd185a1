//! `SqliteStore` against the contract that every store keeps.
#![allow(clippy::expect_used, reason = "the helpers of tests are as much test, outside a test function")]

#[path = "../../store/tests/contract/mod.rs"]
mod contract;

use std::sync::Arc;

use contract::{Fresh, Shared};
use grantor_store::MemoryStore;
use grantor_store_sqlite::{SqliteOptions, SqliteStore};
use proptest::prelude::*;

fn fresh() -> Fresh {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let store = SqliteStore::open(folder.path().join("contract.db"), SqliteOptions::default())
        .expect("a new database");
    Fresh { store: Arc::new(store), keep: Box::new(folder) }
}

contract_tests!(fresh);

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn answers_as_memory_does(steps in contract::model::steps()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (memory, sqlite): (Shared, Fresh) = (Arc::new(MemoryStore::new()), fresh());
        runtime.block_on(contract::model::agree(&memory, &sqlite.store, steps))?;
    }
}
