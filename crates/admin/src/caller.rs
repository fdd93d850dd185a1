//! Who asks, and whether he may.

use std::fmt;
use std::sync::Arc;

use axum::extract::{FromRequestParts, Request, State};
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use grantor_core::{Secret, SubjectId};
use grantor_directory::{User, UserState};
use grantor_ledger::{Actor, acting};

use crate::PROFILE;
use crate::api::Rooms;
use crate::problem::{Code, Problem};

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caller {
    /// Whoever can run commands where the store is. He can do anything, here and without.
    Operator,
    /// A user who administers this server. That he does so still is found out for each request.
    Admin(SubjectId),
}

impl Caller {
    /// Who that is in the audit trail.
    pub(crate) fn actor(&self) -> Actor {
        match self {
            Caller::Operator => Actor::CommandLine,
            Caller::Admin(subject) => Actor::Operator(subject.clone()),
        }
    }
}

/// As the audit trail names him.
impl fmt::Display for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.actor().fmt(f)
    }
}

/// Lets in who may, before anything else of a request is looked at, and tells who was not.
pub(crate) async fn guard(State(rooms): State<Arc<Rooms>>, mut request: Request, next: Next) -> Response {
    let known = request.extensions().get::<Caller>().cloned();
    let caller = match admit(&rooms, known, bearer(request.headers())).await {
        Ok(caller) => caller,
        Err(problem) => {
            let (method, status) = (request.method(), problem.status);
            tracing::info!(target: "grantor::audit", %method, status, why = problem.detail, "not let in");
            return problem.into_response();
        }
    };
    let actor = caller.actor();
    request.extensions_mut().insert(caller);
    acting(actor, next.run(request)).await
}

/// Whoever was let in.
impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        parts.extensions.get::<Caller>().cloned().ok_or_else(missing)
    }
}

async fn admit(
    rooms: &Rooms,
    known: Option<Caller>,
    token: Result<Secret, Problem>,
) -> Result<Caller, Problem> {
    let user = match known {
        Some(Caller::Operator) => return Ok(Caller::Operator),
        Some(Caller::Admin(subject)) => rooms.directory.user(&subject).await?,
        None => rooms.directory.session_token_user(PROFILE, &token?, rooms.engine.now()).await?,
    };
    let user = user.filter(|user| match user.state {
        UserState::Active => true,
        UserState::Disabled => false,
    });
    match user {
        Some(User { subject, profile, .. }) if profile.admin => Ok(Caller::Admin(subject)),
        Some(_) => Err(Problem::new(Code::Forbidden, "whose token this is administers nothing here")),
        None => Err(unauthenticated("this token is unknown, or has ended")),
    }
}

/// The token of `Authorization: Bearer` (RFC 6750, section 2.1).
fn bearer(headers: &HeaderMap) -> Result<Secret, Problem> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let (Some(only), None) = (values.next(), values.next()) else { return Err(missing()) };
    let (scheme, token) = only.to_str().ok().and_then(|text| text.split_once(' ')).ok_or_else(missing)?;
    if scheme.eq_ignore_ascii_case("bearer") { Ok(Secret::new(token.trim())) } else { Err(missing()) }
}

fn missing() -> Problem {
    unauthenticated(
        "send `Authorization: Bearer TOKEN`; `grantor session-token create --profile admin --user NAME` makes one",
    )
}

fn unauthenticated(detail: &str) -> Problem {
    Problem::new(Code::Unauthenticated, detail)
}
