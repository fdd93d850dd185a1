//! The server's end: does for commands what they ask of its store.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use grantor_core::record::Put;
use grantor_store::{Store, StoreError};
use serde::Serialize;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{UnixListener, UnixStream};
use tokio::task::{AbortHandle, JoinSet};

use super::wire::{self, Ask, Fault, Frame, Head, Ids, Info, Outcome, Told};
use super::{Address, NAME};

/// How many commands are served at a time; more are turned away.
const MOST: usize = 64;

/// A store that can say what is wrong with its own files.
#[async_trait]
pub(crate) trait Checked: Store {
    async fn problems(&self) -> Result<Vec<String>, StoreError>;
}

/// Serves commands until it is dropped.
pub(crate) struct Host {
    socket: PathBuf,
    accepting: AbortHandle,
}

impl Host {
    /// Opens the folder's socket to commands. Whoever calls this has the folder to himself, so a socket that lies there is
    /// one that a server left which was killed.
    ///
    /// # Errors
    /// If there can be no socket.
    pub(crate) fn start(folder: &Path, store: Arc<dyn Checked>) -> io::Result<Self> {
        let socket = folder.join(NAME);
        match fs::remove_file(&socket) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        let address = Address::of(folder)?;
        // Nobody else can enter the folder, so it does not matter that the mode comes second.
        let listener = UnixListener::bind(&address.path)?;
        fs::set_permissions(&socket, Permissions::from_mode(0o600))?;
        Ok(Self { socket, accepting: tokio::spawn(accept(listener, store)).abort_handle() })
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        self.accepting.abort();
        // One that stays is in nobody's way.
        let _ = fs::remove_file(&self.socket);
    }
}

async fn accept(listener: UnixListener, store: Arc<dyn Checked>) {
    let mut commands = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) if commands.len() < MOST => {
                    let store = store.clone();
                    commands.spawn(async move {
                        // A command that went away has its answer, or none.
                        let _ = serve(stream, &*store).await;
                    });
                }
                Ok(_) => {}
                Err(error) => {
                    tracing::warn!(%error, "no more commands can be served beside this server");
                    return;
                }
            },
            Some(_) = commands.join_next() => {}
        }
    }
}

async fn serve(mut stream: UnixStream, store: &dyn Checked) -> io::Result<()> {
    stream.write_all(&[wire::VERSION]).await?;
    if stream.read_u8().await? != wire::VERSION {
        return Ok(());
    }
    loop {
        let asked = wire::read(&mut stream).await?;
        let told = answer(store, asked).await?;
        wire::write(&mut stream, &told).await?;
    }
}

/// What a command is told, as a head whose type its question gives it.
async fn answer(store: &dyn Checked, (ask, body): Frame<Ask>) -> serde_json::Result<Frame<Value>> {
    let head = match ask {
        Ask::Get(key) => {
            let found = match key.parse() {
                Some(key) => store.get(&key).await.map_err(Fault::from),
                None => Err(garbled()),
            };
            let (head, body) = match found.map(|found| found.map(Head::of)) {
                Ok(Some((head, body))) => (Ok(Some(head)), body),
                Ok(None) => (Ok(None), Vec::new()),
                Err(fault) => (Err(fault), Vec::new()),
            };
            return Ok((told(head)?, body));
        }
        Ask::Put { key, expect, version, keep_until } => {
            told(match (key.parse(), wire::expect(expect), version.parse()) {
                (Some(key), Some(expect), Ok(version)) => {
                    Ok(Outcome::from(store.put(Put { key, expect, version, body, keep_until }).await))
                }
                (_, _, _) => Err(garbled()),
            })?
        }
        Ask::List { kind, slot, after, limit } => {
            let after = after.map(|after| after.parse().ok_or(())).transpose();
            told(match (wire::under(&kind, slot), after) {
                (Some(under), Ok(after)) => {
                    store.list(&under, after.as_ref(), limit).await.map(Ids::from).map_err(Fault::from)
                }
                (_, _) => Err(garbled()),
            })?
        }
        Ask::Purge { before, limit } => told(store.purge(before, limit).await.map_err(Fault::from))?,
        Ask::Info => told(store.info().await.map(Info::from).map_err(Fault::from))?,
        Ask::Problems => told(store.problems().await.map_err(Fault::from))?,
    };
    Ok((head, Vec::new()))
}

fn told<T: Serialize>(told: Told<T>) -> serde_json::Result<Value> {
    serde_json::to_value(told)
}

/// Nothing was done.
fn garbled() -> Fault {
    Fault::Unavailable("the server does not understand what the command asked".to_owned())
}
