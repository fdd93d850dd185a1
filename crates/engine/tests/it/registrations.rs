//! How long what was read of a client is gone by.

use std::sync::Arc;

use grantor_core::request::{GrantRequest, TokenRequest};
use grantor_core::{Lifetime, Profile, Reason, ServerKey};
use grantor_engine::{Engine, EngineError};
use grantor_store::{Fault, FaultLayer, Faults, MemoryStore};

use crate::party::{Party, Turned, credentials, reason, secret, web};

/// Two engines on one store, the first of which goes by what it read for a second.
struct Two {
    here: Party,
    elsewhere: Engine,
    faults: Faults,
}

impl Two {
    async fn new() -> Self {
        let store = FaultLayer::new(MemoryStore::new());
        let (faults, store, clock) = (store.faults(), Arc::new(store), Turned::new());
        let builder = || {
            let profile = Profile::standard("https://auth.test".parse().unwrap());
            Engine::builder(profile, store.clone(), ServerKey::from_bytes([7; 32])).clock(clock.clone())
        };
        let engine = builder().remember_registrations(Lifetime::seconds(1)).open().await.unwrap();
        let elsewhere = builder().open().await.unwrap();
        engine.import_client(web(), Some(secret())).await.unwrap();
        Self { here: Party { engine, clock }, elsewhere, faults }
    }

    async fn token(&self) -> Result<(), EngineError> {
        let grant = GrantRequest::ClientCredentials { scope: None };
        self.here.engine.token(TokenRequest { client: credentials().into(), grant }).await.map(drop)
    }
}

async fn disable(engine: &Engine) {
    engine.update_client(&"web".parse().unwrap(), |client| client.disabled = true).await.unwrap().unwrap();
}

#[tokio::test]
async fn what_another_engine_changed_holds_once_the_moment_is_over() {
    let two = Two::new().await;
    two.token().await.unwrap();
    disable(&two.elsewhere).await;
    assert_eq!(reason(two.token().await), None, "within the moment it goes by what it read");
    two.here.clock.pass(1);
    assert_eq!(reason(two.token().await), Some(Reason::ClientDisabled));
}

#[tokio::test]
async fn what_an_engine_changes_itself_holds_for_its_next_request() {
    let two = Two::new().await;
    two.token().await.unwrap();
    disable(&two.here.engine).await;
    assert_eq!(reason(two.token().await), Some(Reason::ClientDisabled));
}

#[tokio::test]
async fn a_clock_that_was_set_back_prolongs_no_moment() {
    let two = Two::new().await;
    two.token().await.unwrap();
    disable(&two.elsewhere).await;
    two.here.clock.pass(-3600);
    assert_eq!(reason(two.token().await), Some(Reason::ClientDisabled));
}

#[tokio::test]
async fn a_store_that_failed_is_asked_again() {
    let two = Two::new().await;
    two.token().await.unwrap();
    disable(&two.elsewhere).await;
    two.faults.script_puts([Some(Fault::Refuse)]);
    assert!(matches!(two.token().await, Err(EngineError::Fault(_))), "the token could not be written");
    assert_eq!(reason(two.token().await), Some(Reason::ClientDisabled));
}

#[tokio::test]
async fn an_engine_that_was_told_nothing_asks_each_time() {
    let two = Two::new().await;
    let theirs = Party { engine: two.elsewhere.clone(), clock: two.here.clock.clone() };
    let grant = || GrantRequest::ClientCredentials { scope: None };
    let token = || theirs.engine.token(TokenRequest { client: credentials().into(), grant: grant() });
    token().await.unwrap();
    disable(&two.here.engine).await;
    assert_eq!(reason(token().await), Some(Reason::ClientDisabled));
}
