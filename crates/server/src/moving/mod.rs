//! Moving to another backend while the server serves: `storage.also`.
//!
//! **Invariant: nobody opens a store that takes part in a move without going by its marks.** What the marks mean is
//! `grantor_store::MovingStore`'s affair; here stands who is let in. `open` opens one store or two, `work` is what a server
//! does beside its requests.

mod open;
mod work;

pub(crate) use open::{Role, check_ends, leads, open};
pub(crate) use work::{Mover, describe};

use std::sync::Arc;

use grantor_admin::Moving;
use grantor_core::Entropy;
use grantor_store::{MoveError, MovingStore, Store, StoreError};

use crate::config;
use crate::failure::Failure;
use crate::storage::Storage;

/// Two stores that are served as one.
pub(crate) struct Both {
    pub(crate) first: Storage,
    pub(crate) second: Storage,
    pub(crate) moving: Arc<MovingStore>,
}

impl Both {
    /// What either backend finds wrong with its own files.
    pub(crate) async fn problems(&self) -> Result<Vec<String>, StoreError> {
        let mut problems = Box::pin(self.first.problems()).await?;
        problems.extend(Box::pin(self.second.problems()).await?);
        Ok(problems)
    }

    /// Writes what is still on its way and lets both go.
    pub(crate) async fn close(self) {
        Box::pin(self.first.close()).await;
        Box::pin(self.second.close()).await;
    }
}

/// A copy that is being made, as far as it can be asked how far it is.
#[derive(Clone)]
pub(crate) struct Copying {
    moving: Arc<MovingStore>,
    second: Arc<dyn Store>,
}

impl Both {
    /// The copy that is being made.
    pub(crate) fn copying(&self) -> Copying {
        Copying { moving: Arc::clone(&self.moving), second: Arc::clone(&self.second.store) }
    }
}

/// How far the move is that is configured.
pub(crate) async fn status(copying: &Copying, storage: &config::Storage) -> Result<Moving, StoreError> {
    Ok(Moving {
        state: copying.moving.state().await?.as_str(),
        to: storage.also.as_ref().map(ToString::to_string),
        copied: copying.second.info().await?.records,
    })
}

/// Gives up the move that is configured, so that its first store can be served alone again. `copy_is_lost`: without
/// asking the second, which is gone.
pub(crate) async fn give_up(storage: &config::Storage, copy_is_lost: bool) -> Result<(), Failure> {
    let also = match (&storage.also, copy_is_lost) {
        (_, true) => None,
        (Some(also), false) => Some(also),
        (None, false) => {
            return Err(Failure::usage(
                "storage.also: name the store that is moved to; it must know that nobody may take the lead with it",
            ));
        }
    };
    let first = Storage::open_for_command(&storage.url, storage.full).await?;
    let second = match also {
        None => None,
        Some(also) => match Storage::open_for_command(also, storage.full).await {
            Ok(second) => Some(second),
            Err(failure) => {
                first.close().await;
                return Err(failure);
            }
        },
    };
    let done = match entropy() {
        Ok(mut entropy) => {
            let second = second.as_ref().map(|second| &*second.store);
            grantor_store::give_up(&*first.store, second, &mut entropy).await.map_err(|e| failed(storage, &e))
        }
        Err(failure) => Err(failure),
    };
    first.close().await;
    if let Some(second) = second {
        second.close().await;
    }
    done
}

fn entropy() -> Result<Entropy, Failure> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(|e| Failure::failed(format!("no randomness: {e}")))?;
    Ok(Entropy::from_seed(seed))
}

/// A failure of a move, which may pass by itself or not.
fn failed(storage: &config::Storage, error: &MoveError) -> Failure {
    let also = storage.also.as_ref().map(|also| format!(" and {also}")).unwrap_or_default();
    let text = format!("{}{also}: {error}", storage.url);
    match error {
        MoveError::First(StoreError::Unavailable(_) | StoreError::TimedOut(_))
        | MoveError::Second(StoreError::Unavailable(_) | StoreError::TimedOut(_))
        | MoveError::Contended => Failure::Away(text),
        MoveError::First(StoreError::Corrupt(_))
        | MoveError::Second(StoreError::Corrupt(_))
        | MoveError::NotEmpty
        | MoveError::CopyOfAnother
        | MoveError::NotThere(_)
        | MoveError::Left(_)
        | MoveError::FirstIsACopy(_)
        | MoveError::BeingGivenUp
        | MoveError::NotComplete(_)
        | MoveError::Done
        | MoveError::Differs(_)
        | MoveError::Astray(_) => Failure::Failed(text),
    }
}

/// A failure to read a store's marks.
fn unread(error: &StoreError, url: &crate::storage::StorageUrl) -> Failure {
    let text = format!("{url}: {error}");
    match error {
        StoreError::Unavailable(_) | StoreError::TimedOut(_) => Failure::Away(text),
        StoreError::Corrupt(_) => Failure::Failed(text),
    }
}
