//! From a storage URL to a store.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use grantor_store::{MemoryStore, Store, StoreError, TimeoutLayer};
use grantor_store_sqlite::{SqliteDurability, SqliteOptions, SqliteStore};

use crate::failure::Failure;
use crate::files;

/// Whoever asks has his answer, or his 503, within this.
const PATIENCE: Duration = Duration::from_secs(2);

/// Where records are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum StorageUrl {
    /// In this process.
    Memory,
    /// In an SQLite file.
    Sqlite(PathBuf),
}

impl StorageUrl {
    /// Whether there can be something behind it; opening a file that is not there would make one.
    pub(crate) fn may_exist(&self) -> bool {
        match self {
            StorageUrl::Memory => false,
            StorageUrl::Sqlite(path) => path.exists(),
        }
    }
}

/// An open store, and what can be done with it beside the contract.
pub(crate) struct Storage {
    pub(crate) store: Arc<dyn Store>,
    sqlite: Option<Arc<SqliteStore>>,
}

impl Storage {
    /// Opens what the URL names. With `full`, an acknowledged write survives a power cut, where the backend can do that.
    pub(crate) async fn open(url: &StorageUrl, full: bool) -> Result<Self, Failure> {
        match url {
            StorageUrl::Memory => Ok(Self { store: Arc::new(MemoryStore::new()), sqlite: None }),
            StorageUrl::Sqlite(path) => {
                let durability = if full { SqliteDurability::Full } else { SqliteDurability::Relaxed };
                let options = SqliteOptions { durability, ..SqliteOptions::default() };
                let opened = files::make_parent(path)
                    .map_err(|e| StoreError::Unavailable(e.to_string()))
                    .and_then(|()| SqliteStore::open(path, options));
                let sqlite = Arc::new(opened.map_err(|e| Failure::failed(format!("{url}: {e}")))?);
                let store = Arc::new(TimeoutLayer::new(Arc::clone(&sqlite), PATIENCE));
                Ok(Self { store, sqlite: Some(sqlite) })
            }
        }
    }

    /// What the backend finds wrong with its own files; nothing where it has none.
    pub(crate) async fn problems(&self) -> Result<Vec<String>, StoreError> {
        match &self.sqlite {
            Some(sqlite) => Ok(sqlite.check().await?.problems),
            None => Ok(Vec::new()),
        }
    }

    /// Writes what is still on its way and lets the store go.
    pub(crate) async fn close(self) {
        if let Some(sqlite) = self.sqlite
            && let Err(error) = sqlite.close().await
        {
            tracing::warn!(%error, "the store did not close; nothing that was acknowledged is lost");
        }
    }
}

impl FromStr for StorageUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (scheme, rest) = text.split_once(':').unwrap_or((text, ""));
        // The rest is never repeated: a URL can hold a password.
        match scheme {
            "memory" if rest.is_empty() => Ok(StorageUrl::Memory),
            "sqlite" if !rest.is_empty() => Ok(StorageUrl::Sqlite(rest.into())),
            "sqlite" => Err("write the file's path after `sqlite:`".to_owned()),
            "sled" | "redis" | "rediss" | "redis+unix" | "redis-cluster" => {
                Err(format!("`{scheme}:` is not part of this version; use sqlite:PATH or memory:"))
            }
            _ => Err("not a storage URL; use sqlite:PATH or memory:".to_owned()),
        }
    }
}

impl fmt::Display for StorageUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StorageUrl::Memory => f.write_str("memory:"),
            StorageUrl::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
        }
    }
}
