//! `grantor client`.

use grantor_core::client::{AuthMethod, ClientMetadata};
use grantor_core::{ClientId, Lifetime, Secret};
use grantor_engine::Engine;
use serde::Serialize;
use serde_json::json;

use crate::cli::{ClientChanges, ClientCommand};
use crate::failure::Failure;
use crate::files::read_secret;
use crate::output::{Output, fields, table};
use crate::wiring::House;

const PAGE: usize = 200;

/// A registration, and its secret the one time it is shown.
#[derive(Serialize)]
struct Shown<'a> {
    #[serde(flatten)]
    metadata: &'a ClientMetadata,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_secret: Option<&'a str>,
}

pub(super) async fn run(command: ClientCommand, house: &House, output: Output) -> Result<(), Failure> {
    match command {
        ClientCommand::Create { id, profile, changes, secret_file } => {
            let engine = match &profile {
                None => &house.engine,
                Some(name) => house.of_profile(name)?,
            };
            create(engine, id, &changes, secret_file, output).await
        }
        ClientCommand::List => list(house, output).await,
        ClientCommand::Show { id } => {
            let metadata = house.engine.client(&id).await?.ok_or_else(|| none(&id))?;
            show(&metadata, None, output)
        }
        ClientCommand::Update { id, changes } => {
            let changed =
                engine_of(house, &id).await?.update_client(&id, |metadata| apply(&changes, metadata)).await?;
            show(&changed.ok_or_else(|| none(&id))?, None, output)
        }
        ClientCommand::RotateSecret { id, overlap } => rotate_secret(house, &id, overlap, output).await,
        ClientCommand::Delete { id } => {
            if !house.engine.delete_client(&id).await? {
                return Err(none(&id));
            }
            output.result(&json!({"client_id": id, "deleted": true}), || format!("{id}: deleted"))
        }
    }
}

fn none(id: &ClientId) -> Failure {
    Failure::failed(format!("there is no client {id}; `grantor client list` shows all"))
}

/// The engine of a client's profile.
async fn engine_of<'a>(house: &'a House, id: &ClientId) -> Result<&'a Engine, Failure> {
    let client = house.engine.client(id).await?.ok_or_else(|| none(id))?;
    house.of_profile(&client.profile)
}

async fn create(
    engine: &Engine,
    id: Option<ClientId>,
    changes: &ClientChanges,
    secret_file: Option<String>,
    output: Output,
) -> Result<(), Failure> {
    let id = id.map_or_else(|| engine.new_client_id(), Ok)?;
    let mut metadata = ClientMetadata::new(id);
    metadata.profile.clone_from(&engine.profile().name);
    if changes.audience.is_some() {
        // A resource server asks about tokens and gets none, unless it says so.
        metadata.grant_types.clear();
    }
    apply(changes, &mut metadata);
    let given = secret_file.as_deref().map(read_secret).transpose()?;
    let minted = engine.register_client(metadata.clone(), given).await?;
    show(&metadata, minted.as_ref(), output)
}

fn apply(changes: &ClientChanges, to: &mut ClientMetadata) {
    let text = |given: &Option<String>, place: &mut Option<String>| {
        if let Some(given) = given {
            *place = Some(given.clone()).filter(|text| !text.is_empty());
        }
    };
    text(&changes.name, &mut to.client_name);
    text(&changes.description, &mut to.description);
    text(&changes.client_uri, &mut to.client_uri);
    text(&changes.logo_uri, &mut to.logo_uri);
    text(&changes.access_token_audience, &mut to.access_token_audience);
    text(&changes.audience, &mut to.audience);
    if !changes.redirect_uri.is_empty() {
        to.redirect_uris.clone_from(&changes.redirect_uri);
    }
    if !changes.grant_type.is_empty() {
        to.grant_types = changes.grant_type.iter().copied().collect();
    }
    if !changes.response_type.is_empty() {
        to.response_types = Some(changes.response_type.iter().copied().collect());
    }
    if let Some(scope) = &changes.scope {
        to.scope = scope.clone();
    }
    if let Some(scope) = &changes.default_scope {
        to.default_scope = Some(scope.clone());
    }
    if let Some(method) = changes.auth_method.or(changes.public.then_some(AuthMethod::None)) {
        to.token_endpoint_auth_method = method;
    }
    if let Some(require) = changes.require_pkce {
        to.require_pkce = require;
    }
    if let Some(format) = changes.access_token_format {
        to.access_token_format = Some(format);
    }
    if let Some(encoding) = changes.token_response_scope {
        to.token_response_scope = Some(encoding);
    }
    if let Some(owner) = &changes.owner {
        to.owner = Some(owner.clone());
    }
    if let Some(disabled) = changes.disabled {
        to.disabled = disabled;
    }
}

