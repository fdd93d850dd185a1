//! What went wrong, as RFC 9457 writes it.

use std::fmt;

use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use grantor_core::client::InvalidClient;
use grantor_directory::{AccountRefused, CredentialRefused, DirectoryError, UserRefused};
use grantor_engine::{EngineError, Fault, KeyError};
use grantor_ledger::LedgerError;
use serde::{Deserialize, Serialize};

/// Why a request was not done: a problem document (RFC 9457). `detail` is for the person who asked, and says what to do
/// about it where that is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// The status again.
    pub status: u16,
    /// What kind of problem it is, for programs.
    pub code: Code,
    /// The status in words.
    pub title: String,
    /// What is wrong, in words.
    pub detail: String,
    /// The field that is wrong, where it is one: by its name in the request, as in `redirect_uris[0]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
}

/// The kinds of problems.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// Nobody said who he is, or what he said is worth nothing.
    Unauthenticated,
    /// He is no administrator, or may not do this.
    Forbidden,
    /// There is no such thing.
    NotFound,
    /// There is something, and it has no such method.
    MethodNotAllowed,
    /// The request cannot be read, or a rule refuses what it asks for.
    Invalid,
    /// It does not go with what is there.
    Conflict,
    /// It was changed since it was read.
    Changed,
    /// The body did not arrive in time.
    TooSlow,
    /// Too many tokens that are worth nothing came from there.
    TooMany,
    /// The body is too large.
    TooLarge,
    /// The body is no JSON.
    WrongType,
    /// The server could not do its work. It may be tried again.
    Unavailable,
}

impl Code {
    fn status(self) -> StatusCode {
        match self {
            Code::Unauthenticated => StatusCode::UNAUTHORIZED,
            Code::Forbidden => StatusCode::FORBIDDEN,
            Code::NotFound => StatusCode::NOT_FOUND,
            Code::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Code::Invalid => StatusCode::BAD_REQUEST,
            Code::Conflict => StatusCode::CONFLICT,
            Code::Changed => StatusCode::PRECONDITION_FAILED,
            Code::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Code::TooMany => StatusCode::TOO_MANY_REQUESTS,
            Code::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Code::WrongType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Code::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

impl Problem {
    pub(crate) fn new(code: Code, detail: impl Into<String>) -> Self {
        let status = code.status();
        let title = status.canonical_reason().unwrap_or_default().to_owned();
        Self { status: status.as_u16(), code, title, detail: detail.into(), field: None }
    }

    pub(crate) fn not_found(detail: impl Into<String>) -> Self {
        Self::new(Code::NotFound, detail)
    }

    pub(crate) fn invalid(field: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { field: Some(field.into()), ..Self::new(Code::Invalid, detail) }
    }

    pub(crate) fn conflict(field: &str, detail: impl Into<String>) -> Self {
        Self { field: Some(field.to_owned()), ..Self::new(Code::Conflict, detail) }
    }

    pub(crate) fn unavailable(detail: impl Into<String>) -> Self {
        Self::new(Code::Unavailable, detail)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.field {
            Some(field) => write!(f, "{field}: {}", self.detail),
            None => f.write_str(&self.detail),
        }
    }
}

impl std::error::Error for Problem {}

/// Whoever is not known is told by what he can be (RFC 6750, section 3).
const CHALLENGE: HeaderValue = HeaderValue::from_static("Bearer realm=\"grantor admin\"");

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = self.code.status();
        let body = serde_json::to_vec(&self).unwrap_or_default();
        let mut response = (status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        match self.code {
            Code::Unauthenticated => {
                headers.insert(WWW_AUTHENTICATE, CHALLENGE);
            }
            Code::Unavailable => {
                headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
            }
            Code::Forbidden
            | Code::NotFound
            | Code::MethodNotAllowed
            | Code::Invalid
            | Code::Conflict
            | Code::Changed
            | Code::TooSlow
            | Code::TooMany
            | Code::TooLarge
            | Code::WrongType => {}
        }
        response
    }
}

/// The answer to whoever showed too many tokens that are worth nothing, for what throttles them: when he may show another.
pub fn too_many(seconds: u64) -> Response {
    let detail = "too many tokens that are worth nothing came from there; Retry-After says when to try again";
    let mut response = Problem::new(Code::TooMany, detail).into_response();
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    response
}

impl From<InvalidClient> for Problem {
    fn from(invalid: InvalidClient) -> Self {
        Problem::invalid(invalid.field, invalid.why)
    }
}

impl From<EngineError> for Problem {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::InvalidClient(invalid) => invalid.into(),
            EngineError::Refused(refusal) => Problem::new(Code::Conflict, refusal.to_string()),
            EngineError::Fault(Fault::Keys(error)) => error.into(),
            // The engine's observer was told.
            EngineError::Fault(fault @ (Fault::Store(_) | Fault::Flow(_) | Fault::Hash(_))) => {
                Problem::unavailable(fault.to_string())
            }
        }
    }
}

impl From<KeyError> for Problem {
    fn from(error: KeyError) -> Self {
        let is_conflict = matches!(
            error,
            KeyError::RotationPending { .. } | KeyError::StillSigning { .. } | KeyError::TooManyKeys
        );
        // What is neither may become more one day.
        let code = match (matches!(error, KeyError::UnknownKey), is_conflict) {
            (true, _) => Code::NotFound,
            (false, true) => Code::Conflict,
            (false, false) => Code::Unavailable,
        };
        Problem::new(code, error.to_string())
    }
}

impl From<DirectoryError> for Problem {
    fn from(fault: DirectoryError) -> Self {
        tracing::error!(%fault, "the user directory failed");
        Problem::unavailable(fault.to_string())
    }
}

impl From<LedgerError> for Problem {
    fn from(fault: LedgerError) -> Self {
        tracing::error!(%fault, "the ledger failed");
        Problem::unavailable(fault.to_string())
    }
}

impl From<UserRefused> for Problem {
    fn from(refused: UserRefused) -> Self {
        let why = refused.to_string();
        match refused {
            UserRefused::NoSuchUser => Problem::not_found(why),
            UserRefused::NameTaken | UserRefused::NameRetired => Problem::conflict("username", why),
            UserRefused::LastAdministrator => Problem::new(Code::Conflict, why),
            UserRefused::InvalidPassword(_) => Problem::invalid("password", why),
            UserRefused::InvalidProfile(invalid) => {
                Problem::invalid(invalid.field, invalid.problem.to_string())
            }
        }
    }
}

impl From<AccountRefused> for Problem {
    fn from(refused: AccountRefused) -> Self {
        let why = refused.to_string();
        match refused {
            AccountRefused::NoSuchAccount => Problem::not_found(why),
            AccountRefused::IdTaken | AccountRefused::IdRetired => Problem::conflict("id", why),
            AccountRefused::InvalidProfile(invalid) => {
                Problem::invalid(invalid.field, invalid.problem.to_string())
            }
        }
    }
}

impl From<CredentialRefused> for Problem {
    fn from(refused: CredentialRefused) -> Self {
        let why = refused.to_string();
        match refused {
            CredentialRefused::NoSuchUser => Problem::invalid("user", why),
            CredentialRefused::Empty
            | CredentialRefused::TooLong { .. }
            | CredentialRefused::ForbiddenCharacter => Problem::new(Code::Invalid, why),
            CredentialRefused::BelongsToAnother | CredentialRefused::Ended => {
                Problem::new(Code::Conflict, why)
            }
        }
    }
}
