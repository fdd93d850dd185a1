//! The revocation endpoint (RFC 7009).

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use grantor_core::wire;

use crate::api::{self, ApiRequest, ApiStop};
use crate::respond;
use crate::web::{App, Shared};

/// Takes back a token of the client's own.
pub(crate) async fn revoke(State(app): State<App>, request: Request) -> Response {
    api::told(&app, answer(&app, request).await)
}

async fn answer(app: &Shared, request: Request) -> Result<Response, ApiStop> {
    let request = ApiRequest::read(app, request).await?;
    let token = wire::token_parameter(&request.parameters);
    let header = request.authorization.as_deref();
    let asker = wire::client_credentials(header, &request.parameters, &app.engine.profile().limits)?;
    let client = asker.client.clone();
    api::throttled(app, request.source, Some(&client), app.engine.revoke(asker, token?)).await?;
    Ok(respond::json(StatusCode::OK, b"{}".to_vec()))
}
