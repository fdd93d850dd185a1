//! Forms: the one kind of body we take.

use std::time::Duration;

use axum::BoxError;
use axum::body::{Bytes, HttpBody};
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

/// A body as it comes in: from a router or straight from the connection.
pub(crate) trait Incoming: HttpBody<Data = Bytes, Error: Into<BoxError>> + Send {}

impl<B: HttpBody<Data = Bytes, Error: Into<BoxError>> + Send> Incoming for B {}

/// Reads a form's bytes, no more than the profile allows and no longer than the settings do.
pub(crate) async fn read(app: &Shared, parts: &Parts, body: impl Incoming) -> Result<Bytes, FormFault> {
    if !is_form(parts) {
        return Err(FormFault::WrongType);
    }
    collect(body, app.engine.profile().limits.body_bytes, app.settings.body_timeout).await
}

/// Reads a body of whatever type it says it is, within the same bounds.
pub(crate) async fn read_any(app: &Shared, body: impl Incoming) -> Result<Bytes, FormFault> {
    collect(body, app.engine.profile().limits.body_bytes, app.settings.body_timeout).await
}

/// Reads a body that must be empty, since it is no form.
pub(crate) async fn read_empty(app: &Shared, body: impl Incoming) -> Result<Bytes, FormFault> {
    let bytes = read_any(app, body).await?;
    if bytes.is_empty() { Ok(bytes) } else { Err(FormFault::WrongType) }
}

async fn collect(body: impl Incoming, limit: usize, timeout: Duration) -> Result<Bytes, FormFault> {
    // Pinned here, since what is handed on to be timed is copied whole.
    let gathering = std::pin::pin!(gather(Limited::new(body, limit)));
    match tokio::time::timeout(timeout, gathering).await {
        Err(_) => Err(FormFault::TooSlow),
        Ok(Ok(gathered)) => Ok(gathered),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(FormFault::TooLarge),
        Ok(Err(_)) => Err(FormFault::Broken),
    }
}

/// All pieces as one. Mostly there is one, which is handed on as it came.
async fn gather(body: Limited<impl Incoming>) -> Result<Bytes, BoxError> {
    let mut body = std::pin::pin!(body);
    let mut gathered = Bytes::new();
    while let Some(frame) = body.frame().await {
        // What is no data is a trailer, which no endpoint reads.
        let Ok(piece) = frame?.into_data() else { continue };
        gathered = if gathered.is_empty() { piece } else { [&gathered[..], &piece].concat().into() };
        if body.is_end_stream() {
            break;
        }
    }
    Ok(gathered)
}

/// Whether the one content type is that of forms; parameters such as `charset` may follow it.
pub(crate) fn is_form(parts: &Parts) -> bool {
    let mut types = parts.headers.get_all(CONTENT_TYPE).iter();
    let (Some(only), None) = (types.next(), types.next()) else { return false };
    let essence = only.to_str().ok().and_then(|text| text.split(';').next()).unwrap_or_default();
    essence.trim().eq_ignore_ascii_case("application/x-www-form-urlencoded")
}
