//! Resources of an embedder's own: who may pass, by what his request shows.

use std::sync::Arc;

use axum::http::header::WWW_AUTHENTICATE;
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use grantor_core::wire::{self, Challenge, ErrorAnswer, TokenPlaces};
use grantor_core::{LiveAccessToken, Reason, Refusal, Scope, SubjectId};
use grantor_directory::{DirectoryError, UserDirectory, UserState};
use grantor_engine::{Engine, EngineError};

use crate::{api, respond};

/// Lets requests pass at a resource, by the ways of the engine's profile: where a token is shown, and for whom the client
/// says that it acts.
///
/// The person whom a client acts for must be one of the directory's and switched on. That is looked up here, since the
/// engine knows nobody, and before the engine tells the audit trail that the client acted for him.
///
/// ```
/// # use std::sync::Arc;
/// # use axum::http::Request;
/// # use grantor_core::{Profile, Scope, ServerKey};
/// # use grantor_directory::Directory;
/// # use grantor_engine::Engine;
/// # use grantor_http::ResourceGuard;
/// # use grantor_store::MemoryStore;
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let profile = Profile::standard("https://auth.example.com".parse()?);
/// # let engine = Engine::builder(profile, Arc::new(MemoryStore::new()), ServerKey::from_bytes([7; 32])).open().await?;
/// # let users = Arc::new(Directory::new(engine.store().clone(), engine.server_key(), Default::default())?);
/// let guard = ResourceGuard::new(engine, users);
/// let (parts, _) = Request::get("/videos").body(())?.into_parts();
/// let refused = guard.check(&parts, &Scope::parse("read")?).await.unwrap_err();
/// assert_eq!(refused.status(), 401);
/// # Ok(()) }
/// ```
pub struct ResourceGuard {
    engine: Engine,
    users: Arc<dyn UserDirectory>,
}

impl ResourceGuard {
    /// A guard by an engine's profile, with the people whom its clients may act for.
    pub fn new(engine: Engine, users: Arc<dyn UserDirectory>) -> Self {
        Self { engine, users }
    }

    /// What the request's token is worth, if it is live and permits all of `required`.
    ///
    /// # Errors
    /// The answer to give instead (RFC 6750, section 3), or that of a server that cannot do its work.
    // An answer is what it is, and is given at once.
    #[allow(clippy::result_large_err)]
    pub async fn check(&self, parts: &Parts, required: &Scope) -> Result<LiveAccessToken, Response> {
        self.pass(parts, required).await.map_err(|stop| self.told(&stop))
    }

    async fn pass(&self, parts: &Parts, required: &Scope) -> Result<LiveAccessToken, Stop> {
        let profile = self.engine.profile();
        let header = api::authorization(parts).map_err(|_| Refusal::from(Reason::TokenMisplaced))?;
        let shown = wire::shown_token(profile, TokenPlaces::All, header.as_deref(), parts.uri.query())?;
        let person = self.claimed(parts)?;
        let known = match &person {
            Some(person) => {
                self.users.user(person).await?.is_some_and(|user| user.state == UserState::Active)
            }
            None => true,
        };
        // Who shows no good token is told that, and not whom there is.
        let act_as = person.filter(|_| known);
        let live = self.engine.check_shown(shown, required.clone(), act_as).await?;
        if known { Ok(live) } else { Err(Refusal::from(Reason::ActingNotAllowed).by(&live.client).into()) }
    }

    /// For whom the client says that it acts.
    fn claimed(&self, parts: &Parts) -> Result<Option<SubjectId>, Refusal> {
        let Some(name) = &self.engine.profile().resource.act_as_header else { return Ok(None) };
        let mut values = parts.headers.get_all(name.as_str()).iter();
        match (values.next(), values.next()) {
            (None, _) => Ok(None),
            (Some(_), Some(_)) => Err(Reason::ActingNotAllowed.into()),
            (Some(only), None) => {
                wire::acting_for(Some(only.to_str().map_err(|_| Reason::ActingNotAllowed)?))
            }
        }
    }

    fn told(&self, stop: &Stop) -> Response {
        let profile = self.engine.profile();
        let refusal = match stop {
            Stop::Refused(refusal) => refusal,
            Stop::Unavailable => return respond::retry_after(sent(ErrorAnswer::unavailable(profile)), 1),
        };
        let mut response = sent(ErrorAnswer::of(refusal, profile));
        let challenge = Challenge::Bearer.header(refusal).and_then(|text| HeaderValue::try_from(text).ok());
        if let Some(challenge) = challenge {
            response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
        }
        response
    }
}

fn sent(answer: ErrorAnswer) -> Response {
    respond::json(StatusCode::from_u16(answer.status).unwrap_or(StatusCode::BAD_REQUEST), answer.body)
}

enum Stop {
    Refused(Refusal),
    Unavailable,
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
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

impl From<DirectoryError> for Stop {
    fn from(fault: DirectoryError) -> Self {
        tracing::error!(%fault, "the user directory failed");
        Stop::Unavailable
    }
}
