//! The server as a whole: its store, its settings, and what ends soon.

use std::sync::Arc;

use async_trait::async_trait;
use axum::extract::State;
use grantor_core::client::ClientMetadata;
use grantor_core::{ClientId, Lifetime, Time};
use grantor_directory::{CredentialId, SessionToken};
use grantor_engine::{KeyState, StoreInfo};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::api::Rooms;
use crate::ask::{self, Asked};
use crate::problem::Problem;
use crate::reply::Reply;

/// What whoever runs a server knows of it, and no room of ours does. `()` is a server that tells nothing.
#[async_trait]
pub trait Deployment: Send + Sync + 'static {
    /// Which version of grantor runs.
    fn version(&self) -> String {
        env!("CARGO_PKG_VERSION").to_owned()
    }

    /// The settings in force. None of them is a secret.
    fn settings(&self) -> Vec<SettingInForce> {
        Vec::new()
    }

    /// What is risky among them.
    fn dangers(&self) -> Vec<String> {
        Vec::new()
    }

    /// How far a move of everything to another store is, if there is one.
    ///
    /// # Errors
    /// Why that cannot be found out.
    async fn moving(&self) -> Result<Option<Moving>, String> {
        Ok(None)
    }
}

impl Deployment for () {}

/// One setting.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SettingInForce {
    /// Its key in the configuration, as in `listen.public`.
    pub key: String,
    /// A text or a list of texts; null if nothing is chosen, or what is chosen is a secret.
    pub value: Value,
    /// Where it was chosen: a line of a file, or a name of the environment. Absent if nobody did, and the default holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
}

/// How far a move to another store is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Moving {
    /// What the copy is.
    pub state: &'static str,
    /// Where it is, unless this store is the copy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// How many records it has.
    pub copied: Option<u64>,
}

/// What a store is, and what its acknowledgement is worth.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StoreStatus {
    /// The kind of backend and its version.
    pub backend: String,
    /// What an acknowledged answer survives.
    pub survives: String,
    /// Records held, where the backend can tell at little cost.
    pub records: Option<u64>,
    /// The move that it takes part in, if there is one.
    #[serde(rename = "move", skip_serializing_if = "Option::is_none")]
    pub moving: Option<Moving>,
}

impl StoreStatus {
    /// What a store says of itself.
    pub fn new(info: StoreInfo, moving: Option<Moving>) -> Self {
        let survives = info.durability.to_string();
        Self { backend: info.backend, survives, records: info.records, moving }
    }
}

pub(crate) async fn store(State(rooms): State<Arc<Rooms>>) -> Result<Reply, Problem> {
    let info = rooms.engine.store_info().await?;
    let moving = rooms.deployment.moving().await.map_err(Problem::unavailable)?;
    Reply::of(&StoreStatus::new(info, moving))
}

#[derive(Serialize)]
struct Settings {
    version: String,
    settings: Vec<SettingInForce>,
    dangers: Vec<String>,
}

pub(crate) async fn settings(State(rooms): State<Arc<Rooms>>) -> Result<Reply, Problem> {
    let deployment = &rooms.deployment;
    let (version, settings, dangers) = (deployment.version(), deployment.settings(), deployment.dangers());
    Reply::of(&Settings { version, settings, dangers })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Within {
    after: Option<String>,
    limit: Option<usize>,
    within: Option<Lifetime>,
}

/// What ends by itself.
#[derive(Serialize)]
struct Expiring {
    kind: &'static str,
    id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    owner: Option<String>,
    expires_at: Time,
}

/// Where a list of what ends goes on: the keys are told with the first part, the tokens come before the clients.
enum Cursor {
    Tokens(Option<CredentialId>),
    Clients(Option<ClientId>),
}

impl Cursor {
    fn read(text: Option<&str>) -> Result<Self, Problem> {
        match text.and_then(|text| text.split_once(':')) {
            None if text.is_none() => Ok(Cursor::Tokens(None)),
            Some(("token", id)) => ask::after(Some(id)).map(Cursor::Tokens),
            Some(("client", "")) => Ok(Cursor::Clients(None)),
            Some(("client", id)) => ask::after(Some(id)).map(Cursor::Clients),
            Some(_) | None => Err(ask::no_next()),
        }
    }
}

/// Client secrets that were replaced, session tokens and signing keys that end soon. Costs a read for each token and client
/// that is looked at, of which there are no more than `limit` in a part; so that a part may be empty and not be the last.
pub(crate) async fn expiring(
    State(rooms): State<Arc<Rooms>>,
    Asked(of): Asked<Within>,
) -> Result<Reply, Problem> {
    let (limit, now) = (ask::limit(of.limit)?, rooms.engine.now());
    let until = now + of.within.unwrap_or(Lifetime::seconds(30 * 86_400));
    let is_soon = |at: &Time| *at <= until;
    match Cursor::read(of.after.as_deref())? {
        Cursor::Tokens(after) => {
            let mut found = if after.is_none() { keys(&rooms).await? } else { Vec::new() };
            let page = rooms.directory.session_tokens(None, after, limit, now).await?;
            found.extend(page.tokens.into_iter().filter_map(token));
            found.retain(|thing| is_soon(&thing.expires_at));
            let next = page.next.map_or_else(|| "client:".to_owned(), |id| format!("token:{id}"));
            Reply::page(found, Some(next))
        }
        Cursor::Clients(after) => {
            let page = rooms.engine.clients(None, after.as_ref(), limit).await?;
            let mut found = Vec::new();
            for client in &page.clients {
                found.extend(secrets(&rooms, client).await?.into_iter().filter(|s| is_soon(&s.expires_at)));
            }
            Reply::page(found, page.next.map(|id| format!("client:{id}")))
        }
    }
}

async fn keys(rooms: &Rooms) -> Result<Vec<Expiring>, Problem> {
    let ending = rooms.engine.keys().await?.into_iter().filter_map(|key| {
        let expires_at = key.until.filter(|_| key.state == KeyState::Retiring)?;
        Some(Expiring { kind: "signing_key", id: key.kid, owner: None, expires_at })
    });
    Ok(ending.collect())
}

fn token(token: SessionToken) -> Option<Expiring> {
    let (id, owner) = (token.id.to_string(), Some(token.user.to_string()));
    Some(Expiring { kind: "session_token", id, owner, expires_at: token.expires_at? })
}

async fn secrets(rooms: &Rooms, client: &ClientMetadata) -> Result<Vec<Expiring>, Problem> {
    let Some(engine) = rooms.engine_of(&client.profile) else { return Ok(Vec::new()) };
    let secrets = engine.registered(&client.client_id).await?.map(|found| found.secrets).unwrap_or_default();
    let (id, owner) = (&client.client_id, &client.owner);
    let ending = secrets.iter().filter_map(|secret| {
        let owner = owner.as_ref().map(ToString::to_string);
        Some(Expiring { kind: "client_secret", id: id.to_string(), owner, expires_at: secret.expires_at? })
    });
    Ok(ending.collect())
}
