//! A server's rooms in memory, and its API.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use axum::http::Method;
use grantor_admin::{Api, Caller, Deployment, Moving, SettingInForce};
use grantor_core::flow::{Asked, Examined, TokenAnswer};
use grantor_core::record::{Kind, Put, RecordKey, Stored, Under};
use grantor_core::request::{
    Approver, Choice, ClientCredentials, ClientProof, DecisionRequest, GrantRequest, TokenRequest,
};
use grantor_core::wire::{Parameters, authorization_parameters};
use grantor_core::{CodeVerifier, Digest, Limits, Profile, Secret, ServerKey, SubjectId, Time};
use grantor_directory::{Directory, HashCost, NewUser, Settings, UserName};
use grantor_engine::{Engine, SystemClock};
use grantor_ledger::{Figures, Ledger};
use grantor_store::{MemoryStore, Page, PutOutcome, Store, StoreError, StoreInfo};
use serde_json::Value;

use crate::checked::{Ask, Checked, Sent};

const CALLBACK: &str = "https://app.test/cb";
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// A server that is being moved.
struct Moved;

#[async_trait]
impl Deployment for Moved {
    fn settings(&self) -> Vec<SettingInForce> {
        let chosen = |from: Option<&str>| from.map(str::to_owned);
        vec![
            SettingInForce {
                key: "listen.public".into(),
                value: "127.0.0.1:80".into(),
                from: chosen(Some("a.toml:3")),
            },
            SettingInForce { key: "keys.server_key".into(), value: Value::Null, from: None },
        ]
    }

    fn dangers(&self) -> Vec<String> {
        vec!["the moon is full".to_owned()]
    }

    async fn moving(&self) -> Result<Option<Moving>, String> {
        Ok(Some(Moving { state: "complete", to: Some("redis:…".to_owned()), copied: Some(3) }))
    }
}

pub(crate) struct World {
    pub(crate) api: Api,
    pub(crate) engine: Engine,
    pub(crate) directory: Arc<Directory>,
    pub(crate) ledger: Ledger,
    checked: Checked,
}

impl World {
    /// A standard profile and one with API keys, over a store that forgets.
    pub(crate) async fn new() -> Self {
        Self::over(Arc::new(MemoryStore::new())).await
    }

    pub(crate) async fn over(store: Arc<dyn Store>) -> Self {
        let key = ServerKey::from_bytes([7; 32]);
        let profile = Profile::standard("https://auth.example.com".parse().unwrap());
        let ledger = Ledger::start(store.clone(), Arc::new(SystemClock), grantor_ledger::Settings::default());
        let builder = Engine::builder(profile, store.clone(), key).observer(Arc::new(ledger.clone()));
        let engine = builder.open().await.unwrap();
        let hash_cost = HashCost { memory_kib: 8, passes: 1, lanes: 1 };
        let settings = Settings { hash_cost, ..Settings::default() };
        let directory = Arc::new(Directory::new(store, engine.server_key(), settings).unwrap());
        let video = Profile::from_toml(
            Profile::preset("api-video").unwrap(),
            &[],
            "api-video",
            "https://video.example.com".parse().unwrap(),
        );
        let video = engine.for_profile(video.unwrap());
        let api = Api::of_profiles(engine.clone(), [video], directory.clone()).deployment(Arc::new(Moved));
        let figures = Arc::new(Figures::new());
        figures.sample(engine.now(), true);
        let api = api.ledger(ledger.clone()).figures(figures);
        let checked = Checked::new(api.router());
        Self { api, engine, directory, ledger, checked }
    }

    pub(crate) async fn send(&self, ask: Ask) -> Sent {
        self.checked.send(ask).await
    }

    /// The operations that went well so far.
    pub(crate) fn seen(&self) -> BTreeSet<(String, String)> {
        self.checked.seen()
    }

