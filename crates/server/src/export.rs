//! `grantor export`: the shape of an import file, without secrets.

use grantor_core::client::ClientMetadata;
use serde_json::{Value, json};

use crate::commands::{account, api_key, client, user};
use crate::failure::Failure;
use crate::output::Output;
use crate::wiring::House;

/// Prints JSON, with or without `--json`: it is for an import.
pub(crate) async fn run(house: &House) -> Result<(), Failure> {
    let (keys, clients): (Vec<_>, Vec<_>) =
        client::all(house).await?.into_iter().partition(api_key::is_api_key);
    let keys: Vec<_> = keys.iter().map(api_key::Shown::of).collect();
    let (servers, clients): (Vec<_>, Vec<_>) = clients.into_iter().partition(is_plain_resource_server);
    let servers: Vec<Value> = servers
        .iter()
        .map(|server| {
            json!({"client_id": server.client_id, "audience": server.audience, "profile": server.profile})
        })
        .collect();
    let users: Vec<Value> = user::all(house)
        .await?
        .iter()
        .map(|user| {
            let profile = &user.profile;
            json!({
                "username": user.subject, "email": profile.email, "name": profile.name, "avatar": profile.avatar,
                "admin": profile.admin, "accounts": profile.accounts,
            })
        })
        .collect();
    let accounts: Vec<Value> = account::all(house)
        .await?
        .iter()
        .map(|account| {
            json!({
                "id": account.id, "name": account.name, "url": account.url,
                "oauth_enabled": account.oauth_enabled,
            })
        })
        .collect();
    let whole = json!({
        "clients": clients, "users": users, "accounts": accounts, "api_keys": keys, "resource_servers": servers,
    });
    let pretty = serde_json::to_string_pretty(&whole).map_err(|e| Failure::failed(e.to_string()))?;
    Output { json: false }.result(&whole, || pretty)
}

/// Whether the section `resource_servers` can say all there is of it.
fn is_plain_resource_server(client: &ClientMetadata) -> bool {
    let Some(audience) = &client.audience else { return false };
    let plain = ClientMetadata {
        audience: Some(audience.clone()),
        profile: client.profile.clone(),
        grant_types: Default::default(),
        ..ClientMetadata::new(client.client_id.clone())
    };
    *client == plain
}
