//! Logging out. It is asked first, since any site can send a browser here; unless the profile has it that a client's link
//! ends the session at once.

use axum::extract::{Request, State};
use axum::http::header::CACHE_CONTROL;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;
use grantor_core::wire::Parameters;
use grantor_pages::{Logout, Page};

use crate::pages::{self, Forms, Stop};
use crate::web::{App, Shared};
use crate::{browser, login, respond};

/// What the form's token is for.
const LOGOUT: &str = "logout";

/// Asks. Nothing ends yet.
pub(crate) async fn show(State(app): State<App>, request: Request) -> Result<Response, Stop> {
    ask(&app, request.headers(), request.uri().query().unwrap_or_default()).await
}

async fn ask(app: &Shared, headers: &HeaderMap, query: &str) -> Result<Response, Stop> {
    let parameters = Parameters::read(query.as_bytes(), &app.engine.profile().limits);
    let request = parameters.get("request").unwrap_or_default();
    let Some(visitor) = browser::visitor(app, headers).await? else {
        return respond::see_other(&login::with_request(app, "/login", request));
    };
    let (action, csrf) = (app.path("/logout"), visitor.token(app, LOGOUT));
    let question = Logout { action: &action, csrf: &csrf, request, user: visitor.name() };
    let frame = pages::own_frame(app, headers, query, &visitor, None);
    Ok(pages::page(app, StatusCode::OK, &Page::Logout(&question), &frame, Forms::Here))
}

/// Ends the session and leads back to the client that the link names. Where it names none, it is asked as elsewhere. A
/// client that is unknown ends nothing.
pub(crate) async fn leave(State(app): State<App>, request: Request) -> Result<Response, Stop> {
    let query = request.uri().query().unwrap_or_default();
    let parameters = Parameters::read(query.as_bytes(), &app.engine.profile().limits).faultless()?;
    let Some(client) = parameters.get("client_id") else { return ask(&app, request.headers(), query).await };
    let location = app.engine.leave(client).await?;
    if let Some(cookie) = app.cookies.session(request.headers()) {
        app.users()?.end_session(&cookie).await?;
    }
    let mut response = respond::see_other(&location)?;
    // A kept answer would lead back without ending anything.
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    app.cookies.clear_session(&mut response);
    Ok(response)
}

/// Ends the session, here and in the browser. An authorization request that is carried along goes on to the login page, which
/// leads to nowhere but the page that asks.
pub(crate) async fn submit(State(app): State<App>, request: Request) -> Result<Response, Stop> {
    let (parts, body) = request.into_parts();
    let (visitor, fields) = browser::own_form(&app, &parts, body, LOGOUT).await?;
    app.users()?.end_session(visitor.cookie()).await?;
    let request = fields.get("request").unwrap_or_default();
    let mut response = respond::see_other(&login::with_request(&app, "/login", request))?;
    app.cookies.clear_session(&mut response);
    Ok(response)
}
