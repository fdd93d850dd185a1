//! The two documents that anybody may read: metadata (RFC 8414) and keys (RFC 7517). They alone may be cached, and read
//! by scripts of other origins.

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};

use crate::api::{self, ApiStop};
use crate::web::App;

/// What the server says of itself.
pub(crate) async fn metadata(State(app): State<App>) -> Response {
    api::told(&app, document(serde_json::to_vec(app.engine.metadata())))
}

/// The public keys.
pub(crate) async fn jwks(State(app): State<App>) -> Response {
    api::told(&app, document(serde_json::to_vec(&app.engine.jwks())))
}

fn document(body: serde_json::Result<Vec<u8>>) -> Result<Response, ApiStop> {
    let body = body.map_err(|_| ApiStop::Unavailable)?;
    let headers = [
        (CONTENT_TYPE, "application/json"),
        // Half of how long a new key is published before it signs.
        (CACHE_CONTROL, "public, max-age=300"),
        (ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
    ];
    Ok((StatusCode::OK, headers, body).into_response())
}
