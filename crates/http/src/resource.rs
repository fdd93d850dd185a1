//! The other side of a token: the routes of an application that only a live one may reach (RFC 6750).

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{self, Poll};

use axum::body::Body;
use axum::extract::{FromRequestParts, Request};
use axum::http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, WWW_AUTHENTICATE};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use grantor_core::wire::{self, ErrorAnswer, Shown, TokenPlaces};
use grantor_core::{LiveAccessToken, Reason, Refusal, Required, Scope, SubjectId};
use grantor_directory::{Directory, User, UserDirectory, UserState};
use grantor_engine::{Engine, EngineError};
use tower::{Layer, Service};

use crate::respond;
use crate::web::Settings;

/// Lets requests pass to routes of your own by what they show: a live access token of the engine's profile, in one of the
/// ways that the profile has, that permits what the routes ask for.
///
/// All else is answered here: 401 and 403 with the challenges of RFC 6750, section 3, and 503 when that cannot be found
/// out. A handler takes the token as a [`Caller`].
///
/// ```
/// # use std::sync::Arc;
/// # use grantor_core::{Profile, ServerKey};
/// # use grantor_engine::Engine;
/// # use grantor_store::MemoryStore;
/// use axum::{Router, routing::get};
/// use grantor_http::{Caller, Guard};
///
/// async fn media(Caller(token): Caller) -> String {
///     format!("media that {} may see", token.client)
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let profile = Profile::standard("https://auth.example.com".parse()?);
/// # let engine = Engine::builder(profile, Arc::new(MemoryStore::new()), ServerKey::from_bytes([7; 32])).open().await?;
/// let guard = Guard::new(engine.clone()).require("media:read".parse()?);
/// let api = Router::new().route("/media", get(media)).layer(guard.layer());
/// let app = api.merge(grantor_http::router(engine));
/// # let _: Router = app;
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Guard {
    engine: Engine,
    users: Option<Arc<dyn UserDirectory>>,
    places: TokenPlaces,
    required: Required,
}

impl Guard {
    /// A guard that lets any live access token of the engine's profile pass, with the embedded directory of users over the
    /// engine's store.
    pub fn new(engine: Engine) -> Self {
        // Only where clients may act for people is anybody asked who there is.
        let asks = engine.profile().resource.act_as_header.is_some();
        let settings = grantor_directory::Settings::default();
        let embedded =
            asks.then(|| Directory::new(engine.store().clone(), engine.server_key(), settings).ok());
        let users = embedded.flatten().map(|directory| Arc::new(directory) as Arc<dyn UserDirectory>);
        Self { engine, users, places: TokenPlaces::All, required: Scope::none().into() }
    }

    /// Brings other users than those of the embedded directory. They are asked where a client may act for people: such a
    /// person must be there, and not be disabled.
    #[must_use]
    pub fn users(mut self, users: Arc<dyn UserDirectory>) -> Self {
        self.users = Some(users);
        self
    }

    /// Asks for all of this scope.
    #[must_use]
    pub fn require(mut self, scope: Scope) -> Self {
        self.required = scope.into();
        self
    }

    /// Lets pass as well who has all of this scope instead.
    #[must_use]
    pub fn or(mut self, scope: Scope) -> Self {
        self.required = self.required.or(scope);
        self
    }

    /// Takes a token from the query alone, under the profile's names for it: for a resource that is reached by links and
    /// forms. Where the profile has no such names, nothing passes.
    #[must_use]
    pub fn query_only(mut self) -> Self {
        self.places = TokenPlaces::QueryOnly;
        self
    }

    /// The guard as a layer, for [`axum::Router::layer`], [`axum::routing::MethodRouter::layer`] or any other tower
    /// stack. Put a CORS layer around it: what a browser asks beforehand shows no token.
    pub fn layer(self) -> GuardLayer {
        GuardLayer(Arc::new(self))
    }

    /// What the request shows, if it may pass: for whoever has no use for a layer.
    ///
    /// # Errors
    /// The answer to give instead.
    pub async fn check(&self, request: &Parts) -> Result<LiveAccessToken, Response> {
        let patience = Settings::default().request_timeout;
        let found = tokio::time::timeout(patience, self.found(request)).await;
        found.unwrap_or(Err(Stop::Unavailable)).map_err(|stop| self.told(stop))
    }

