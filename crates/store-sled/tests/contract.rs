//! `SledStore` against the contract that every store keeps.
#![allow(clippy::unwrap_used, reason = "the helpers of tests are as much test, outside a test function")]

use std::path::Path;

use grantor_store_sled::{SledOptions, SledStore};
use grantor_testkit::{Fresh, Trouble};
use tempfile::TempDir;

fn at(folder: TempDir) -> Fresh<TempDir> {
    let store = SledStore::open(folder.path().join("contract"), SledOptions::default()).unwrap();
    Fresh::at(folder, store)
}

async fn fresh() -> Fresh<TempDir> {
    at(tempfile::tempdir().unwrap())
}

/// As after a sudden end: the files as they lie there, while the old store is still open and may not tidy up.
async fn reopen(old: Fresh<TempDir>) -> Fresh<TempDir> {
    let copy = tempfile::tempdir().unwrap();
    copy_folder(old.place.path(), copy.path());
    at(copy)
}

fn copy_folder(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            std::fs::create_dir(&target).unwrap();
            copy_folder(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// The log is not where it was, as when somebody restores the folder under an open store: nothing can be written that
/// anyone would find again.
async fn trouble(place: &TempDir, trouble: Trouble) {
    let folder = place.path().join("contract");
    let (log, away) = (folder.join("records").join("db"), folder.join("away"));
    match trouble {
        Trouble::Begins => std::fs::rename(log, away).unwrap(),
        Trouble::Ends => std::fs::rename(away, log).unwrap(),
    }
}

grantor_testkit::conformance!(fresh = fresh, reopen = reopen, trouble = trouble);
