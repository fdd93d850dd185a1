//! `grantor api-key`.

use grantor_core::client::{AuthMethod, ClientMetadata};
use grantor_core::{ClientId, Secret};
use grantor_directory::UserName;
use grantor_engine::Engine;
use serde::Serialize;
use serde_json::json;

use crate::cli::ApiKeyCommand;
use crate::commands::client;
use crate::failure::Failure;
use crate::output::{Output, fields, table};
use crate::wiring::House;

/// What is known of a key, and the key the one time it is shown.
#[derive(Serialize)]
pub(crate) struct Shown<'a> {
    id: &'a ClientId,
    profile: &'a str,
    owner: Option<&'a str>,
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<&'a str>,
}

impl<'a> Shown<'a> {
    /// Without the key, which nobody can show again.
    pub(crate) fn of(metadata: &'a ClientMetadata) -> Self {
        Self {
            id: &metadata.client_id,
            profile: &metadata.profile,
            owner: metadata.owner.as_ref().map(|owner| owner.as_str()),
            name: metadata.client_name.as_deref(),
            key: None,
        }
    }
}

pub(super) async fn run(command: ApiKeyCommand, house: &House, output: Output) -> Result<(), Failure> {
    match command {
        ApiKeyCommand::Create { profile, owner, name } => {
            create(house, profile.as_deref(), owner, name, output).await
        }
        ApiKeyCommand::List { profile } => list(house, profile.as_deref(), output).await,
        ApiKeyCommand::Show { id } => show(&find(house, &id).await?, None, output),
        ApiKeyCommand::Delete { id } => {
            find(house, &id).await?;
            if !house.engine.delete_client(&id).await? {
                return Err(none(&id));
            }
            output.result(&json!({"id": id, "deleted": true}), || format!("{id}: deleted"))
        }
    }
}

fn none(id: &ClientId) -> Failure {
    Failure::failed(format!("there is no API key {id}; `grantor api-key list` shows all"))
}

/// Refuses an owner who is no user.
pub(crate) async fn check_owner(house: &House, owner: &UserName) -> Result<(), Failure> {
    match house.directory.user(owner.subject()).await? {
        Some(_) => Ok(()),
        None => Err(Failure::failed(format!("there is no user {owner}"))),
    }
}

pub(crate) fn is_api_key(client: &ClientMetadata) -> bool {
    client.token_endpoint_auth_method == AuthMethod::ApiKey
}

async fn find(house: &House, id: &ClientId) -> Result<ClientMetadata, Failure> {
    house.engine.client(id).await?.filter(is_api_key).ok_or_else(|| none(id))
}

/// The profile that was named, or the only one that has API keys.
fn engine<'a>(house: &'a House, profile: Option<&str>) -> Result<&'a Engine, Failure> {
    if let Some(name) = profile {
        return house.of_profile(name);
    }
    let has_keys = |e: &&Engine| e.profile().clients.authentication.contains(&AuthMethod::ApiKey);
    let mut having = house.engines.iter().filter(has_keys);
    match (having.next(), having.next()) {
        (Some(only), None) => Ok(only),
        (None, _) => Err(Failure::failed("no profile of the configuration has API keys")),
        (Some(_), Some(_)) => Err(Failure::failed("several profiles have API keys: name one by --profile")),
    }
}

async fn create(
    house: &House,
    profile: Option<&str>,
    owner: Option<UserName>,
    name: Option<String>,
    output: Output,
) -> Result<(), Failure> {
    let engine = engine(house, profile)?;
    if let Some(owner) = &owner {
        check_owner(house, owner).await?;
    }
    let metadata = ClientMetadata {
        client_name: name,
        owner: owner.map(|owner| owner.subject().clone()),
        ..ClientMetadata::new(engine.new_client_id()?)
    };
    let (id, key) = engine.register_api_key(metadata, None).await?;
    show(&find(house, &id).await?, key.as_ref(), output)
}

async fn list(house: &House, profile: Option<&str>, output: Output) -> Result<(), Failure> {
    let keys: Vec<_> = client::all(house).await?.into_iter().filter(is_api_key).collect();
    let keys: Vec<_> =
        keys.iter().filter(|key| profile.is_none_or(|name| key.profile == name)).map(Shown::of).collect();
    output.result(&keys, || {
        let text = |text: Option<&str>| text.unwrap_or("-").to_owned();
        let row = |key: &Shown<'_>| {
            vec![key.id.to_string(), key.profile.to_owned(), text(key.owner), text(key.name)]
        };
        table(&["ID", "PROFILE", "OWNER", "NAME"], &keys.iter().map(row).collect::<Vec<_>>())
    })
}

fn show(metadata: &ClientMetadata, key: Option<&Secret>, output: Output) -> Result<(), Failure> {
    let shown = Shown { key: key.map(Secret::expose), ..Shown::of(metadata) };
    output.result(&shown, || {
        let text = |text: Option<&str>| text.map(str::to_owned);
        fields(&[
            ("id", Some(shown.id.to_string())),
            ("key (shown this once)", text(shown.key)),
            ("profile", Some(shown.profile.to_owned())),
            ("owner", text(shown.owner)),
            ("name", text(shown.name)),
        ])
    })
}
