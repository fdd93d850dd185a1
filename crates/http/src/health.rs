//! Health: whether the process runs, and whether it can do its work. Neither says more than that.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use crate::respond;
use crate::web::App;

/// Answers as long as anything does.
pub(crate) async fn alive() -> Response {
    respond::json(StatusCode::OK, br#"{"status":"alive"}"#.to_vec())
}

/// Answers well while the store does.
pub(crate) async fn ready(State(app): State<App>) -> Response {
    match app.engine.store_info().await {
        Ok(_) => respond::json(StatusCode::OK, br#"{"status":"ready"}"#.to_vec()),
        Err(fault) => {
            tracing::warn!(%fault, "not ready");
            respond::json(StatusCode::SERVICE_UNAVAILABLE, br#"{"status":"unavailable"}"#.to_vec())
        }
    }
}
