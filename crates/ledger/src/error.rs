//! What kept the ledger from reading or writing.

use grantor_core::record::CorruptRecord;
use grantor_store::StoreError;

/// The ledger could not do its work. It says nothing about anybody.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A record cannot be read.
    #[error(transparent)]
    Corrupt(#[from] CorruptRecord),
}
