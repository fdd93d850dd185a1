//! Pages: templates, their headers, and the pages that say what went wrong.

use std::sync::LazyLock;

use askama::Template;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, REFERRER_POLICY, X_FRAME_OPTIONS,
};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use grantor_core::Refusal;
use grantor_core::request::ApproverAccount;
use grantor_directory::DirectoryError;
use grantor_engine::EngineError;
use sha2::{Digest as _, Sha256};

use crate::form::FormFault;
use crate::respond;
use crate::throttle::Wait;

/// The one style sheet. It stands in each page, and the policy allows it by its hash.
pub(crate) const STYLE: &str = include_str!("../templates/style.css");

/// Where a page's forms may lead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Forms {
    /// To this server.
    Here,
    /// Through this server to a client, and from there anywhere: see the crate's documentation.
    Onward,
}

static POLICIES: LazyLock<[Option<HeaderValue>; 2]> = LazyLock::new(|| {
    let hash = STANDARD.encode(Sha256::digest(STYLE));
    let common = format!(
        "default-src 'none'; style-src 'sha256-{hash}'; img-src data:; object-src 'none'; base-uri 'none'; \
         frame-ancestors 'none'"
    );
    [format!("{common}; form-action 'self'"), common].map(|policy| HeaderValue::try_from(policy).ok())
});

const COOP: HeaderName = HeaderName::from_static("cross-origin-opener-policy");

/// Renders a page with the headers of pages.
pub(crate) fn page(status: StatusCode, template: &impl Template, forms: Forms) -> Response {
    let Ok(html) = template.render() else {
        return respond::text(StatusCode::INTERNAL_SERVER_ERROR, "The page could not be made.\n");
    };
    let mut response = (status, html).into_response();
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
    let [here, onward] = &*POLICIES;
    let policy = match forms {
        Forms::Here => here,
        Forms::Onward => onward,
    };
    headers.extend(policy.clone().map(|policy| (CONTENT_SECURITY_POLICY, policy)));
    response
}

/// The login form.
#[derive(Template)]
#[template(path = "login.html")]
pub(crate) struct LoginPage<'a> {
    pub(crate) action: &'a str,
    pub(crate) signup: Option<&'a str>,
    pub(crate) csrf: &'a str,
    pub(crate) request: &'a str,
    pub(crate) problem: Option<&'a str>,
}

/// The form for signing up.
#[derive(Template)]
#[template(path = "signup.html")]
pub(crate) struct SignUpPage<'a> {
    pub(crate) action: &'a str,
    pub(crate) login: &'a str,
    pub(crate) csrf: &'a str,
    pub(crate) request: &'a str,
    pub(crate) username: &'a str,
    pub(crate) email: &'a str,
    pub(crate) problem: Option<&'a str>,
    pub(crate) least: usize,
}

/// The question whether an application may.
#[derive(Template)]
#[template(path = "consent.html")]
pub(crate) struct ConsentPage<'a> {
    pub(crate) action: &'a str,
    pub(crate) logout: &'a str,
    pub(crate) csrf: &'a str,
    pub(crate) interaction: &'a str,
    pub(crate) client: &'a str,
    pub(crate) description: Option<&'a str>,
    pub(crate) target: &'a str,
    pub(crate) user: &'a str,
    pub(crate) account: Option<&'a str>,
    pub(crate) scopes: &'a [&'a str],
}

/// The question for which account.
#[derive(Template)]
#[template(path = "choose.html")]
pub(crate) struct ChoosePage<'a> {
    pub(crate) action: &'a str,
    pub(crate) logout: &'a str,
    pub(crate) csrf: &'a str,
    pub(crate) interaction: &'a str,
    pub(crate) client: &'a str,
    pub(crate) user: &'a str,
    pub(crate) accounts: &'a [AccountChoice<'a>],
}

