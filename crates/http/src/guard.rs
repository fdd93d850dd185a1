//! What goes around every request: bounds on its head, a bound on its time, headers on every answer, one line of log.

use std::time::{Duration, Instant};

use axum::extract::{MatchedPath, Request, State};
use axum::http::header::{CACHE_CONTROL, STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use axum::middleware::Next;
use axum::response::Response;
use grantor_core::{ErrorCode, Limits};
use grantor_ledger::Endpoint;

use crate::api::ApiStop;
use crate::web::{App, Shared};
use crate::{api, pages, respond};

/// How long a person who is held up waits for the page that says so. A program that guesses and is sent away asks again at once,
/// and makes page after page; so it gets two a second on each connection, and the rest of the time is everybody else's. Programs
/// are told at once: what they are told costs little, and while they waited they would hold one of the places there are for requests.
const HELD_UP: Duration = Duration::from_millis(500);

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
    fn told(self, app: &Shared, status: StatusCode, why: &'static str) -> Response {
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
    // The route, and never the query or a path of the client's making: both may hold what no log should.
    let route = request.extensions().get::<MatchedPath>().cloned();
    let endpoint = app.timing.as_ref().map_or(Endpoint::Other, |timing| timing.endpoint(&request));
    let watch = Watch::begin(&app, request.method(), endpoint);
    // Programs are shown no page.
    let frame = match words {
        Words::Text => Some(pages::frame(&app, request.headers(), request.uri().query().unwrap_or_default())),
        Words::Json => None,
    };
    let mut response = match too_large(request.uri(), request.headers(), &app.engine.profile().limits) {
        Some((status, why)) => words.told(&app, status, why),
        None => match tokio::time::timeout(app.settings.request_timeout, next.run(request)).await {
            Ok(response) => response,
            Err(_) => too_long(&app, words),
        },
    };
    let mut is_held_up = false;
    if let Some(frame) = &frame {
        response = pages::told(&app, frame, response);
        is_held_up = response.status() == StatusCode::TOO_MANY_REQUESTS;
    }
    let response = watch.end(response, route.as_ref().map_or("none", MatchedPath::as_str));
    if is_held_up {
        tokio::time::sleep(HELD_UP).await;
    }
    response
}

/// The same around an endpoint of the API that was reached without a router: `read` its body within its own time, then `answer`
/// within what is left of the request's.
pub(crate) async fn directly<T>(
    app: &Shared,
    (route, endpoint): (&str, Endpoint),
    parts: &Parts,
    read: impl Future<Output = Result<T, ApiStop>>,
    answer: impl AsyncFnOnce(T) -> Result<Response, ApiStop>,
) -> Response {
    let watch = Watch::begin(app, &parts.method, endpoint);
    if let Some((status, why)) = too_large(&parts.uri, &parts.headers, &app.engine.profile().limits) {
        return watch.end(Words::Json.told(app, status, why), route);
    }
    let response = match read.await {
        Ok(request) => {
            let until = watch.begun + app.settings.request_timeout;
            // Pinned here, since what is handed on to be timed is copied whole.
            let answering = std::pin::pin!(answer(request));
            match tokio::time::timeout_at(until.into(), answering).await {
                Ok(ended) => api::told(app, ended),
                Err(_) => too_long(app, Words::Json),
            }
        }
        Err(stop) => api::told(app, Err(stop)),
    };
    watch.end(response, route)
}

/// What is measured and completed of every request.
struct Watch<'a> {
    app: &'a Shared,
    begun: Instant,
    endpoint: Endpoint,
    /// Where somebody listens: the line is told at the end.
    method: Option<Method>,
}

impl<'a> Watch<'a> {
    fn begin(app: &'a Shared, method: &Method, endpoint: Endpoint) -> Self {
        let method = tracing::enabled!(tracing::Level::DEBUG).then(|| method.clone());
        Self { app, begun: Instant::now(), endpoint, method }
    }

    fn end(self, mut response: Response, route: &str) -> Response {
        complete(&mut response, self.app.cookies.https());
        let elapsed = self.begun.elapsed();
        if let Some(timing) = &self.app.timing {
            timing.answered(self.endpoint, elapsed);
        }
        if let Some(method) = self.method {
            let status = response.status().as_u16();
            tracing::debug!(%method, route, status, ?elapsed, "answered");
        }
        response
    }
}

fn too_long(app: &Shared, words: Words) -> Response {
    let why = "The server cannot answer right now. Try again.\n";
    respond::retry_after(words.told(app, StatusCode::SERVICE_UNAVAILABLE, why), 1)
}

/// The server's own loop refuses most of this before it gets here; other servers may not.
fn too_large(uri: &Uri, headers: &HeaderMap, limits: &Limits) -> Option<(StatusCode, &'static str)> {
    if uri.path().len() + uri.query().map_or(0, |query| query.len() + 1) > URI_BYTES {
        return Some((StatusCode::URI_TOO_LONG, "The URI is too long.\n"));
    }
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
