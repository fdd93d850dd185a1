//! From a storage URL to a store.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use grantor_core::Lifetime;
use grantor_store::{MemoryStore, Store, StoreError, TimeoutLayer};
use grantor_store_redis::{ConnectError, RedisOptions, RedisStore};
use grantor_store_sled::{SledOptions, SledStore};
use grantor_store_sqlite::{SqliteDurability, SqliteOptions, SqliteStore};

use crate::beside::{Checked, Host, RemoteStore};
use crate::failure::Failure;
use crate::files;
use crate::moving::Both;

/// Whoever asks has his answer, or his 503, within this.
const PATIENCE: Duration = Duration::from_secs(2);
/// How often a command looks again whether a store in use is free.
const AGAIN: Duration = Duration::from_millis(20);

/// Where records are kept.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum StorageUrl {
    /// In this process.
    Memory,
    /// In an SQLite file.
    Sqlite(PathBuf),
    /// In a sled folder.
    Sled(PathBuf),
    /// In Redis, one server or a cluster. The whole URL, which may hold a password.
    Redis(String),
}

impl StorageUrl {
    /// Whether there can be something behind it; opening a file that is not there would make one.
    pub(crate) fn may_exist(&self) -> bool {
        match self {
            StorageUrl::Memory => false,
            StorageUrl::Sqlite(path) | StorageUrl::Sled(path) => path.exists(),
            StorageUrl::Redis(_) => true,
        }
    }
}

/// An open store, and what can be done with it beside the contract.
pub(crate) struct Storage {
    pub(crate) store: Arc<dyn Store>,
    backend: Backend,
}

/// What a store is beside the contract.
enum Backend {
    Memory,
    Sqlite(Arc<SqliteStore>),
    Sled(Arc<SledStore>),
    Redis(Arc<RedisStore>),
    /// Through the server that has it open.
    Remote(Arc<RemoteStore>),
    /// Two at once, while one is moved to the other.
    Both(Box<Both>),
}

impl Storage {
    /// Opens what the URL names for a command, which may run beside a server: where only one process can have the store,
    /// the command works through that one.
    pub(crate) async fn open_for_command(url: &StorageUrl, full: bool) -> Result<Self, Failure> {
        let StorageUrl::Sled(folder) = url else { return Self::open(url, full).await };
        let deadline = Instant::now() + PATIENCE;
        loop {
            let joined = RemoteStore::join(folder).await;
            if let Some(remote) = joined.map_err(|e| Failure::failed(format!("{url}: {e}")))? {
                let remote = Arc::new(remote);
                return Ok(Self { store: patient(Arc::clone(&remote)), backend: Backend::Remote(remote) });
            }
            match Self::open(url, full).await {
                // By a server that is just starting.
                Err(Failure::Failed(why)) if is_in_use(&why) && Instant::now() < deadline => {
                    tokio::time::sleep(AGAIN).await;
                }
                done @ (Ok(_) | Err(_)) => return done,
            }
        }
    }

    /// Two stores as one. Each is patient by itself, and whoever asks for both waits no longer.
    pub(crate) fn both(both: Both) -> Self {
        Self { store: patient(Arc::clone(&both.moving)), backend: Backend::Both(Box::new(both)) }
    }

    /// How long what was read of a client may be gone by. In this process's memory nobody else writes; Redis is asked over a
    /// network, and other servers and commands write there; of files the reading costs next to nothing.
    pub(crate) fn registrations_stand_for(&self) -> Lifetime {
        match &self.backend {
            Backend::Memory => Lifetime::seconds(3600),
            Backend::Redis(_) => Lifetime::seconds(1),
            Backend::Sqlite(_) | Backend::Sled(_) | Backend::Remote(_) | Backend::Both(_) => Lifetime::ZERO,
        }
    }

    /// The move that this storage takes part in.
    pub(crate) fn moving(&self) -> Option<&Both> {
        match &self.backend {
            Backend::Both(both) => Some(both),
            Backend::Memory
            | Backend::Sqlite(_)
            | Backend::Sled(_)
            | Backend::Redis(_)
            | Backend::Remote(_) => None,
        }
    }

    /// Lets commands work through this process, where they cannot open the store themselves.
    pub(crate) fn share(&self) -> Vec<Host> {
        match &self.backend {
            Backend::Sled(sled) => Host::start(&sled.path(), Arc::clone(sled) as Arc<dyn Checked>)
                .inspect_err(|error| tracing::warn!(%error, "no command can work beside this server"))
                .into_iter()
                .collect(),
            Backend::Both(both) => both.first.share().into_iter().chain(both.second.share()).collect(),
            Backend::Memory | Backend::Sqlite(_) | Backend::Redis(_) | Backend::Remote(_) => Vec::new(),
        }
    }

