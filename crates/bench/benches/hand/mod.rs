//! The flows with their steps answered by hand from a map: what the core costs, and no engine, store or clock.

use std::collections::HashMap;
use std::sync::Arc;

use grantor_core::client::{Client, ClientMetadata};
use grantor_core::flow::{self, Asked, Context, Examined, TokenAnswer};
use grantor_core::record::{Expect, Put, RecordKey, Stored, Version, Write};
use grantor_core::request::{
    Approver, Choice, ClientCredentials, ClientProof, DecisionRequest, GrantRequest, TokenRequest,
};
use grantor_core::step::{CommitOutcome, Step};
use grantor_core::wire::{Parameters, authorization_parameters};
use grantor_core::{
    CodeVerifier, Digest, Entropy, Limits, Profile, Scope, Secret, SecretHash, ServerKey, SubjectId, Time,
};

const CALLBACK: &str = "https://app.test/cb";
/// RFC 7636, appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// Records in a map, and two clients that know their secret.
pub(crate) struct Hand {
    records: HashMap<RecordKey, Stored>,
    profile: Arc<Profile>,
    key: Arc<ServerKey>,
    now: Time,
    draws: u64,
}

impl Hand {
    pub(crate) fn new() -> Self {
        let mut hand = Self {
            records: HashMap::new(),
            profile: Arc::new(Profile::standard("https://auth.test".parse().unwrap())),
            key: Arc::new(ServerKey::from_bytes([7; 32])),
            now: Time::from_unix_millis(1_800_000_000_000),
            draws: 0,
        };
        let machine = serde_json::json!({
            "client_id": "machine", "grant_types": ["client_credentials"], "response_types": [], "scope": "read",
        });
        let web = serde_json::json!({
            "client_id": "web", "redirect_uris": [CALLBACK], "grant_types": ["authorization_code", "refresh_token"],
            "scope": "read",
        });
        for metadata in [machine, web] {
            let metadata: ClientMetadata = serde_json::from_value(metadata).unwrap();
            let hash = SecretHash::of_strong(&secret());
            let client = Client::register(metadata, Some(hash), &hand.profile, hand.now).unwrap();
            let version = Version::draw(&mut hand.context().entropy);
            hand.put(Put::of(&Client::key(client.id()), Expect::Absent, version, &client, None));
        }
        hand
    }

    /// A token of the client's own.
    pub(crate) fn client_credentials(&mut self) -> Secret {
        let grant = GrantRequest::ClientCredentials { scope: Some(Scope::parse("read").unwrap()) };
        self.token("machine", grant).access_token
    }

    /// A code that alice approved.
    pub(crate) fn code(&mut self) -> Secret {
        let query = format!(
            "client_id=web&redirect_uri={CALLBACK}&response_type=code&scope=read&code_challenge={CHALLENGE}\
             &code_challenge_method=S256"
        );
        let parameters = Parameters::read(query.as_bytes(), &Limits::DEFAULT);
        let parameters = authorization_parameters(&parameters, &self.profile);
        let context = self.context();
        let Examined::Proceed { request, .. } = self.run(flow::examine(context, parameters)) else {
            panic!("the request is right")
        };
        let (session, approver) = (Digest::of(b"alice's session"), Approver::new(alice()));
        let context = self.context();
        let answer = match self.run(flow::ask(context, request, approver.clone(), session)) {
            Asked::Answered(answer) => answer,
            Asked::Decision(question) => {
                let (handle, choice) = (question.opened.handle, Choice::Approve { scope: None });
                let decision = DecisionRequest { handle, session, approver, account: None, choice };
                let context = self.context();
                self.run(flow::decide(context, decision))
            }
            Asked::Account(_) => panic!("there are no accounts"),
        };
        let location = answer.location.expose();
        let code = location.split_once("code=").unwrap().1.split('&').next().unwrap();
        Secret::new(code)
    }

    pub(crate) fn redeem(&mut self, code: &Secret) -> TokenAnswer {
        let grant = GrantRequest::AuthorizationCode {
            code: code.clone(),
            redirect_uri: Some(CALLBACK.to_owned()),
            code_verifier: CodeVerifier::parse(VERIFIER),
        };
        self.token("web", grant)
    }

    /// The next refresh token.
    pub(crate) fn refresh(&mut self, token: &Secret) -> Secret {
        let grant = GrantRequest::RefreshToken { refresh_token: token.clone(), scope: None };
        self.token("web", grant).refresh_token.unwrap()
    }

    /// Whether it is live.
    pub(crate) fn introspect(&mut self, token: &Secret) -> bool {
        let context = self.context();
        let told = self.run(flow::introspect(context, credentials("machine"), token.clone()));
        matches!(told, flow::Introspection::AccessToken(_))
    }

    fn token(&mut self, client: &str, grant: GrantRequest) -> TokenAnswer {
        let context = self.context();
        self.run(flow::token(context, TokenRequest { client: credentials(client).into(), grant }))
    }

    fn context(&mut self) -> Context {
        self.draws += 1;
        let mut seed = [0; 32];
        seed[..8].copy_from_slice(&self.draws.to_le_bytes());
        let (profile, key) = (self.profile.clone(), self.key.clone());
        Context { profile, key, now: self.now, entropy: Entropy::from_seed(seed) }
    }

    fn put(&mut self, put: Put) -> CommitOutcome {
        let stands = self.records.get(&put.key).map(|stored| stored.version);
        let expected = match put.expect {
            Expect::Absent => None,
            Expect::Version(version) => Some(version),
        };
        if stands != expected {
            return CommitOutcome::Conflict;
        }
        let stored = Stored { version: put.version, body: put.body, keep_until: put.keep_until };
        self.records.insert(put.key, stored);
        CommitOutcome::Applied
    }

    fn run<T: 'static>(&mut self, mut step: Step<T>) -> T {
        loop {
            step = match step {
                Step::Load(need) => {
                    let found = self.records.get(need.key()).cloned();
                    need.answer(found)
                }
                Step::Registration(need) => {
                    let found = self.records.get(need.key().raw()).cloned();
                    need.answer_stored(found.as_ref())
                }
                Step::Commit(need) => {
                    let (Write { first, put }, _events, need) = need.into_parts();
                    for first in first {
                        self.put(first);
                    }
                    let outcome = self.put(put);
                    need.answer(outcome)
                }
                Step::Settle(need) => {
                    let stands = self.records.get(need.key()).map(|stored| stored.version);
                    need.answer(stands)
                }
                Step::VerifySecret(_) | Step::Sign(_) | Step::VerifyJws(_) => {
                    panic!("nothing here needs that")
                }
                Step::Done(Ok(end)) => return end,
                Step::Done(Err(stop)) => panic!("{stop:?}"),
            };
        }
    }
}

fn alice() -> SubjectId {
    "alice".parse().unwrap()
}

fn secret() -> Secret {
    Secret::new("a secret with more bits than anybody can guess")
}

fn credentials(client: &str) -> ClientCredentials {
    ClientCredentials { client: client.parse().unwrap(), proof: ClientProof::Basic(secret()) }
}
