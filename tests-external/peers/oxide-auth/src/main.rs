//! A server of the crate `oxide-auth`, as `cargo xtask bench` measures it.

use std::error::Error;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use adapter::{OAuthRequest, OAuthResponse, WebError};
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::serve::ListenerExt as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use library::endpoint::{Endpoint, OwnerConsent, OwnerSolicitor, QueryParameter as _, Solicitation, WebRequest as _};
use library::frontends::simple::endpoint::{Generic, Vacant};
use library::frontends::simple::extensions::{AddonList, Extended, Pkce};
use library::primitives::prelude::{AuthMap, Client, ClientMap, Issuer as _, RandomGenerator, TokenMap};
use library::primitives::registrar::{PasswordPolicy, RegisteredUrl, Registrar as _, RegistrarError};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

type Failure = Box<dyn Error>;

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().collect();
    let after = |name: &str| arguments.iter().skip_while(move |word| *word != name).nth(1);
    let listen: SocketAddr = after("--listen").ok_or("--listen ADDRESS")?.parse()?;
    let file = std::fs::read_to_string(after("--registrations").ok_or("--registrations FILE")?)?;
    let server = Arc::new(Server::of(&serde_json::from_str(&file)?)?);
    let router = Router::new()
        .route("/oauth2/authorize", get(authorize).post(authorize))
        .route("/oauth2/token", post(token))
        .route("/oauth2/introspect", post(introspect))
        .route("/oauth2/revoke", post(revoke))
        .with_state(server);
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(async {
        let listener = tokio::net::TcpListener::bind(listen).await?.tap_io(|stream| {
            let _ = stream.set_nodelay(true);
        });
        Ok(axum::serve(listener, router).await?)
    })
}

/// The library's own stores, each behind a lock.
struct Server {
    registrar: Mutex<ClientMap>,
    authorizer: Mutex<AuthMap<RandomGenerator>>,
    issuer: Mutex<TokenMap<RandomGenerator>>,
}

impl Server {
    fn of(registrations: &Value) -> Result<Self, Failure> {
        let mut registrar = ClientMap::new();
        registrar.set_password_policy(Fast);
        for list in ["clients", "resource_servers"] {
            for entry in registrations[list].as_array().into_iter().flatten() {
                let text = |name: &str| entry[name].as_str().unwrap_or_default();
                // It has no clients without one.
                let redirect = entry["redirect_uris"][0].as_str().unwrap_or("https://none.test/");
                let redirect = RegisteredUrl::Semantic(redirect.parse::<url::Url>()?);
                let secret = text("client_secret").as_bytes();
                registrar.register_client(Client::confidential(text("client_id"), redirect, "read".parse()?, secret));
            }
        }
        Ok(Self {
            registrar: Mutex::new(registrar),
            authorizer: Mutex::new(AuthMap::new(RandomGenerator::new(32))),
            issuer: Mutex::new(TokenMap::new(RandomGenerator::new(32))),
        })
    }

    /// All of it for one request.
    fn endpoint(&self, solicitor: Consent) -> impl Endpoint<OAuthRequest, Error = WebError> {
        let mut addons = AddonList::new();
        addons.push_code(Pkce::required());
        let inner = Generic {
            registrar: lock(&self.registrar),
            authorizer: lock(&self.authorizer),
            issuer: lock(&self.issuer),
            solicitor,
            scopes: Vacant,
            response: Vacant,
        };
        library::frontends::simple::endpoint::ErrorInto::new(Extended::extend_with(inner, addons))
    }