    /// Opens what the URL names. With `full`, an acknowledged write survives a power cut, where the backend can do that.
    pub(crate) async fn open(url: &StorageUrl, full: bool) -> Result<Self, Failure> {
        match url {
            StorageUrl::Memory => Ok(Self { store: Arc::new(MemoryStore::new()), backend: Backend::Memory }),
            StorageUrl::Sqlite(path) => {
                let durability = if full { SqliteDurability::Full } else { SqliteDurability::Relaxed };
                let options = SqliteOptions { durability, ..SqliteOptions::default() };
                let at = path.clone();
                let sqlite = Arc::new(opened(url, path, move || SqliteStore::open(at, options)).await?);
                Ok(Self { store: patient(Arc::clone(&sqlite)), backend: Backend::Sqlite(sqlite) })
            }
            StorageUrl::Sled(path) => {
                let sled = Arc::new(open_sled(url, path).await?);
                Ok(Self { store: patient(Arc::clone(&sled)), backend: Backend::Sled(sled) })
            }
            StorageUrl::Redis(whole) => {
                let connected = RedisStore::connect(whole, RedisOptions::default()).await;
                let redis = Arc::new(connected.map_err(|e| not_connected(url, &e))?);
                Ok(Self { store: patient(Arc::clone(&redis)), backend: Backend::Redis(redis) })
            }
        }
    }

    /// What the backend finds wrong with its own files; nothing where it has none.
    pub(crate) async fn problems(&self) -> Result<Vec<String>, StoreError> {
        match &self.backend {
            Backend::Memory => Ok(Vec::new()),
            Backend::Sqlite(sqlite) => Ok(sqlite.check().await?.problems),
            Backend::Sled(sled) => Ok(sled.check().await?.problems),
            Backend::Redis(redis) => Ok(redis.check().await?.problems),
            Backend::Remote(remote) => remote.problems().await,
            Backend::Both(both) => both.problems().await,
        }
    }

    /// Writes what is still on its way and lets the store go.
    pub(crate) async fn close(self) {
        let closed = match self.backend {
            // Redis was told each write before it was acknowledged.
            Backend::Memory | Backend::Redis(_) | Backend::Remote(_) => Ok(()),
            Backend::Sqlite(sqlite) => sqlite.close().await,
            Backend::Sled(sled) => sled.close().await,
            Backend::Both(both) => {
                both.close().await;
                Ok(())
            }
        };
        if let Err(error) = closed {
            tracing::warn!(%error, "the store did not close; nothing that was acknowledged is lost");
        }
    }
}

/// Opens a folder that no server has. One that a command has is waited for: it has it for a moment.
async fn open_sled(url: &StorageUrl, path: &Path) -> Result<SledStore, Failure> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let at = path.to_owned();
        match opened(url, path, move || SledStore::open(at, SledOptions::default())).await {
            Err(Failure::Failed(why))
                if is_in_use(&why)
                    && Instant::now() < deadline
                    && matches!(RemoteStore::join(path).await, Ok(None)) =>
            {
                tokio::time::sleep(AGAIN).await;
            }
            done @ (Ok(_) | Err(_)) => return done,
        }
    }
}

fn is_in_use(why: &str) -> bool {
    why.contains("is in use")
}

#[async_trait]
impl Checked for SledStore {
    async fn problems(&self) -> Result<Vec<String>, StoreError> {
        Ok(self.check().await?.problems)
    }
}

/// On a thread of its own: a lock is waited for, and a large folder read, while others are answered.
async fn opened<S: Send + 'static>(
    url: &StorageUrl,
    path: &Path,
    open: impl FnOnce() -> Result<S, StoreError> + Send + 'static,
) -> Result<S, Failure> {
    let failed = |e: &dyn fmt::Display| Failure::failed(format!("{url}: {e}"));
    files::make_parent(path).map_err(|e| failed(&e))?;
    let opened = tokio::task::spawn_blocking(open).await.map_err(|e| failed(&e))?;
    opened.map_err(|e| if is_locked(url, &e) { Failure::Away(format!("{url}: {e}")) } else { failed(&e) })
}

/// Whether another process holds an SQLite file, which it may let go of. Of a sled folder that is in use it is not so: two
/// servers on one are a mistake, and who made it should know.
fn is_locked(url: &StorageUrl, error: &StoreError) -> bool {
    match (url, error) {
        (StorageUrl::Sqlite(_), StoreError::Unavailable(text)) => text.contains("is locked"),
        (StorageUrl::Memory | StorageUrl::Sqlite(_) | StorageUrl::Sled(_) | StorageUrl::Redis(_), _) => false,
    }
}

fn not_connected(url: &StorageUrl, error: &ConnectError) -> Failure {
    let text = format!("{url}: {error}");
    match error {
        ConnectError::Away(_) => Failure::Away(text),
        ConnectError::Unfit(_) => Failure::Failed(text),
    }
}

fn patient<S: Store>(store: S) -> Arc<dyn Store> {
    Arc::new(TimeoutLayer::new(store, PATIENCE))
}

impl fmt::Debug for StorageUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
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
            "sled" if !rest.is_empty() => Ok(StorageUrl::Sled(rest.into())),
            "sled" => Err("write the folder's path after `sled:`".to_owned()),
            "redis" | "rediss" | "redis+unix" | "redis-cluster" | "rediss-cluster" if !rest.is_empty() => {
                Ok(StorageUrl::Redis(text.to_owned()))
            }
            _ => {
                let known =
                    "sqlite:PATH, sled:FOLDER, redis://HOST:PORT/DB, redis-cluster://HOST:PORT,… or memory:";
                Err(format!("not a storage URL; use {known}"))
            }
        }
    }
}

impl fmt::Display for StorageUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StorageUrl::Memory => f.write_str("memory:"),
            StorageUrl::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
            StorageUrl::Sled(path) => write!(f, "sled:{}", path.display()),
            // Never more of it: a password can stand where nobody expects one.
            StorageUrl::Redis(url) => write!(f, "{}:…", url.split(':').next().unwrap_or_default()),
        }
    }
}
