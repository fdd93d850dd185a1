//! The whole server over a store in memory, on one thread, so that all that it asks for is counted.

use std::sync::Arc;

use allocation_counter::AllocationInfo;
use axum::Router;
use axum::body::Body;
use axum::http::Request;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use grantor_core::flow::{Asked, Examined};
use grantor_core::request::{Approver, Choice, DecisionRequest};
use grantor_core::wire::{Parameters, authorization_parameters};
use grantor_core::{Digest, Limits, Profile, Secret, ServerKey};
use grantor_engine::Engine;
use grantor_store::MemoryStore;
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use tower::ServiceExt as _;

const CALLBACK: &str = "https://app.test/cb";
/// RFC 7636, appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const SECRET: &str = "a secret with more bits than anybody can guess";

pub(crate) struct Server {
    runtime: Runtime,
    engine: Engine,
    router: Router,
}

pub(crate) struct Tokens {
    access: String,
    pub(crate) refresh: Option<String>,
}

impl Server {
    pub(crate) fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let profile = Profile::standard("https://auth.test".parse().unwrap());
        let store = Arc::new(MemoryStore::new());
        let engine = runtime.block_on(async {
            let key = ServerKey::from_bytes([7; 32]);
            let engine = Engine::builder(profile, store, key).open().await.unwrap();
            for metadata in [
                json!({"client_id": "machine", "grant_types": ["client_credentials"], "response_types": [], "scope": "read"}),
                json!({"client_id": "signed", "grant_types": ["client_credentials"], "response_types": [], "scope": "read",
                       "access_token_format": "jwt"}),
                json!({"client_id": "web", "redirect_uris": [CALLBACK], "grant_types": ["authorization_code", "refresh_token"],
                       "scope": "read"}),
            ] {
                let metadata = serde_json::from_value(metadata).unwrap();
                engine.import_client(metadata, Some(Secret::new(SECRET))).await.unwrap();
            }
            engine
        });
        let router = grantor_http::router(engine.clone());
        Self { runtime, engine, router }
    }

    /// A token of a client's own.
    pub(crate) fn machine_token(&self, client: &str) -> (String, AllocationInfo) {
        let (told, info) =
            self.post("/oauth2/token", client, &[("grant_type", "client_credentials"), ("scope", "read")]);
        (tokens(&told).access, info)
    }

    pub(crate) fn introspect(&self, token: &str) -> AllocationInfo {
        let (told, info) = self.post("/oauth2/introspect", "machine", &[("token", token)]);
        assert_eq!(told["active"], true, "{told}");
        info
    }

    pub(crate) fn revoke(&self, token: &str) -> AllocationInfo {
        self.post("/oauth2/revoke", "machine", &[("token", token)]).1
    }

    pub(crate) fn redeem(&self, code: &str) -> (Tokens, AllocationInfo) {
        let (told, info) = self.post(
            "/oauth2/token",
            "web",
            &[
                ("grant_type", "authorization_code"),
                ("code", code),
                ("redirect_uri", CALLBACK),
                ("code_verifier", VERIFIER),
            ],
        );
        (tokens(&told), info)
    }

    pub(crate) fn refresh(&self, token: &str) -> (Tokens, AllocationInfo) {
        let fields = [("grant_type", "refresh_token"), ("refresh_token", token)];
        let (told, info) = self.post("/oauth2/token", "web", &fields);
        (tokens(&told), info)
    }

    /// A code that alice approved, without a page.
    pub(crate) fn code(&self) -> String {
        let query = format!(
            "client_id=web&redirect_uri={CALLBACK}&response_type=code&scope=read&code_challenge={CHALLENGE}\
             &code_challenge_method=S256"
        );
        let parameters = Parameters::read(query.as_bytes(), &Limits::DEFAULT);
        let parameters = authorization_parameters(&parameters, self.engine.profile());
        let (session, approver) = (Digest::of(b"alice's session"), Approver::new("alice".parse().unwrap()));
        let answer = self.runtime.block_on(async {
            let Examined::Proceed { request, .. } = self.engine.examine(parameters).await.unwrap() else {
                panic!("the request is right")
            };
            match self.engine.ask(request, approver.clone(), session).await.unwrap() {
                Asked::Answered(answer) => answer,
                Asked::Decision(question) => {
                    let (handle, choice) = (question.opened.handle, Choice::Approve { scope: None });
                    let decision = DecisionRequest { handle, session, approver, account: None, choice };
                    self.engine.decide(decision).await.unwrap()
                }
                Asked::Account(_) => panic!("there are no accounts"),
            }
        });
        let (_, rest) = answer.location.expose().split_once("code=").unwrap();
        rest.split('&').next().unwrap().to_owned()
    }

    /// Only what the server does is counted: the request is there before, and the answer is read after.
    fn post(&self, path: &str, client: &str, fields: &[(&str, &str)]) -> (Value, AllocationInfo) {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let request = Request::post(path)
            .header("authorization", format!("Basic {}", STANDARD.encode(format!("{client}:{SECRET}"))))
            .header("content-type", "application/x-www-form-urlencoded")
            .header("content-length", body.len())
            .body(Body::from(body))
            .unwrap();
        let (router, mut response) = (self.router.clone(), None);
        let info = allocation_counter::measure(|| {
            response = Some(self.runtime.block_on(router.oneshot(request)).unwrap());
        });
        let response = response.unwrap();
        let status = response.status();
        let body = self.runtime.block_on(response.into_body().collect()).unwrap().to_bytes();
        assert_eq!(status, 200, "{}", String::from_utf8_lossy(&body));
        (serde_json::from_slice(&body).unwrap_or_default(), info)
    }
}

fn tokens(told: &Value) -> Tokens {
    let text = |name: &str| told[name].as_str().map(str::to_owned);
    Tokens { access: text("access_token").unwrap(), refresh: text("refresh_token") }
}
