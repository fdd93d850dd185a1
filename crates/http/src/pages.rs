//! Pages as answers: in which language, with which headers, and what is said when something went wrong.

use axum::http::header::{
    ACCEPT_LANGUAGE, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, REFERRER_POLICY,
    X_FRAME_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use grantor_core::wire::Parameters;
use grantor_core::{InLanguage, Refusal};
use grantor_directory::DirectoryError;
use grantor_engine::EngineError;
use grantor_pages::{Frame, Message, Nav, Page, Place, Rendered, Wording, Words};

use crate::browser::Visitor;
use crate::form::FormFault;
use crate::respond;
use crate::throttle::Wait;
use crate::web::{ACCOUNT, Shared, Whose};

/// Where a page's forms may lead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Forms {
    /// To this server.
    Here,
    /// Through this server to a client, and from there anywhere: see the crate's documentation.
    Onward,
}

const COOP: HeaderName = HeaderName::from_static("cross-origin-opener-policy");

/// What a page is framed by for whoever sent a request. `query` is its query, or one that it carries along: the language that
/// an application asks for is a parameter of its authorization request, and holds until that is answered.
pub(crate) fn frame<'a>(app: &'a Shared, headers: &HeaderMap, query: &str) -> Frame<'a> {
    let limits = &app.engine.profile().limits;
    let asked = |query: &str| {
        let parameters = Parameters::read(query.as_bytes(), limits);
        (parameters.get("ui_locales").map(str::to_owned), parameters.get("request").map(str::to_owned))
    };
    let (locales, carried) = asked(query);
    let locales = locales.or_else(|| asked(&carried?).0);
    let accepted = headers.get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    Frame::of(app.look.languages().pick(locales.as_deref(), accepted))
}

/// The same for a page of whoever is signed in, with the way to his other pages.
pub(crate) fn own_frame<'a>(
    app: &'a Shared,
    headers: &HeaderMap,
    query: &str,
    visitor: &'a Visitor,
    here: Option<Place>,
) -> Frame<'a> {
    let frame = frame(app, headers, query);
    match app.whose {
        Whose::Everybody => frame.with(Nav {
            user: visitor.name(),
            prefix: &app.prefix,
            here,
            apps: app.may_register(visitor),
            sessions: app.sign_in.is_none(),
        }),
        // The pages of people are at another listener.
        Whose::Administrators => frame,
    }
}

