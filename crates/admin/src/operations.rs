//! Which request is for which handler: the one list that the router and the tests of the document go by.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{Method, Uri};
use axum::middleware;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{MethodRouter, any, delete, get, patch, post, put};

use crate::api::Rooms;
use crate::caller::guard;
use crate::problem::{Code, Problem};
use crate::{
    DOCUMENT, accounts, api_keys, clients, credentials, deployment, export, grants, import, keys, ledger,
    profiles, sessions, tokens, users,
};

/// One thing that can be asked for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Operation {
    /// By which method.
    pub method: String,
    /// At which path; what stands in braces is a name.
    pub path: &'static str,
}

/// Everything that can be asked for, but for the document itself, which anybody may read.
pub fn operations() -> Vec<Operation> {
    let one = |(method, path, _): (Method, &'static str, _)| Operation { method: method.to_string(), path };
    table().into_iter().map(one).collect()
}

type Row = (Method, &'static str, MethodRouter<Arc<Rooms>>);

fn table() -> Vec<Row> {
    use Method as M;
    vec![
        (M::GET, "/api/clients", get(clients::list)),
        (M::POST, "/api/clients", post(clients::create)),
        (M::GET, "/api/clients/{client_id}", get(clients::show)),
        (M::PATCH, "/api/clients/{client_id}", patch(clients::update)),
        (M::DELETE, "/api/clients/{client_id}", delete(clients::end)),
        (M::POST, "/api/clients/{client_id}/rotate-secret", post(clients::rotate_secret)),
        (M::GET, "/api/clients/{client_id}/details", get(clients::details)),
        (M::GET, "/api/clients/{client_id}/logo", get(clients::logo)),
        (M::PUT, "/api/clients/{client_id}/logo", put(clients::set_logo)),
        (M::DELETE, "/api/clients/{client_id}/logo", delete(clients::end_logo)),
        (M::GET, "/api/clients/{client_id}/usage", get(ledger::usage)),
        (M::GET, "/api/users", get(users::list)),
        (M::POST, "/api/users", post(users::create)),
        (M::GET, "/api/users/{username}", get(users::show)),
        (M::PATCH, "/api/users/{username}", patch(users::update)),
        (M::DELETE, "/api/users/{username}", delete(users::end)),
        (M::POST, "/api/users/{username}/disable", post(users::disable)),
        (M::POST, "/api/users/{username}/enable", post(users::enable)),
        (M::GET, "/api/users/{username}/sessions", get(sessions::list)),
        (M::DELETE, "/api/users/{username}/sessions", delete(sessions::end_all)),
        (M::DELETE, "/api/users/{username}/sessions/{id}", delete(sessions::end)),
        (M::GET, "/api/accounts", get(accounts::list)),
        (M::POST, "/api/accounts", post(accounts::create)),
        (M::GET, "/api/accounts/{id}", get(accounts::show)),
        (M::PATCH, "/api/accounts/{id}", patch(accounts::update)),
        (M::DELETE, "/api/accounts/{id}", delete(accounts::end)),
        (M::GET, "/api/api-keys", get(api_keys::list)),
        (M::POST, "/api/api-keys", post(api_keys::create)),
        (M::GET, "/api/api-keys/{id}", get(api_keys::show)),
        (M::DELETE, "/api/api-keys/{id}", delete(api_keys::end)),
        (M::GET, "/api/session-tokens", get(credentials::tokens)),
        (M::POST, "/api/session-tokens", post(credentials::create_token)),
        (M::DELETE, "/api/session-tokens/{id}", delete(credentials::end_token)),
        (M::GET, "/api/registration-keys", get(credentials::keys)),
        (M::POST, "/api/registration-keys", post(credentials::create_key)),
        (M::DELETE, "/api/registration-keys/{id}", delete(credentials::end_key)),
        (M::GET, "/api/grants", get(grants::list)),
        (M::GET, "/api/grants/{id}", get(grants::show)),
        (M::POST, "/api/grants/{id}/revoke", post(grants::revoke)),
        (M::POST, "/api/tokens/introspect", post(tokens::introspect)),
        (M::POST, "/api/tokens/revoke", post(tokens::revoke)),
        (M::GET, "/api/keys", get(keys::list)),
        (M::POST, "/api/keys/rotate", post(keys::rotate)),
        (M::POST, "/api/keys/{kid}/retire", post(keys::retire)),
        (M::GET, "/api/profiles", get(profiles::list)),
        (M::GET, "/api/profiles/{name}", get(profiles::show)),
        (M::GET, "/api/audit", get(ledger::trail)),
        (M::GET, "/api/figures", get(ledger::figures)),
        (M::GET, "/api/store", get(deployment::store)),
        (M::GET, "/api/settings", get(deployment::settings)),
        (M::GET, "/api/expiring", get(deployment::expiring)),
        (M::POST, "/api/import", post(import::import)),
        (M::GET, "/api/export", get(export::export)),
    ]
}

/// Everything under `/api/`. Whoever may not come in learns of no path and no method which there are. It has no fallback of
/// its own, so that it can be merged with whatever else is on the listener.
pub(crate) fn router(rooms: Arc<Rooms>) -> Router {
    let mut paths: BTreeMap<&str, MethodRouter<Arc<Rooms>>> = BTreeMap::new();
    for (_, path, methods) in table() {
        let known = paths.remove(path).unwrap_or_default();
        paths.insert(path, known.merge(methods));
    }
    let mut router = Router::new().route("/api/openapi.json", get(document).fallback(no_such_method));
    let others = ["/api", "/api/", "/api/{*any}"].map(|path| (path, any(no_such_path)));
    let paths = paths.into_iter().map(|(path, methods)| (path, methods.fallback(no_such_method)));
    for (path, methods) in paths.chain(others) {
        let guard = middleware::from_fn_with_state(Arc::clone(&rooms), guard);
        router = router.route(path, methods.layer(guard));
    }
    router.with_state(rooms)
}

/// What answers under `/api/` while there is no store yet: that it is to be tried again.
pub fn put_off() -> Router {
    let soon = || async { Problem::unavailable("the store is away; try again in a moment") };
    Router::new().route("/api", any(soon)).route("/api/{*any}", any(soon))
}

async fn document() -> Response {
    ([(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, "no-store")], DOCUMENT).into_response()
}

async fn no_such_path(uri: Uri) -> Problem {
    Problem::not_found(format!("there is no {}; /api/openapi.json says what there is", uri.path()))
}

async fn no_such_method(method: Method, uri: Uri) -> Problem {
    Problem::new(Code::MethodNotAllowed, format!("{} has no {method}", uri.path()))
}
