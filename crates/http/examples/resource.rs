//! A resource beside the server, in one process: `GET /videos` takes what the profile's clients show.
//!
//! `PRESET=api-video API_KEY=… cargo run -p grantor-http --example resource` prints its address. All is in memory.
//! `SET` overrides a value of the preset, as in `SET=lifetimes.access_token=12s`.

use std::error::Error;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Router, serve};
use grantor_core::client::ClientMetadata;
use grantor_core::wire::{Challenge, ErrorAnswer, TokenPlaces, shown_token};
use grantor_core::{Profile, Refusal, Scope, Secret, ServerKey};
use grantor_engine::{Engine, EngineError};
use grantor_http::{Web, with_cors};
use grantor_store::MemoryStore;
use tokio::net::TcpListener;

/// A page of none.
const VIDEOS: &str = r#"{"data":[],"pagination":{"itemsTotal":0,"pagesTotal":1,"pageSize":25,"currentPage":1,"currentPageItems":0,"links":[]}}"#;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let preset = std::env::var("PRESET")?;
    let set = std::env::var("SET").unwrap_or_default();
    let set: Vec<_> =
        set.split_once('=').map(|(key, value)| (key.to_owned(), value.into())).into_iter().collect();
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    let text = Profile::preset(&preset).ok_or("there is no such preset")?;
    let profile = Profile::from_toml(text, &set, &preset, url.parse()?)?;
    let key: [u8; 32] = rand_key()?;
    let engine =
        Engine::builder(profile, Arc::new(MemoryStore::new()), ServerKey::from_bytes(key)).open().await?;
    if let Ok(key) = std::env::var("API_KEY") {
        let metadata = ClientMetadata::new("key".parse()?);
        engine.register_api_key(metadata, Some(Secret::new(key))).await?;
    }
    let videos = Router::new().route("/videos", get(videos)).with_state(engine.clone());
    let app = with_cors(engine.profile(), videos).merge(Web::new(engine).routes());
    println!("{url}");
    serve(listener, app).await?;
    Ok(())
}

fn rand_key() -> Result<[u8; 32], Box<dyn Error>> {
    use std::io::Read as _;
    let mut key = [0; 32];
    std::fs::File::open("/dev/urandom")?.read_exact(&mut key)?;
    Ok(key)
}

/// Who shows a live token, or a key where the profile takes that, is let in.
async fn videos(State(engine): State<Engine>, request: Request) -> Response {
    let header = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let shown = shown_token(engine.profile(), TokenPlaces::All, header, request.uri().query());
    let checked = match shown {
        Ok(shown) => engine.check_shown(shown, Scope::none(), None).await,
        Err(refusal) => Err(EngineError::Refused(refusal)),
    };
    match checked {
        Ok(_) => ([(CONTENT_TYPE, "application/json")], VIDEOS).into_response(),
        Err(EngineError::Refused(refusal)) => refused(engine.profile(), &refusal),
        Err(_) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}

fn refused(profile: &Profile, refusal: &Refusal) -> Response {
    let answer = ErrorAnswer::of(refusal, profile);
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::UNAUTHORIZED);
    let mut response = (status, [(CONTENT_TYPE, answer.content_type)], answer.body).into_response();
    let challenge = Challenge::Bearer.header(refusal).and_then(|text| HeaderValue::try_from(text).ok());
    response.headers_mut().extend(challenge.map(|challenge| (WWW_AUTHENTICATE, challenge)));
    response
}
