//! The section `api_keys`: long-lived keys of people's own, for profiles that have such.

use grantor_core::ClientId;
use grantor_core::client::{AuthMethod, ClientMetadata};
use grantor_directory::UserName;
use grantor_engine::{EngineError, Imported};

use super::Report;
use super::file::{ApiKeyEntry, UserEntry};
use crate::commands::api_key;
use crate::failure::Failure;
use crate::wiring::House;

/// The rules that will hold when they are written. An owner whom the same file makes counts as there.
pub(super) async fn check(house: &House, keys: &[ApiKeyEntry], users: &[UserEntry]) -> Result<(), String> {
    for ApiKeyEntry { place, key, of } in keys {
        let engine = house.of_profile(&of.profile).map_err(|e| format!("{place}.profile: {e}"))?;
        let made = |owner: &UserName| users.iter().any(|user| user.new.username == *owner);
        if let Some(owner) = of.owner.as_ref().filter(|owner| !made(owner)) {
            api_key::check_owner(house, owner).await.map_err(|e| format!("{place}.owner: {e}"))?;
        }
        match key {
            Err(id) => {
                find(house, id, &of.profile).await.map_err(|why| format!("{place}.{why}"))?;
            }
            Ok(key) => {
                let checked = engine.check_api_key_import(of.metadata()?, key).await;
                checked.map_err(|error| match error {
                    EngineError::InvalidClient(invalid) => {
                        format!("{place}.{}: {}", field(invalid.field), invalid.why)
                    }
                    error @ (EngineError::Refused(_) | EngineError::Fault(_)) => {
                        format!("{place}: {error}")
                    }
                })?;
            }
        }
    }
    Ok(())
}

pub(super) async fn apply(house: &House, keys: Vec<ApiKeyEntry>, report: &mut Report) -> Result<(), Failure> {
    for ApiKeyEntry { place, key, of } in keys {
        let metadata = of.metadata().map_err(Failure::failed)?;
        let imported = match key {
            Ok(key) => house.of_profile(&of.profile)?.import_api_key(metadata, key).await,
            // What an export says of a key, and an import can change, is its name.
            Err(id) => rename(house, &of.profile, &id, of.name).await,
        };
        let imported = imported.map_err(|e| Failure::failed(format!("{place}: {e}")))?;
        report.api_keys.add(imported);
    }
    Ok(())
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

/// The key of that id, if it is one of the profile's.
async fn find(house: &House, id: &ClientId, profile: &str) -> Result<ClientMetadata, String> {
    let found = house.engine.client(id).await.map_err(|e| e.to_string())?;
    let found = found.filter(|c| c.token_endpoint_auth_method == AuthMethod::ApiKey && c.profile == profile);
    found.ok_or_else(|| "key: missing, and there is no key of this id whose it could be".to_owned())
}

async fn rename(
    house: &House,
    profile: &str,
    id: &ClientId,
    name: Option<String>,
) -> Result<Imported, EngineError> {
    let Some(engine) = house.engine_of(profile) else { return Ok(Imported::Unchanged) };
    if engine.client(id).await?.is_none_or(|known| known.client_name == name) {
        return Ok(Imported::Unchanged);
    }
    engine.update_client(id, |metadata| metadata.client_name.clone_from(&name)).await?;
    Ok(Imported::Updated)
}
