//! grantor's store on SQLite: one file, one writer thread, no server.
//!
//! **Invariant: an answer leaves after the commit that makes it true.** Puts queue for one thread, which takes as many as
//! wait, makes each compare-and-set one statement of one transaction, commits once, and then answers them all. So one
//! flush to disk serves every put that waited, and the more wait, the less each costs.
//!
//! Who reads the folder: `options` is what an operator chooses, `open` makes or checks the file, `schema` is what is in
//! it, `reader` and `writer` are the two ways through, `check` reads everything, `error` tells faults apart.

mod check;
mod error;
mod file;
mod open;
mod options;
mod reader;
mod schema;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use grantor_core::Time;
use grantor_core::record::{Put, RecordKey, Stored, Under, Write};
use grantor_store::{Durability, Page, PutOutcome, Store, StoreError, StoreInfo};

pub use crate::check::CheckReport;
pub use crate::options::{SqliteDurability, SqliteOptions};

use crate::file::DatabaseFile;
use crate::reader::Readers;
use crate::writer::Writer;

/// Records in one SQLite file. Any number of stores, in any number of processes of one machine, may share the file.
///
/// Dropping it lets the writer finish what is queued and close the file, in the background; [`SqliteStore::close`] waits
/// for that.
#[derive(Debug)]
pub struct SqliteStore {
    file: Arc<DatabaseFile>,
    options: SqliteOptions,
    readers: Readers,
    writer: Writer,
}

impl SqliteStore {
    /// Opens the database at `path`, or makes a new one, with its folder, if there is no file. Blocks for a few
    /// milliseconds, whatever the size of the database, and while another process holds it locked, up to
    /// [`SqliteOptions::busy_timeout`].
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] if the file is not a database of grantor's, or of a newer version, or visibly damaged;
    /// nothing is changed then. [`StoreError::Unavailable`] if it cannot be reached.
    pub fn open(path: impl AsRef<Path>, options: SqliteOptions) -> Result<Self, StoreError> {
        let file = Arc::new(open::prepare(path.as_ref(), &options)?);
        let readers = Readers::start(&file, &options)?;
        let writer = Writer::start(&file, &options)?;
        Ok(Self { file, options, readers, writer })
    }

    /// Where the database is, with links resolved.
    pub fn path(&self) -> PathBuf {
        self.file.path().to_owned()
    }

    /// Reads the whole database and changes nothing: SQLite's own integrity check, then each record's key, version and
    /// moment. Costs a read of everything, beside live traffic; the write-ahead log cannot shrink meanwhile.
    ///
    /// # Errors
    /// [`StoreError`] if the check itself cannot be done. What it finds wrong is in the report.
    pub async fn check(&self) -> Result<CheckReport, StoreError> {
        check::run(&self.file, &self.options).await
    }

    /// Finishes every put that is queued, moves the write-ahead log into the database and stops. Operations that come
    /// later are `Unavailable`.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if the log could not be moved, or the store was closed before. No acknowledged write
    /// is at stake: the next open finds the log.
    pub async fn close(&self) -> Result<(), StoreError> {
        self.readers.close();
        self.writer.close().await
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn get(&self, key: &RecordKey) -> Result<Option<Stored>, StoreError> {
        self.readers.get(key).await
    }

    async fn put(&self, put: Put) -> PutOutcome {
        self.writer.put(put).await
    }

    /// All in one transaction.
    async fn put_after(&self, first: Vec<Put>, put: Put) -> PutOutcome {
        self.writer.put(Write { first, put }).await
    }

    async fn list(&self, under: &Under, after: Option<&RecordKey>, limit: usize) -> Result<Page, StoreError> {
        self.readers.list(under, after, limit).await
    }

    async fn purge(&self, before: Time, limit: usize) -> Result<usize, StoreError> {
        self.writer.purge(before, limit).await
    }

    async fn info(&self) -> Result<StoreInfo, StoreError> {
        self.file.still_there()?;
        self.readers.probe().await?;
        Ok(StoreInfo {
            backend: format!("SQLite {}", rusqlite::version()),
            durability: match self.options.durability {
                SqliteDurability::Full => Durability::PowerCut,
                SqliteDurability::Relaxed => Durability::Process,
            },
            records: None,
        })
    }
}
