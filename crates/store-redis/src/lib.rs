//! grantor's store on Redis: one server, or a cluster.
//!
//! **Invariant: each write is one script or transaction on one hash slot, and its outcome is told as it is.** It compares and
//! writes the record with its index entries. What was not sent, or was answered with an error, is
//! `NotApplied`; what was sent and not answered is `Unknown`, and is not sent again.
//!
//! Who reads the folder: `options` is what an operator chooses, `open` connects and makes sure of what answers, `schema` is
//! what lies in Redis, `shard` where, `news` what of it waits to be sorted in, `node` is one server, `batch` what it is asked at a time and `topology` all of them, `reader` and `writer` are the two ways through,
//! `check` reads everything, `error` tells faults apart.

mod batch;
mod check;
mod error;
mod news;
mod node;
mod open;
mod options;
mod reader;
mod schema;
mod shard;
mod topology;
mod writer;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use grantor_core::Time;
use grantor_core::record::{Put, RecordKey, Stored, Under};
use grantor_store::{Page, PutOutcome, Store, StoreError, StoreInfo, put_in_turn};

pub use crate::check::CheckReport;
pub use crate::error::ConnectError;
pub use crate::options::RedisOptions;

use crate::schema::{Keys, Scripts};
use crate::topology::Topology;

/// Records in Redis. Any number of stores, in any number of processes and on any number of machines, may share it.
///
/// There is one connection to each server. One that is lost is made again by the next operation that needs it.
pub struct RedisStore {
    topology: Arc<Topology>,
    keys: Keys,
    scripts: Scripts,
}

impl RedisStore {
    /// Connects to the Redis that `url` names: `redis://[USER[:PASSWORD]@]HOST:PORT[/DB]`, `rediss://…` for TLS,
    /// `redis+unix:PATH`, `redis-cluster://[USER[:PASSWORD]@]HOST:PORT,HOST:PORT` or `rediss-cluster://…`. Of a cluster,
    /// one node that answers is enough.
    ///
    /// # Errors
    /// [`ConnectError::Away`] if it cannot be reached, or is not ready yet: whoever can wait tries again.
    /// [`ConnectError::Unfit`] if it refuses the password, was written to by another version, or is set up so that records
    /// would vanish: it must run with `maxmemory-policy noeviction`. No message holds the URL.
    pub async fn connect(url: &str, options: RedisOptions) -> Result<Self, ConnectError> {
        let keys = Keys::new(&options.prefix).map_err(ConnectError::Unfit)?;
        let topology = open::prepare(url, &options, &keys).await?;
        Ok(Self { topology, keys, scripts: Scripts::new() })
    }

    /// Reads everything and changes no record: each record's head, and that it and its index entries agree. Costs a walk
    /// over all keys of all servers, beside live traffic. Each record is looked at in one moment, so what is written
    /// meanwhile is no problem; on a cluster that moves keys from node to node meanwhile, some may not be looked at.
    ///
    /// # Errors
    /// [`StoreError`] if the check itself cannot be done. What it finds wrong is in the report.
    pub async fn check(&self) -> Result<CheckReport, StoreError> {
        check::run(&self.topology, &self.keys, &self.scripts).await
    }
}

impl fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStore").field("at", &self.topology.addresses()).finish_non_exhaustive()
    }
}

#[async_trait]
impl Store for RedisStore {
    async fn get(&self, key: &RecordKey) -> Result<Option<Stored>, StoreError> {
        reader::get(&self.topology, &self.keys, key).await
    }

    async fn put(&self, put: Put) -> PutOutcome {
        writer::put(&self.topology, &self.keys, &self.scripts, &put).await
    }

    async fn put_after(&self, first: Vec<Put>, put: Put) -> PutOutcome {
        if let [first] = &*first
            && let Some(version) = writer::go_together(first, &put)
        {
            return writer::replace(&self.topology, &self.keys, &self.scripts, Some(first), &put, version)
                .await;
        }
        put_in_turn(self, first, put).await
    }

    async fn list(&self, under: &Under, after: Option<&RecordKey>, limit: usize) -> Result<Page, StoreError> {
        reader::list(&self.topology, &self.keys, &self.scripts, under, after, limit).await
    }

    async fn purge(&self, before: Time, limit: usize) -> Result<usize, StoreError> {
        writer::purge(&self.topology, &self.keys, &self.scripts, before, limit).await
    }

    async fn info(&self) -> Result<StoreInfo, StoreError> {
        Ok(open::survey(&self.topology).await?)
    }
}
