//! The pictures of applications. They come from strangers, and are served as pictures and nothing else.

use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::http::{HeaderName, HeaderValue};
use axum::response::Response;
use grantor_core::{ClientId, PictureFormat, PictureTag};

use crate::named;
use crate::pages::Stop;
use crate::web::{App, Shared};

/// Below it, a client's id names its picture.
pub(crate) const PATH: &str = "/logo";

const CORP: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// Where a page finds a client's picture. Another picture has another address, so that each may be kept for ever.
pub(crate) fn path(app: &Shared, client: &ClientId, tag: &PictureTag) -> String {
    let query = form_urlencoded::Serializer::new(String::new()).append_pair("v", tag.as_str()).finish();
    format!("{}/{}?{query}", app.path(PATH), named::segment(client))
}

/// Serves a picture.
pub(crate) async fn show(
    State(app): State<App>,
    id: Result<Path<String>, PathRejection>,
    request: Request,
) -> Result<Response, Stop> {
    let id = id.ok().and_then(|id| named::id(&id.0)).ok_or(Stop::NotFound)?;
    let picture = app.engine.logo(&id).await?.ok_or(Stop::NotFound)?;
    // Under an address that names another one, this is what there is now, and not what there will be.
    let is_named = request.uri().query() == Some(format!("v={}", picture.tag().as_str()).as_str());
    let keep = if is_named { "private, max-age=31536000, immutable" } else { "no-store" };
    Ok(answer(picture.format(), picture.bytes().to_vec(), keep))
}

/// A picture as an answer: whatever its bytes may say, a browser takes them for nothing else, and runs nothing. `keep` is for
/// how long it may be kept.
pub(crate) fn answer(format: PictureFormat, bytes: Vec<u8>, keep: &'static str) -> Response {
    let mut response = Response::new(Body::from(bytes));
    for (name, value) in [
        (CONTENT_TYPE, format.as_str()),
        (CACHE_CONTROL, keep),
        (CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox"),
        (CORP, "same-origin"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}
