//! A server of the crate `oauth-as`, as `cargo xtask bench` measures it.

use std::collections::HashSet;
use std::error::Error;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::header::{AUTHORIZATION, LOCATION};
use axum::http::{Response, StatusCode};
use axum::response::{Html, IntoResponse as _};
use axum::routing::post;
use axum::serve::ListenerExt as _;
use library::client::{Client, ClientAuth, ClientId, SecretHash};
use library::grant::GrantType;
use library::http::{ApprovalDecision, ApprovalRequest, AuthorizationService, ServiceBuilder};
use library::jwt::{AccessTokenFormat, EcdsaP256Key, JwtConfig};
use library::scope::ScopeSet;
use library::server::{AuthorizationServer, ServerConfig, SystemClock};
use library::store::MemoryStorage;
use serde_json::Value;

type Failure = Box<dyn Error>;
type Service = AuthorizationService<MemoryStorage, SystemClock>;

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().collect();
    let after = |name: &str| arguments.iter().skip_while(move |word| *word != name).nth(1);
    let listen: SocketAddr = after("--listen").ok_or("--listen ADDRESS")?.parse()?;
    let file = std::fs::read_to_string(after("--registrations").ok_or("--registrations FILE")?)?;
    let registrations: Value = serde_json::from_str(&file)?;
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(serve(listen, &registrations))
}

async fn serve(listen: SocketAddr, registrations: &Value) -> Result<(), Failure> {
    let approvals = Arc::new(Approvals::default());
    let opaque = service(listen, registrations, false, &approvals).await?;
    let signed = service(listen, registrations, true, &approvals).await?;
    let handler = move |request: Request| {
        let service = if asks_for_signed(&request) { signed.clone() } else { opaque.clone() };
        async move { service.handle(request).await.map(|body| Body::from(body.into_bytes())) }
    };
    let router = Router::new()
        .route("/consent", post(move |body: Bytes| std::future::ready(approvals.approve(&body))))
        .fallback(handler);
    let listener = tokio::net::TcpListener::bind(listen).await?.tap_io(|stream| {
        let _ = stream.set_nodelay(true);
    });
    Ok(axum::serve(listener, router).await?)
}

/// `signed:` in Base64, as Basic authentication begins with it.
fn asks_for_signed(request: &Request) -> bool {
    request.headers().get(AUTHORIZATION).is_some_and(|value| value.as_bytes().starts_with(b"Basic c2lnbmVkO"))
}

async fn service(
    listen: SocketAddr,
    registrations: &Value,
    signs: bool,
    approvals: &Arc<Approvals>,
) -> Result<Service, Failure> {
    let issuer = format!("http://{listen}");
    let mut config = ServerConfig::new(issuer.clone(), format!("{issuer}/device"));
    config.authorization_endpoint = Some(format!("{issuer}/oauth2/authorize"));
    config.token_endpoint = Some(format!("{issuer}/oauth2/token"));
    config.introspection_endpoint = Some(format!("{issuer}/oauth2/introspect"));
    config.revocation_endpoint = Some(format!("{issuer}/oauth2/revoke"));
    config.authorization_code_ttl = Duration::from_secs(600);
    if signs {
        let key = EcdsaP256Key::from_scalar_bytes("key", &[7; 32])?;
        let jwt = JwtConfig::new(key, "https://api.example.test").with_jwks_uri(format!("{issuer}/jwks"));
        config.access_token_format = AccessTokenFormat::Jwt(Box::new(jwt));
    }
    let server = Arc::new(AuthorizationServer::new(config, MemoryStorage::new()));
    for entry in registrations["clients"].as_array().into_iter().flatten() {
        server.register_client(client(entry)?).await?;
    }
    let approvals = Arc::clone(approvals);
    Ok(ServiceBuilder::new(server)
        .with_subject_resolver(|_| Some("alice".to_owned()))
        .with_approval_resolver(move |request| approvals.decide(request))
        .with_csrf_tokens(|_| None, |_| None)
        .build()?)
}

fn client(entry: &Value) -> Result<Client, Failure> {
    let text = |name: &str| entry[name].as_str().unwrap_or_default();
    let list = |name: &str| entry[name].as_array().into_iter().flatten().filter_map(Value::as_str);
    let grant_types = list("grant_types").map(|grant| match grant {
        "client_credentials" => Ok(GrantType::ClientCredentials),
        "authorization_code" => Ok(GrantType::AuthorizationCode),
        "refresh_token" => Ok(GrantType::RefreshToken),
        other => Err(format!("no grant type {other}")),
    });
    let scopes = ScopeSet::from_tokens(["read"])?;
    Ok(Client {
        client_id: ClientId::new(text("client_id")),
        auth: ClientAuth::ConfidentialSecretHash { hash: SecretHash::sha256(text("client_secret")) },
        grant_types: grant_types.collect::<Result<_, _>>()?,
        redirect_uris: list("redirect_uris").map(str::to_owned).collect(),
        allowed_scopes: scopes.clone(),
        default_scopes: scopes,
        name: None,
        registration: None,
    })
}

/// What was approved on the page and not used yet.
#[derive(Default)]
struct Approvals {
    next: AtomicU64,
    pending: Mutex<HashSet<u64>>,
}

impl Approvals {
    /// `asking` is asked each time; everybody else is approved.
    fn decide(&self, request: &ApprovalRequest<'_>) -> ApprovalDecision {
        if request.client_id.as_str() != "asking" {
            return ApprovalDecision::Approve;
        }
        let uri = request.uri.to_string();
        let approved = uri.rsplit_once("&approval=").and_then(|(_, number)| number.parse().ok());
        if approved.is_some_and(|number| self.pending.lock().is_ok_and(|mut all| all.remove(&number))) {
            return ApprovalDecision::Approve;
        }
        let page = format!(
            "<!doctype html><form method=\"post\" action=\"/consent\"><input type=\"hidden\" name=\"return_to\" value=\"{}\">\
             <button name=\"decision\" value=\"approve\">Approve</button></form>",
            uri.replace('&', "&amp;")
        );
        let mut response = library::http::Response::new(page.into());
        response.headers_mut().insert("content-type", "text/html".parse().expect("a header"));
        ApprovalDecision::Respond(Box::new(response))
    }

    fn approve(&self, body: &Bytes) -> Response<Body> {
        let fields = form_urlencoded::parse(body);
        let back = fields.into_iter().find(|(name, _)| name == "return_to").map(|(_, value)| value);
        let (Some(back), Ok(mut pending)) = (back, self.pending.lock()) else {
            return (StatusCode::BAD_REQUEST, Html("no")).into_response();
        };
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        pending.insert(number);
        (StatusCode::SEE_OTHER, [(LOCATION, format!("{back}&approval={number}"))]).into_response()
    }
}
