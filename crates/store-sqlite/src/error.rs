//! Faults told apart. No text here holds anything of a record: SQLite's own messages may, so only its codes are used.

use std::path::Path;

use grantor_store::StoreError;
use rusqlite::{Error, ErrorCode, ffi};

/// What an error of SQLite's means to the store's caller.
pub(crate) fn store_error(path: &Path, doing: &str, error: &Error) -> StoreError {
    let text = format!("cannot {doing} {}: {}", path.display(), describe(error));
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            StoreError::Corrupt(format!("{text}; stop the server and restore a backup"))
        }
        Some(_) => StoreError::Unavailable(text),
        // Not SQLite failed but rusqlite, on a value it found.
        None => StoreError::Corrupt(text),
    }
}

/// Whether another connection's lock was in the way.
pub(crate) fn is_busy(error: &Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}

/// Whether the disk had no room for it.
pub(crate) fn is_full(error: &Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::DiskFull)
}

fn describe(error: &Error) -> String {
    match error.sqlite_error() {
        Some(ffi::Error { extended_code, .. }) => {
            format!("{} (SQLite code {extended_code})", ffi::code_to_str(*extended_code))
        }
        None => "a value in it is not of the type that belongs there".to_owned(),
    }
}
