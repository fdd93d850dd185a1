//! The adapter of the guide, `docs/testing-a-store.md`, and its proof.
#![allow(clippy::unwrap_used, reason = "the helpers of tests are as much test, outside a test function")]

mod adapter;

use adapter::LogStore;
use grantor_testkit::Fresh;
use tempfile::TempDir;

async fn fresh() -> Fresh<TempDir> {
    let folder = tempfile::tempdir().unwrap();
    let store = LogStore::open(&folder.path().join("log")).unwrap();
    Fresh::at(folder, store)
}

/// A copy of the file, while the old store is open and had no chance to tidy up: what a crash leaves.
async fn reopen(old: Fresh<TempDir>) -> Fresh<TempDir> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy(old.place.path().join("log"), folder.path().join("log")).unwrap();
    let store = LogStore::open(&folder.path().join("log")).unwrap();
    Fresh::at(folder, store)
}

grantor_testkit::conformance!(fresh = fresh, reopen = reopen);

#[test]
fn the_guide_shows_this_adapter() {
    let guide = include_str!("../../../../docs/testing-a-store.md");
    assert!(guide.contains(include_str!("adapter.rs")), "copy adapter.rs into the guide");
}
