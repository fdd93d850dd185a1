//! A small protected API for each service that a preset is named after, so that a token has something to be good for.
//!
//! Here, and only here, a preset's name decides: these are stand-ins for those services' own APIs, and no part of the
//! server. What a token must be to reach them is one table a service.

mod brightcove;
mod flex;
mod shelf;
mod standard;
mod video;
mod webmaker;
mod wistia;

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, Path};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use axum::routing::{MethodFilter, on};
use grantor_core::{Issuer, LiveAccessToken, Scope};
use grantor_directory::UserDirectory;
use grantor_engine::Engine;
use grantor_http::{Caller, Guard};
use serde_json::{Value, json};

use self::shelf::Shelf;

/// The largest body that is taken: uploads are received and thrown away.
const BODY_BYTES: usize = 8 * 1024 * 1024;

/// The API of one service.
pub(super) struct Api {
    resources: &'static [Resource],
    /// How a call of it is written for curl, behind the address of the profile: what goes before, and the path.
    pub(super) example: (&'static str, &'static str),
}

/// One thing that can be asked of it.
struct Resource {
    method: MethodFilter,
    path: &'static str,
    needs: Needs,
    /// Whether the token is taken from the query alone.
    query_only: bool,
    answer: fn(Asked<'_>) -> Answer,
}

/// What a token must permit.
#[derive(Clone, Copy)]
enum Needs {
    /// Nothing: any live token will do.
    Nothing,
    /// One of these.
    OneOf(&'static [&'static str]),
    /// The first scope of the catalogue, or `read` where there is none.
    First,
}

/// A request that passed.
struct Asked<'a> {
    token: &'a LiveAccessToken,
    path: &'a BTreeMap<String, String>,
    body: &'a [u8],
    shelf: &'a Shelf,
}

/// An answer: a status, and JSON.
type Answer = (StatusCode, Value);

/// The API of a preset.
pub(super) fn of(preset: &str) -> Option<Api> {
    match preset {
        "standard" => Some(standard::API),
        "wistia" => Some(wistia::API),
        "api-video" => Some(video::API),
        "webmaker" => Some(webmaker::API),
        "brightcove" => Some(brightcove::API),
        "flex" => Some(flex::API),
        _ => None,
    }
}

/// The server's own router with the API of a preset before it, under the path of the issuer.
pub(crate) fn around(web: Router, preset: &str, engine: &Engine, users: &Arc<impl UserDirectory>) -> Router {
    let Some(api) = of(preset) else { return web };
    let shelf = Arc::new(Shelf::default());
    let mut routes = Router::new();
    for resource in api.resources {
        let guard = match guard(resource, engine, users.clone()) {
            Ok(guard) => guard,
            Err(_) => {
                tracing::error!(
                    path = resource.path,
                    "the demo's API asks for what is no scope: it is left out"
                );
                continue;
            }
        };
        let (shelf, answer) = (shelf.clone(), resource.answer);
        let handler = move |Caller(token): Caller,
                            Path(path): Path<BTreeMap<String, String>>,
                            body: Bytes| async move {
            sent(answer(Asked { token: &token, path: &path, body: &body, shelf: &shelf }))
        };
        routes = routes.route(resource.path, on(resource.method, handler).route_layer(guard.layer()));
    }
    // The place for the profile's CORS layer: around these routes as around its own endpoints (resource.cors_*).
    let routes = routes.layer(DefaultBodyLimit::max(BODY_BYTES));
    let prefix = prefix_of(&engine.profile().issuer);
    let routes = if prefix.is_empty() { routes } else { Router::new().nest(&prefix, routes) };
    routes.fallback_service(web)
}

/// The path of an issuer, as axum takes it: what it would take for a pattern is none.
fn prefix_of(issuer: &Issuer) -> String {
    let prefix = issuer.as_str().strip_prefix(&issuer.origin()).unwrap_or_default();
    prefix.replace('{', "{{").replace('}', "}}")
}

fn guard(
    resource: &Resource,
    engine: &Engine,
    users: Arc<impl UserDirectory>,
) -> Result<Guard, grantor_core::InvalidScope> {
    let mut guard = Guard::new(engine.clone()).users(users);
    if resource.query_only {
        guard = guard.query_only();
    }
    match resource.needs {
        Needs::Nothing => {}
        Needs::First => {
            let first = engine.profile().scopes.names().next().unwrap_or("read");
            guard = guard.require(Scope::parse(first)?);
        }
        Needs::OneOf(scopes) => {
            for (number, scope) in scopes.iter().enumerate() {
                let scope = Scope::parse(scope)?;
                guard = if number == 0 { guard.require(scope) } else { guard.or(scope) };
            }
        }
    }
    Ok(guard)
}

fn sent((status, value): Answer) -> Response {
    let body = if status == StatusCode::NO_CONTENT { Body::empty() } else { Body::from(value.to_string()) };
    let mut response = Response::new(body);
    *response.status_mut() = status;
    if status != StatusCode::NO_CONTENT {
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    response
}

impl Asked<'_> {
    /// A part of the path.
    fn part(&self, name: &str) -> &str {
        self.path.get(name).map_or("", String::as_str)
    }

    /// A text of the body, which is a JSON object or a form.
    fn text(&self, name: &str) -> Option<String> {
        let json = serde_json::from_slice::<Value>(self.body).ok();
        let of_json = json.as_ref().and_then(|json| json.get(name)?.as_str().map(str::to_owned));
        let form = || {
            let mut pairs = self.body.split(|byte| *byte == b'&');
            let found = pairs.find_map(|pair| pair.strip_prefix(name.as_bytes())?.strip_prefix(b"="))?;
            Some(String::from_utf8_lossy(found).replace('+', " "))
        };
        of_json.or_else(form)
    }

    /// For whom the token speaks, for people to see.
    fn who(&self) -> Value {
        json!({"client": self.token.client, "person": self.token.subject, "account": self.token.account})
    }
}

fn not_found() -> Answer {
    (StatusCode::NOT_FOUND, json!({"error": "not_found"}))
}

#[cfg(test)]
mod tests {
    use grantor_core::Profile;
    use grantor_core::profile::PRESETS;

    use super::*;

    #[test]
    fn every_preset_has_an_api_whose_scopes_its_catalogue_has() {
        for (name, text) in PRESETS {
            let profile = Profile::from_toml(text, &[], name, "https://a.test".parse().unwrap()).unwrap();
            let api = of(name).unwrap_or_else(|| panic!("{name} has none"));
            assert!(!api.resources.is_empty(), "{name}");
            for resource in api.resources {
                assert!(resource.path.starts_with('/'), "{name} {}", resource.path);
                if let Needs::OneOf(scopes) = resource.needs {
                    assert!(!scopes.is_empty(), "{name} {}", resource.path);
                    for scope in scopes {
                        assert!(profile.scopes.meanings().contains_key(*scope), "{name}: {scope}");
                    }
                }
            }
        }
    }
}
