//! The page for another password.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use grantor_core::{Secret, SubjectId};
use grantor_directory::{InvalidPassword, PasswordChange, PasswordRefused};
use grantor_pages::{ChangePassword, Frame, Message, Page, Problem};

use crate::browser::Visitor;
use crate::pages::{self, Forms, Stop};
use crate::password::{self, Changed};
use crate::source::Source;
use crate::web::{App, Shared};
use crate::{browser, respond};

/// What the form's token is for.
const PASSWORD: &str = "password";
const CURRENT: &str = "current_password";
const NEW: &str = "new_password";

/// Where a person can change his password, if he can: whoever signs in elsewhere does it there.
pub(super) async fn path_for(app: &Shared, user: &SubjectId) -> Result<Option<String>, Stop> {
    let is_here = app.sign_in.is_none() && app.users()?.has_password(user).await?;
    Ok(is_here.then(|| app.path("/account/password")))
}

/// Shows the form.
pub(crate) async fn show(State(app): State<App>, request: Request) -> Result<Response, Stop> {
    let Some(visitor) = browser::visitor(&app, request.headers()).await? else {
        return respond::see_other(&app.login_for("/account/password"));
    };
    if path_for(&app, &visitor.session.user.subject).await?.is_none() {
        return Err(Stop::NotFound);
    }
    page(&app, request.headers(), request.uri().query().unwrap_or_default(), &visitor, None)
}

/// The form, and why what was entered before was not accepted. Nothing of that is shown again.
fn page(
    app: &Shared,
    headers: &HeaderMap,
    query: &str,
    visitor: &Visitor,
    refused: Option<PasswordRefused>,
) -> Result<Response, Stop> {
    let frame = pages::own_frame(app, headers, query, visitor, None);
    let told = refused.map(|refused| told(refused, &frame)).transpose()?;
    let view = ChangePassword {
        action: &app.path("/account/password"),
        csrf: &visitor.token(app, PASSWORD),
        username: visitor.session.user.subject.as_str(),
        least: app.engine.profile().limits.new_password_chars,
        problem: told.as_ref().map(|(field, text)| Problem { field, text }),
    };
    Ok(pages::page(app, StatusCode::OK, &Page::ChangePassword(&view), &frame, Forms::Here))
}

/// Which field a refusal is about, and what is wrong with it.
fn told(refused: PasswordRefused, frame: &Frame<'_>) -> Result<(&'static str, String), Stop> {
    let words = &frame.language.words().password;
    Ok(match refused {
        PasswordRefused::WrongPassword => (CURRENT, words.wrong.to_string()),
        PasswordRefused::TooShort { min } => (NEW, words.too_short.plain(&[("count", min.to_string())])),
        PasswordRefused::Invalid(InvalidPassword::Empty | InvalidPassword::TooLong { .. }) => {
            (NEW, words.unusable.to_string())
        }
        // He has none to change, and was shown no form.
        PasswordRefused::NotHere | PasswordRefused::NoPassword => return Err(Stop::NotFound),
        PasswordRefused::SessionEnded => return Err(Stop::Forged),
    })
}

/// Takes the form. Afterwards the browser has another cookie, and no other browser has one that is worth anything.
pub(crate) async fn submit(State(app): State<App>, request: Request) -> Result<Response, Stop> {
    let (parts, body) = request.into_parts();
    let (visitor, fields) = browser::own_form(&app, &parts, body, PASSWORD).await?;
    let entered = |name| Secret::new(fields.get(name).unwrap_or_default());
    let (current, new) = (entered(CURRENT), entered(NEW));
    let change = PasswordChange {
        user: &visitor.session.user.subject,
        current: &current,
        new: &new,
        cookie: visitor.cookie(),
    };
    let source = Source::of(&parts, &app.settings.trusted_proxies);
    match password::change(&app, source, &change).await? {
        Changed::Yes(cookie) => {
            let mut response = respond::see_other(&app.path("/account/password/changed"))?;
            app.cookies.set_session(&mut response, &cookie);
            Ok(response)
        }
        Changed::No(refused) => {
            let query = parts.uri.query().unwrap_or_default();
            page(&app, &parts.headers, query, &visitor, Some(refused))
        }
        Changed::TooMany(wait) => Ok(Stop::TooMany(wait).back_to(app.path("/account/password"))),
    }
}

/// Says that it was done. It changes nothing, so it is its own page: it can be loaded again.
pub(crate) async fn changed(State(app): State<App>, request: Request) -> Result<Response, Stop> {
    let Some(visitor) = browser::visitor(&app, request.headers()).await? else {
        return respond::see_other(&app.login_for("/account/password"));
    };
    let query = request.uri().query().unwrap_or_default();
    let frame = pages::own_frame(&app, request.headers(), query, &visitor, None);
    let words = frame.language.words();
    let account = app.path("/account");
    let message = Message {
        title: words.password.changed.as_str(),
        text: words.password.changed_text.as_str(),
        code: None,
        detail: None,
        next: Some((&account, words.account.title.as_str())),
    };
    Ok(pages::page(&app, StatusCode::OK, &Page::Message(&message), &frame, Forms::Here))
}