async fn list(house: &House, output: Output) -> Result<(), Failure> {
    let clients = all(house).await?;
    output.result(&clients, || {
        let rows: Vec<_> = clients
            .iter()
            .map(|client| {
                let grants: Vec<_> = client.grant_types.iter().map(ToString::to_string).collect();
                let state = if client.disabled { "disabled" } else { "on" };
                let name = client.display_name().to_owned();
                vec![
                    client.client_id.to_string(),
                    name,
                    state.to_owned(),
                    grants.join(" "),
                    client.scope.to_string(),
                ]
            })
            .collect();
        table(&["ID", "NAME", "STATE", "GRANT TYPES", "SCOPE"], &rows)
    })
}

/// Every registration.
pub(crate) async fn all(house: &House) -> Result<Vec<ClientMetadata>, Failure> {
    let (mut clients, mut after) = (Vec::new(), None);
    loop {
        let page = house.engine.clients(None, after.as_ref(), PAGE).await?;
        clients.extend(page.clients);
        after = page.next;
        if after.is_none() {
            return Ok(clients);
        }
    }
}

async fn rotate_secret(
    house: &House,
    id: &ClientId,
    overlap: Lifetime,
    output: Output,
) -> Result<(), Failure> {
    let secret =
        engine_of(house, id).await?.rotate_client_secret(id, overlap).await?.ok_or_else(|| none(id))?;
    output.result(&json!({"client_id": id, "client_secret": secret.expose()}), || {
        fields(&[
            ("client_id", Some(id.to_string())),
            ("client_secret (shown this once)", Some(secret.expose().to_owned())),
        ])
    })
}

fn show(client: &ClientMetadata, secret: Option<&Secret>, output: Output) -> Result<(), Failure> {
    let client_secret = secret.map(Secret::expose);
    output.result(&Shown { metadata: client, client_secret }, || {
        let join = |texts: Vec<String>| Some(texts.join(" ")).filter(|text| !text.is_empty());
        fields(&[
            ("client_id", Some(client.client_id.to_string())),
            ("client_secret (shown this once)", client_secret.map(str::to_owned)),
            ("client_name", client.client_name.clone()),
            ("description", client.description.clone()),
            ("client_uri", client.client_uri.clone()),
            ("logo_uri", client.logo_uri.clone()),
            ("profile", Some(client.profile.clone())),
            ("redirect_uris", join(client.redirect_uris.iter().map(|u| u.as_str().to_owned()).collect())),
            ("grant_types", join(client.grant_types.iter().map(ToString::to_string).collect())),
            ("scope", Some(client.scope.to_string())),
            ("default_scope", client.default_scope.as_ref().map(ToString::to_string)),
            ("token_endpoint_auth_method", Some(client.token_endpoint_auth_method.to_string())),
            ("require_pkce", Some((client.require_pkce || client.is_public()).to_string())),
            ("access_token_format", client.access_token_format.map(|f| f.to_string())),
            ("token_response_scope", client.token_response_scope.map(|e| e.to_string())),
            ("access_token_audience", client.access_token_audience.clone()),
            ("audience", client.audience.clone()),
            ("owner", client.owner.as_ref().map(ToString::to_string)),
            ("disabled", Some(client.disabled.to_string())),
        ])
    })
}
