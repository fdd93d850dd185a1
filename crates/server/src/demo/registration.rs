//! The demo's client of a profile; or its API key, where that is what the profile's clients have.

use grantor_core::client::{AuthMethod, ClientMetadata, GrantType};
use grantor_core::profile::RegistrationRules;
use grantor_core::{ClientId, Lifetime, Permissions, Profile, RedirectUri, Scope, Secret, SubjectId};
use grantor_engine::Engine;
use serde_json::json;

use super::people::ACCOUNT;
use super::{CLIENT_NAME, NAME, REDIRECT, client_name};
use crate::failure::Failure;

/// How many registrations are looked at in one go.
const PAGE: usize = 200;

/// What is tried of a profile's grant types. Not the implicit grant: it shows nothing that a code does not.
const TRIED: [GrantType; 4] = [
    GrantType::AuthorizationCode,
    GrantType::RefreshToken,
    GrantType::ClientCredentials,
    GrantType::Password,
];

/// What was registered.
pub(super) struct Made {
    pub(super) metadata: ClientMetadata,
    /// Its secret, or the key.
    pub(super) secret: Secret,
}

/// Registers it, or gives it a new secret: nobody has kept the old one.
pub(super) async fn prepare(engine: &Engine, preset: Option<&str>) -> Result<Made, Failure> {
    if engine.profile().grant_types.contains(&GrantType::ApiKey) {
        return api_key(engine).await;
    }
    let name = client_name(engine, preset);
    let id = ClientId::parse(&name).map_err(|e| Failure::failed(e.to_string()))?;
    let none = || Failure::failed("the demo's client was given no secret");
    let metadata = metadata(engine.profile(), id.clone())?;
    let secret = match engine.client(&id).await? {
        None => engine.register_client(metadata.clone(), None).await?.ok_or_else(none)?,
        Some(found) if found.client_name.as_deref() == Some(CLIENT_NAME) => {
            // The configuration may have changed since it was made.
            engine.import_client(metadata.clone(), None).await?;
            engine.rotate_client_secret(&id, Lifetime::ZERO).await?.ok_or_else(none)?
        }
        Some(_) => {
            return Err(Failure::failed(format!(
                "there is a client `{name}` that --demo did not make; start without --demo"
            )));
        }
    };
    Ok(Made { metadata, secret })
}

fn metadata(profile: &Profile, id: ClientId) -> Result<ClientMetadata, Failure> {
    let redirect = RedirectUri::parse(REDIRECT).map_err(|e| Failure::failed(e.to_string()))?;
    let grant_types = TRIED.into_iter().filter(|grant| profile.grant_types.contains(grant)).collect();
    let method = [AuthMethod::ClientSecretBasic, AuthMethod::ClientSecretPost];
    let method = method.into_iter().find(|method| profile.clients.authentication.contains(method));
    let mut metadata = ClientMetadata {
        client_name: Some(CLIENT_NAME.to_owned()),
        description: Some("Shows what this server does".to_owned()),
        profile: profile.name.clone(),
        grant_types,
        scope: scope(profile)?,
        token_endpoint_auth_method: method.unwrap_or(AuthMethod::ClientSecretBasic),
        ..ClientMetadata::new(id)
    };
    if metadata.may_use(GrantType::AuthorizationCode) {
        metadata.redirect_uris.push(redirect);
    }
    if let Some(RegistrationRules::Credentials { account_types, .. }) = &profile.registration {
        let kind = account_types.first().cloned().unwrap_or_default();
        metadata.permissions = on_the_account(kind).map_err(|e| Failure::failed(e.to_string()))?;
    }
    Ok(metadata)
}

/// What the demo's small API asks for, on the demo's account.
fn on_the_account(kind: String) -> Result<Permissions, serde_json::Error> {
    serde_json::from_value(
        json!([{"type": kind, "identifier": ACCOUNT, "actions": ["video-cloud/video/all"]}]),
    )
}

/// What there is in the catalogue; `read write` where a profile that asks people has none.
fn scope(profile: &Profile) -> Result<Scope, Failure> {
    let names: Vec<&str> = profile.scopes.names().collect();
    let free = names.is_empty() && profile.grant_types.contains(&GrantType::AuthorizationCode);
    let text = if free { "read write".to_owned() } else { names.join(" ") };
    Scope::parse(&text).map_err(|e| Failure::failed(format!("scopes: {e}")))
}

async fn api_key(engine: &Engine) -> Result<Made, Failure> {
    let owner = SubjectId::parse(NAME).map_err(|e| Failure::failed(e.to_string()))?;
    end_old_keys(engine).await?;
    let id = engine.new_client_id()?;
    let asked = ClientMetadata {
        client_name: Some(CLIENT_NAME.to_owned()),
        owner: Some(owner),
        grant_types: [GrantType::ApiKey, GrantType::RefreshToken].into(),
        ..ClientMetadata::new(id)
    };
    let (id, key) = engine.register_api_key(asked.clone(), None).await?;
    let secret = key.ok_or_else(|| Failure::failed("the demo's API key was not shown"))?;
    Ok(Made { metadata: ClientMetadata { client_id: id, ..asked }, secret })
}

/// A key is found again by nothing but itself, so an earlier start's is deleted rather than renewed.
async fn end_old_keys(engine: &Engine) -> Result<(), Failure> {
    let mut after = None;
    loop {
        let page = engine.clients(None, after.as_ref(), PAGE).await?;
        for client in page.clients {
            let ours = client.client_name.as_deref() == Some(CLIENT_NAME)
                && client.token_endpoint_auth_method == AuthMethod::ApiKey;
            if ours && client.profile == engine.profile().name {
                engine.delete_client(&client.client_id).await?;
            }
        }
        match page.next {
            Some(next) => after = Some(next),
            None => return Ok(()),
        }
    }
}
