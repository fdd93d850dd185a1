//! Where records lie: one operation for each request, whatever it is.

mod memory;
mod redis;
mod rows;
mod sled;
mod sqlite;

use std::io;

use crate::record::Id;

/// One of the four.
pub(crate) enum Store {
    Memory(memory::Memory),
    Redis(redis::Redis),
    /// SQLite or sled, behind a thread that writes what came meanwhile in one commit.
    Rows(rows::Rows),
}

impl Store {
    pub(crate) async fn open(url: &str) -> io::Result<Self> {
        match url.split_once(':') {
            None if url == "memory" => Ok(Self::Memory(memory::Memory::default())),
            Some(("sqlite", path)) => {
                let (writing, reading) = sqlite::open(path)?;
                rows::Rows::start(writing, reading).map(Self::Rows)
            }
            Some(("sled", folder)) => {
                let (writing, reading) = sled::open(folder)?;
                rows::Rows::start(writing, reading).map(Self::Rows)
            }
            Some(("redis", _)) => redis::Redis::open(url).await.map(Self::Redis),
            Some(_) | None => Err(io::Error::other(format!("{url} is no store"))),
        }
    }

    /// What stands there.
    pub(crate) async fn get(&self, id: Id) -> io::Result<Option<Vec<u8>>> {
        match self {
            Self::Memory(memory) => Ok(memory.get(&id)),
            Self::Redis(redis) => redis.get(&id).await,
            Self::Rows(rows) => rows.get(&id),
        }
    }

    /// Writes where nothing stands.
    pub(crate) async fn put(&self, id: Id, record: Vec<u8>) -> io::Result<()> {
        match self {
            Self::Memory(memory) => memory.put(id, record),
            Self::Redis(redis) => redis.put(&id, &record).await?,
            Self::Rows(rows) => drop(rows.change(rows::Change::Put(id, record)).await?),
        }
        Ok(())
    }

    /// Writes what stands there from now on, and gives what stood there before.
    pub(crate) async fn swap(&self, id: Id, record: Vec<u8>) -> io::Result<Option<Vec<u8>>> {
        match self {
            Self::Memory(memory) => Ok(memory.swap(id, record)),
            Self::Redis(redis) => redis.swap(&id, &record).await,
            Self::Rows(rows) => rows.change(rows::Change::Swap(id, record)).await,
        }
    }

    /// Removes what stands there, and gives it.
    pub(crate) async fn take(&self, id: Id) -> io::Result<Option<Vec<u8>>> {
        match self {
            Self::Memory(memory) => Ok(memory.take(&id)),
            Self::Redis(redis) => redis.take(&id).await,
            Self::Rows(rows) => rows.change(rows::Change::Take(id)).await,
        }
    }
}
