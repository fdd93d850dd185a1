//! The endpoints, where grantor's standard profile has them.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::http::header::{
    AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, COOKIE, HeaderMap, LOCATION, SET_COOKIE,
};
use axum::http::{StatusCode, header::HeaderName};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use rand::RngExt as _;
use sha2::{Digest as _, Sha256};

use crate::page;
use crate::record::{self, Digest, Id, Record, State as Kept};
use crate::signer::Signer;
use crate::store::Store;

struct Floor {
    store: Store,
    signer: Signer,
    /// The digest of each client's secret.
    secrets: BTreeMap<String, Digest>,
}

type Answer = Result<Response, Stop>;

/// Why it did not answer as it should.
enum Stop {
    Refused,
    Failed(io::Error),
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Self::Failed(error)
    }
}

impl IntoResponse for Stop {
    fn into_response(self) -> Response {
        match self {
            Self::Refused => (StatusCode::BAD_REQUEST, json(r#"{"error":"invalid_request"}"#.to_owned())),
            Self::Failed(error) => {
                (StatusCode::SERVICE_UNAVAILABLE, json(format!("{:?}", error.to_string())))
            }
        }
        .into_response()
    }
}

pub(crate) fn router(store: Store) -> io::Result<Router> {
    let floor = Floor { store, signer: Signer::new()?, secrets: secrets()? };
    Ok(Router::new()
        .route("/oauth2/token", post(token))
        .route("/oauth2/introspect", post(introspect))
        .route("/oauth2/revoke", post(revoke))
        .route("/oauth2/authorize", get(authorize))
        .route("/oauth2/authorize/decision", post(decide))
        .route("/login", get(login_page).post(login))
        .with_state(Arc::new(floor)))
}

fn secrets() -> io::Result<BTreeMap<String, Digest>> {
    let file: serde_json::Value = serde_json::from_str(include_str!("../../registrations.json"))?;
    let lists = ["clients", "resource_servers"].into_iter().filter_map(|list| file.get(list)?.as_array());
    let pairs = lists.flatten().filter_map(|entry| {
        let text = |name: &str| entry.get(name)?.as_str();
        Some((text("client_id")?.to_owned(), record::digest(text("client_secret")?)))
    });
    Ok(pairs.collect())
}

async fn token(State(floor): State<Arc<Floor>>, headers: HeaderMap, body: Bytes) -> Answer {
    let client = floor.authenticate(&headers)?;
    let form = Form::of(&body);
    match form.required("grant_type")? {
        "client_credentials" if client == "signed" => {
            let claims = format!(
                r#"{{"iss":"http://127.0.0.1","sub":"{client}","aud":"http://127.0.0.1","client_id":"{client}","iat":{},"exp":{},"jti":"{}","scope":"read"}}"#,
                now(),
                now() + 3600,
                URL_SAFE_NO_PAD.encode(random::<16>())
            );
            Ok(given(&floor.signer.sign(&claims)?, None))
        }
        "client_credentials" => {
            let (id, access) = (random(), Given::new);
            let access = access(id);
            floor.store.put(id, Record::active(None, access.digest).to_bytes()).await?;
            Ok(given(&access.text, None))
        }
        "authorization_code" => {
            let (id, code) = shown(form.required("code")?)?;
            let verifier = form.required("code_verifier")?;
            let (access, refresh) = (Given::new(id), Given::new(id));
            let next = Record::active(Some(refresh.digest), access.digest);
            let before = floor.store.swap(id, next.to_bytes()).await?;
            let before = before.and_then(|bytes| Record::from_bytes(&bytes)).ok_or(Stop::Refused)?;
            let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes()));
            let is_right =
                before.state == Kept::Code && record::matches(code, &before.once) && challenge == before.text;
            if is_right { Ok(given(&access.text, Some(&refresh.text))) } else { Err(Stop::Refused) }
        }
        "refresh_token" => {
            let (id, presented) = shown(form.required("refresh_token")?)?;
            let (access, refresh) = (Given::new(id), Given::new(id));
            let next = Record::active(Some(refresh.digest), access.digest);
            let before = floor.store.swap(id, next.to_bytes()).await?;
            let before = before.and_then(|bytes| Record::from_bytes(&bytes)).ok_or(Stop::Refused)?;
            let is_right = before.state == Kept::Active && record::matches(presented, &before.once);
            if is_right { Ok(given(&access.text, Some(&refresh.text))) } else { Err(Stop::Refused) }
        }
        _ => Err(Stop::Refused),
    }
}

async fn introspect(State(floor): State<Arc<Floor>>, headers: HeaderMap, body: Bytes) -> Answer {
    floor.authenticate(&headers)?;
    let form = Form::of(&body);
    let (id, presented) = shown(form.required("token")?)?;
    let found = floor.store.get(id).await?.and_then(|bytes| Record::from_bytes(&bytes));
    let live = found.filter(|found| found.state == Kept::Active && record::matches(presented, &found.access));
    let told = match live.as_ref().and_then(|live| live.text.split_once(' ')) {
        Some((client, scope)) => format!(
            r#"{{"active":true,"client_id":"{client}","scope":"{scope}","token_type":"Bearer","exp":{}}}"#,
            now() + 3600
        ),
        None => r#"{"active":false}"#.to_owned(),
    };
    Ok(json(told).into_response())
}

