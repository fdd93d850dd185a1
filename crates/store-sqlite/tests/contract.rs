//! `SqliteStore` against the contract that every store keeps.
#![allow(clippy::unwrap_used, reason = "the helpers of tests are as much test, outside a test function")]

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use grantor_store_sqlite::{SqliteOptions, SqliteStore};
use grantor_testkit::{Fresh, Trouble};
use rusqlite::Connection;
use tempfile::TempDir;

/// A database's folder, and a connection that can lock it.
struct Place {
    folder: TempDir,
    other: Mutex<Connection>,
}

fn at(folder: TempDir) -> Fresh<Place> {
    let path = folder.path().join("contract.db");
    // No more patience than it takes, or the cases under trouble would wait for the lock at each of their puts.
    let options = SqliteOptions { busy_timeout: Duration::from_millis(20), ..SqliteOptions::default() };
    let store = SqliteStore::open(&path, options).unwrap();
    let other = Mutex::new(Connection::open(&path).unwrap());
    Fresh::at(Place { folder, other }, store)
}

async fn fresh() -> Fresh<Place> {
    at(tempfile::tempdir().unwrap())
}

/// As after a sudden end: the files as they lie there, log and all, while the old store is still open and may not tidy up.
async fn reopen(old: Fresh<Place>) -> Fresh<Place> {
    let copy = tempfile::tempdir().unwrap();
    for file in std::fs::read_dir(old.place.folder.path()).unwrap().map(Result::unwrap) {
        let name = file.file_name();
        // The index of the log belongs to the processes that have it open, and is made again.
        if !name.to_string_lossy().ends_with("-shm") {
            std::fs::copy(file.path(), copy.path().join(name)).unwrap();
        }
    }
    at(copy)
}

/// Another process holds the lock.
async fn trouble(place: &Place, trouble: Trouble) {
    let other = place.other.lock().unwrap_or_else(PoisonError::into_inner);
    let sql = match trouble {
        Trouble::Begins => "PRAGMA busy_timeout = 5000; BEGIN EXCLUSIVE",
        Trouble::Ends => "COMMIT",
    };
    other.execute_batch(sql).unwrap();
}

grantor_testkit::conformance!(fresh = fresh, reopen = reopen, trouble = trouble);
