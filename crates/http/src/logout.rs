//! Logging out: asked first, since any site can send a browser here.

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;

use crate::pages::{self, Forms, LogoutPage, Stop};
use crate::web::App;
use crate::{browser, respond};

/// What the form's token is for.
const LOGOUT: &str = "logout";

/// Asks. Nothing ends yet.
pub(crate) async fn show(State(app): State<App>, request: Request) -> Result<Response, Stop> {
    let Some(visitor) = browser::visitor(&app, request.headers()).await? else {
        return respond::see_other(&app.path("/login"));
    };
    let (action, csrf) = (app.path("/logout"), visitor.token(&app, LOGOUT));
    let template = LogoutPage { action: &action, csrf: &csrf, user: visitor.name() };
    Ok(pages::page(StatusCode::OK, &template, Forms::Here))
}

/// Ends the session, here and in the browser.
pub(crate) async fn submit(State(app): State<App>, request: Request) -> Result<Response, Stop> {
    let (parts, body) = request.into_parts();
    let (visitor, _) = browser::own_form(&app, &parts, body, LOGOUT).await?;
    app.users()?.end_session(visitor.cookie()).await?;
    let mut response = respond::see_other(&app.path("/login"))?;
    app.cookies.clear_session(&mut response);
    Ok(response)
}
