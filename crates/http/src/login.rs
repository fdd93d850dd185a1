//! Logging in.

use axum::extract::{Request, State};
use axum::http::header::USER_AGENT;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use grantor_core::Secret;
use grantor_core::wire::Parameters;
use grantor_directory::{BrowserCookie, User};
use grantor_pages::{Login, Page};

use crate::pages::{self, Stop};
use crate::password::{self, Verified};
use crate::source::Source;
use crate::web::{App, Shared};
use crate::{browser, respond};

/// What the login form's token is for.
const LOGIN: &str = "login";

/// Shows the form.
pub(crate) async fn show(State(app): State<App>, request: Request) -> Result<Response, Stop> {
    let query = request.uri().query().unwrap_or_default();
    let parameters = Parameters::read(query.as_bytes(), &app.engine.profile().limits);
    page(&app, request.headers(), parameters.get("request").unwrap_or_default(), Entered::Nothing)
}

/// What came before. Nothing of what was entered is shown again: the page is the same, to the byte, whoever was named.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Entered {
    Nothing,
    Wrong,
}

/// The form, tied to this browser. `request` is what to go on with, as [`Shared::after_login`] knows it, and is never used
/// as anything else.
pub(crate) fn page(
    app: &Shared,
    headers: &HeaderMap,
    request: &str,
    entered: Entered,
) -> Result<Response, Stop> {
    let known = app.cookies.browser(headers);
    let is_new = known.is_none();
    let browser = known.map_or_else(BrowserCookie::mint, Ok)?;
    let frame = pages::frame(app, headers, request);
    let signup = app.has_signup().then(|| with_request(app, "/signup", request));
    let login = Login {
        action: &app.path("/login"),
        signup: signup.as_deref(),
        csrf: &app.csrf.token(&browser.csrf(), LOGIN),
        request,
        username: "",
        problem: (entered == Entered::Wrong).then(|| frame.language.words().login.wrong.as_str()),
    };
    // A wrong password is no 401: that would need a challenge that browsers understand (RFC 9110, section 15.5.2).
    let mut response = pages::page(app, StatusCode::OK, &Page::Login(&login), &frame, app.login_leads());
    if is_new {
        app.cookies.set_browser(&mut response, &browser);
    }
    Ok(response)
}

/// A page that carries the query of an authorization request along, if there is one.
pub(crate) fn with_request(app: &Shared, page: &str, request: &str) -> String {
    if request.is_empty() {
        return app.path(page);
    }
    let encoded: String = form_urlencoded::byte_serialize(request.as_bytes()).collect();
    format!("{}?request={encoded}", app.path(page))
}

/// Takes the form, and starts a session in place of the one there may be.
pub(crate) async fn submit(State(app): State<App>, request: Request) -> Result<Response, Stop> {
    let (parts, body) = request.into_parts();
    let fields = browser::page_form(&app, &parts, body).await?;
    let request = fields.get("request").unwrap_or_default();
    // What was to be signed in for is not lost by that.
    let again = |stop: Stop| Ok(stop.back_to(with_request(&app, "/login", request)));
    let known = app.cookies.browser(&parts.headers);
    let csrf = fields.get("csrf").unwrap_or_default();
    if !known.is_some_and(|browser| app.csrf.check(&browser.csrf(), LOGIN, csrf)) {
        return again(Stop::Forged);
    }
    let username = fields.get("username").unwrap_or_default();
    let password = Secret::new(fields.get("password").unwrap_or_default());
    let source = Source::of(&parts, &app.settings.trusted_proxies);
    let user = match password::check(&app, source, username, &password).await? {
        Verified::Yes(user) if app.admits(&user) => user,
        Verified::Yes(_) => return Err(Stop::Forbidden),
        Verified::No => {
            return page(&app, &parts.headers, request, Entered::Wrong);
        }
        Verified::TooMany(wait) => return again(Stop::TooMany(wait)),
    };
    begin_session(&app, &parts.headers, &user, request).await
}

/// Starts a session in place of the one there may be, and goes on with the request that was carried along.
pub(crate) async fn begin_session(
    app: &Shared,
    headers: &HeaderMap,
    user: &User,
    request: &str,
) -> Result<Response, Stop> {
    let old = app.cookies.session(headers);
    let (now, lifetime) = (app.engine.now(), app.settings.session);
    let agent = headers.get(USER_AGENT).map(|agent| String::from_utf8_lossy(agent.as_bytes()));
    let (_, cookie) = app.users()?.start_session(user, old.as_ref(), agent.as_deref(), now, lifetime).await?;
    let next = app.after_login(request);
    let mut response = respond::see_other(&next)?;
    app.cookies.set_session(&mut response, &cookie);
    Ok(response)
}
