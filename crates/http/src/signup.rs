//! Signing up, where a profile has a page for that.
//!
//! Whoever signs up learns whether a name is to be had: there is no way to tell him nothing. So he is told no more than
//! that, whatever the reason, after the same work; and who tries many names is held up as one who guesses passwords is.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use grantor_core::Secret;
use grantor_core::wire::Parameters;
use grantor_directory::{BrowserCookie, SignUp, SignUpRefused};
use grantor_pages::{Page, Words};

use crate::pages::{self, Forms, Stop};
use crate::source::Source;
use crate::web::{App, Shared};
use crate::{browser, login};

/// What the form's token is for.
const SIGNUP: &str = "signup";

/// What was entered before, to be shown again. Of a password nothing is.
#[derive(Default)]
pub(crate) struct Entered<'a> {
    username: &'a str,
    email: &'a str,
    problem: Option<SignUpRefused>,
}

/// Shows the form.
pub(crate) async fn show(State(app): State<App>, request: Request) -> Result<Response, Stop> {
    let query = request.uri().query().unwrap_or_default();
    let parameters = Parameters::read(query.as_bytes(), &app.engine.profile().limits);
    page(&app, request.headers(), parameters.get("request").unwrap_or_default(), &Entered::default())
}

/// The form, tied to this browser. `request` is as for [`login::page`].
pub(crate) fn page(
    app: &Shared,
    headers: &HeaderMap,
    request: &str,
    entered: &Entered<'_>,
) -> Result<Response, Stop> {
    let known = app.cookies.browser(headers);
    let is_new = known.is_none();
    let browser = known.map_or_else(BrowserCookie::mint, Ok)?;
    let frame = pages::frame(app, headers, request);
    let least = app.engine.profile().limits.new_password_chars;
    let problem = entered.problem.map(|refused| said(refused, frame.language.words()));
    let form = grantor_pages::SignUp {
        action: &app.path("/signup"),
        login: &login::with_request(app, "/login", request),
        csrf: &app.csrf.token(&browser.csrf(), SIGNUP),
        request,
        username: entered.username,
        email: entered.email,
        problem: problem.as_deref(),
        least,
    };
    let mut response = pages::page(app, StatusCode::OK, &Page::SignUp(&form), &frame, Forms::Onward);
    if is_new {
        app.cookies.set_browser(&mut response, &browser);
    }
    Ok(response)
}

/// Takes the form, makes a user, and logs him in.
pub(crate) async fn submit(State(app): State<App>, request: Request) -> Result<Response, Stop> {
    let (parts, body) = request.into_parts();
    let fields = browser::page_form(&app, &parts, body).await?;
    let field = |name| fields.get(name).unwrap_or_default();
    let (username, email, request) = (field("username"), field("email"), field("request"));
    let again = |stop: Stop| Ok(stop.back_to(login::with_request(&app, "/signup", request)));
    let known = app.cookies.browser(&parts.headers);
    if !known.is_some_and(|browser| app.csrf.check(&browser.csrf(), SIGNUP, field("csrf"))) {
        return again(Stop::Forged);
    }
    let password = Secret::new(field("password"));
    let (source, now) = (Source::of(&parts, &app.settings.trusted_proxies), app.engine.now());
    if let Some(throttle) = &app.logins {
        // Counted whatever comes of it: who makes users by the dozen is held up as well.
        if let Err(wait) = throttle.begin(source, username, now) {
            return again(Stop::TooMany(wait));
        }
    }
    match app.users()?.sign_up(&SignUp { username, password: &password, email }, now).await? {
        Ok(user) => login::begin_session(&app, &parts.headers, &user, request).await,
        Err(refused) => {
            tracing::info!(%refused, "a sign-up was refused");
            page(&app, &parts.headers, request, &Entered { username, email, problem: Some(refused) })
        }
    }
}

/// Why somebody was not signed up, in his language.
fn said(refused: SignUpRefused, words: &Words) -> String {
    let words = &words.signup;
    match refused {
        SignUpRefused::NotHere => words.not_here.to_string(),
        SignUpRefused::Name => words.name_unusable.to_string(),
        SignUpRefused::Email => words.email_unusable.to_string(),
        SignUpRefused::PasswordTooShort { min } => words.password_short.plain(&[("count", min.to_string())]),
        SignUpRefused::Password(_) => words.password_unusable.to_string(),
    }
}
