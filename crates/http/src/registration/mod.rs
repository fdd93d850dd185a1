//! Registration by a service's own interface: two styles of it, over the engine. Who may use them is for the directory of
//! users to know; what may be registered, for the core.

mod applications;
mod credentials;
mod permissions;

use axum::body::{Body, Bytes};
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request};
use axum::http::header::WWW_AUTHENTICATE;
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use grantor_core::client::{AuthMethod, ClientMetadata, GrantType, InvalidClient};
use grantor_core::profile::RegistrationRules;
use grantor_core::{ClientId, Secret};
use grantor_directory::DirectoryError;
use grantor_engine::EngineError;
use serde::Serialize;

use crate::api::{self, ApiStop};
use crate::form::{self, FormFault};
use crate::respond;
use crate::router::Mount;
use crate::source::Source;
use crate::throttle::Wait;
use crate::web::{App, Shared};

/// Mounts the interface that the profile has, if it has one.
pub(crate) fn mount(mount: &mut Mount, app: &App) {
    match &app.engine.profile().registration {
        None => {}
        Some(RegistrationRules::Applications { path, .. }) => applications::mount(mount, &app.path(path)),
        Some(RegistrationRules::Credentials { path, .. }) => credentials::mount(mount, &app.path(path)),
    }
}

/// How a request ends when it does not end well.
enum Stop {
    /// In the words of this interface.
    Told(Told),
    /// The core cannot serve such a client.
    Invalid(InvalidClient),
    /// As at any endpoint.
    Api(ApiStop),
}

/// An error, as one of the interfaces tells it.
struct Told {
    status: StatusCode,
    error: &'static str,
    description: String,
    /// What `WWW-Authenticate` asks for.
    challenge: Option<String>,
}

#[derive(Serialize)]
struct ErrorBody<'a> {
    error: &'a str,
    error_description: &'a str,
}

impl Told {
    fn new(status: StatusCode, error: &'static str, description: impl Into<String>) -> Self {
        Self { status, error, description: description.into(), challenge: None }
    }

    fn into_response(self) -> Response {
        let body = ErrorBody { error: self.error, error_description: &self.description };
        let mut response = json(self.status, &body);
        if let Some(challenge) = self.challenge.and_then(|text| HeaderValue::try_from(text).ok()) {
            response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
        }
        response
    }
}

/// The answer to a request. `invalid` tells in the interface's words what the core cannot serve.
fn told(
    app: &Shared,
    ended: Result<Response, Stop>,
    invalid: impl FnOnce(&InvalidClient) -> Told,
) -> Response {
    match ended {
        Ok(response) => response,
        Err(Stop::Told(told)) => told.into_response(),
        Err(Stop::Invalid(why)) => invalid(&why).into_response(),
        Err(Stop::Api(stop)) => api::told(app, Err(stop)),
    }
}

fn json(status: StatusCode, body: &impl Serialize) -> Response {
    // Texts, numbers and nulls under text keys: serde_json has no reason to refuse them.
    respond::json(status, serde_json::to_vec(body).unwrap_or_default())
}

fn no_content() -> Response {
    StatusCode::NO_CONTENT.into_response()
}

/// Who may come in by what he shows, as `work` finds out. Wrong ones are counted by where they come from, like those of
/// clients; who shows nothing has not guessed.
async fn let_in<T, F: Future<Output = Result<Option<T>, DirectoryError>>>(
    app: &Shared,
    parts: &Parts,
    shown: Option<Secret>,
    work: impl FnOnce(Secret) -> F,
) -> Result<Option<T>, Stop> {
    let Some(shown) = shown else { return Ok(None) };
    let key = (Source::of(parts, &app.settings.trusted_proxies), None::<&ClientId>);
    if let Some(throttle) = &app.clients {
        throttle.check(&key, app.engine.now())?;
    }
    let found = work(shown).await?;
    if let (Some(throttle), None) = (&app.clients, &found) {
        throttle.count(&key, app.engine.now());
    }
    Ok(found)
}

/// A request in its parts, and all of its body.
async fn read(app: &Shared, body: Body) -> Result<Bytes, Stop> {
    Ok(form::read_any(app, body).await?)
}

fn parts(request: Request) -> (Parts, Body) {
    request.into_parts()
}

/// What the path names. What cannot be read names nothing.
type Named = Result<Path<String>, PathRejection>;

/// A client that speaks for itself, as this profile's clients authenticate.
fn machine(app: &Shared, id: ClientId) -> ClientMetadata {
    let profile = app.engine.profile();
    let by =
        |method: &&AuthMethod| matches!(method, AuthMethod::ClientSecretBasic | AuthMethod::ClientSecretPost);
    let method = profile.clients.authentication.iter().find(by).copied();
    ClientMetadata {
        profile: profile.name.clone(),
        grant_types: [GrantType::ClientCredentials].into(),
        token_endpoint_auth_method: method.unwrap_or(AuthMethod::ClientSecretBasic),
        ..ClientMetadata::new(id)
    }
}

/// Tells who changed which registration, and how.
fn audit(what: &'static str, client: &ClientId, by: &str) {
    tracing::info!(target: "grantor::audit", %client, by, what, "a registration was changed");
}

impl From<Told> for Stop {
    fn from(told: Told) -> Self {
        Stop::Told(told)
    }
}

impl From<ApiStop> for Stop {
    fn from(stop: ApiStop) -> Self {
        Stop::Api(stop)
    }
}

impl From<Wait> for Stop {
    fn from(wait: Wait) -> Self {
        Stop::Api(wait.into())
    }
}

impl From<FormFault> for Stop {
    fn from(fault: FormFault) -> Self {
        Stop::Api(fault.into())
    }
}

impl From<DirectoryError> for Stop {
    fn from(fault: DirectoryError) -> Self {
        Stop::Api(fault.into())
    }
}

impl From<EngineError> for Stop {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::InvalidClient(why) => Stop::Invalid(why),
            EngineError::Refused(_) | EngineError::Fault(_) => Stop::Api(error.into()),
        }
    }
}
