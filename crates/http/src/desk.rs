//! What another room needs that has pages for administrators: sign-in, forms, headers, all as the public pages have them.

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, REFRESH};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use grantor_core::PictureFormat;
use grantor_core::wire::Parameters;
use grantor_pages::{Frame, MenuGroup};

use crate::browser::{self, Visitor};
use crate::form::FormFault;
use crate::pages::{self, Forms, Stop};
use crate::source::Source;
use crate::throttle::Wait;
use crate::web::App;
use crate::{guard, login, logo, logout, respond};

/// **Invariant: nobody but an administrator reaches a page behind it, by whatever method, or learns which pages there are.**
///
/// It has cookies of its own, throttles failed sign-ins and asks before it signs out; its sessions are those of the users'
/// directory. [`Web::desk`](crate::Web::desk) sets one up.
#[derive(Clone)]
pub struct Desk(App);

/// A page of another room.
#[derive(Debug, Clone, Copy)]
pub struct DeskPage<'a> {
    /// Its status.
    pub status: StatusCode,
    /// The tag of the language it speaks.
    pub language: &'a str,
    /// What stands in the title bar.
    pub title: &'a str,
    /// What stands in its `main`: HTML, which is taken as it is.
    pub main: &'a str,
    /// The way to the other pages.
    pub menu: &'a [MenuGroup<'a>],
    /// Whether there is something on it to copy.
    pub copies: bool,
    /// After how many seconds the browser is to ask again.
    pub refresh: Option<u32>,
}

impl Desk {
    pub(crate) fn new(app: App) -> Self {
        Self(app)
    }

    /// These pages, for administrators alone, with `/login` and `/logout` beside them. A handler finds who asks as an
    /// extension, a [`Visitor`]. Paths that are none are answered with 404, and may be merged with others that are some.
    pub fn router(&self, pages: Router) -> Router {
        let no_such_method = || async { Stop::MethodNotAllowed };
        let pages = pages
            .method_not_allowed_fallback(no_such_method)
            .fallback(|| async { Stop::NotFound })
            .layer(middleware::from_fn_with_state(self.0.clone(), admit));
        let entrance = Router::new()
            .route("/login", get(login::show).post(login::submit))
            .route("/logout", get(logout::show).post(logout::submit))
            .method_not_allowed_fallback(no_such_method)
            .with_state(self.0.clone());
        pages.merge(entrance).layer(middleware::from_fn_with_state(self.0.clone(), guard::guard))
    }

    /// An API for programs beside these pages: from each source it looks at no more tokens that are worth nothing than secrets of
    /// a client, since each costs a read of the store. `told` answers who is sent away, and is given the seconds that are left.
    pub fn throttled(&self, api: Router, told: fn(u64) -> Response) -> Router {
        api.layer(middleware::from_fn_with_state((self.0.clone(), told), throttle))
    }

    /// The token for a visitor's forms of a purpose: their field `csrf`.
    pub fn token(&self, visitor: &Visitor, purpose: &str) -> String {
        visitor.token(&self.0, purpose)
    }

    /// A form that this visitor posted from a page of ours, meant for this purpose.
    ///
    /// # Errors
    /// [`Stop`] if it comes from elsewhere, or cannot be read.
    pub async fn form(
        &self,
        visitor: &Visitor,
        parts: &Parts,
        body: Body,
        purpose: &str,
    ) -> Result<Parameters, Stop> {
        let fields = match browser::page_form(&self.0, parts, body).await {
            // No application is involved that could have made a mistake.
            Err(Stop::Refused(_)) => return Err(FormFault::Broken.into()),
            read => read?,
        };
        if visitor.posted(&self.0, purpose, &fields) { Ok(fields) } else { Err(Stop::Forged) }
    }

    /// The file of that name in a form that this visitor posted from a page of ours, meant for this purpose; nothing if he chose
    /// none.
    ///
    /// # Errors
    /// As for [`form`](Desk::form).
    pub async fn file(
        &self,
        visitor: &Visitor,
        parts: &Parts,
        body: Body,
        purpose: &str,
        name: &str,
    ) -> Result<Option<Vec<u8>>, Stop> {
        let form = browser::page_file(&self.0, parts, body, name).await?;
        if visitor.sent(&self.0, purpose, &form.csrf) { Ok(form.file) } else { Err(Stop::Forged) }
    }

    /// A client's picture as an answer, with the headers of pictures. Nobody keeps it.
    pub fn picture(&self, format: PictureFormat, bytes: Vec<u8>) -> Response {
        logo::answer(format, bytes, "no-store")
    }

    /// The page as an answer, with the headers of pages.
    pub fn page(&self, page: &DeskPage<'_>) -> Response {
        let look = &self.0.look;
        let frame = Frame::of(look.languages().pick(Some(page.language), None)).menu(page.menu);
        let rendered = match look.framed(page.title, page.main, page.copies, &frame) {
            Ok(rendered) => rendered,
            Err(error) => {
                tracing::error!(%error, "a page cannot be made");
                return respond::text(StatusCode::INTERNAL_SERVER_ERROR, "The page could not be made.\n");
            }
        };
        let mut response = pages::html(&self.0, page.status, rendered, Forms::Here);
        if let Some(seconds) = page.refresh {
            response.headers_mut().insert(REFRESH, HeaderValue::from(seconds));
        }
        response
    }
}

/// How another room says that it is too soon, and in how many seconds it is not.
type Told = fn(u64) -> Response;

/// What a source's tokens are counted under.
const TOKENS: &str = "tokens";

async fn throttle(State((app, told)): State<(App, Told)>, request: Request, next: Next) -> Response {
    // Who shows none costs nothing.
    let Some(throttle) = app.clients.as_ref().filter(|_| request.headers().contains_key(AUTHORIZATION))
    else {
        return next.run(request).await;
    };
    let (parts, body) = request.into_parts();
    let key = (Source::of(&parts, &app.settings.trusted_proxies), TOKENS);
    if let Err(Wait(seconds)) = throttle.check(&key, app.engine.now()) {
        return told(seconds);
    }
    let response = next.run(Request::from_parts(parts, body)).await;
    if response.status() == StatusCode::UNAUTHORIZED {
        throttle.count(&key, app.engine.now());
    }
    response
}

/// Lets administrators through. Before it, nothing of a request was looked at but its head.
async fn admit(State(app): State<App>, mut request: Request, next: Next) -> Response {
    match browser::visitor(&app, request.headers()).await {
        Ok(Some(visitor)) if app.admits(visitor.user()) => {
            request.extensions_mut().insert(visitor);
            next.run(request).await
        }
        Ok(Some(_)) => Stop::Forbidden.into_response(),
        Ok(None) if matches!(*request.method(), Method::GET | Method::HEAD) => {
            respond::see_other(&app.path("/login")).unwrap_or_else(IntoResponse::into_response)
        }
        Ok(None) => Stop::Forged.into_response(),
        Err(stop) => stop.into_response(),
    }
}
