//! What answers while the store is away: that the server lives, and that everything else must wait.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::http::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE, HeaderName, RETRY_AFTER};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use grantor_core::Issuer;
use grantor_core::{Profile, wire::ErrorAnswer};
use tokio::sync::watch;
use tower::Service;

/// How long a request waits for a store that is just being opened, before it is put off.
const MOMENT: Duration = Duration::from_secs(1);

/// Between a listener and a router that is not there yet.
#[derive(Clone)]
pub(crate) struct Gate(watch::Sender<State>);

#[derive(Clone)]
enum State {
    /// For the first time. Mostly a matter of milliseconds, which nobody should be put off for.
    Opening,
    /// Nobody knows for how long.
    Away,
    Open(Router),
}

impl Gate {
    pub(crate) fn new() -> Self {
        Self(watch::Sender::new(State::Opening))
    }

    /// Answers by `closed` until it is opened.
    pub(crate) fn before(&self, closed: Router) -> Gated {
        Gated { states: self.0.subscribe(), closed }
    }

    /// The store is away: nobody need wait to see.
    pub(crate) fn close(&self) {
        self.0.send_replace(State::Away);
    }

    /// From now on `router` answers. It stays so: of a store that goes away later each request that needs it tells.
    pub(crate) fn open(&self, router: Router) {
        self.0.send_replace(State::Open(router));
    }
}

/// What stands at a listener: the router behind the gate, once there is one.
#[derive(Clone)]
pub(crate) struct Gated {
    states: watch::Receiver<State>,
    closed: Router,
}

impl Service<Request> for Gated {
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    /// Every request passes here, and all but the first few find it open.
    fn call(&mut self, request: Request) -> Self::Future {
        match &*self.states.borrow() {
            State::Open(router) => Box::pin(router.clone().call(request)),
            State::Opening | State::Away => Box::pin(pass(self.states.clone(), self.closed.clone(), request)),
        }
    }
}

async fn pass(
    mut states: watch::Receiver<State>,
    closed: Router,
    request: Request,
) -> Result<Response, Infallible> {
    if !request.uri().path().contains("/health/") {
        let known = states.wait_for(|state| !matches!(state, State::Opening));
        // If it is not known by then, it is answered as it stands.
        let _ = tokio::time::timeout(MOMENT, known).await;
    }
    let state = states.borrow().clone();
    let mut router = match state {
        State::Open(router) => router,
        State::Opening | State::Away => closed,
    };
    router.call(request).await
}

/// Tells that the server lives and is not ready, and puts off all else.
pub(crate) fn closed(profiles: &[&Profile]) -> Router {
    let first = profiles.first().map(|profile| Arc::new((*profile).clone()));
    let mut router = Router::new().fallback(move |headers: HeaderMap| put_off(first.clone(), headers));
    let prefixes = profiles.iter().map(|profile| prefix_of(&profile.issuer));
    for prefix in prefixes.chain([String::new()]).collect::<BTreeSet<_>>() {
        router = router
            .route(&format!("{prefix}/health/alive"), get(alive))
            .route(&format!("{prefix}/health/ready"), get(unready));
    }
    router
}

/// The path of an issuer, as axum takes it: what it would take for a pattern is none.
fn prefix_of(issuer: &Issuer) -> String {
    let prefix = issuer.as_str().strip_prefix(&issuer.origin()).unwrap_or_default();
    prefix.replace('{', "{{").replace('}', "}}")
}

const JSON: (HeaderName, &str) = (CONTENT_TYPE, "application/json");
const TEXT: (HeaderName, &str) = (CONTENT_TYPE, "text/plain; charset=utf-8");
const FRESH: (HeaderName, &str) = (CACHE_CONTROL, "no-store");
const SOON: (HeaderName, &str) = (RETRY_AFTER, "1");

async fn alive() -> Response {
    ([JSON, FRESH], r#"{"status":"alive"}"#).into_response()
}

async fn unready() -> Response {
    (StatusCode::SERVICE_UNAVAILABLE, [JSON, FRESH, SOON], r#"{"status":"unavailable"}"#).into_response()
}

/// The same words as for any other failure of the store: in JSON for clients, as text for people.
async fn put_off(profile: Option<Arc<Profile>>, headers: HeaderMap) -> Response {
    let accepts = headers.get(ACCEPT).and_then(|accepts| accepts.to_str().ok()).unwrap_or_default();
    if accepts.contains("text/html") {
        let text = "The server cannot answer right now. Try again in a moment.\n";
        (StatusCode::SERVICE_UNAVAILABLE, [TEXT, FRESH, SOON], text).into_response()
    } else {
        let answer = profile.map(|profile| ErrorAnswer::unavailable(&profile));
        let typed = answer.as_ref().map_or(JSON, |answer| (CONTENT_TYPE, answer.content_type));
        let body = answer.map(|answer| answer.body).unwrap_or_default();
        (StatusCode::SERVICE_UNAVAILABLE, [typed, FRESH, SOON], body).into_response()
    }
}
