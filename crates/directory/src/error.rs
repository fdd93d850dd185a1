//! Faults: what kept the directory from answering at all.

use grantor_core::record::CorruptRecord;
use grantor_slowhash::HashFault;
use grantor_store::StoreError;

/// The directory could not do its work. It is never an answer about a user: the server says 503.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A record cannot be read.
    #[error(transparent)]
    Corrupt(#[from] CorruptRecord),
    /// Others changed the same record each time this change was about to be made. Trying again is safe.
    #[error("the record changed too often while it was being written")]
    Contended,
    /// The operating system gave no randomness.
    #[error("the operating system gave no randomness")]
    NoEntropy,
    /// A password could not be hashed, or a stored hash is not one.
    #[error("password hashing failed: {0}")]
    Hashing(String),
    /// A directory other than [`Directory`](crate::Directory) could not do its work.
    #[error("the user directory failed: {0}")]
    Elsewhere(Box<dyn std::error::Error + Send + Sync>),
}

impl From<HashFault> for DirectoryError {
    fn from(fault: HashFault) -> Self {
        DirectoryError::Hashing(fault.to_string())
    }
}
