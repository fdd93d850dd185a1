//! What the token, introspection and revocation endpoints have in common.

use axum::extract::Request;
use axum::http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use grantor_core::wire::{self, Challenge, ErrorBody, Parameters};
use grantor_core::{ClientId, ErrorCode, Reason, Refusal};
use grantor_directory::DirectoryError;
use grantor_engine::EngineError;

use crate::form::{self, FormFault};
use crate::respond;
use crate::source::Source;
use crate::throttle::Wait;
use crate::web::Shared;

/// A request to one of them, read once.
pub(crate) struct ApiRequest {
    pub(crate) authorization: Option<String>,
    pub(crate) parameters: Parameters,
    pub(crate) source: Source,
}

impl ApiRequest {
    /// Reads a request: its form, and the one `Authorization` header it may have.
    pub(crate) async fn read(app: &Shared, request: Request) -> Result<Self, ApiStop> {
        let (parts, body) = request.into_parts();
        wire::refuse_credentials_in_url(parts.uri.query())?;
        let bytes = form::read(app, &parts, body).await?;
        Ok(Self {
            authorization: authorization(&parts)?,
            parameters: Parameters::read(&bytes, &app.engine.profile().limits).faultless()?,
            source: Source::of(&parts, &app.settings.trusted_proxies),
        })
    }
}

fn authorization(parts: &Parts) -> Result<Option<String>, Refusal> {
    let mut headers = parts.headers.get_all(AUTHORIZATION).iter();
    match (headers.next(), headers.next()) {
        (None, _) => Ok(None),
        (Some(_), Some(_)) => Err(Reason::AuthenticationTwice.into()),
        (Some(only), None) => {
            only.to_str().map(|text| Some(text.to_owned())).map_err(|_| Reason::AuthorizationMalformed.into())
        }
    }
}

/// Does what a client asks, unless it failed to authenticate too often of late, and counts if it fails now. An id that no
/// client has counts like any other, so that this tells nobody which there are.
pub(crate) async fn throttled<T>(
    app: &Shared,
    source: Source,
    client: &ClientId,
    work: impl Future<Output = Result<T, EngineError>>,
) -> Result<T, ApiStop> {
    let key = (source, client);
    if let Some(throttle) = &app.clients {
        throttle.check(&key, app.engine.now())?;
    }
    let answer = work.await;
    if let (Some(throttle), Err(EngineError::Refused(refusal))) = (&app.clients, &answer)
        && refusal.code() == ErrorCode::InvalidClient
    {
        throttle.count(&key, app.engine.now());
    }
    Ok(answer?)
}

/// How a request ends when it does not end well.
pub(crate) enum ApiStop {
    /// A rule refused it.
    Refused(Refusal),
    /// Its body cannot be taken.
    Form(FormFault),
    /// It comes too soon after too many failures.
    TooMany(Wait),
    /// The server cannot do its work.
    Unavailable,
}

impl IntoResponse for ApiStop {
    fn into_response(self) -> Response {
        match self {
            ApiStop::Refused(refusal) => refused(&refusal),
            ApiStop::Form(FormFault::WrongType) => refused(&Reason::ContentTypeWrong.into()),
            ApiStop::Form(FormFault::TooLarge) => {
                error(StatusCode::PAYLOAD_TOO_LARGE, ErrorCode::InvalidRequest, "the body is too large")
            }
            ApiStop::Form(FormFault::TooSlow) => error(
                StatusCode::REQUEST_TIMEOUT,
                ErrorCode::InvalidRequest,
                "the body did not arrive in time",
            ),
            ApiStop::Form(FormFault::Broken) => {
                error(StatusCode::BAD_REQUEST, ErrorCode::InvalidRequest, "the body broke off")
            }
            ApiStop::TooMany(Wait(seconds)) => respond::retry_after(
                error(
                    StatusCode::TOO_MANY_REQUESTS,
                    ErrorCode::TemporarilyUnavailable,
                    "too many failed attempts; slow down and try again later",
                ),
                seconds,
            ),
            ApiStop::Unavailable => {
                let body = ErrorBody::unavailable().to_json();
                respond::retry_after(respond::json(StatusCode::SERVICE_UNAVAILABLE, body), 1)
            }
        }
    }
}

fn refused(refusal: &Refusal) -> Response {
    let status = StatusCode::from_u16(refusal.code().status()).unwrap_or(StatusCode::BAD_REQUEST);
    let mut response = respond::json(status, ErrorBody::of(refusal).to_json());
    let challenge = Challenge::Basic.header(refusal).and_then(|text| HeaderValue::try_from(text).ok());
    if let Some(challenge) = challenge {
        response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
    }
    response
}

fn error(status: StatusCode, code: ErrorCode, description: &str) -> Response {
    let body = ErrorBody { error: code.as_str(), error_description: description.to_owned() };
    respond::json(status, body.to_json())
}

/// Answers a method that an endpoint does not have. The router adds which it has.
pub(crate) async fn method_not_allowed() -> Response {
    error(StatusCode::METHOD_NOT_ALLOWED, ErrorCode::InvalidRequest, "the method is not allowed here")
}

impl From<Refusal> for ApiStop {
    fn from(refusal: Refusal) -> Self {
        // It never reached the engine, whose observer tells of all others.
        let (reason, parameter) = (refusal.reason, refusal.parameter);
        tracing::info!(target: "grantor::audit", ?reason, parameter, "refused as it was read");
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
