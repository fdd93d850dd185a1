//! The section `api_keys`: long-lived keys of people's own, for profiles that have such.

use std::collections::BTreeSet;

use grantor_core::client::ClientMetadata;
use grantor_core::{ClientId, Digest, Secret};
use grantor_directory::UserName;
use grantor_engine::{EngineError, Imported};
use serde::Deserialize;
use serde_json::Value;

use super::{Place, Report, UserEntry, take_secret, typed};
use crate::api::Rooms;
use crate::api_keys::is_api_key;
use crate::problem::Problem;
use crate::users::check_owner;

/// What a file says of them.
pub(super) struct ApiKeys(Vec<ApiKeyEntry>);

struct ApiKeyEntry {
    place: Place,
    /// The key; of an export, which has none, there is only its id.
    key: Result<Secret, ClientId>,
    of: Of,
}

/// All but the key.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Of {
    profile: String,
    owner: Option<UserName>,
    name: Option<String>,
    id: Option<ClientId>,
}

impl Of {
    /// What is registered of it: its id is not looked at, since the key says that.
    fn metadata(&self) -> Result<ClientMetadata, Problem> {
        let id = ClientId::parse("key").map_err(|e| Problem::unavailable(e.to_string()))?;
        Ok(ClientMetadata {
            client_name: self.name.clone(),
            owner: self.owner.as_ref().map(|owner| owner.subject().clone()),
            ..ClientMetadata::new(id)
        })
    }
}

impl ApiKeys {
    pub(super) fn parse(entries: Vec<Value>) -> Result<Self, Problem> {
        let parse = |(at, mut entry)| {
            let place = Place::new("api_keys", at);
            let key = take_secret(&mut entry, "key", &place)?;
            let of: Of = typed(&place, entry)?;
            let key = match (key, &of.id) {
                (Some(key), _) => Ok(key),
                (None, Some(id)) => Err(id.clone()),
                (None, None) => return Err(place.wrong("key", "missing")),
            };
            Ok(ApiKeyEntry { place, key, of })
        };
        let entries = entries.into_iter().enumerate().map(parse).collect::<Result<Vec<_>, Problem>>()?;
        let mut known = BTreeSet::new();
        for ApiKeyEntry { place, key, of } in &entries {
            let name = match key {
                Ok(key) => Digest::of(key.expose().as_bytes()).to_base64url(),
                Err(id) => id.to_string(),
            };
            if !known.insert((&of.profile, name)) {
                return Err(place.wrong("key", "it is in the file twice"));
            }
        }
        Ok(Self(entries))
    }

    /// The rules that will hold when they are written. An owner whom the same file makes counts as there.
    pub(super) async fn check(&self, rooms: &Rooms, users: &[UserEntry]) -> Result<(), Problem> {
        for ApiKeyEntry { place, key, of } in &self.0 {
            let engine = rooms.of_profile(&of.profile).map_err(|problem| place.of(problem))?;
            let made = |owner: &UserName| users.iter().any(|user| user.new.username == *owner);
            if let Some(owner) = of.owner.as_ref().filter(|owner| !made(owner)) {
                check_owner(rooms, owner).await.map_err(|problem| place.of(problem))?;
            }
            match key {
                Err(id) => find(rooms, place, id, &of.profile).await?,
                Ok(key) => {
                    let checked = engine.check_api_key_import(of.metadata()?, key).await;
                    checked.map_err(|error| refused(place, error))?;
                }
            }
        }
        Ok(())
    }

    pub(super) async fn apply(self, rooms: &Rooms, report: &mut Report) -> Result<(), Problem> {
        for ApiKeyEntry { place, key, of } in self.0 {
            let metadata = of.metadata()?;
            let imported = match key {
                Ok(key) => rooms.of_profile(&of.profile)?.import_api_key(metadata, key).await,
                // What an export says of a key, and an import can change, is its name.
                Err(id) => rename(rooms, &of.profile, &id, of.name).await,
            };
            report.api_keys.add(imported.map_err(|error| refused(&place, error))?);
        }
        Ok(())
    }
}

fn refused(place: &Place, error: EngineError) -> Problem {
    match error {
        EngineError::InvalidClient(invalid) => place.wrong(field(invalid.field), invalid.why),
        error @ (EngineError::Refused(_) | EngineError::Fault(_)) => place.of(error.into()),
    }
}

/// A registration's fields by the names that they have in this section.
fn field(name: &str) -> &str {
    match name {
        "client_name" => "name",
        // Which key there is, its id says.
        "client_id" | "client_secret" => "key",
        // What a profile without API keys has instead.
        "grant_types" | "token_endpoint_auth_method" => "profile",
        other => other,
    }
}

/// Refuses an id that is no key's of the profile.
async fn find(rooms: &Rooms, place: &Place, id: &ClientId, profile: &str) -> Result<(), Problem> {
    match rooms.engine.client(id).await?.filter(|client| is_api_key(client) && client.profile == profile) {
        Some(_) => Ok(()),
        None => Err(place.wrong("key", "missing, and there is no key of this id whose it could be")),
    }
}

async fn rename(
    rooms: &Rooms,
    profile: &str,
    id: &ClientId,
    name: Option<String>,
) -> Result<Imported, EngineError> {
    let Some(engine) = rooms.engine_of(profile) else { return Ok(Imported::Unchanged) };
    if engine.client(id).await?.is_none_or(|known| known.client_name == name) {
        return Ok(Imported::Unchanged);
    }
    engine.update_client(id, |metadata| metadata.client_name.clone_from(&name)).await?;
    Ok(Imported::Updated)
}
