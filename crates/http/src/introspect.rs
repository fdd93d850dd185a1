//! The introspection endpoint (RFC 7662).

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use grantor_core::wire;

use crate::api::{self, ApiRequest, ApiStop, Counted};
use crate::respond;
use crate::web::{App, Shared};

/// Tells a client or a resource server what a token is worth.
pub(crate) async fn introspect(State(app): State<App>, request: Request) -> Response {
    let (parts, body, source) = api::arrived(&app, request);
    let ended = async { answer(&app, ApiRequest::read(&app, &parts, body, source).await?).await };
    api::told(&app, ended.await)
}

/// The answer to a request that has been read.
pub(crate) async fn answer(app: &Shared, request: ApiRequest) -> Result<Response, ApiStop> {
    let _inside = app.crowd.enter()?;
    let profile = app.engine.profile();
    let token = wire::token_parameter(&request.parameters);
    let header = request.authorization.as_deref();
    let asker = wire::client_credentials(header, &request.parameters, &profile.limits)?;
    let counted = Counted::begin(app, request.source, Some(asker.client.clone()))?;
    let answer = counted.end(app.engine.introspect(asker, token?).await)?;
    Ok(respond::json(StatusCode::OK, wire::introspection_body(&answer, profile.issuer.as_str())))
}
