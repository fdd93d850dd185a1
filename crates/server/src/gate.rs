//! What answers while the store is away: that the server lives, and that everything else must wait.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::Router;
use axum::http::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE, HeaderName, RETRY_AFTER};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use grantor_core::Issuer;
use grantor_core::{Profile, wire::ErrorAnswer};
use grantor_http::{Answerer, Arriving};
use tokio::sync::watch;

/// How long a request waits for a store that is just being opened, before it is put off.
const MOMENT: Duration = Duration::from_secs(1);

/// Between a listener and what answers there, which is not there yet.
#[derive(Clone)]
pub(crate) struct Gate<A>(Arc<Inner<A>>);

struct Inner<A> {
    open: OnceLock<A>,
    state: watch::Sender<State>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// For the first time. Mostly a matter of milliseconds, which nobody should be put off for.
    Opening,
    /// Nobody knows for how long.
    Away,
    Open,
}

impl<A: Answerer> Gate<A> {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Inner { open: OnceLock::new(), state: watch::Sender::new(State::Opening) }))
    }

    /// Answers by `closed` until it is opened.
    pub(crate) fn before(&self, closed: Router) -> Gated<A> {
        Gated { gate: self.0.clone(), closed }
    }

    /// The store is away: nobody need wait to see.
    pub(crate) fn close(&self) {
        self.0.state.send_replace(State::Away);
    }

    /// From now on `answerer` answers. It stays so: of a store that goes away later each request that needs it tells.
    pub(crate) fn open(&self, answerer: A) {
        // There is one opening; of a second nothing would come.
        let _ = self.0.open.set(answerer);
        self.0.state.send_replace(State::Open);
    }
}

/// What stands at a listener: what is behind the gate, once there is something.
pub(crate) struct Gated<A> {
    gate: Arc<Inner<A>>,
    closed: Router,
}

impl<A> Clone for Gated<A> {
    fn clone(&self) -> Self {
        Self { gate: self.gate.clone(), closed: self.closed.clone() }
    }
}

impl<A: Answerer> Answerer for Gated<A> {
    /// Every request passes here, and all but the first few find it open.
    async fn answer(&self, request: Arriving, peer: SocketAddr) -> Response {
        if self.gate.open.get().is_none() && !request.uri().path().contains("/health/") {
            let mut states = self.gate.state.subscribe();
            let known = states.wait_for(|state| *state != State::Opening);
            // If it is not known by then, it is answered as it stands.
            let _ = tokio::time::timeout(MOMENT, known).await;
        }
        match self.gate.open.get() {
            Some(open) => open.answer(request, peer).await,
            None => self.closed.answer(request, peer).await,
        }
    }
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
