//! `MemoryStore` against the contract. That the contract's suite finds what is wrong is for its own tests to show, and
//! so is a comparison of `MemoryStore` with a plainer store yet.

use std::sync::Arc;

use grantor_core::record::Expect;
use grantor_store::{MemoryStore, PutOutcome, Store};
use grantor_testkit::ask::{key, put};
use grantor_testkit::{Fresh, Shared};

async fn fresh() -> Fresh {
    Fresh::of(MemoryStore::new())
}

grantor_testkit::conformance!(fresh = fresh);

#[tokio::test]
async fn a_pointer_to_a_store_is_that_store() {
    let store: Shared = Arc::new(MemoryStore::new());
    let behind: Box<dyn Store> = Box::new(store.clone());
    let key = key("a");
    assert!(matches!(behind.put(put(&key, Expect::Absent)).await, PutOutcome::Applied));
    assert!(store.get(&key).await.unwrap().is_some());
    assert_eq!(behind.info().await.unwrap().records, Some(1));
}
