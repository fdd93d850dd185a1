//! What the token, introspection and revocation endpoints have in common.

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, WWW_AUTHENTICATE};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use grantor_core::wire::{self, Challenge, ErrorAnswer, Parameters};
use grantor_core::{ClientId, ErrorCode, Profile, Reason, Refusal};
use grantor_directory::DirectoryError;
use grantor_engine::EngineError;

use crate::crowd::Full;
use crate::form::{self, FormFault, Incoming};
use crate::respond;
use crate::source::Source;
use crate::throttle::Wait;
use crate::web::{App, Shared};

/// A request to one of them, read once.
pub(crate) struct ApiRequest {
    pub(crate) authorization: Option<String>,
    pub(crate) parameters: Parameters,
    pub(crate) source: Source,
}

impl ApiRequest {
    /// Reads a request: its form, and the one `Authorization` header it may have.
    pub(crate) async fn read(
        app: &Shared,
        parts: &Parts,
        body: impl Incoming,
        source: Source,
    ) -> Result<Self, ApiStop> {
        wire::refuse_credentials_in_url(parts.uri.query())?;
        let bytes = form::read(app, parts, body).await?;
        Self::of(parts, source, Parameters::read(&bytes, &app.engine.profile().limits).faultless()?)
    }

    /// A request whose parameters have been read.
    pub(crate) fn of(parts: &Parts, source: Source, parameters: Parameters) -> Result<Self, ApiStop> {
        Ok(Self { authorization: authorization(parts)?, parameters, source })
    }
}

/// The head and the body of a request that came by a router, and where it came from.
pub(crate) fn arrived(app: &Shared, request: Request) -> (Parts, Body, Source) {
    let (parts, body) = request.into_parts();
    let source = Source::of(&parts, &app.settings.trusted_proxies);
    (parts, body, source)
}

pub(crate) fn authorization(parts: &Parts) -> Result<Option<String>, Refusal> {
    let mut headers = parts.headers.get_all(AUTHORIZATION).iter();
    match (headers.next(), headers.next()) {
        (None, _) => Ok(None),
        (Some(_), Some(_)) => Err(Reason::AuthenticationTwice.into()),
        (Some(only), None) => {
            only.to_str().map(|text| Some(text.to_owned())).map_err(|_| Reason::AuthorizationMalformed.into())
        }
    }
}

/// Whom failures to authenticate are counted under: who says who he is by that and by where he comes from, anybody else by
/// where he comes from alone.
pub(crate) struct Counted<'a> {
    app: &'a Shared,
    key: (Source, Option<ClientId>),
}

impl<'a> Counted<'a> {
    /// Lets a client ask, unless it failed too often of late. An id that no client has counts like any other, so that this tells
    /// nobody which there are.
    pub(crate) fn begin(app: &'a Shared, source: Source, client: Option<ClientId>) -> Result<Self, ApiStop> {
        let key = (source, client);
        if let Some(throttle) = &app.clients {
            throttle.check(&key, app.engine.now())?;
        }
        Ok(Self { app, key })
    }

    /// What came of it: a failure to authenticate is counted.
    pub(crate) fn end<T>(self, ended: Result<T, EngineError>) -> Result<T, ApiStop> {
        if let (Some(throttle), Err(EngineError::Refused(refusal))) = (&self.app.clients, &ended)
            && refusal.code() == ErrorCode::InvalidClient
        {
            throttle.count(&self.key, self.app.engine.now());
        }
        Ok(ended?)
    }
}

/// How a request ends when it does not end well.
pub(crate) enum ApiStop {
    /// A rule refused it.
    Refused(Refusal),
    /// Its body cannot be taken.
    Form(FormFault),
    /// It comes too soon after too many failures.
    TooMany(Wait),
    /// The server cannot do its work, or has too much of it.
    Unavailable,
}

/// The answer to a request, in the words of the profile.
pub(crate) fn told(app: &Shared, ended: Result<Response, ApiStop>) -> Response {
    challenged(app, ended, Challenge::Basic)
}