async fn revoke(State(floor): State<Arc<Floor>>, headers: HeaderMap, body: Bytes) -> Answer {
    floor.authenticate(&headers)?;
    let form = Form::of(&body);
    let (id, presented) = shown(form.required("token")?)?;
    let before = floor.store.take(id).await?.and_then(|bytes| Record::from_bytes(&bytes));
    match before.is_some_and(|before| record::matches(presented, &before.access)) {
        true => Ok(StatusCode::OK.into_response()),
        false => Err(Stop::Refused),
    }
}

/// The code at once, or a page that asks.
async fn authorize(State(floor): State<Arc<Floor>>, headers: HeaderMap, query: RawQuery) -> Answer {
    let query = query.0.unwrap_or_default();
    if !floor.is_logged_in(&headers).await? {
        return Ok(see_other(&format!("/login?{query}")));
    }
    match Form::of(query.as_bytes()).required("client_id")? {
        "asking" => Ok(Html(page::consent(&query)).into_response()),
        _ => floor.code_for(&query).await,
    }
}

async fn decide(State(floor): State<Arc<Floor>>, headers: HeaderMap, body: Bytes) -> Answer {
    if !floor.is_logged_in(&headers).await? {
        return Err(Stop::Refused);
    }
    floor.code_for(Form::of(&body).required("request")?).await
}

async fn login_page(query: RawQuery) -> Html<String> {
    Html(page::login(&query.0.unwrap_or_default()))
}

/// Without a slow hash, which is what a floor is not for.
async fn login(State(floor): State<Arc<Floor>>, query: RawQuery, body: Bytes) -> Answer {
    Form::of(&body).required("password")?;
    let (id, session) = (random(), Given::new);
    let session = session(id);
    floor.store.put(id, Record::session().to_bytes()).await?;
    let onward = format!("/oauth2/authorize?{}", query.0.unwrap_or_default());
    let cookie = format!("session={}; HttpOnly; Path=/", session.text);
    Ok((StatusCode::SEE_OTHER, [(LOCATION, onward), (SET_COOKIE, cookie)]).into_response())
}

impl Floor {
    /// Who asks, by Basic authentication.
    fn authenticate(&self, headers: &HeaderMap) -> Result<String, Stop> {
        let shown = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()?.strip_prefix("Basic "));
        let shown = shown.and_then(|shown| String::from_utf8(STANDARD.decode(shown).ok()?).ok());
        let shown = shown.ok_or(Stop::Refused)?;
        let (client, secret) = shown.split_once(':').ok_or(Stop::Refused)?;
        let expected = self.secrets.get(client).ok_or(Stop::Refused)?;
        if record::matches(secret, expected) { Ok(client.to_owned()) } else { Err(Stop::Refused) }
    }

    async fn is_logged_in(&self, headers: &HeaderMap) -> Result<bool, Stop> {
        let cookie = headers.get(COOKIE).and_then(|value| value.to_str().ok()?.strip_prefix("session="));
        let Some(Ok((id, _))) = cookie.map(shown) else { return Ok(false) };
        let found = self.store.get(id).await?.and_then(|bytes| Record::from_bytes(&bytes));
        Ok(found.is_some_and(|found| found.state == Kept::Session))
    }

    async fn code_for(&self, query: &str) -> Answer {
        let form = Form::of(query.as_bytes());
        let id = random();
        let code = Given::new(id);
        let kept = Record::code(code.digest, form.required("code_challenge")?);
        self.store.put(id, kept.to_bytes()).await?;
        let (uri, state) = (form.required("redirect_uri")?, form.required("state")?);
        Ok(see_other(&format!("{uri}?code={}&state={state}", code.text)))
    }
}

/// What a form or a query says.
struct Form<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

impl<'a> Form<'a> {
    fn of(bytes: &'a [u8]) -> Self {
        Self(form_urlencoded::parse(bytes).collect())
    }

    fn required(&self, name: &str) -> Result<&str, Stop> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| &**value).ok_or(Stop::Refused)
    }
}

/// Something new, to be shown again.
struct Given {
    text: String,
    digest: Digest,
}

impl Given {
    /// The id of its record, and as much again that only its holder has.
    fn new(id: Id) -> Self {
        let mut bytes = [0; 32];
        let (first, second) = bytes.split_at_mut(16);
        first.copy_from_slice(&id);
        second.copy_from_slice(&random::<16>());
        let text = URL_SAFE_NO_PAD.encode(bytes);
        Self { digest: record::digest(&text), text }
    }
}

/// The id within what is shown, and all of it.
fn shown(text: &str) -> Result<(Id, &str), Stop> {
    let mut bytes = [0; 32];
    let length = URL_SAFE_NO_PAD.decode_slice(text, &mut bytes);
    let id = bytes.get(..16).and_then(|id| id.try_into().ok());
    match (length, id) {
        (Ok(32), Some(id)) => Ok((id, text)),
        (_, _) => Err(Stop::Refused),
    }
}

fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    rand::rng().fill(&mut bytes);
    bytes
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

fn given(access: &str, refresh: Option<&str>) -> Response {
    let refresh = refresh.map(|token| format!(r#","refresh_token":"{token}""#)).unwrap_or_default();
    let told = format!(
        r#"{{"access_token":"{access}","token_type":"Bearer","expires_in":3600,"scope":"read"{refresh}}}"#
    );
    json(told).into_response()
}

type Json = ([(HeaderName, &'static str); 2], String);

fn json(text: String) -> Json {
    ([(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, "no-store")], text)
}

fn see_other(location: &str) -> Response {
    (StatusCode::SEE_OTHER, [(LOCATION, location)]).into_response()
}