/// A text of the profile's, as pages show it.
pub(crate) fn wording(read: InLanguage<'_>) -> Wording<'_> {
    match read.fallback {
        Some(language) => Wording::other(read.text, language),
        None => Wording::new(read.text),
    }
}

/// Renders a page with the headers of pages.
pub(crate) fn page(
    app: &Shared,
    status: StatusCode,
    page: &Page<'_>,
    frame: &Frame<'_>,
    forms: Forms,
) -> Response {
    match app.look.render(page, frame) {
        Ok(rendered) => html(app, status, rendered, forms),
        Err(error) => {
            tracing::error!(%error, "a page that the operator replaced cannot be made");
            respond::text(StatusCode::INTERNAL_SERVER_ERROR, "The page could not be made.\n")
        }
    }
}

/// A page that was rendered, with the headers of pages.
pub(crate) fn html(app: &Shared, status: StatusCode, rendered: Rendered, forms: Forms) -> Response {
    let policy = policy(app.look.style_source(), rendered.script_source, forms);
    let mut response = (status, rendered.html).into_response();
    let headers = response.headers_mut();
    for (name, value) in [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (CACHE_CONTROL, "no-store"),
        (X_FRAME_OPTIONS, "DENY"),
        (REFERRER_POLICY, "same-origin"),
        (COOP, "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.extend(HeaderValue::try_from(policy).ok().map(|policy| (CONTENT_SECURITY_POLICY, policy)));
    response
}

/// What a page may load: its style sheet, its one script if it has it, and pictures of ours.
fn policy(style: &str, script: Option<&str>, forms: Forms) -> String {
    let script = script.map(|source| format!(" script-src {source};")).unwrap_or_default();
    let forms = match forms {
        Forms::Here => "; form-action 'self'",
        Forms::Onward => "",
    };
    format!(
        "default-src 'none'; style-src {style};{script} img-src 'self' data:; object-src 'none'; base-uri 'none'; \
         frame-ancestors 'none'{forms}"
    )
}

/// How a page ends when it does not end well.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Stop {
    /// A rule refused the request, and nobody but the person may be told.
    Refused(Refusal),
    /// The form is not from our page in this browser.
    Forged,
    /// Whoever asks is no administrator.
    Forbidden,
    /// There is nothing there, or nothing of his.
    NotFound,
    /// The page has no such method. The router adds which it has.
    MethodNotAllowed,
    /// The form cannot be taken.
    Form(FormFault),
    /// It comes too soon after too many failures.
    TooMany(Wait),
    /// The server cannot do its work.
    Unavailable,
}

/// What is to be said is put into words by `told`, which knows the person's language.
impl IntoResponse for Stop {
    fn into_response(self) -> Response {
        let mut response = Response::default();
        response.extensions_mut().insert(self);
        response
    }
}

/// Where a stop's page leads instead of to the page that everybody has: to the form that could not be taken.
#[derive(Clone)]
struct Back(String);

/// Puts a stop that a handler left in its response into words, keeping what headers the response has.
pub(crate) fn told(app: &Shared, frame: &Frame<'_>, mut response: Response) -> Response {
    let Some(stop) = response.extensions_mut().remove::<Stop>() else { return response };
    let back = response.extensions_mut().remove::<Back>();
    let mut page = stop.page(app, frame, back);
    for (name, value) in response.headers() {
        page.headers_mut().entry(name).or_insert(value.clone());
    }
    page
}

impl Stop {
    /// The same, with the way back to a form of ours.
    pub(crate) fn back_to(self, place: String) -> Response {
        let mut response = self.into_response();
        response.extensions_mut().insert(Back(place));
        response
    }

    fn page(&self, app: &Shared, frame: &Frame<'_>, back: Option<Back>) -> Response {
        let words = &frame.language.words().stop;
        let wait = match self {
            Stop::TooMany(wait) => wait.in_words(frame.language.words()),
            Stop::Refused(_)
            | Stop::Forged
            | Stop::Forbidden
            | Stop::NotFound
            | Stop::MethodNotAllowed
            | Stop::Form(_)
            | Stop::Unavailable => String::new(),
        };
        let (status, title, text) = match self {
            Stop::Refused(_) => (StatusCode::BAD_REQUEST, &words.refused, words.refused_text.as_str()),
            Stop::Forged => (StatusCode::FORBIDDEN, &words.forged, words.forged_text.as_str()),
            Stop::Forbidden => (StatusCode::FORBIDDEN, &words.forbidden, words.forbidden_text.as_str()),
            Stop::NotFound => (StatusCode::NOT_FOUND, &words.not_found, words.not_found_text.as_str()),
            Stop::MethodNotAllowed => {
                (StatusCode::METHOD_NOT_ALLOWED, &words.method, words.method_text.as_str())
            }
            Stop::Form(FormFault::WrongType | FormFault::Broken) => {
                (StatusCode::BAD_REQUEST, &words.unreadable, words.unreadable_text.as_str())
            }
            Stop::Form(FormFault::TooLarge) => {
                (StatusCode::PAYLOAD_TOO_LARGE, &words.too_large, words.too_large_text.as_str())
            }
            Stop::Form(FormFault::TooSlow) => {
                (StatusCode::REQUEST_TIMEOUT, &words.too_slow, words.too_slow_text.as_str())
            }
            Stop::TooMany(_) => (StatusCode::TOO_MANY_REQUESTS, &words.too_many, wait.as_str()),
            Stop::Unavailable => {
                (StatusCode::SERVICE_UNAVAILABLE, &words.unavailable, words.unavailable_text.as_str())
            }
        };
        let (code, detail) = match self {
            Stop::Refused(refusal) => (Some(refusal.code().as_str()), Some(refusal.description())),
            Stop::Forged
            | Stop::Forbidden
            | Stop::NotFound
            | Stop::MethodNotAllowed
            | Stop::Form(_)
            | Stop::TooMany(_)
            | Stop::Unavailable => (None, None),
        };
        let (next, named) = match (self, back) {
            (_, Some(Back(place))) => (place, &words.back),
            // Whoever is signed in is asked to sign out, and whoever is not is asked to sign in.
            (Stop::Forbidden, None) => (app.path("/logout"), &words.sign_in_otherwise),
            (
                Stop::Refused(_)
                | Stop::Forged
                | Stop::NotFound
                | Stop::MethodNotAllowed
                | Stop::Form(_)
                | Stop::TooMany(_)
                | Stop::Unavailable,
                None,
            ) => match app.whose {
                Whose::Everybody => (app.path(ACCOUNT), &words.home),
                Whose::Administrators => (app.path("/"), &words.overview),
            },
        };
        let message = Message {
            title: title.as_str(),
            text,
            code,
            detail: detail.as_deref(),
            next: Some((&next, named.as_str())),
        };
        let response = page(app, status, &Page::Message(&message), frame, Forms::Here);
        match self {
            Stop::TooMany(Wait(seconds)) => respond::retry_after(response, *seconds),
            Stop::Unavailable => respond::retry_after(response, 1),
            Stop::Refused(_)
            | Stop::Forged
            | Stop::Forbidden
            | Stop::NotFound
            | Stop::MethodNotAllowed
            | Stop::Form(_) => response,
        }
    }
}

impl Wait {
    /// How long it is, rounded up: whoever comes when he was told is not sent away again.
    fn in_words(self, words: &Words) -> String {
        match self.0.div_ceil(60) {
            0 | 1 => words.stop.too_many_text.to_string(),
            minutes => words.stop.too_many_minutes.plain(&[("count", minutes.to_string())]),
        }
    }
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Stop::Refused(refusal)
    }
}

impl From<FormFault> for Stop {
    fn from(fault: FormFault) -> Self {
        Stop::Form(fault)
    }
}

impl From<EngineError> for Stop {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::Refused(refusal) => Stop::Refused(refusal),
            // The engine's observer was told.
            EngineError::Fault(_) | EngineError::InvalidClient(_) => Stop::Unavailable,
        }
    }
}

impl From<DirectoryError> for Stop {
    fn from(fault: DirectoryError) -> Self {
        tracing::error!(%fault, "the user directory failed");
        Stop::Unavailable
    }
}
