//! API keys: long-lived keys that people's own programs show. Each is a client of its own, which has no other name.

use std::sync::Arc;

use axum::extract::State;
use grantor_core::ClientId;
use grantor_core::client::{AuthMethod, ClientMetadata};
use grantor_directory::UserName;
use grantor_engine::Engine;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::acts::On;
use crate::api::Rooms;
use crate::ask::{Asked, Given, Named, typed};
use crate::caller::Caller;
use crate::list::fill;
use crate::problem::{Code, Problem};
use crate::reply::Reply;
use crate::{ask, users};

/// What is known of a key, and the key the one time it is shown.
#[derive(Serialize)]
pub(crate) struct Shown {
    id: ClientId,
    profile: String,
    owner: Option<String>,
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
}

impl Shown {
    /// Without the key, which nobody can show again.
    pub(crate) fn of(metadata: ClientMetadata) -> Self {
        Self {
            id: metadata.client_id,
            profile: metadata.profile,
            owner: metadata.owner.map(|owner| owner.to_string()),
            name: metadata.client_name,
            key: None,
        }
    }
}

pub(crate) fn is_api_key(client: &ClientMetadata) -> bool {
    client.token_endpoint_auth_method == AuthMethod::ApiKey
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Of {
    after: Option<String>,
    limit: Option<usize>,
    profile: Option<String>,
}

pub(crate) async fn list(State(rooms): State<Arc<Rooms>>, Asked(of): Asked<Of>) -> Result<Reply, Problem> {
    let fits = |client: &ClientMetadata| {
        is_api_key(client) && of.profile.as_ref().is_none_or(|profile| client.profile == *profile)
    };
    let (after, limit) = (ask::after(of.after.as_deref())?, ask::limit(of.limit)?);
    let (found, next) = fill(after, limit, async |after: Option<ClientId>, limit| {
        let page = rooms.engine.clients(None, after.as_ref(), limit).await?;
        Ok((page.clients.into_iter().filter(fits).collect(), page.next))
    })
    .await?;
    Reply::page(found.into_iter().map(Shown::of).collect(), next)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct New {
    profile: Option<String>,
    owner: Option<UserName>,
    name: Option<String>,
}

pub(crate) async fn create(
    State(rooms): State<Arc<Rooms>>,
    by: Caller,
    Given(given): Given,
) -> Result<Reply, Problem> {
    let New { profile, owner, name } = typed(Value::Object(given))?;
    let engine = engine(&rooms, profile.as_deref())?;
    if let Some(owner) = &owner {
        users::check_owner(&rooms, owner).await?;
    }
    let metadata = ClientMetadata {
        client_name: name,
        owner: owner.map(|owner| owner.subject().clone()),
        ..ClientMetadata::new(engine.new_client_id()?)
    };
    let on = metadata.owner.as_ref().map_or(On::All, On::User);
    rooms.note(&by, "api_key.create", on).await?;
    let (id, key) = engine.register_api_key(metadata.clone(), None).await?;
    let shown = Shown { key: key.map(|key| key.expose().to_owned()), ..Shown::of(find(&rooms, &id).await?) };
    Ok(Reply::of(&shown)?.made())
}

/// The profile that was named, or the only one that has API keys.
fn engine<'a>(rooms: &'a Rooms, profile: Option<&str>) -> Result<&'a Engine, Problem> {
    if let Some(name) = profile {
        return rooms.of_profile(name);
    }
    let has_keys = |e: &&Engine| e.profile().clients.authentication.contains(&AuthMethod::ApiKey);
    let mut having = rooms.engines.iter().filter(has_keys);
    match (having.next(), having.next()) {
        (Some(only), None) => Ok(only),
        (None, _) => Err(Problem::new(Code::Conflict, "no profile of the configuration has API keys")),
        (Some(_), Some(_)) => Err(Problem::invalid("profile", "several profiles have API keys: name one")),
    }
}

pub(crate) async fn show(
    State(rooms): State<Arc<Rooms>>,
    Named(id): Named<ClientId>,
) -> Result<Reply, Problem> {
    Reply::of(&Shown::of(find(&rooms, &id).await?))
}

pub(crate) async fn end(
    State(rooms): State<Arc<Rooms>>,
    by: Caller,
    Named(id): Named<ClientId>,
) -> Result<Reply, Problem> {
    find(&rooms, &id).await?;
    rooms.note(&by, "api_key.delete", On::Client(&id)).await?;
    if !rooms.engine.delete_client(&id).await? {
        return Err(none(&id));
    }
    Reply::of(&json!({"id": id, "deleted": true}))
}

async fn find(rooms: &Rooms, id: &ClientId) -> Result<ClientMetadata, Problem> {
    rooms.engine.client(id).await?.filter(is_api_key).ok_or_else(|| none(id))
}

fn none(id: &ClientId) -> Problem {
    Problem::not_found(format!("there is no API key {id}"))
}
