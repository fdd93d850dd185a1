//! The command's end: a store that is the running server's.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use grantor_core::Time;
use grantor_core::record::{Put, RecordKey, Stored, Under};
use grantor_store::{Page, PutOutcome, Store, StoreError, StoreInfo};
use serde::de::DeserializeOwned;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;

use super::Address;
use super::wire::{self, Ask, Frame, Head, Ids, Info, Key, Outcome, Told};

/// The store of the server that has `folder` open. Everything is asked of it.
#[derive(Debug)]
pub(crate) struct RemoteStore {
    folder: PathBuf,
    /// Connections on which nothing is under way. One whose answer nobody waited for is never put back.
    idle: Mutex<Vec<UnixStream>>,
}

/// Why there is no answer.
enum Lost {
    /// The question did not leave whole, so nobody acted on it.
    NotAsked(StoreError),
    /// It left.
    Unanswered(StoreError),
}

impl From<Lost> for StoreError {
    fn from(lost: Lost) -> Self {
        match lost {
            Lost::NotAsked(error) | Lost::Unanswered(error) => error,
        }
    }
}

impl RemoteStore {
    /// The store of the server that runs on `folder`; `None` if none does.
    ///
    /// # Errors
    /// [`StoreError`] if there is one and it cannot be asked.
    pub(crate) async fn join(folder: &Path) -> Result<Option<Self>, StoreError> {
        let store = Self { folder: folder.to_owned(), idle: Mutex::default() };
        match store.connect().await {
            Ok(stream) => {
                store.idle().push(stream);
                Ok(Some(store))
            }
            // Left by one that was killed, or by none.
            Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) => {
                Ok(None)
            }
            Err(error) => Err(store.unavailable(&error)),
        }
    }

    /// What the server's backend finds wrong with its own files.
    pub(crate) async fn problems(&self) -> Result<Vec<String>, StoreError> {
        self.ask_for(Ask::Problems).await
    }

    async fn connect(&self) -> io::Result<UnixStream> {
        let address = Address::of(&self.folder)?;
        let mut stream = UnixStream::connect(&address.path).await?;
        stream.write_all(&[wire::VERSION]).await?;
        match stream.read_u8().await? {
            wire::VERSION => Ok(stream),
            _ => Err(io::Error::other("it is of another version of grantor; use that one's command")),
        }
    }

    async fn ask_for<T: DeserializeOwned>(&self, question: Ask) -> Result<T, StoreError> {
        let (told, _): Frame<Told<T>> = self.ask((question, Vec::new())).await?;
        Ok(told?)
    }

    async fn ask<T: DeserializeOwned>(&self, question: Frame<Ask>) -> Result<Frame<Told<T>>, Lost> {
        let not_asked = |e: io::Error| Lost::NotAsked(self.unavailable(&e));
        let mut stream = loop {
            let idle = self.idle().pop();
            let is_new = idle.is_none();
            let mut stream = match idle {
                Some(stream) => stream,
                None => self.connect().await.map_err(not_asked)?,
            };
            match wire::write(&mut stream, &question).await {
                Ok(()) => break stream,
                Err(error) if is_new => return Err(not_asked(error)),
                // It had ended while it was idle, so this was no question yet.
                Err(_) => {}
            }
        };
        let told = wire::read(&mut stream).await.map_err(|e| Lost::Unanswered(self.unavailable(&e)))?;
        self.idle().push(stream);
        Ok(told)
    }

    fn idle(&self) -> MutexGuard<'_, Vec<UnixStream>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn unavailable(&self, error: &io::Error) -> StoreError {
        StoreError::Unavailable(format!("the server that runs on {}: {error}", self.folder.display()))
    }

    fn strange(&self) -> StoreError {
        self.unavailable(&io::Error::other("its answer is none"))
    }
}

#[async_trait]
impl Store for RemoteStore {
    async fn get(&self, key: &RecordKey) -> Result<Option<Stored>, StoreError> {
        let (told, body): Frame<Told<Option<Head>>> = self.ask((Ask::Get(Key::of(key)), Vec::new())).await?;
        told?.map(|head| head.stored(body).ok_or_else(|| self.strange())).transpose()
    }

    async fn put(&self, put: Put) -> PutOutcome {
        match self.ask::<Outcome>(Ask::put(put)).await {
            Ok((Ok(outcome), _)) => outcome.into(),
            // It was not understood, so nothing was done.
            Ok((Err(fault), _)) => PutOutcome::NotApplied(fault.into()),
            Err(Lost::NotAsked(error)) => PutOutcome::NotApplied(error),
            Err(Lost::Unanswered(error)) => PutOutcome::Unknown(error),
        }
    }

    async fn list(&self, under: &Under, after: Option<&RecordKey>, limit: usize) -> Result<Page, StoreError> {
        let ids: Ids = self.ask_for(Ask::list(under, after, limit)).await?;
        ids.of_kind(under.kind()).ok_or_else(|| self.strange())
    }

    async fn purge(&self, before: Time, limit: usize) -> Result<usize, StoreError> {
        self.ask_for(Ask::Purge { before, limit }).await
    }

    async fn info(&self) -> Result<StoreInfo, StoreError> {
        let info: Info = self.ask_for(Ask::Info).await?;
        Ok(info.into())
    }
}
