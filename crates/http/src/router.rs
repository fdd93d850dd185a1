//! Which path leads where, by which method.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::handler::Handler;
use axum::http::{Method, StatusCode};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};
use grantor_core::client::ResponseType;
use grantor_core::profile::TokenEndpoint;

use crate::cors::with_cors;
use crate::direct::{Short, Way};
use crate::pages::Stop;
use crate::web::App;
use crate::{
    account, api, apps, authorize, discovery, guard, health, introspect, login, logo, logout, registration,
    respond, revoke, signup, token, userinfo,
};

/// RFC 8414, section 3.1: the metadata of an issuer with a path has the well-known part before that path.
const WELL_KNOWN: &str = "/.well-known/oauth-authorization-server";

/// All routes and an answer for all other paths; and the endpoints that can be reached without it.
pub(crate) fn complete(app: App) -> (Router, Vec<Way>) {
    let unknown =
        unknown_path.layer(middleware::from_fn_with_state(app.clone(), guard::guard)).with_state(app.clone());
    let (routes, ways) = routes(app);
    (routes.fallback_service(unknown), ways)
}

/// All routes, and the endpoints that can be reached without them.
pub(crate) fn routes(app: App) -> (Router, Vec<Way>) {
    let mut mount = Mount::new();
    mount_documents(&mut mount, &app);
    let ways = mount_api(&mut mount, &app);
    let documents = mount.finish(api::method_not_allowed);
    let mut mount = Mount::new();
    mount_pages(&mut mount, &app);
    let pages = mount.finish(pages_method_not_allowed);
    let around = middleware::from_fn_with_state(app.clone(), guard::documents);
    // Outside of the guard, whose answers pages of other origins must be able to read, too.
    let documents = with_cors(app.engine.profile(), documents.layer(around).with_state(app.clone()));
    (documents.merge(guarded(&app, pages)).merge(health(&app, &app.prefix)), ways)
}

/// The health checks, under a path.
pub(crate) fn health(app: &App, prefix: &str) -> Router {
    let mut mount = Mount::new();
    mount.at(&format!("{prefix}/health/alive"), get(health::alive));
    mount.at(&format!("{prefix}/health/ready"), get(health::ready));
    let router = mount.finish(api::method_not_allowed);
    guarded(app, router)
}

fn guarded(app: &App, router: Router<App>) -> Router {
    router.layer(middleware::from_fn_with_state(app.clone(), guard::guard)).with_state(app.clone())
}

fn mount_documents(mount: &mut Mount, app: &App) {
    let endpoints = &app.engine.profile().endpoints;
    if let Some(path) = &endpoints.metadata {
        mount.at(&app.path(path), get(discovery::metadata));
        if !app.prefix.is_empty() {
            mount.at(&format!("{WELL_KNOWN}{}", app.prefix), get(discovery::metadata));
        }
    }
    if let Some(path) = &endpoints.jwks {
        mount.at(&app.path(path), get(discovery::jwks));
    }
}

fn mount_api(mount: &mut Mount, app: &App) -> Vec<Way> {
    let endpoints = &app.engine.profile().endpoints;
    let mut ways = Vec::new();
    for endpoint in &endpoints.token {
        let path = app.path(&endpoint.path);
        if mount.at(&path, token_methods(endpoint)) {
            ways.push((path, Short::Token(endpoint.clone())));
        }
    }
    if let Some(path) = endpoints.introspect.as_deref().map(|path| app.path(path))
        && mount.at(&path, post(introspect::introspect))
    {
        ways.push((path, Short::Introspect));
    }
    if let Some(path) = endpoints.revoke.as_deref().map(|path| app.path(path))
        && mount.at(&path, post(revoke::revoke))
    {
        ways.push((path, Short::Revoke));
    }
    if let Some(path) = &endpoints.userinfo {
        mount.at(&app.path(path), get(userinfo::userinfo));
    }
    registration::mount(mount, app);
    ways
}

fn token_methods(endpoint: &TokenEndpoint) -> MethodRouter<App> {
    // Shared, since axum clones a handler for each request.
    let of_post = Arc::new(endpoint.clone());
    let of_get = of_post.clone();
    let methods = post(move |State(app): State<App>, request: Request| token::token(app, of_post, request));
    if !endpoint.danger_get {
        return methods;
    }
    // A GET makes tokens here, so HEAD, which axum would answer by it, must not.
    methods
        .get(move |State(app): State<App>, request: Request| token::token(app, of_get, request))
        .head(authorize::head)
}

