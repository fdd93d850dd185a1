//! An engine, a clock to turn, and one person who approves.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use grantor_core::client::ClientMetadata;
use grantor_core::flow::{Asked, Examined, TokenAnswer};
use grantor_core::request::{
    Approver, Choice, ClientCredentials, ClientProof, DecisionRequest, GrantRequest, TokenRequest,
};
use grantor_core::wire::{Parameters, authorization_parameters};
use grantor_core::{
    CodeVerifier, Digest, Lifetime, Limits, Profile, Reason, RefreshMode, Scope, Secret, ServerKey,
    SubjectId, Time,
};
use grantor_engine::{Clock, Engine, EngineError, Observer, Tracing};
use grantor_store::Store;

pub const CALLBACK: &str = "https://app.test/cb";
pub const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// A clock that a test turns.
pub struct Turned(AtomicI64);

impl Clock for Turned {
    fn now(&self) -> Time {
        Time::from_unix_millis(self.0.load(Ordering::SeqCst))
    }
}

impl Turned {
    pub fn new() -> Arc<Self> {
        Arc::new(Self(AtomicI64::new(1_800_000_000_000)))
    }

    pub fn pass(&self, seconds: i64) {
        self.0.fetch_add(seconds * 1000, Ordering::SeqCst);
    }
}

#[derive(Clone)]
pub struct Party {
    pub engine: Engine,
    pub clock: Arc<Turned>,
}

impl Party {
    /// An engine that rotates refresh tokens with this grace, and the client `web`.
    pub async fn new(store: Arc<dyn Store>, grace: u64) -> Self {
        let mut profile = Profile::standard("https://auth.test".parse().unwrap());
        profile.refresh = RefreshMode::Rotate { grace: Lifetime::seconds(grace) };
        let party = Self::with(store, profile).await;
        party.engine.import_client(web(), Some(secret())).await.unwrap();
        party
    }

    pub async fn with(store: Arc<dyn Store>, profile: Profile) -> Self {
        Self::watched(store, profile, Arc::new(Tracing)).await
    }

    /// An engine that tells somebody what happened.
    pub async fn watched(store: Arc<dyn Store>, profile: Profile, observer: Arc<dyn Observer>) -> Self {
        let clock = Turned::new();
        let builder = Engine::builder(profile, store, ServerKey::from_bytes([7; 32]));
        let engine = builder.clock(clock.clone()).observer(observer).open().await.unwrap();
        Self { engine, clock }
    }

    /// Alice approves, now or before, and the code comes back.
    pub async fn approve(&self) -> Result<Secret, EngineError> {
        self.approve_for("web").await
    }

    /// The same, for another client.
    pub async fn approve_for(&self, client: &str) -> Result<Secret, EngineError> {
        let query = format!(
            "client_id={client}&redirect_uri={CALLBACK}&response_type=code&scope=read\
             &code_challenge={CHALLENGE}&code_challenge_method=S256"
        );
        let parameters = authorization_parameters(
            &Parameters::read(query.as_bytes(), &Limits::DEFAULT),
            self.engine.profile(),
        );
        let Examined::Proceed { request, .. } = self.engine.examine(parameters).await? else {
            panic!("not right")
        };
        let session = Digest::of(b"alice's session");
        let approver = Approver::new(alice());
        let answer = match self.engine.ask(request, approver.clone(), session).await? {
            Asked::Answered(answer) => answer,
            Asked::Decision(question) => {
                let (handle, choice) = (question.opened.handle, Choice::Approve { scope: None });
                let decision = DecisionRequest { handle, session, approver, account: None, choice };
                self.engine.decide(decision).await?
            }
            Asked::Account(_) => panic!("there are no accounts"),
        };
        let location = url::Url::parse(answer.location.expose()).unwrap();
        let code = location.query_pairs().find(|(name, _)| name == "code").unwrap().1.into_owned();
        Ok(Secret::new(code))
    }

    pub async fn redeem(&self, code: &Secret) -> Result<TokenAnswer, EngineError> {
        let grant = GrantRequest::AuthorizationCode {
            code: code.clone(),
            redirect_uri: Some(CALLBACK.to_owned()),
            code_verifier: CodeVerifier::parse(VERIFIER),
        };
        self.engine.token(TokenRequest { client: credentials().into(), grant }).await
    }

    pub async fn refresh(&self, token: &Secret) -> Result<TokenAnswer, EngineError> {
        let grant = GrantRequest::RefreshToken { refresh_token: token.clone(), scope: None };
        self.engine.token(TokenRequest { client: credentials().into(), grant }).await
    }

    pub async fn is_live(&self, token: &Secret) -> bool {
        self.engine.check(Some(token.clone()), Scope::none()).await.is_ok()
    }
}

pub fn alice() -> SubjectId {
    "alice".parse().unwrap()
}

pub fn web() -> ClientMetadata {
    serde_json::from_value(serde_json::json!({
        "client_id": "web",
        "redirect_uris": [CALLBACK],
        "grant_types": ["authorization_code", "refresh_token", "client_credentials"],
        "scope": "read write"
    }))
    .unwrap()
}

pub fn secret() -> Secret {
    Secret::new("the secret of web, which is long enough")
}

pub fn credentials() -> ClientCredentials {
    ClientCredentials { client: "web".parse().unwrap(), proof: ClientProof::Basic(secret()) }
}

/// Why a call was refused. A fault is a bug where this is asked.
pub fn reason<T>(outcome: Result<T, EngineError>) -> Option<Reason> {
    match outcome {
        Ok(_) => None,
        Err(EngineError::Refused(refusal)) => Some(refusal.reason),
        Err(other) => panic!("{other}"),
    }
}
