//! Forms: the one kind of body we take.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};

use crate::web::Shared;

/// Why a body cannot be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FormFault {
    /// It is no form.
    WrongType,
    /// It has more bytes than [`grantor_core::Limits::body_bytes`].
    TooLarge,
    /// It did not arrive in time.
    TooSlow,
    /// It broke off.
    Broken,
}

/// Reads a form's bytes, no more than the profile allows and no longer than the settings do.
pub(crate) async fn read(app: &Shared, parts: &Parts, body: Body) -> Result<Bytes, FormFault> {
    if !is_form(parts) {
        return Err(FormFault::WrongType);
    }
    collect(body, app.engine.profile().limits.body_bytes, app.settings.body_timeout).await
}

/// Reads a body of whatever type it says it is, within the same bounds.
pub(crate) async fn read_any(app: &Shared, body: Body) -> Result<Bytes, FormFault> {
    collect(body, app.engine.profile().limits.body_bytes, app.settings.body_timeout).await
}

/// Reads a body that must be empty, since it is no form.
pub(crate) async fn read_empty(app: &Shared, body: Body) -> Result<Bytes, FormFault> {
    let bytes = read_any(app, body).await?;
    if bytes.is_empty() { Ok(bytes) } else { Err(FormFault::WrongType) }
}

async fn collect(body: Body, limit: usize, timeout: Duration) -> Result<Bytes, FormFault> {
    match tokio::time::timeout(timeout, Limited::new(body, limit).collect()).await {
        Err(_) => Err(FormFault::TooSlow),
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(FormFault::TooLarge),
        Ok(Err(_)) => Err(FormFault::Broken),
    }
}

/// Whether the one content type is that of forms; parameters such as `charset` may follow it.
pub(crate) fn is_form(parts: &Parts) -> bool {
    let mut types = parts.headers.get_all(CONTENT_TYPE).iter();
    let (Some(only), None) = (types.next(), types.next()) else { return false };
    let essence = only.to_str().ok().and_then(|text| text.split(';').next()).unwrap_or_default();
    essence.trim().eq_ignore_ascii_case("application/x-www-form-urlencoded")
}
