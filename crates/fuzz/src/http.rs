//! Whole requests to the router, as their lines say.

use std::cell::RefCell;
use std::future::Future;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, Method, Request};
use grantor_core::client::{AuthMethod, ClientMetadata, GrantType};
use grantor_core::{Profile, RedirectUri, Secret, ServerKey, Time};
use grantor_directory::{Directory, HashCost, NewUser, UserName};
use grantor_engine::{Clock, Engine};
use grantor_http::Web;
use grantor_store::MemoryStore;
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;

use crate::lines;
use crate::profiles::ISSUER;

thread_local! {
    static RUNTIME: tokio::runtime::Runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    static SERVER: RefCell<Option<Router>> = const { RefCell::new(None) };
}

/// Waits for something of which nothing is far away.
pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    RUNTIME.with(|runtime| runtime.block_on(future))
}

struct Still;

impl Clock for Still {
    fn now(&self) -> Time {
        Time::from_unix_millis(1_800_000_000_000)
    }
}

/// A request: the method and the target in the first line, a header in each of the four that follow, and the body in the
/// rest. The server is never at fault, and gives nobody anything who does not know a secret.
pub(crate) fn http(data: &[u8]) {
    let [start, one, two, three, four, body] = lines::<6>(data);
    let Ok(start) = std::str::from_utf8(start) else { return };
    let (method, target) = start.split_once(' ').unwrap_or(("GET", start));
    let Ok(method) = method.parse::<Method>() else { return };
    let mut request = Request::builder().method(method).uri(target);
    for header in [one, two, three, four] {
        let Some(colon) = header.iter().position(|byte| *byte == b':') else { continue };
        let (name, value) = header.split_at(colon);
        let value = value.get(1..).unwrap_or_default().trim_ascii();
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name), HeaderValue::from_bytes(value)) {
            request = request.header(name, value);
        }
    }
    let Ok(request) = request.body(Body::from(body.to_vec())) else { return };
    let router = SERVER.with(|server| server.borrow_mut().get_or_insert_with(router).clone());
    let (parts, body) = block_on(async {
        let (parts, body) = router.oneshot(request).await.unwrap().into_parts();
        (parts, body.collect().await.unwrap().to_bytes())
    });
    assert!(!parts.status.is_server_error(), "{} {}", parts.status, String::from_utf8_lossy(&body));
    for value in parts.headers.values() {
        assert!(!value.as_bytes().iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0)), "a header was split");
    }
    let kind = parts.headers.get("content-type").map(|value| value.to_str().unwrap_or_default().to_owned());
    let text = String::from_utf8_lossy(&body);
    assert!(!text.contains("\"access_token\""), "a token for nothing");
    let location = parts.headers.get("location").map(|value| String::from_utf8_lossy(value.as_bytes()));
    if let Some(location) = location {
        let clients = ["https://app.test/cb", "https://spa.test/cb"];
        if let Some(answer) = clients.iter().find_map(|place| location.strip_prefix(place)) {
            assert!(answer.starts_with(['?', '#']), "led to {location}");
            let answer = answer.get(1..).unwrap_or_default();
            let mut names = form_urlencoded::parse(answer.as_bytes()).map(|(name, _)| name);
            assert!(!names.any(|name| name == "code" || name == "access_token"), "led to {location}");
        } else {
            assert!(location.starts_with('/') && !location.starts_with("//"), "led to {location}");
        }
    }
    match kind.as_deref() {
        Some("application/json") if !body.is_empty() => {
            assert!(serde_json::from_slice::<serde_json::Value>(&body).is_ok(), "no JSON: {text}");
        }
        Some("text/html; charset=utf-8") => {
            assert!(parts.headers.contains_key("content-security-policy"), "a page without its headers");
            assert!(!text.contains("<script"), "a script");
        }
        _ => {}
    }
}

/// A server with two clients whose secrets nobody knows, and a user without a password.
fn router() -> Router {
    block_on(async {
        let store = Arc::new(MemoryStore::new());
        let profile = Profile::standard(ISSUER.parse().unwrap());
        let builder = Engine::builder(profile, store.clone(), ServerKey::from_bytes([7; 32]));
        let engine = builder.clock(Arc::new(Still)).open().await.unwrap();
        for (id, redirect, method) in [
            ("web", "https://app.test/cb", AuthMethod::ClientSecretBasic),
            ("spa", "https://spa.test/cb", AuthMethod::None),
        ] {
            let mut client = ClientMetadata::new(id.parse().unwrap());
            client.redirect_uris = vec![RedirectUri::parse(redirect).unwrap()];
            client.grant_types = [GrantType::AuthorizationCode, GrantType::RefreshToken].into();
            client.scope = "read write".parse().unwrap();
            client.token_endpoint_auth_method = method;
            engine.register_client(client, None).await.unwrap();
        }
        let hash_cost = HashCost { memory_kib: 8, passes: 1, lanes: 1 };
        let settings = grantor_directory::Settings { hash_cost, ..Default::default() };
        let directory = Arc::new(Directory::new(store, engine.server_key(), settings).unwrap());
        let alice = NewUser {
            username: UserName::parse("alice").unwrap(),
            password: Some(Secret::new("a password that nobody will guess by chance")),
            profile: Default::default(),
        };
        directory.create_user(&alice, engine.now()).await.unwrap().unwrap();
        // Without bounds on tries: an input must not depend on those before it.
        let unbounded = grantor_http::Settings { client_rate: None, login_rate: None, ..Default::default() };
        Web::new(engine).users(directory).settings(unbounded).router()
    })
}
