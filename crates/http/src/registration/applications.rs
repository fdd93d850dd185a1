//! Applications under numbers: `{applicationName, description}` in, an id and a secret out, for whoever sends the
//! operator's key with each request.

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::Response;
use axum::routing::get;
use grantor_core::client::{ClientMetadata, InvalidClient};
use grantor_core::profile::RegistrationRules;
use grantor_core::{ClientId, Scope, Secret};
use grantor_engine::NumberedClient;
use serde::{Deserialize, Serialize};

use super::{Named, Stop, Told, audit, json, let_in, machine, no_content, parts, read, told};
use crate::router::Mount;
use crate::web::{App, Shared};

pub(super) fn mount(mount: &mut Mount, path: &str) {
    let all = get(list).post(create);
    mount.at(path, all.clone());
    mount.at(&format!("{path}/"), all);
    mount.below(path, get(show).put(update).delete(delete));
}

/// What an application is registered with. Both must be there; what else there is, is passed over.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Asked {
    application_name: Option<String>,
    description: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Created<'a> {
    id: u64,
    client_id: &'a ClientId,
    client_secret: Option<&'a str>,
    application_name: Option<&'a str>,
    description: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Updated<'a> {
    id: u64,
    client_id: &'a ClientId,
    client_secret: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Listed<'a> {
    id: u64,
    application_name: Option<&'a str>,
    description: Option<&'a str>,
    client_id: &'a ClientId,
}

#[derive(Serialize)]
struct Shown<'a> {
    #[serde(flatten)]
    listed: Listed<'a>,
    secret: Option<&'a str>,
}

impl<'a> Listed<'a> {
    fn of(found: &'a NumberedClient) -> Self {
        let metadata = &found.client.metadata;
        Self {
            id: found.number,
            application_name: metadata.client_name.as_deref(),
            description: metadata.description.as_deref(),
            client_id: &metadata.client_id,
        }
    }
}

async fn list(State(app): State<App>, request: Request) -> Response {
    let work = async {
        guard(&app, &parts(request).0).await?;
        let found = app.engine.applications().await?;
        // Secrets are shown one by one, to whoever asks for that one.
        Ok(json(StatusCode::OK, &found.iter().map(Listed::of).collect::<Vec<_>>()))
    };
    told(&app, work.await, invalid)
}

async fn create(State(app): State<App>, request: Request) -> Response {
    let work = async {
        let (parts, body) = parts(request);
        let scope = guard(&app, &parts).await?;
        let (name, description) = asked(&app, body).await?;
        let metadata = ClientMetadata {
            client_name: Some(name),
            description: Some(description),
            scope,
            ..machine(&app, app.engine.new_client_id()?)
        };
        let (made, secret) = app.engine.register_application(metadata).await?;
        let metadata = &made.client.metadata;
        audit("created", &metadata.client_id, BY);
        let body = Created {
            id: made.number,
            client_id: &metadata.client_id,
            client_secret: secret.as_ref().map(Secret::expose),
            application_name: metadata.client_name.as_deref(),
            description: metadata.description.as_deref(),
        };
        Ok(json(StatusCode::CREATED, &body))
    };
    told(&app, work.await, invalid)
}

async fn show(State(app): State<App>, id: Named, request: Request) -> Response {
    let work = async {
        guard(&app, &parts(request).0).await?;
        let found = find(&app, id).await?;
        let secret = found.client.secret.as_ref().map(Secret::expose);
        Ok(json(StatusCode::OK, &Shown { listed: Listed::of(&found), secret }))
    };
    told(&app, work.await, invalid)
}

async fn update(State(app): State<App>, id: Named, request: Request) -> Response {
    let work = async {
        let (parts, body) = parts(request);
        guard(&app, &parts).await?;
        let found = find(&app, id).await?;
        let (name, description) = asked(&app, body).await?;
        let client_id = &found.client.metadata.client_id;
        let change = |metadata: &mut ClientMetadata| {
            metadata.client_name = Some(name.clone());
            metadata.description = Some(description.clone());
        };
        app.engine.update_client(client_id, change).await?.ok_or_else(none)?;
        audit("updated", client_id, BY);
        let client_secret = found.client.secret.as_ref().map(Secret::expose);
        Ok(json(StatusCode::OK, &Updated { id: found.number, client_id, client_secret }))
    };
    told(&app, work.await, invalid)
}

async fn delete(State(app): State<App>, id: Named, request: Request) -> Response {
    let work = async {
        guard(&app, &parts(request).0).await?;
        let client_id = find(&app, id).await?.client.metadata.client_id;
        if !app.engine.delete_client(&client_id).await? {
            return Err(none().into());
        }
        audit("deleted", &client_id, BY);
        Ok(no_content())
    };
    told(&app, work.await, invalid)
}

/// Whoever has the key is the operator's, and has no other name.
const BY: &str = "the registration key";

/// Lets whoever has the key in, and tells what his applications may ask for.
async fn guard(app: &Shared, parts: &Parts) -> Result<Scope, Stop> {
    let profile = app.engine.profile();
    let Some(RegistrationRules::Applications { key_header, scope, .. }) = &profile.registration else {
        return Err(none().into());
    };
    let mut keys = parts.headers.get_all(key_header.as_str()).iter();
    // Sent twice, it is neither.
    let key = match (keys.next(), keys.next()) {
        (Some(only), None) => only.to_str().ok().map(str::trim).filter(|key| !key.is_empty()),
        (_, _) => None,
    };
    let is_right = let_in(app, parts, key.map(Secret::new), |key| async move {
        let is_right = app.users()?.is_registration_key(&profile.name, &key, app.engine.now()).await?;
        Ok(is_right.then_some(()))
    });
    match is_right.await? {
        Some(()) => Ok(scope.clone()),
        None => {
            let why = "Full authentication is required to access this resource";
            let told = Told::new(StatusCode::UNAUTHORIZED, "unauthorized", why);
            Err(Told { challenge: Some(key_header.clone()), ..told }.into())
        }
    }
}

async fn asked(app: &Shared, body: Body) -> Result<(String, String), Stop> {
    let bytes = read(app, body).await?;
    let wrong = |why: &str| Told::new(StatusCode::BAD_REQUEST, "invalid_request", why);
    let asked: Asked =
        serde_json::from_slice(&bytes).map_err(|_| wrong("the body must be a JSON object of texts"))?;
    let given = |field: Option<String>, name: &str| {
        let missing = || wrong(&format!("{name} is mandatory"));
        field.filter(|text| !text.trim().is_empty()).ok_or_else(missing)
    };
    Ok((given(asked.application_name, "applicationName")?, given(asked.description, "description")?))
}

async fn find(app: &Shared, id: Named) -> Result<NumberedClient, Stop> {
    let plain = |text: &String| text.bytes().all(|b| b.is_ascii_digit());
    let number = id.ok().map(|id| id.0).filter(plain).and_then(|text| text.parse().ok());
    match number {
        None => Err(none().into()),
        Some(number) => Ok(app.engine.application(number).await?.ok_or_else(none)?),
    }
}

fn none() -> Told {
    Told::new(StatusCode::NOT_FOUND, "not_found", "there is no application of that id")
}

fn invalid(why: &InvalidClient) -> Told {
    let field = if why.field == "client_name" { "applicationName" } else { why.field };
    Told::new(StatusCode::BAD_REQUEST, "invalid_request", format!("{field}: {}", why.why))
}
