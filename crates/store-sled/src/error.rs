//! Faults told apart. No text here holds anything of a record: sled's own messages may, so only their kind is used.

use std::io::ErrorKind;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use grantor_store::StoreError;
use sled::Error;

const RESTORE: &str = "stop the server, keep a copy of the folder, and restore a backup";

/// Does something with sled. Where sled gives up by a panic, that is an error here: it must not end a thread that others
/// wait for.
pub(crate) fn guarded<T>(work: impl FnOnce() -> sled::Result<T>) -> sled::Result<T> {
    // What sled shares between threads is its own affair; this crate's state is changed outside.
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| Err(Error::ReportableBug(String::new())))
}

/// What an error of sled's means to the store's caller.
pub(crate) fn store_error(path: &Path, doing: &str, error: &Error) -> StoreError {
    let text = |what: &str| format!("cannot {doing} {}: {what}", path.display());
    match error {
        // Not the disk failed, but something is not where the log says.
        Error::Io(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::UnexpectedEof) => {
            StoreError::Corrupt(text(&format!("part of it is missing; {RESTORE}")))
        }
        Error::Io(e) => StoreError::Unavailable(text(&e.to_string())),
        Error::Corruption { .. } => {
            StoreError::Corrupt(text(&format!("a checksum does not fit its data; {RESTORE}")))
        }
        Error::ReportableBug(_) => StoreError::Corrupt(text(&format!("sled gave up on it; {RESTORE}"))),
        Error::Unsupported(_) | Error::CollectionNotFound(_) => {
            StoreError::Corrupt(text(&format!("it is not as this version of sled makes it; {RESTORE}")))
        }
    }
}

/// Whether the disk failed, now or at an earlier write: sled remembers that, and reads tell of it.
pub(crate) fn is_of_the_disk(error: &Error) -> bool {
    matches!(error, Error::Io(e) if !matches!(e.kind(), ErrorKind::NotFound | ErrorKind::UnexpectedEof))
}

/// Whether sled found its file locked.
pub(crate) fn is_locked(error: &Error) -> bool {
    // sled wraps the lock's error in text of its own.
    matches!(error, Error::Io(e) if e.to_string().contains("could not acquire lock"))
}