/// The same, at a resource of our own.
pub(crate) fn told_at_resource(app: &Shared, ended: Result<Response, ApiStop>) -> Response {
    challenged(app, ended, Challenge::Bearer)
}

fn challenged(app: &Shared, ended: Result<Response, ApiStop>, challenge: Challenge) -> Response {
    let stop = match ended {
        Ok(response) => return response,
        Err(stop) => stop,
    };
    let profile = app.engine.profile();
    let invalid = |status: StatusCode, why| error(profile, status, ErrorCode::InvalidRequest, why);
    match stop {
        ApiStop::Refused(refusal) => refused(profile, &refusal, challenge),
        ApiStop::Form(FormFault::WrongType) => refused(profile, &Reason::ContentTypeWrong.into(), challenge),
        ApiStop::Form(FormFault::TooLarge) => invalid(StatusCode::PAYLOAD_TOO_LARGE, "the body is too large"),
        ApiStop::Form(FormFault::TooSlow) => {
            invalid(StatusCode::REQUEST_TIMEOUT, "the body did not arrive in time")
        }
        ApiStop::Form(FormFault::Broken) => invalid(StatusCode::BAD_REQUEST, "the body broke off"),
        ApiStop::TooMany(Wait(seconds)) => {
            let why = "too many failed attempts; slow down and try again later";
            let code = ErrorCode::TemporarilyUnavailable;
            respond::retry_after(error(profile, StatusCode::TOO_MANY_REQUESTS, code, why), seconds)
        }
        ApiStop::Unavailable => respond::retry_after(sent(ErrorAnswer::unavailable(profile)), 1),
    }
}

fn refused(profile: &Profile, refusal: &Refusal, challenge: Challenge) -> Response {
    let mut response = sent(ErrorAnswer::of(refusal, profile));
    let belongs = match challenge {
        // A profile may have another status for it, and a challenge belongs to that one (RFC 9110, section 11.6.1).
        Challenge::Basic => response.status() == StatusCode::UNAUTHORIZED,
        Challenge::Bearer => true,
    };
    let challenge = challenge.header(refusal).filter(|_| belongs);
    if let Some(challenge) = challenge.and_then(|text| HeaderValue::try_from(text).ok()) {
        response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
    }
    response
}

pub(crate) fn error(profile: &Profile, status: StatusCode, code: ErrorCode, description: &str) -> Response {
    sent(ErrorAnswer::new(profile, status.as_u16(), code, description))
}

fn sent(answer: ErrorAnswer) -> Response {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::BAD_REQUEST);
    let mut response = respond::json(status, answer.body);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(answer.content_type));
    response
}

/// Answers a method that an endpoint does not have. The router adds which it has.
pub(crate) async fn method_not_allowed(State(app): State<App>) -> Response {
    error(
        app.engine.profile(),
        StatusCode::METHOD_NOT_ALLOWED,
        ErrorCode::InvalidRequest,
        "the method is not allowed here",
    )
}

impl From<Refusal> for ApiStop {
    fn from(refusal: Refusal) -> Self {
        // It never reached the engine, whose observer tells of all others.
        let (reason, parameter) = (refusal.reason.name(), refusal.parameter);
        tracing::info!(target: "grantor::audit", reason, parameter, "refused as it was read");
        ApiStop::Refused(refusal)
    }
}

impl From<FormFault> for ApiStop {
    fn from(fault: FormFault) -> Self {
        ApiStop::Form(fault)
    }
}

impl From<Wait> for ApiStop {
    fn from(wait: Wait) -> Self {
        ApiStop::TooMany(wait)
    }
}

impl From<Full> for ApiStop {
    fn from(Full: Full) -> Self {
        ApiStop::Unavailable
    }
}

impl From<EngineError> for ApiStop {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::Refused(refusal) => ApiStop::Refused(refusal),
            // The engine's observer was told.
            EngineError::Fault(_) | EngineError::InvalidClient(_) => ApiStop::Unavailable,
        }
    }
}

impl From<DirectoryError> for ApiStop {
    fn from(fault: DirectoryError) -> Self {
        tracing::error!(%fault, "the user directory failed");
        ApiStop::Unavailable
    }
}