/// One account to choose.
pub(crate) struct AccountChoice<'a> {
    pub(crate) id: &'a str,
    pub(crate) name: &'a str,
    pub(crate) role: &'a str,
}

impl<'a> AccountChoice<'a> {
    pub(crate) fn of(account: &'a ApproverAccount) -> Self {
        let id = account.id.as_str();
        Self { id, name: account.name.as_deref().unwrap_or(id), role: &account.role }
    }
}

/// The question whether to log out.
#[derive(Template)]
#[template(path = "logout.html")]
pub(crate) struct LogoutPage<'a> {
    pub(crate) action: &'a str,
    pub(crate) csrf: &'a str,
    pub(crate) user: &'a str,
}

/// One application on the account page.
pub(crate) struct Authorized {
    pub(crate) grant: String,
    pub(crate) client: String,
    /// The account that the grant is about, where it is about one.
    pub(crate) account: Option<String>,
    pub(crate) scopes: Vec<String>,
    pub(crate) since: String,
}

/// Who I am, and what I authorized.
#[derive(Template)]
#[template(path = "account.html")]
pub(crate) struct AccountPage<'a> {
    pub(crate) revoke: &'a str,
    pub(crate) logout: &'a str,
    pub(crate) csrf: &'a str,
    pub(crate) user: &'a str,
    pub(crate) username: &'a str,
    pub(crate) email: Option<&'a str>,
    pub(crate) applications: &'a [Authorized],
}

#[derive(Template)]
#[template(path = "message.html")]
struct MessagePage<'a> {
    title: &'a str,
    text: &'a str,
    code: Option<&'a str>,
}

/// How a page ends when it does not end well.
pub(crate) enum Stop {
    /// A rule refused the request, and nobody but the person may be told.
    Refused(Refusal),
    /// The form is not from our page in this browser.
    Forged,
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

impl IntoResponse for Stop {
    fn into_response(self) -> Response {
        let (status, title, text) = match &self {
            Stop::Refused(refusal) => {
                let (text, code) = (refusal.description(), Some(refusal.code().as_str()));
                let message = MessagePage { title: "This request cannot be answered", text: &text, code };
                return page(StatusCode::BAD_REQUEST, &message, Forms::Here);
            }
            Stop::Forged => (
                StatusCode::FORBIDDEN,
                "This form has expired",
                "It belongs to another session or browser, or was sent from elsewhere. Go back, reload the page and try again.",
            ),
            Stop::NotFound => (StatusCode::NOT_FOUND, "Not found", "There is nothing at this address."),
            Stop::MethodNotAllowed => {
                (StatusCode::METHOD_NOT_ALLOWED, "Not allowed", "This address does not take such a request.")
            }
            Stop::Form(FormFault::WrongType | FormFault::Broken) => (
                StatusCode::BAD_REQUEST,
                "This form cannot be read",
                "Go back, reload the page and try again.",
            ),
            Stop::Form(FormFault::TooLarge) => {
                (StatusCode::PAYLOAD_TOO_LARGE, "This form is too large", "Go back and enter less.")
            }
            Stop::Form(FormFault::TooSlow) => {
                (StatusCode::REQUEST_TIMEOUT, "This form took too long", "Go back and try again.")
            }
            Stop::TooMany(_) => {
                (StatusCode::TOO_MANY_REQUESTS, "Too many failed attempts", "Wait a minute, then try again.")
            }
            Stop::Unavailable => (
                StatusCode::SERVICE_UNAVAILABLE,
                "The server cannot answer right now",
                "Try again in a moment.",
            ),
        };
        let response = page(status, &MessagePage { title, text, code: None }, Forms::Here);
        match self {
            Stop::TooMany(Wait(seconds)) => respond::retry_after(response, seconds),
            Stop::Unavailable => respond::retry_after(response, 1),
            Stop::Refused(_) | Stop::Forged | Stop::NotFound | Stop::MethodNotAllowed | Stop::Form(_) => {
                response
            }
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
