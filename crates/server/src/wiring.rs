//! From a configuration to the rooms: the store, the engine, the directory.

use std::sync::Arc;
use std::time::Duration;

use grantor_core::{Issuer, ServerKey};
use grantor_directory::{Directory, Settings};
use grantor_engine::{Engine, Observer, Tracing};
use grantor_store::{MemoryStore, Store, StoreError, TimeoutLayer};
use grantor_store_sqlite::{SqliteDurability, SqliteOptions, SqliteStore};

use crate::config::{Config, StorageUrl};
use crate::failure::Failure;
use crate::server_key;

/// Whoever asks has his answer, or his 503, within this.
const STORE_PATIENCE: Duration = Duration::from_secs(2);

/// The rooms, put together.
pub(crate) struct House {
    pub(crate) engine: Engine,
    pub(crate) directory: Arc<Directory>,
    sqlite: Option<Arc<SqliteStore>>,
}

impl House {
    /// Opens everything for a command that works beside a server, or without one.
    pub(crate) async fn open_for_command(config: &Config) -> Result<Self, Failure> {
        if config.storage.url == StorageUrl::Memory {
            return Err(Failure::failed(
                "storage.url is \"memory:\": what such a server keeps is in its own process, where no command can reach \
                 it; configure sqlite:PATH",
            ));
        }
        // A port that is chosen at start is not known here; only JWTs of such a server are told apart by it.
        let issuer = config.issuer_at(config.listen.public)?;
        Self::open(config, issuer, Arc::new(Tracing)).await
    }

    /// Opens everything under the name the server answers to.
    pub(crate) async fn open(
        config: &Config,
        issuer: Issuer,
        observer: Arc<dyn Observer>,
    ) -> Result<Self, Failure> {
        // The key is first: a store that was made beside the wrong key would have to be thrown away.
        let key = key(config)?;
        let (store, sqlite) = open_store(config)?;
        let engine = Engine::builder(config.to_profile(issuer), Arc::clone(&store), key)
            .algorithm(config.keys.algorithm)
            .observer(observer)
            .open()
            .await?;
        let directory = Directory::new(store, Settings::default())
            .map_err(|e| Failure::failed(format!("passwords cannot be hashed: {e}")))?;
        Ok(Self { engine, directory: Arc::new(directory), sqlite })
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

fn key(config: &Config) -> Result<ServerKey, Failure> {
    match &config.storage.url {
        StorageUrl::Memory => server_key::ephemeral(),
        StorageUrl::Sqlite(_) => server_key::obtain(config),
    }
}

type Opened = (Arc<dyn Store>, Option<Arc<SqliteStore>>);

fn open_store(config: &Config) -> Result<Opened, Failure> {
    match &config.storage.url {
        StorageUrl::Memory => Ok((Arc::new(MemoryStore::new()), None)),
        StorageUrl::Sqlite(path) => {
            let durability =
                if config.storage.full { SqliteDurability::Full } else { SqliteDurability::Relaxed };
            let options = SqliteOptions { durability, ..SqliteOptions::default() };
            let opened = crate::files::make_parent(path)
                .map_err(|e| StoreError::Unavailable(e.to_string()))
                .and_then(|()| SqliteStore::open(path, options));
            let sqlite =
                Arc::new(opened.map_err(|e| Failure::failed(format!("{}: {e}", config.storage.url)))?);
            Ok((Arc::new(TimeoutLayer::new(Arc::clone(&sqlite), STORE_PATIENCE)), Some(sqlite)))
        }
    }
}
