//! The engine in a server of plain hyper: no axum, no router, no pages.
//!
//! Tokens are given and looked into, and one resource takes them. What a request means stands in `grantor_core::wire`; what
//! comes of it, the engine says; this file only carries bytes between the two.
#![allow(unreachable_pub, reason = "a test runs it as well")]

use std::convert::Infallible;
use std::error::Error;
use std::sync::Arc;

use grantor_core::client::{ClientMetadata, GrantType};
use grantor_core::request::{ClientCredentials, TokenRequest};
use grantor_core::wire::{self, Challenge, ErrorAnswer, TokenPlaces};
use grantor_core::{Profile, Reason, Refusal, Scope, Secret, ServerKey};
use grantor_engine::{Engine, EngineError};
use grantor_store::MemoryStore;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, PRAGMA, WWW_AUTHENTICATE};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

type Answer = Response<Full<Bytes>>;

/// Answers every connection of a listener.
pub async fn serve(listener: TcpListener, engine: Engine) -> std::io::Result<()> {
    loop {
        let (socket, _) = listener.accept().await?;
        let engine = engine.clone();
        tokio::spawn(async move {
            let service = service_fn(move |request| {
                let engine = engine.clone();
                async move { Ok::<_, Infallible>(answer(&engine, request).await) }
            });
            // What a connection broke off with is nobody's business here.
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(socket), service)
                .await;
        });
    }
}

async fn answer(engine: &Engine, request: Request<Incoming>) -> Answer {
    let (head, body) = request.into_parts();
    let header = head.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).map(ToOwned::to_owned);
    let header = header.as_deref();
    let profile = engine.profile();
    let result = match (&head.method, head.uri.path()) {
        (&Method::GET, "/.well-known/oauth-authorization-server") => {
            Ok(json(serde_json::to_vec(engine.metadata()).unwrap_or_default()))
        }
        (&Method::GET, "/hello") => hello(engine, header).await,
        (&Method::POST, path @ ("/oauth2/token" | "/oauth2/introspect")) => {
            let Ok(body) = Limited::new(body, profile.limits.body_bytes).collect().await else {
                return plain(StatusCode::PAYLOAD_TOO_LARGE);
            };
            let (query, body) = (head.uri.query(), body.to_bytes());
            if path == "/oauth2/token" {
                token(engine, header, query, &body).await
            } else {
                introspect(engine, header, query, &body).await
            }
        }
        _ => return plain(StatusCode::NOT_FOUND),
    };
    result.unwrap_or_else(|error| told(profile, &error, Challenge::Basic))
}

async fn token(
    engine: &Engine,
    header: Option<&str>,
    query: Option<&str>,
    body: &[u8],
) -> Result<Answer, EngineError> {
    let profile = engine.profile();
    let read = || -> Result<TokenRequest, Refusal> {
        let endpoint = profile.endpoints.token.first().ok_or(Reason::GrantTypeUnsupported)?;
        let parameters = wire::token_parameters(profile, endpoint, query, body)?;
        wire::token_request(header, &parameters, profile, endpoint, None)
    };
    let answer = engine.token(read().map_err(EngineError::Refused)?).await?;
    Ok(json(wire::token_body(&answer, profile)))
}

async fn introspect(
    engine: &Engine,
    header: Option<&str>,
    query: Option<&str>,
    body: &[u8],
) -> Result<Answer, EngineError> {
    let profile = engine.profile();
    let read = || -> Result<(ClientCredentials, Secret), Refusal> {
        wire::refuse_credentials_in_url(query)?;
        let parameters = wire::Parameters::read(body, &profile.limits);
        let asker = wire::client_credentials(header, &parameters, &profile.limits)?;
        Ok((asker, wire::token_parameter(&parameters)?))
    };
    let (asker, token) = read().map_err(EngineError::Refused)?;
    let told = engine.introspect(asker, token).await?;
    Ok(json(wire::introspection_body(&told, profile.issuer.as_str())))
}

/// A resource of one's own: it takes a token that permits `read`.
async fn hello(engine: &Engine, header: Option<&str>) -> Result<Answer, EngineError> {
    let profile = engine.profile();
    let shown = wire::shown_token(profile, TokenPlaces::All, header, None);
    let live = match shown {
        Ok(shown) => engine.check_shown(shown, Scope::parse("read").unwrap_or_default().into(), None).await,
        Err(refusal) => Err(EngineError::Refused(refusal)),
    };
    Ok(match live {
        Ok(live) => json(format!("{{\"hello\":\"{}\"}}", live.client).into_bytes()),
        Err(error) => told(profile, &error, Challenge::Bearer),
    })
}

/// A refusal as its client is told of it; a fault as 503, and nothing of what it was.
fn told(profile: &Profile, error: &EngineError, challenge: Challenge) -> Answer {
    let (answer, header) = match error {
        EngineError::Refused(refusal) => (ErrorAnswer::of(refusal, profile), challenge.header(refusal)),
        EngineError::InvalidClient(_) | EngineError::Fault(_) => (ErrorAnswer::unavailable(profile), None),
    };
    let mut response = json(answer.body);
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
    if let Some(value) = header.and_then(|value| value.parse().ok()) {
        response.headers_mut().insert(WWW_AUTHENTICATE, value);
    }
    response
}

/// Nobody keeps what stands in an answer (RFC 6749, section 5.1).
fn json(body: Vec<u8>) -> Answer {
    let mut response = Response::new(Full::from(body));
    for (name, value) in
        [(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, "no-store"), (PRAGMA, "no-cache")]
    {
        response.headers_mut().insert(name, hyper::header::HeaderValue::from_static(value));
    }
    response
}

fn plain(status: StatusCode) -> Answer {
    let mut response = Response::new(Full::default());
    *response.status_mut() = status;
    response
}

/// An engine in memory with one client, and that client's secret.
pub async fn furnished() -> Result<(Engine, String), Box<dyn Error>> {
    let profile = Profile::standard("http://127.0.0.1:8080".parse()?);
    let builder = Engine::builder(profile, Arc::new(MemoryStore::new()), ServerKey::from_bytes([7; 32]));
    let engine = builder.open().await?;
    let mut service = ClientMetadata::new("service".parse()?);
    service.grant_types = [GrantType::ClientCredentials].into();
    service.scope = Scope::parse("read write")?;
    let secret = engine.register_client(service, None).await?.ok_or("a confidential client gets a secret")?;
    Ok((engine, secret.expose().to_owned()))
}

#[tokio::main]
#[allow(
    dead_code,
    clippy::print_stdout,
    reason = "it speaks to the person who tries it; a test calls what it calls"
)]
async fn main() -> Result<(), Box<dyn Error>> {
    let (engine, secret) = furnished().await?;
    let listener = TcpListener::bind("127.0.0.1:8080").await?;
    println!("curl -u service:{secret} -d grant_type=client_credentials http://127.0.0.1:8080/oauth2/token");
    Ok(serve(listener, engine).await?)
}
