//! The picture of a client, as an operator gives it one. To take it away is an act like any other.

use askama::Template;
use axum::extract::Request;
use axum::http::Method;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use grantor_admin::Code;
use grantor_core::{Limits, PictureFormat};
use grantor_http::Stop;
use serde_json::{Value, json};

use crate::here::{Complaint, Here, Page, Told, go, stop};
use crate::link::{filled, to};
use crate::words::Words;

/// What the form's token is for, and where it is.
const PAGE: &str = "/clients/logo";
const IMAGE: &str = "/clients/logo/image";
/// The form's one field.
const FIELD: &str = "picture";

#[derive(Template)]
#[template(path = "logo.html")]
struct Logo<'a> {
    words: &'a Words,
    title: &'a str,
    action: &'a str,
    csrf: &'a str,
    image: Option<String>,
    hint: &'a str,
    told: Told<'a>,
    problem: Option<&'a Complaint>,
    cancel: &'a str,
}

/// Where the page is that gives a client a picture.
pub(crate) fn page_of(id: &str) -> String {
    to(PAGE, &[("id", id)])
}

/// Where its picture is.
pub(crate) fn image_of(id: &str) -> String {
    to(IMAGE, &[("id", id)])
}

fn api(id: &str) -> String {
    filled("/api/clients/{id}/logo", |name| (name == "id").then_some(id))
}

fn client(id: &str) -> String {
    to("/clients/show", &[("id", id)])
}

/// The picture itself. The API has it as a text; a page would be heavy with it.
pub(crate) async fn image(here: Here) -> Result<Response, Stop> {
    let found = here.api.get(&api(here.id()?)).await.map_err(stop)?;
    let text = |name: &str| found.get(name).and_then(Value::as_str).unwrap_or_default();
    let format: PictureFormat = PictureFormat::from_name(text("type")).ok_or(Stop::NotFound)?;
    let bytes = BASE64.decode(text("picture")).map_err(|_| Stop::NotFound)?;
    Ok(here.picture(format, bytes))
}

/// Shows the form.
pub(crate) async fn show(here: Here) -> Result<Response, Stop> {
    page(&here, None).await
}

/// Gives it the picture that was chosen.
pub(crate) async fn submit(here: Here, request: Request) -> Result<Response, Stop> {
    let id = here.id()?;
    let words = &here.words().logo;
    let Some(picture) = here.file(request, PAGE, FIELD).await? else {
        let none = Complaint::about(FIELD, here.words().page.missing.as_str());
        return page(&here, Some(&none)).await;
    };
    let body = json!({"picture": BASE64.encode(picture)}).to_string();
    match here.api.send(Method::PUT, &api(id), Some(body), None).await {
        Ok(_) => Ok(go(&client(id))),
        // Larger than any request may be, and so larger than any picture.
        Err(problem) if problem.code == Code::TooLarge => {
            page(&here, Some(&Complaint::about(FIELD, words.too_large.as_str()))).await
        }
        Err(problem) => page(&here, Some(&Complaint::of(problem)?)).await,
    }
}

async fn page(here: &Here, complaint: Option<&Complaint>) -> Result<Response, Stop> {
    let (words, id) = (here.words(), here.id()?);
    let details = filled("/api/clients/{id}/details", |name| (name == "id").then_some(id));
    let details = here.api.get(&details).await.map_err(stop)?;
    let has_logo = details.get("has_logo").and_then(Value::as_bool).unwrap_or_default();
    let title = words.logo.title.plain(&[("id", id)]);
    let kilobytes = (Limits::DEFAULT.picture_bytes / 1024).to_string();
    let logo = Logo {
        words,
        title: &title,
        action: &page_of(id),
        csrf: &here.token(PAGE),
        image: has_logo.then(|| image_of(id)),
        hint: &words.logo.hint.plain(&[("kilobytes", &kilobytes)]),
        told: Told::of(complaint, words),
        problem: complaint.filter(|complaint| complaint.field.as_deref() == Some(FIELD)),
        cancel: &client(id),
    };
    Ok(here.page(Page::new("clients", &title).told(complaint), &logo))
}
