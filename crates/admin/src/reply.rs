//! Answers to what was done.

use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use grantor_core::Digest;
use serde::Serialize;

use crate::problem::Problem;

/// A JSON answer. It may hold a secret, which is shown this once.
pub(crate) struct Reply {
    status: StatusCode,
    body: Vec<u8>,
    tag: Option<HeaderValue>,
}

/// Part of a list.
#[derive(Serialize)]
struct Page<T> {
    items: Vec<T>,
    next: Option<String>,
}

impl Reply {
    /// What there is.
    pub(crate) fn of(value: &impl Serialize) -> Result<Self, Problem> {
        let body = serde_json::to_vec(value).map_err(|e| Problem::unavailable(e.to_string()))?;
        Ok(Self { status: StatusCode::OK, body, tag: None })
    }

    /// Part of a list, and where to go on.
    pub(crate) fn page<T: Serialize>(items: Vec<T>, next: Option<impl ToString>) -> Result<Self, Problem> {
        Self::of(&Page { items, next: next.map(|next| next.to_string()) })
    }

    /// What was made.
    #[must_use]
    pub(crate) fn made(self) -> Self {
        Self { status: StatusCode::CREATED, ..self }
    }

    /// By what it is told whether it changed.
    #[must_use]
    pub(crate) fn tagged(self, tag: &str) -> Self {
        Self { tag: HeaderValue::from_str(tag).ok(), ..self }
    }
}

/// By what it is told whether a thing changed (RFC 9110, section 8.8.3).
pub(crate) fn tag(thing: &impl Serialize) -> String {
    let bytes = serde_json::to_vec(thing).unwrap_or_default();
    format!("\"{}\"", Digest::of(&bytes).to_base64url())
}

impl IntoResponse for Reply {
    fn into_response(self) -> Response {
        let mut response = (self.status, self.body).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(tag) = self.tag {
            headers.insert(ETAG, tag);
        }
        response
    }
}
