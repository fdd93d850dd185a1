//! What goes around every request: bounds on its head, a bound on its time, headers on every answer, one line of log.

use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::header::{CACHE_CONTROL, STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use grantor_core::Limits;

use crate::respond;
use crate::web::App;

/// The longest request target.
pub(crate) const URI_BYTES: usize = 8 * 1024;

/// Bounds, times, completes and logs a request.
pub(crate) async fn guard(State(app): State<App>, request: Request, next: Next) -> Response {
    let begun = Instant::now();
    // The route, and never the query or a path of the client's making: both may hold what no log should.
    let line = tracing::enabled!(tracing::Level::DEBUG).then(|| {
        let route = request.extensions().get::<MatchedPath>();
        (request.method().clone(), route.map_or("none", MatchedPath::as_str).to_owned())
    });
    let mut response = match too_large(&request, &app.engine.profile().limits) {
        Some(refused) => refused,
        None => match tokio::time::timeout(app.settings.request_timeout, next.run(request)).await {
            Ok(response) => response,
            Err(_) => respond::retry_after(
                respond::text(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "The server cannot answer right now. Try again.\n",
                ),
                1,
            ),
        },
    };
    complete(&mut response, app.engine.profile().issuer.is_https());
    if let Some((method, route)) = line {
        let (status, elapsed) = (response.status().as_u16(), begun.elapsed());
        tracing::debug!(%method, route, status, ?elapsed, "answered");
    }
    response
}

/// The server's own loop refuses most of this before it gets here; other servers may not.
fn too_large(request: &Request, limits: &Limits) -> Option<Response> {
    let uri = request.uri();
    if uri.path().len() + uri.query().map_or(0, |query| query.len() + 1) > URI_BYTES {
        return Some(respond::text(StatusCode::URI_TOO_LONG, "The URI is too long.\n"));
    }
    let headers = request.headers();
    // Name, colon, space, value and line end.
    let bytes: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
    (headers.len() > limits.headers || bytes > limits.head_bytes)
        .then(|| respond::text(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "The headers are too large.\n"))
}

fn complete(response: &mut Response, https: bool) {
    let headers = response.headers_mut();
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    if https {
        headers.insert(STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000"));
    }
}
