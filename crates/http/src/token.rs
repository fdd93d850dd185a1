//! The token endpoint (RFC 6749, section 3.2).

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use grantor_core::request::GrantRequest;
use grantor_core::wire;

use crate::api::{self, ApiRequest, ApiStop};
use crate::web::App;
use crate::{password, respond};

/// Answers a request for tokens.
pub(crate) async fn token(State(app): State<App>, request: Request) -> Result<Response, ApiStop> {
    let request = ApiRequest::read(&app, request).await?;
    let (header, profile) = (request.authorization.as_deref(), app.engine.profile());
    let mut asked = wire::token_request(header, &request.parameters, profile, None)?;
    if let GrantRequest::Password { subject, .. } = &mut asked.grant {
        *subject = password::verify(&app, &request).await?;
    }
    let client = asked.client.client.clone();
    let answer = api::throttled(&app, request.source, &client, app.engine.token(asked)).await?;
    Ok(respond::json(StatusCode::OK, wire::token_body(&answer)))
}
