//! The applications that people register themselves. **What is somebody else's is not there**: every page and every form is
//! about an application of whoever is signed in, and the engine is asked for just that.

mod draft;
mod form;
mod own;
mod picture;
mod samples;
mod shown;

use axum::extract::{Path, Request, State};
use axum::http::HeaderMap;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{get, post};
use grantor_core::ClientId;
use grantor_core::client::AuthMethod;
use grantor_engine::EngineError;
use grantor_engine::Registered;
use grantor_pages::{AppDelete, AppLine, Apps, Message, Page, Place};

use crate::browser::{self, Visitor};
use crate::pages::{self, Forms, Stop};
use crate::router::Mount;
use crate::web::{App, Shared};
use crate::{logo, named, respond};

use own::Own;

/// What the forms' token is for.
const PURPOSE: &str = "apps";
/// How many applications are listed at a time.
const PAGE: usize = 50;

pub(crate) fn mount(mount: &mut Mount, app: &App) {
    let base = app.path("/apps");
    mount.at(&base, get(list));
    mount.at(&format!("{base}/new"), get(form::new).post(form::create));
    mount.below(&base, get(shown::show));
    mount.within(&base, "/edit", get(form::edit).post(form::change));
    mount.within(&base, "/logo", post(picture::change));
    mount.within(&base, "/secret", post(shown::rotate));
    mount.within(&base, "/delete", get(ask_delete).post(delete));
}

/// The path of an application's page, or of one below it.
fn path_of(app: &Shared, id: &ClientId, below: &str) -> String {
    app.path(&format!("/apps/{}{below}", named::segment(id)))
}

/// Whether an application is one to be shown here: of this profile, and none that is found by a key.
fn is_app(app: &Shared, client: &grantor_core::client::ClientMetadata) -> bool {
    client.profile == app.engine.profile().name && client.token_endpoint_auth_method != AuthMethod::ApiKey
}

/// Shows what is one's own.
async fn list(State(app): State<App>, request: Request) -> Result<Response, Stop> {
    let Some(visitor) = browser::visitor(&app, request.headers()).await? else {
        return respond::see_other(&app.login_for("/apps"));
    };
    let query = request.uri().query().unwrap_or_default();
    let after = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "after");
    let after = after.and_then(|(_, id)| ClientId::parse(&id).ok());
    let page = app.engine.clients_of(&visitor.session.user.subject, after.as_ref(), PAGE).await?;
    let line = |client: &grantor_core::client::ClientMetadata| AppLine {
        href: path_of(&app, &client.client_id, ""),
        name: client.display_name().to_owned(),
        description: client.description.clone(),
        client_id: client.client_id.to_string(),
    };
    let apps: Vec<AppLine> = page.clients.iter().filter(|client| is_app(&app, client)).map(line).collect();
    let next = page.next.map(|id| {
        let after: String = form_urlencoded::byte_serialize(id.as_str().as_bytes()).collect();
        format!("{}?after={after}", app.path("/apps"))
    });
    let register = app.may_register(&visitor).then(|| app.path("/apps/new"));
    let view = Apps { register: register.as_deref(), apps: &apps, next: next.as_deref() };
    Ok(answer(&app, request.headers(), &visitor, StatusCode::OK, &Page::Apps(&view)))
}

/// Asks for the name of what is to be deleted.
async fn ask_delete(
    State(app): State<App>,
    Path(named): Path<String>,
    request: Request,
) -> Result<Response, Stop> {
    let own = match Own::of(&app, request.headers(), &named).await? {
        Ok(own) => own,
        Err(login) => return Ok(login),
    };
    confirm(&app, request.headers(), &own, false).await
}

async fn confirm(app: &Shared, headers: &HeaderMap, own: &Own, differs: bool) -> Result<Response, Stop> {
    let id = &own.client.metadata.client_id;
    let frame = pages::frame(app, headers, "");
    let problem = differs.then(|| frame.language.words().app_delete.differs.as_str());
    let view = AppDelete {
        action: &path_of(app, id, "/delete"),
        cancel: &path_of(app, id, ""),
        csrf: &own.visitor.token(app, PURPOSE),
        name: own.client.metadata.display_name(),
        grants: &shown::grants(app, id).await?,
        problem,
    };
    let status = if differs { StatusCode::BAD_REQUEST } else { StatusCode::OK };
    Ok(answer(app, headers, &own.visitor, status, &Page::AppDelete(&view)))
}

/// Deletes an application whose name was typed.
async fn delete(
    State(app): State<App>,
    Path(named): Path<String>,
    request: Request,
) -> Result<Response, Stop> {
    let (parts, body) = request.into_parts();
    let (visitor, fields) = browser::own_form(&app, &parts, body, PURPOSE).await?;
    let own = Own::of_visitor(&app, visitor, &named).await?;
    let typed = fields.get("name").unwrap_or_default();
    if typed.trim() != own.client.metadata.display_name().trim() {
        return confirm(&app, &parts.headers, &own, true).await;
    }
    let owner = &own.visitor.session.user.subject;
    app.engine.delete_owned(owner, &own.client.metadata.client_id).await?;
    respond::see_other(&app.path("/apps"))
}

/// A page of the applications.
fn answer(
    app: &Shared,
    headers: &HeaderMap,
    visitor: &Visitor,
    status: StatusCode,
    page: &Page<'_>,
) -> Response {
    let frame = pages::own_frame(app, headers, "", visitor, Some(Place::Apps));
    pages::page(app, status, page, &frame, Forms::Here)
}

/// Says that what a form asked for was done by it before: whoever loads the page again that showed a secret sends its form
/// again.
fn done_already(app: &Shared, headers: &HeaderMap, visitor: &Visitor, next: &str) -> Response {
    let words = pages::frame(app, headers, "").language.words();
    let (title, text) = (words.app.done.as_str(), words.app.done_text.as_str());
    let next = Some((next, words.apps.title.as_str()));
    let message = Message { title, text, code: None, detail: None, next };
    answer(app, headers, visitor, StatusCode::CONFLICT, &Page::Message(&message))
}

/// Where an application's picture is, if it has one.
fn logo_of(app: &Shared, client: &Registered) -> Option<String> {
    client.logo.as_ref().map(|tag| logo::path(app, &client.metadata.client_id, tag))
}

/// What an engine says of a registration, where it is no fault.
enum Outcome<T> {
    Done(T),
    Invalid(grantor_core::client::InvalidClient),
}

fn outcome<T>(result: Result<T, EngineError>) -> Result<Outcome<T>, Stop> {
    match result {
        Ok(done) => Ok(Outcome::Done(done)),
        Err(EngineError::InvalidClient(invalid)) => Ok(Outcome::Invalid(invalid)),
        Err(other @ (EngineError::Refused(_) | EngineError::Fault(_))) => Err(other.into()),
    }
}
