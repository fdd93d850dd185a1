//! grantor's store on sled: one folder, one process, one writer thread, no server.
//!
//! **Invariant: nobody sees a write before the flush that makes it last.** Puts queue for one thread, which takes as many
//! as wait, makes each compare-and-swap, flushes once, and only then shows them to readers and answers. So one flush
//! serves every put that waited, and no reader acts on a write that a crash may still take back.
//!
//! sled writes no more once a write failed. Then the writer closes it and opens it anew, until it does; what was in doubt
//! is settled by what is found.
//!
//! Who reads the folder: `options` is what an operator chooses, `open` makes or checks the folder, `schema` is what is in
//! it, `reader` and `writer` are the two ways through, `shared` is what they share, `check` reads everything, `error`
//! tells faults apart.

mod check;
mod error;
mod file;
mod open;
mod options;
mod reader;
mod schema;
mod shared;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use grantor_core::Time;
use grantor_core::record::{Put, RecordKey, Stored, Under, Write};
use grantor_store::{Durability, Page, PutOutcome, Store, StoreError, StoreInfo};

pub use crate::check::CheckReport;
pub use crate::options::SledOptions;

use crate::reader::Readers;
use crate::shared::Shared;
use crate::writer::Writer;

/// Records in one sled folder, which one store of one process holds at a time.
///
/// Dropping it lets the writer finish what is queued and close the folder, in the background; [`SledStore::close`] waits
/// for that, and only then can the folder be opened again.
#[derive(Debug)]
pub struct SledStore {
    shared: Arc<Shared>,
    readers: Readers,
    writer: Writer,
}

impl SledStore {
    /// Opens the store in `folder`, or makes a new one if there is no such folder or it is empty. Reads every record once,
    /// so that damage is found now and not by a request: it blocks for some seconds per million records.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] if the folder is not one of grantor's, or of a newer version, or damaged.
    /// [`StoreError::Unavailable`] if it cannot be reached, or another store has it open; that one is not affected.
    pub fn open(folder: impl AsRef<Path>, options: SledOptions) -> Result<Self, StoreError> {
        let opened = open::prepare(folder.as_ref(), &options)?;
        let shared = Arc::new(Shared::new(opened.folder, opened.identity, opened.trees, opened.records));
        let readers = Readers::start(&shared, &options)?;
        let writer = Writer::start(&shared, opened.lock, &options)?;
        Ok(Self { shared, readers, writer })
    }

    /// Where the store is, with links resolved.
    pub fn path(&self) -> PathBuf {
        self.shared.folder.path().to_owned()
    }

    /// Reads every record and every entry of the index beside live traffic, and changes nothing.
    ///
    /// # Errors
    /// [`StoreError`] if the check itself cannot be done. What it finds wrong is in the report.
    pub async fn check(&self) -> Result<CheckReport, StoreError> {
        check::run(&self.shared).await
    }

    /// Finishes every put that is queued, flushes and stops. Operations that come later are `Unavailable`, and the
    /// folder can be opened again.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if it could not be closed in good order, or was closed before. No acknowledged write is at
    /// stake: the next open finds the log.
    pub async fn close(&self) -> Result<(), StoreError> {
        self.readers.close();
        self.writer.close().await
    }
}

#[async_trait]
impl Store for SledStore {
    async fn get(&self, key: &RecordKey) -> Result<Option<Stored>, StoreError> {
        self.readers.get(key).await
    }

    async fn put(&self, put: Put) -> PutOutcome {
        self.writer.put(put).await
    }

    /// All under one flush.
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
        self.shared.probe()?;
        Ok(StoreInfo {
            backend: "sled 0.34.7".to_owned(),
            // sled flushes with `sync_file_range` on Linux, which waits for the disk but not for its cache, nor for
            // what the file system keeps of the file's length.
            durability: Durability::Process,
            records: Some(self.shared.records()),
        })
    }
}