    /// Whoever looks a token up or takes it back must prove who he is; the library has no flow for either.
    fn authenticated(&self, request: &mut OAuthRequest) -> bool {
        let Ok(Some(header)) = request.authheader() else { return false };
        let shown = header.strip_prefix("Basic ").and_then(|shown| STANDARD.decode(shown).ok());
        let Some(shown) = shown.and_then(|shown| String::from_utf8(shown).ok()) else { return false };
        let Some((client, secret)) = shown.split_once(':') else { return false };
        lock(&self.registrar).check(client, Some(secret.as_bytes())).is_ok()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn authorize(State(server): State<Arc<Server>>, request: OAuthRequest) -> Result<OAuthResponse, WebError> {
    let approves = request.query().is_some_and(|query| query.unique_value("decision").is_some());
    let mut flow = library::endpoint::AuthorizationFlow::prepare(server.endpoint(Consent { approves }))?;
    flow.execute(request)
}

async fn token(State(server): State<Arc<Server>>, request: OAuthRequest) -> Result<OAuthResponse, WebError> {
    let grant = request.body().and_then(|body| body.unique_value("grant_type")).unwrap_or_default().into_owned();
    let endpoint = server.endpoint(Consent { approves: true });
    match grant.as_str() {
        "client_credentials" => library::endpoint::ClientCredentialsFlow::prepare(endpoint)?.execute(request),
        "refresh_token" => library::endpoint::RefreshFlow::prepare(endpoint)?.execute(request),
        _ => library::endpoint::AccessTokenFlow::prepare(endpoint)?.execute(request),
    }
}

async fn introspect(State(server): State<Arc<Server>>, mut request: OAuthRequest) -> Response {
    if !server.authenticated(&mut request) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let token = request.body().and_then(|body| body.unique_value("token")).unwrap_or_default().into_owned();
    let found = lock(&server.issuer).recover_token(&token).ok().flatten();
    let told = match found {
        Some(grant) => format!(
            r#"{{"active":true,"client_id":"{}","sub":"{}","scope":"{}","exp":{}}}"#,
            grant.client_id,
            grant.owner_id,
            grant.scope,
            grant.until.timestamp()
        ),
        None => r#"{"active":false}"#.to_owned(),
    };
    ([(CONTENT_TYPE, "application/json")], told).into_response()
}

async fn revoke(State(server): State<Arc<Server>>, mut request: OAuthRequest) -> StatusCode {
    if !server.authenticated(&mut request) {
        return StatusCode::UNAUTHORIZED;
    }
    let token = request.body().and_then(|body| body.unique_value("token")).unwrap_or_default().into_owned();
    lock(&server.issuer).revoke(&token);
    StatusCode::OK
}

/// Everybody is alice. `asking` is asked each time; whoever asks in his own name is himself.
struct Consent {
    approves: bool,
}

impl OwnerSolicitor<OAuthRequest> for Consent {
    fn check_consent(&mut self, request: &mut OAuthRequest, asked: Solicitation) -> OwnerConsent<OAuthResponse> {
        if self.approves || asked.pre_grant().client_id != "asking" {
            return OwnerConsent::Authorized("alice".to_owned());
        }
        let fields = ["response_type", "client_id", "redirect_uri", "scope", "state", "code_challenge", "code_challenge_method"];
        // Its own accessor, and not the trait's of the same name.
        let query = OAuthRequest::query(request);
        let pairs = fields.iter().filter_map(|name| Some((*name, query?.unique_value(name)?.into_owned())));
        let target = url::Url::parse_with_params("http://x/oauth2/authorize", pairs);
        let target = target.map(|url| url.query().unwrap_or_default().replace('&', "&amp;")).unwrap_or_default();
        let page = format!(
            "<!doctype html><form method=\"post\" action=\"/oauth2/authorize?{target}&amp;decision=approve\">\
             <button name=\"decision\" value=\"approve\">Approve</button></form>"
        );
        OwnerConsent::InProgress(OAuthResponse::default().body(&page).content_type("text/html").unwrap_or_default())
    }
}

/// One SHA-256 of a secret that a machine made.
struct Fast;

impl PasswordPolicy for Fast {
    fn store(&self, _client: &str, secret: &[u8]) -> Vec<u8> {
        Sha256::digest(secret).to_vec()
    }

    fn check(&self, _client: &str, secret: &[u8], stored: &[u8]) -> Result<(), RegistrarError> {
        match bool::from(Sha256::digest(secret).as_slice().ct_eq(stored)) {
            true => Ok(()),
            false => Err(RegistrarError::Unspecified),
        }
    }
}
