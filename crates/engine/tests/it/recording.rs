//! What a recorder is given: runs that have bundles, whatever happens to them.

use std::sync::{Arc, Mutex};

use grantor_core::client::AccessTokenFormat;
use grantor_core::replay::{Bundle, Run};
use grantor_core::request::{
    AuthorizationParameters, ClientCredentials, ClientProof, GrantRequest, TokenRequest,
};
use grantor_core::wire::{Parameters, authorization_parameters};
use grantor_core::{Entropy, Event, Limits, Profile, Reason, Refusal, Scope, Secret, ServerKey};
use grantor_engine::{Ending, Engine, EngineError, Fault, Observer, Operation, Recorder};
use grantor_store::{Fault as StoreFault, FaultLayer, MemoryStore, Store};
use proptest::prelude::*;

use crate::party::{CALLBACK, Party, Turned, VERIFIER, credentials, secret, web};

/// Takes those runs that it wants, and what else is told.
struct Taking {
    wants: fn(Ending<'_>) -> bool,
    bundles: Mutex<Vec<String>>,
    refused: Mutex<Vec<Reason>>,
}

impl Taking {
    fn new(wants: fn(Ending<'_>) -> bool) -> Arc<Self> {
        Arc::new(Self { wants, bundles: Mutex::default(), refused: Mutex::default() })
    }

    fn bundles(&self) -> Vec<String> {
        self.bundles.lock().unwrap().clone()
    }

    fn reasons(&self) -> Vec<Option<Reason>> {
        let replayed = |json: &String| Bundle::from_json(json).unwrap().replay().unwrap();
        self.bundles().iter().map(|json| replayed(json).reason()).collect()
    }
}

impl Recorder for Taking {
    fn wants(&self, _: Operation, ending: Ending<'_>) -> bool {
        (self.wants)(ending)
    }

    fn record(&self, _: Operation, run: Run) {
        let mut bundles = self.bundles.lock().unwrap();
        let seed = u8::try_from(bundles.len() % 251).unwrap();
        let bundle = run.bundle(Entropy::from_seed([seed; 32])).unwrap();
        let replayed = Bundle::from_json(&bundle.to_json()).unwrap().replay().unwrap();
        assert!(replayed.is_same() && replayed.differences().is_empty(), "{replayed}");
        bundles.push(bundle.to_json());
    }
}

impl Observer for Taking {
    fn happened(&self, _: &Event) {}

    fn refused(&self, _: Operation, refusal: &Refusal) {
        self.refused.lock().unwrap().push(refusal.reason);
    }