    async fn found(&self, request: &Parts) -> Result<LiveAccessToken, Stop> {
        let profile = self.engine.profile();
        let authorization = only(request, AUTHORIZATION.as_str(), Reason::TokenMisplaced)?;
        let shown = wire::shown_token(profile, self.places, authorization, request.uri.query())?;
        let act_as = match (&profile.resource.act_as_header, &shown) {
            (None, _) | (Some(_), Shown::Nothing) => None,
            (Some(header), Shown::Token(_) | Shown::ApiKey(_)) => {
                wire::acting_for(only(request, header, Reason::ActingNotAllowed)?)?
            }
        };
        let Some(person) = act_as else {
            return Ok(self.engine.check_shown(shown, self.required.clone(), None).await?);
        };
        if self.is_there(&person).await? {
            return Ok(self.engine.check_shown(shown, self.required.clone(), Some(person)).await?);
        }
        // What is wrong with the token comes first, so that nobody learns without one who is there.
        self.engine.check_shown(shown, self.required.clone(), None).await?;
        Err(Refusal::from(Reason::ActingNotAllowed).into())
    }

    async fn is_there(&self, person: &SubjectId) -> Result<bool, Stop> {
        let Some(users) = &self.users else { return Err(Stop::Unavailable) };
        let is_active = |user: User| match user.state {
            UserState::Active => true,
            UserState::Disabled => false,
        };
        users.user(person).await.map(|user| user.is_some_and(is_active)).map_err(|fault| {
            tracing::error!(%fault, "the user directory failed");
            Stop::Unavailable
        })
    }

    fn told(&self, stop: Stop) -> Response {
        let profile = self.engine.profile();
        match stop {
            Stop::Refused(refusal) => {
                let refusal = wire::at_resource(refusal);
                let mut response = sent(ErrorAnswer::of(&refusal, profile));
                for challenge in wire::challenges(profile, &refusal, self.required.scope()) {
                    if let Ok(value) = HeaderValue::try_from(challenge) {
                        response.headers_mut().append(WWW_AUTHENTICATE, value);
                    }
                }
                response
            }
            Stop::Unavailable => respond::retry_after(sent(ErrorAnswer::unavailable(profile)), 1),
        }
    }
}

/// The one header of that name, if there is one.
fn only<'a>(request: &'a Parts, name: &str, otherwise: Reason) -> Result<Option<&'a str>, Refusal> {
    let mut all = request.headers.get_all(name).iter();
    match (all.next(), all.next()) {
        (None, _) => Ok(None),
        (Some(_), Some(_)) => Err(otherwise.into()),
        (Some(one), None) => one.to_str().map(Some).map_err(|_| otherwise.into()),
    }
}

fn sent(answer: ErrorAnswer) -> Response {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::UNAUTHORIZED);
    let mut response = respond::json(status, answer.body);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(answer.content_type));
    response
}

/// How a request ends that does not pass.
enum Stop {
    Refused(Refusal),
    Unavailable,
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        // The engine tells its observer of its own; this one was found out here.
        let reason = refusal.reason.name();
        tracing::info!(target: "grantor::audit", reason, "refused at a resource");
        Stop::Refused(refusal)
    }
}

impl From<EngineError> for Stop {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::Refused(refusal) => Stop::Refused(refusal),
            // The engine's observer was told.
            EngineError::Fault(_) | EngineError::InvalidClient(_) => Stop::Unavailable,
        }
    }
}

/// A [`Guard`] that goes around a service.
#[derive(Clone)]
pub struct GuardLayer(Arc<Guard>);

impl<S> Layer<S> for GuardLayer {
    type Service = Guarded<S>;

    fn layer(&self, inner: S) -> Guarded<S> {
        Guarded { guard: self.0.clone(), inner }
    }
}

/// A service with a [`Guard`] around it.
#[derive(Clone)]
pub struct Guarded<S> {
    guard: Arc<Guard>,
    inner: S,
}

impl<S> Service<Request<Body>> for Guarded<S>
where
    S: Service<Request<Body>, Error = Infallible> + Clone + Send + 'static,
    S::Response: IntoResponse,
    S::Future: Send,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, context: &mut task::Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let (guard, fresh) = (self.guard.clone(), self.inner.clone());
        // The one that was asked whether it is ready is the one that may be called.
        let mut inner = std::mem::replace(&mut self.inner, fresh);
        Box::pin(async move {
            let (mut parts, body) = request.into_parts();
            let live = match guard.check(&parts).await {
                Ok(live) => live,
                Err(answer) => return Ok(answer),
            };
            parts.extensions.insert(Caller(live));
            let mut response = inner.call(Request::from_parts(parts, body)).await?.into_response();
            // An answer to a token is for whoever has the token (RFC 6750, section 5.3).
            response.headers_mut().entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("private"));
            Ok(response)
        })
    }
}

/// Who calls: the live access token that a [`Guard`] let pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller(pub LiveAccessToken);

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = StatusCode;

    /// Fails with 500 where no [`Guard`] is around the route: a mistake of ours, through which nobody may pass.
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, StatusCode> {
        parts.extensions.get::<Caller>().cloned().ok_or_else(|| {
            tracing::error!("a handler asks who calls, and no Guard is around its route");
            StatusCode::INTERNAL_SERVER_ERROR
        })
    }
}