fn mount_pages(mount: &mut Mount, app: &App) {
    let types = &app.engine.profile().response_types;
    if types.contains(&ResponseType::Code) || types.contains(&ResponseType::Token) {
        // A GET makes a record, so HEAD, which axum would answer by it, must not.
        let authorize = get(authorize::get).post(authorize::post).head(authorize::head);
        mount.at(&app.authorize_path(), authorize);
        mount.at(&authorize::decision_path(app), post(authorize::decide));
    }
    if app.sign_in.is_none() {
        mount.at(&app.path("/login"), get(login::show).post(login::submit));
        mount_logout(mount, app);
        let (sessions, password) = ("/account/sessions", "/account/password");
        mount.at(&app.path(sessions), get(account::sessions::show).post(account::sessions::end));
        mount.at(&app.path(password), get(account::password::show).post(account::password::submit));
        mount.at(&app.path("/account/password/changed"), get(account::password::changed));
    }
    if app.has_signup() {
        mount.at(&app.path("/signup"), get(signup::show).post(signup::submit));
    }
    mount.below(&app.path(logo::PATH), get(logo::show));
    apps::mount(mount, app);
    mount.at(&app.path("/account"), get(account::show));
    mount.at(&app.path("/account/revoke"), post(account::revoke));
}

/// The page that asks, and the link that ends the session at once, which may be in the same place. HEAD, which axum would
/// answer by its GET, must end nothing.
fn mount_logout(mount: &mut Mount, app: &App) {
    match &app.engine.profile().endpoints.logout {
        Some(path) if path == "/logout" => {
            mount.at(&app.path(path), get(logout::leave).post(logout::submit).head(authorize::head));
        }
        leaving => {
            mount.at(&app.path("/logout"), get(logout::show).post(logout::submit));
            if let Some(path) = leaving {
                mount.at(&app.path(path), get(logout::leave).head(authorize::head));
            }
        }
    }
}

/// A router that is given paths from a profile. What axum would take as a pattern is taken literally, and a path that is
/// there already, or is none, is left out and logged: a profile is data and must not bring the server down.
pub(crate) struct Mount {
    router: Router<App>,
    taken: BTreeSet<String>,
}

impl Mount {
    fn new() -> Self {
        Self { router: Router::new(), taken: BTreeSet::new() }
    }

    /// Tells whether it is not left out.
    pub(crate) fn at(&mut self, path: &str, methods: MethodRouter<App>) -> bool {
        self.route(path, "", methods)
    }

    /// What has one more segment than this path, which the handler is given.
    pub(crate) fn below(&mut self, path: &str, methods: MethodRouter<App>) {
        let _ = self.route(path, "/{named}", methods);
    }

    /// What lies below such a segment.
    pub(crate) fn within(&mut self, path: &str, below: &str, methods: MethodRouter<App>) {
        let _ = self.route(path, &format!("/{{named}}{below}"), methods);
    }

    fn route(&mut self, path: &str, pattern: &str, methods: MethodRouter<App>) -> bool {
        if !path.starts_with('/') || !self.taken.insert(format!("{path}{pattern}")) {
            tracing::error!(
                path,
                "the path of this endpoint is taken, or does not begin with a slash: it is left out"
            );
            return false;
        }
        self.router = std::mem::take(&mut self.router).route(&format!("{}{pattern}", literal(path)), methods);
        true
    }

    fn finish<H, T>(self, method_not_allowed: H) -> Router<App>
    where
        H: Handler<T, App>,
        T: 'static,
    {
        self.router.method_not_allowed_fallback(method_not_allowed)
    }
}

/// A path as axum takes it literally.
pub(crate) fn literal(path: &str) -> String {
    path.replace('{', "{{").replace('}', "}}")
}

async fn pages_method_not_allowed() -> Response {
    Stop::MethodNotAllowed.into_response()
}

/// The root leads to the account page. It is here, and no route, so that an application may have its own root.
async fn unknown_path(State(app): State<App>, request: Request) -> Response {
    let at_root =
        request.uri().path().strip_prefix(app.prefix.as_str()).is_some_and(|rest| matches!(rest, "" | "/"));
    if at_root && matches!(*request.method(), Method::GET | Method::HEAD) {
        return respond::see_other(&app.path("/account")).unwrap_or_else(IntoResponse::into_response);
    }
    if at_root {
        (StatusCode::METHOD_NOT_ALLOWED, [("allow", "GET, HEAD")]).into_response()
    } else {
        Stop::NotFound.into_response()
    }
}
