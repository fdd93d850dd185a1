//! The introspection endpoint (RFC 7662).

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use grantor_core::wire;

use crate::api::{self, ApiRequest, ApiStop};
use crate::respond;
use crate::web::{App, Shared};

/// Tells a client or a resource server what a token is worth.
pub(crate) async fn introspect(State(app): State<App>, request: Request) -> Response {
    api::told(&app, answer(&app, request).await)
}

async fn answer(app: &Shared, request: Request) -> Result<Response, ApiStop> {
    let request = ApiRequest::read(app, request).await?;
    let profile = app.engine.profile();
    let token = wire::token_parameter(&request.parameters);
    let header = request.authorization.as_deref();
    let asker = wire::client_credentials(header, &request.parameters, &profile.limits)?;
    let client = asker.client.clone();
    let answer =
        api::throttled(app, request.source, Some(&client), app.engine.introspect(asker, token?)).await?;
    Ok(respond::json(StatusCode::OK, wire::introspection_body(&answer, profile.issuer.as_str())))
}
