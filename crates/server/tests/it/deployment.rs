//! A deployment with clients and a user in it, and the requests they make.

use grantor_core::Digest;
use serde_json::json;

use crate::backend::Backend;
use crate::browser::Browser;
use crate::http::{Answer, Request};
use crate::world::World;

pub(crate) const ISSUER: &str = "https://auth.example.test";
pub(crate) const REDIRECT: &str = "https://app.test/cb";
pub(crate) const USER: &str = "alice";
pub(crate) const PASSWORD: &str = "correct horse battery staple";
pub(crate) const VERIFIER: &str = "a-verifier-of-more-than-43-characters-as-the-RFC-has-it";

/// A world with `web` (basic), `post`, `spa` (public), `svc` and `jws` (client credentials, by reference and as JWT), the
/// resource server `rs`, and one user.
pub(crate) fn deployment(config: &str) -> World {
    deployment_on(&Backend::Sqlite, config)
}

/// The same on any backend, which is empty.
pub(crate) fn deployment_on(backend: &Backend, config: &str) -> World {
    let world = World::new();
    // A test that chooses its own storage has said so.
    let storage = if config.contains("[storage]") { String::new() } else { backend.storage() };
    world.write("grantor.toml", &format!("issuer = \"{ISSUER}\"\n{config}{storage}"));
    let person = ["authorization_code", "refresh_token"];
    let client = |id: &str, method: &str, grants: &[&str], format: &str| {
        let mut client = json!({
            "client_id": id, "grant_types": grants, "scope": "read write", "token_endpoint_auth_method": method,
            "access_token_format": format,
        });
        if method != "none" {
            client["client_secret"] = secret(id).into();
        }
        if grants.contains(&"authorization_code") {
            client["redirect_uris"] = json!([REDIRECT]);
        }
        client
    };
    let all = json!({
        "clients": [
            client("web", "client_secret_basic", &person, "reference"),
            client("post", "client_secret_post", &person, "reference"),
            client("spa", "none", &person, "reference"),
            client("svc", "client_secret_basic", &["client_credentials"], "reference"),
            client("jws", "client_secret_basic", &["client_credentials"], "jwt"),
        ],
        "users": [{"username": USER, "password": PASSWORD}],
        "resource_servers": [{"client_id": "rs", "client_secret": secret("rs"), "audience": "https://api.test"}],
    });
    world.write("deployment.json", &all.to_string());
    let said = world.run(&["import", "deployment.json"]);
    assert_eq!(said.code, Some(0), "{}", said.err);
    world
}

pub(crate) fn secret(client: &str) -> String {
    format!("the-secret-of-the-client-{client}")
}

/// Where a browser is sent to begin.
pub(crate) fn authorize(client: &str) -> String {
    let challenge = Digest::of(VERIFIER.as_bytes()).to_base64url();
    let query = form_urlencoded::Serializer::new(String::new())
        .extend_pairs([
            ("response_type", "code"),
            ("client_id", client),
            ("redirect_uri", REDIRECT),
            ("scope", "read write"),
            ("state", "the-state"),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ])
        .finish();
    format!("/oauth2/authorize?{query}")
}

/// A code for `web`; `None` if the server went away.
pub(crate) fn code(browser: &mut Browser) -> Option<String> {
    let back = browser.approve(&authorize("web"), USER, PASSWORD)?;
    Some(back.parameter("code").unwrap_or_else(|| panic!("no code: {} {}", back.status, back.body)))
}

pub(crate) fn token(client: &str, fields: &[(&str, &str)]) -> Request {
    Request::post("/oauth2/token", fields).by(client, &secret(client))
}

pub(crate) fn redeem(code: &str) -> Request {
    let verifier = ("code_verifier", VERIFIER);
    token(
        "web",
        &[("grant_type", "authorization_code"), ("code", code), ("redirect_uri", REDIRECT), verifier],
    )
}

pub(crate) fn refresh(token_: &str) -> Request {
    token("web", &[("grant_type", "refresh_token"), ("refresh_token", token_)])
}

pub(crate) fn client_credentials(client: &str) -> Request {
    token(client, &[("grant_type", "client_credentials")])
}

pub(crate) fn revoke(client: &str, token: &str) -> Request {
    Request::post("/oauth2/revoke", &[("token", token)]).by(client, &secret(client))
}

pub(crate) fn introspect(client: &str, token: &str) -> Request {
    Request::post("/oauth2/introspect", &[("token", token)]).by(client, &secret(client))
}

/// Whether a client's own token is live, by the server's word.
pub(crate) fn is_active(base: &str, client: &str, token: &str) -> bool {
    let answer = introspect(client, token).send(base);
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.json()["active"].as_bool().unwrap()
}

/// The access and the refresh token of an answer.
pub(crate) fn pair(answer: &Answer) -> (String, String) {
    assert_eq!(answer.status, 200, "{}", answer.body);
    (answer.text("access_token"), answer.text("refresh_token"))
}

/// The status and the OAuth error of an answer.
pub(crate) fn error(answer: &Answer) -> (u16, String) {
    (answer.status, if answer.status == 200 { String::new() } else { answer.text("error") })
}