    /// Asks as an operator of this process.
    pub(crate) async fn get(&self, path: &str) -> Sent {
        self.send(Ask::new(Method::GET, path).by(Caller::Operator)).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Sent {
        self.send(Ask::new(Method::POST, path).json(&body).by(Caller::Operator)).await
    }

    /// Does what takes no words.
    pub(crate) async fn act(&self, path: &str) -> Sent {
        self.send(Ask::new(Method::POST, path).by(Caller::Operator)).await
    }

    pub(crate) async fn patch(&self, path: &str, body: Value) -> Sent {
        self.send(Ask::new(Method::PATCH, path).json(&body).by(Caller::Operator)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Sent {
        self.send(Ask::new(Method::DELETE, path).by(Caller::Operator)).await
    }

    /// A user, and a session token of his at a profile.
    pub(crate) async fn user(&self, name: &str, admin: bool, profile: &str) -> Secret {
        let username = UserName::parse(name).unwrap();
        let profile_of = grantor_directory::Profile { admin, ..Default::default() };
        let new = NewUser { username, password: None, profile: profile_of };
        self.directory.create_user(&new, self.engine.now()).await.unwrap().unwrap();
        let (subject, now) = (SubjectId::parse(name).unwrap(), self.engine.now());
        let made = self.directory.create_session_token(profile, &subject, now, None).await;
        made.unwrap().unwrap().1
    }

    /// Registers the client `web`, and has alice approve it: the tokens it got.
    pub(crate) async fn approved(&self) -> TokenAnswer {
        let made = self
            .post(
                "/api/clients",
                serde_json::json!({
                    "client_id": "web", "redirect_uris": [CALLBACK], "scope": "read write",
                    "grant_types": ["authorization_code", "refresh_token"],
                }),
            )
            .await;
        let secret = Secret::new(made.body["client_secret"].as_str().unwrap());
        let query = format!(
            "client_id=web&redirect_uri={CALLBACK}&response_type=code&scope=read\
             &code_challenge={CHALLENGE}&code_challenge_method=S256"
        );
        let parameters = Parameters::read(query.as_bytes(), &Limits::DEFAULT);
        let parameters = authorization_parameters(&parameters, self.engine.profile());
        let Examined::Proceed { request, .. } = self.engine.examine(parameters).await.unwrap() else {
            panic!()
        };
        let (session, approver) = (Digest::of(b"alice's"), Approver::new("alice".parse().unwrap()));
        let Asked::Decision(question) = self.engine.ask(request, approver.clone(), session).await.unwrap()
        else {
            panic!()
        };
        let (handle, choice) = (question.opened.handle, Choice::Approve { scope: None });
        let decision = DecisionRequest { handle, session, approver, account: None, choice };
        let answer = self.engine.decide(decision).await.unwrap();
        let (_, query) = answer.location.expose().split_once('?').unwrap();
        let code = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "code").unwrap().1;
        let client = ClientCredentials { client: "web".parse().unwrap(), proof: ClientProof::Basic(secret) };
        let grant = GrantRequest::AuthorizationCode {
            code: Secret::new(code),
            redirect_uri: Some(CALLBACK.to_owned()),
            code_verifier: CodeVerifier::parse(VERIFIER),
        };
        self.engine.token(TokenRequest { client: client.into(), grant }).await.unwrap()
    }
}

/// A store that can be told to take no more records of a kind.
pub(crate) struct Full {
    store: Arc<MemoryStore>,
    full: Mutex<Option<Kind>>,
}

impl Full {
    pub(crate) fn new(store: Arc<MemoryStore>) -> Self {
        Self { store, full: Mutex::new(None) }
    }

    pub(crate) fn fill(&self, kind: Kind) {
        *self.full.lock().unwrap() = Some(kind);
    }
}

#[async_trait]
impl Store for Full {
    async fn get(&self, key: &RecordKey) -> Result<Option<Stored>, StoreError> {
        self.store.get(key).await
    }

    async fn put(&self, put: Put) -> PutOutcome {
        if *self.full.lock().unwrap() == Some(put.key.kind()) {
            return PutOutcome::NotApplied(StoreError::Unavailable("the disk is full".to_owned()));
        }
        self.store.put(put).await
    }

    async fn list(&self, under: &Under, after: Option<&RecordKey>, limit: usize) -> Result<Page, StoreError> {
        self.store.list(under, after, limit).await
    }

    async fn purge(&self, before: Time, limit: usize) -> Result<usize, StoreError> {
        self.store.purge(before, limit).await
    }

    async fn info(&self) -> Result<StoreInfo, StoreError> {
        self.store.info().await
    }
}
