//! What goes around every request: bounds on its head, a bound on its time, headers on every answer, one line of log.

use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::header::{CACHE_CONTROL, STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use grantor_core::{ErrorCode, Limits};

use crate::web::App;
use crate::{api, pages, respond};

/// The longest request target.
pub(crate) const URI_BYTES: usize = 8 * 1024;

/// Bounds, times, completes and logs a request to a page.
pub(crate) async fn guard(State(app): State<App>, request: Request, next: Next) -> Response {
    around(app, Words::Text, request, next).await
}

/// The same for what programs read: there are clients that take whatever they are told at the token endpoint for JSON.
pub(crate) async fn documents(State(app): State<App>, request: Request, next: Next) -> Response {
    around(app, Words::Json, request, next).await
}

/// In what it is told that something went wrong out here.
#[derive(Clone, Copy)]
enum Words {
    Text,
    Json,
}

impl Words {
    fn told(self, app: &App, status: StatusCode, why: &'static str) -> Response {
        let code = match status {
            StatusCode::SERVICE_UNAVAILABLE => ErrorCode::TemporarilyUnavailable,
            _ => ErrorCode::InvalidRequest,
        };
        match self {
            Words::Text => respond::text(status, why),
            Words::Json => api::error(app.engine.profile(), status, code, why.trim_end()),
        }
    }
}

async fn around(app: App, words: Words, request: Request, next: Next) -> Response {
    let begun = Instant::now();
    // The route, and never the query or a path of the client's making: both may hold what no log should.
    let line = tracing::enabled!(tracing::Level::DEBUG).then(|| {
        let route = request.extensions().get::<MatchedPath>();
        (request.method().clone(), route.map_or("none", MatchedPath::as_str).to_owned())
    });
    let timed = app.timing.as_ref().map(|timing| (timing, timing.endpoint(&request)));
    // Programs are shown no page.
    let frame = match words {
        Words::Text => Some(pages::frame(&app, request.headers(), request.uri().query().unwrap_or_default())),
        Words::Json => None,
    };
    let mut response = match too_large(&request, &app.engine.profile().limits) {
        Some((status, why)) => words.told(&app, status, why),
        None => match tokio::time::timeout(app.settings.request_timeout, next.run(request)).await {
            Ok(response) => response,
            Err(_) => {
                let why = "The server cannot answer right now. Try again.\n";
                respond::retry_after(words.told(&app, StatusCode::SERVICE_UNAVAILABLE, why), 1)
            }
        },
    };
    if let Some(frame) = &frame {
        response = pages::told(&app, frame, response);
    }
    complete(&mut response, app.cookies.https());
    let elapsed = begun.elapsed();
    if let Some((timing, endpoint)) = timed {
        timing.answered(endpoint, elapsed);
    }
    if let Some((method, route)) = line {
        let status = response.status().as_u16();
        tracing::debug!(%method, route, status, ?elapsed, "answered");
    }
    response
}

/// The server's own loop refuses most of this before it gets here; other servers may not.
fn too_large(request: &Request, limits: &Limits) -> Option<(StatusCode, &'static str)> {
    let uri = request.uri();
    if uri.path().len() + uri.query().map_or(0, |query| query.len() + 1) > URI_BYTES {
        return Some((StatusCode::URI_TOO_LONG, "The URI is too long.\n"));
    }
    let headers = request.headers();
    // Name, colon, space, value and line end.
    let bytes: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
    (headers.len() > limits.headers || bytes > limits.head_bytes)
        .then_some((StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "The headers are too large.\n"))
}

fn complete(response: &mut Response, https: bool) {
    let headers = response.headers_mut();
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    if https {
        headers.insert(STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000"));
    }
}