    fn failed(&self, _: Operation, _: &Fault) {}
}

async fn party(store: Arc<dyn Store>, taking: &Arc<Taking>, format: AccessTokenFormat) -> Party {
    let mut profile = Profile::standard("https://auth.test".parse().unwrap());
    profile.access_token.format = format;
    let clock = Turned::new();
    let builder = Engine::builder(profile, store, ServerKey::from_bytes([7; 32])).clock(clock.clone());
    let engine = builder.observer(taking.clone()).recorder(taking.clone()).open().await.unwrap();
    let party = Party { engine, clock };
    party.engine.import_client(web(), Some(secret())).await.unwrap();
    party
}

fn any(_: Ending<'_>) -> bool {
    true
}

fn refusals_and_faults(ending: Ending<'_>) -> bool {
    match ending {
        Ending::Answered => false,
        Ending::Refused(_) | Ending::Failed(_) => true,
    }
}

fn parameters(engine: &Engine, query: &str) -> AuthorizationParameters {
    authorization_parameters(&Parameters::read(query.as_bytes(), &Limits::DEFAULT), engine.profile())
}

async fn whole_flow(format: AccessTokenFormat, taking: &Arc<Taking>) -> Vec<Secret> {
    let party = party(Arc::new(MemoryStore::new()), taking, format).await;
    let code = party.approve().await.unwrap();
    let first = party.redeem(&code).await.unwrap();
    let refresh = first.refresh_token.unwrap();
    let second = party.refresh(&refresh).await.unwrap();
    assert!(party.is_live(&second.access_token).await);
    let introspected = party.engine.introspect(credentials(), second.access_token.clone()).await;
    assert!(introspected.is_ok());
    let insufficient = party.engine.check(Some(second.access_token.clone()), "admin".parse().unwrap()).await;
    assert!(insufficient.is_err());
    party.clock.pass(60);
    assert!(party.refresh(&refresh).await.is_err());
    assert!(party.redeem(&code).await.is_err());
    assert!(!party.is_live(&second.access_token).await);
    party.engine.revoke(credentials(), second.access_token.clone()).await.unwrap();
    let guess = Secret::new("a guess at the secret of a client");
    let proof = ClientProof::Basic(guess.clone());
    let client = ClientCredentials { client: "web".parse().unwrap(), proof };
    assert!(party.engine.revoke(client, code.clone()).await.is_err());
    vec![
        code,
        first.access_token,
        refresh,
        second.access_token,
        second.refresh_token.unwrap(),
        guess,
        secret(),
    ]
}

#[tokio::test]
async fn all_of_a_flow_replays_and_holds_no_secret() {
    for format in [AccessTokenFormat::Reference, AccessTokenFormat::Jwt] {
        let taking = Taking::new(any);
        let mut secrets = whole_flow(format, &taking).await;
        secrets.push(Secret::new(VERIFIER));
        let bundles = taking.bundles();
        assert!(bundles.len() >= 12, "{}", bundles.len());
        for bundle in bundles {
            for secret in &secrets {
                assert!(!bundle.contains(secret.expose()), "{} in {bundle}", secret.expose());
            }
        }
    }
}

#[tokio::test]
async fn only_what_is_wanted_is_given_and_refusals_are_told_once() {
    let taking = Taking::new(refusals_and_faults);
    whole_flow(AccessTokenFormat::Reference, &taking).await;
    let told = taking.refused.lock().unwrap().clone();
    let expected = [
        Reason::ScopeInsufficient,
        Reason::RefreshTokenReplayed,
        Reason::CodeRevoked,
        Reason::TokenInvalid,
        Reason::ClientSecretWrong,
    ];
    assert_eq!(told, expected);
    assert_eq!(taking.reasons(), expected.map(Some));
}

#[tokio::test]
async fn what_a_client_is_told_by_redirect_is_a_refusal_too() {
    let taking = Taking::new(refusals_and_faults);
    let party = party(Arc::new(MemoryStore::new()), &taking, AccessTokenFormat::Reference).await;
    let query = format!("client_id=web&redirect_uri={CALLBACK}&response_type=code&scope=read&state=s");
    party.engine.examine(parameters(&party.engine, &query)).await.unwrap();
    assert!(party.engine.leave("nobody").await.is_err());
    assert_eq!(*taking.refused.lock().unwrap(), [Reason::ChallengeMissing, Reason::ClientUnknown]);
    assert_eq!(taking.reasons(), [Reason::ChallengeMissing, Reason::ClientUnknown].map(Some));
}

#[tokio::test]
async fn a_slow_hash_that_was_computed_is_an_answer() {
    let taking = Taking::new(any);
    let party = party(Arc::new(MemoryStore::new()), &taking, AccessTokenFormat::Reference).await;
    let weak = Secret::new("chosen by hand");
    let mut client = web();
    client.client_id = "weak".parse().unwrap();
    party.engine.import_client(client, Some(weak.clone())).await.unwrap();
    for secret in [weak, Secret::new("guessed by hand")] {
        let proof = ClientProof::Basic(secret.clone());
        let client = ClientCredentials { client: "weak".parse().unwrap(), proof }.into();
        let grant = GrantRequest::ClientCredentials { scope: None };
        let _ = party.engine.token(TokenRequest { client, grant }).await;
        let bundle = taking.bundles().pop().unwrap();
        assert!(bundle.contains("verify_secret") && !bundle.contains(secret.expose()));
        assert!(!bundle.contains("m=19456"), "the slow hash itself: {bundle}");
    }
    assert_eq!(taking.reasons(), [None, Some(Reason::ClientSecretWrong)]);
}

fn any_fault() -> impl Strategy<Value = Option<StoreFault>> {
    prop_oneof![
        3 => Just(None),
        1 => Just(Some(StoreFault::Refuse)),
        1 => Just(Some(StoreFault::LoseAnswer)),
        1 => Just(Some(StoreFault::LoseRequest)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// The recorder sees to it that each run has a bundle that replays.
    #[test]
    fn whatever_fails_replays_as_it_failed(
        puts in prop::collection::vec(any_fault(), 0..16),
        gets in prop::collection::vec(prop_oneof![4 => Just(None), 1 => Just(Some(StoreFault::Refuse))], 0..16),
        jwt: bool,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let store = FaultLayer::new(MemoryStore::new());
            let faults = store.faults();
            let taking = Taking::new(any);
            let format = if jwt { AccessTokenFormat::Jwt } else { AccessTokenFormat::Reference };
            let party = party(Arc::new(store), &taking, format).await;
            let code = party.approve().await.unwrap();
            faults.script_puts(puts);
            faults.script_gets(gets);
            let before = taking.bundles().len();
            let (mut asked, mut failed) = (0, 0);
            for _ in 0..6 {
                let answer = party.redeem(&code).await;
                asked += 1;
                failed += usize::from(matches!(answer, Err(EngineError::Fault(_))));
                if let Some(token) = answer.ok().and_then(|answer| answer.refresh_token) {
                    failed += usize::from(matches!(party.refresh(&token).await, Err(EngineError::Fault(_))));
                    failed += usize::from(matches!(
                        party.engine.check(Some(token), Scope::none()).await, Err(EngineError::Fault(_))
                    ));
                    asked += 2;
                }
            }
            let bundles = taking.bundles().split_off(before);
            assert_eq!(bundles.len(), asked);
            let faulty = bundles.iter().filter(|bundle| bundle.contains("\"fault\": \"")).count();
            // Each told twice: as what happened, and as the end of the replay.
            assert_eq!(faulty, failed);
            assert!(bundles.iter().all(|bundle| !bundle.contains(code.expose())));
        });
    }
}
