//! Who may open which store, and as what.

use std::sync::Arc;

use grantor_store::{As, CopyState, LeaveState, Marks, MovingStore, marks, promote};

use super::{Both, entropy, failed, unread};
use crate::config;
use crate::failure::Failure;
use crate::storage::{Storage, StorageUrl};

/// What a store is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// To serve: takes the lead with a copy that is complete.
    Serve,
    /// For a command that may write.
    Command,
    /// To look at it and change nothing, whatever state it is in.
    Look,
}

/// Opens what is configured: one store, or two as one.
pub(crate) async fn open(storage: &config::Storage, role: Role) -> Result<Storage, Failure> {
    let Some(also) = &storage.also else { return alone(storage, role).await };
    if *also == storage.url {
        if role == Role::Serve {
            tracing::warn!("storage.also is storage.url: the move is done, remove storage.also");
        }
        return alone(storage, role).await;
    }
    let first = one(&storage.url, storage.full, role).await?;
    let second = match one(also, storage.full, role).await {
        Ok(second) => second,
        Err(failure) => {
            // Whoever tries again would find a folder in use.
            first.close().await;
            return Err(failure);
        }
    };
    match join(storage, also, &first, &second, role).await {
        Ok(moving) => Ok(Storage::both(Both { first, second, moving: Arc::new(moving) })),
        Err(failure) => {
            first.close().await;
            second.close().await;
            Err(failure)
        }
    }
}

/// Makes sure that an offline copy reads a store that leads, and writes one that takes part in no move.
pub(crate) async fn check_ends(
    (from, from_url): (&Storage, &StorageUrl),
    (to, to_url): (&Storage, &StorageUrl),
) -> Result<(), Failure> {
    let source = marks(&*from.store).await.map_err(|e| unread(&e, from_url))?;
    if let Some(state) = source.here.map(|here| here.state).filter(|state| *state != CopyState::Leading) {
        return Err(not_leading(from_url, state));
    }
    let target = marks(&*to.store).await.map_err(|e| unread(&e, to_url))?;
    if target.here.is_some() || target.away.is_some() {
        return Err(Failure::failed(format!("{to_url}: takes part in a live move; copy into another store")));
    }
    Ok(())
}

/// Whether a store, or the first of two, is one to serve from, and not a copy that does not lead.
pub(crate) async fn leads(storage: &Storage, url: &StorageUrl) -> Result<bool, Failure> {
    if storage.moving().is_some() {
        return Ok(true);
    }
    let here = marks(&*storage.store).await.map_err(|e| unread(&e, url))?.here;
    Ok(here.is_none_or(|here| here.state == CopyState::Leading))
}

async fn join(
    storage: &config::Storage,
    also: &StorageUrl,
    first: &Storage,
    second: &Storage,
    role: Role,
) -> Result<MovingStore, Failure> {
    let (a, b) = (Arc::clone(&first.store), Arc::clone(&second.store));
    let joining = match role {
        Role::Serve => As::Server,
        Role::Command | Role::Look => As::Command,
    };
    let joined = MovingStore::join(a, b, joining, &also.to_string(), &mut entropy()?).await;
    let moving = joined.map_err(|e| failed(storage, &e))?;
    if role == Role::Serve && moving.second_leads() {
        tracing::warn!(leads = %also, "the move is done: this server serves from there; make it storage.url");
    }
    Ok(moving)
}

async fn one(url: &StorageUrl, full: bool, role: Role) -> Result<Storage, Failure> {
    match role {
        Role::Serve => Storage::open(url, full).await,
        Role::Command | Role::Look => Storage::open_for_command(url, full).await,
    }
}

async fn alone(storage: &config::Storage, role: Role) -> Result<Storage, Failure> {
    let opened = one(&storage.url, storage.full, role).await?;
    match admit(storage, &opened, role).await {
        Ok(()) => Ok(opened),
        Err(failure) => {
            opened.close().await;
            Err(failure)
        }
    }
}

/// Whether a store may be used by itself.
async fn admit(storage: &config::Storage, opened: &Storage, role: Role) -> Result<(), Failure> {
    let url = &storage.url;
    let Marks { here, away } = marks(&*opened.store).await.map_err(|e| unread(&e, url))?;
    if role == Role::Look {
        return Ok(());
    }
    if let Some(away) = away {
        match away.state {
            LeaveState::GivenUp => {}
            LeaveState::Moving => {
                return Err(Failure::failed(format!(
                    "{url}: is being moved to {}; what is written here alone would be lost. Set storage.also as the \
                     other servers have it, or give the move up with `grantor store give-up`",
                    away.to
                )));
            }
            LeaveState::Moved => {
                return Err(Failure::failed(format!(
                    "{url}: was moved to {}, which leads now, and what is here is old. Make that storage.url",
                    away.to
                )));
            }
        }
    }
    match (here.map(|here| here.state), role) {
        (None | Some(CopyState::Leading), _) => Ok(()),
        (Some(CopyState::Complete), Role::Serve) => {
            promote(&*opened.store, &mut entropy()?).await.map_err(|e| failed(storage, &e))?;
            tracing::info!(%url, "the copy is complete, and leads from now on");
            Ok(())
        }
        (Some(CopyState::Complete), Role::Command | Role::Look) => Err(Failure::failed(format!(
            "{url}: is a complete copy that no server has taken over yet. Start a server on it first, or use the old \
             storage.url with this one as storage.also"
        ))),
        (Some(state @ (CopyState::Copying | CopyState::GivenUp)), _) => Err(not_leading(url, state)),
    }
}

fn not_leading(url: &StorageUrl, state: CopyState) -> Failure {
    Failure::failed(match state {
        CopyState::Copying => format!(
            "{url}: is a copy that is not complete yet, and may lack what was acknowledged. Go on with the old \
             storage.url and this one as storage.also until `grantor store info` says that it is complete"
        ),
        CopyState::GivenUp => format!(
            "{url}: is a copy that was given up, and may lack what was acknowledged. Go on with the old storage.url"
        ),
        CopyState::Complete | CopyState::Leading => {
            format!("{url}: is a complete copy that no server has taken over yet; copy from the old one")
        }
    })
}
