//! The token endpoint (RFC 6749, section 3.2).

use std::sync::Arc;

use axum::extract::Request;
use axum::http::request::Parts;
use axum::http::{Method, StatusCode};
use axum::response::Response;
use grantor_core::profile::{BodyKind, TokenEndpoint};
use grantor_core::request::{GrantRequest, Presenter};
use grantor_core::{ClientId, wire};

use crate::api::{self, ApiRequest, ApiStop, Counted};
use crate::form::Incoming;
use crate::source::Source;
use crate::web::{App, Shared};
use crate::{form, password, respond};

/// Answers a request for tokens, as this endpoint reads it.
pub(crate) async fn token(app: App, endpoint: Arc<TokenEndpoint>, request: Request) -> Response {
    let (parts, body, source) = api::arrived(&app, request);
    let ended = async { answer(&app, &endpoint, read(&app, &endpoint, &parts, body, source).await?).await };
    api::told(&app, ended.await)
}

/// The answer to a request that has been read.
pub(crate) async fn answer(
    app: &Shared,
    endpoint: &TokenEndpoint,
    request: ApiRequest,
) -> Result<Response, ApiStop> {
    let profile = app.engine.profile();
    let header = request.authorization.as_deref();
    let mut asked = wire::token_request(header, &request.parameters, profile, endpoint, None)?;
    if let GrantRequest::Password { subject, .. } = &mut asked.grant {
        *subject = password::verify(app, &request).await?;
    }
    // After a slow hash, which has a bound and a queue of its own.
    let _inside = app.crowd.enter()?;
    let counted = Counted::begin(app, request.source, claimed(&asked.client))?;
    let answer = counted.end(app.engine.token(asked).await)?;
    Ok(respond::json(StatusCode::OK, wire::token_body(&answer, profile)))
}

/// Who the request says it is from. A key or a token says nothing that could be counted under.
fn claimed(presenter: &Presenter) -> Option<ClientId> {
    match presenter {
        Presenter::Client(credentials) => Some(credentials.client.clone()),
        Presenter::ApiKey(_) | Presenter::Bearer => None,
    }
}

/// Reads a request, from wherever this endpoint's parameters may stand.
pub(crate) async fn read(
    app: &Shared,
    endpoint: &TokenEndpoint,
    parts: &Parts,
    body: impl Incoming,
    source: Source,
) -> Result<ApiRequest, ApiStop> {
    let query = parts.uri.query();
    let bytes = match endpoint.body {
        // Of a GET, whatever comes with it is no form.
        _ if parts.method == Method::GET => axum::body::Bytes::new(),
        BodyKind::Json => form::read_any(app, body).await?,
        // Where parameters may be in the URL, there may be no form at all.
        BodyKind::Form if endpoint.danger_parameters_in_url && !form::is_form(parts) => {
            form::read_empty(app, body).await?
        }
        BodyKind::Form => form::read(app, parts, body).await?,
    };
    let parameters = wire::token_parameters(app.engine.profile(), endpoint, query, &bytes)?;
    ApiRequest::of(parts, source, parameters)
}
