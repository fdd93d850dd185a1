//! Signing keys across engines on one store.

use std::sync::{Arc, RwLock};

use async_trait::async_trait;
use grantor_core::client::AccessTokenFormat;
use grantor_core::profile::JwtKey;
use grantor_core::record::{Put, RecordKey, Stored, Under};
use grantor_core::request::{GrantRequest, TokenRequest};
use grantor_core::{Lifetime, Profile, Secret, ServerKey, Time};
use grantor_engine::{Algorithm, Engine, EngineError, Fault, KeyState};
use grantor_store::{MemoryStore, Page, PutOutcome, Store, StoreError, StoreInfo};

use crate::party::{Party, credentials, secret, web};

async fn jwt_party(store: Arc<dyn Store>) -> Party {
    jwt_party_by(store, JwtKey::Published).await
}

async fn jwt_party_by(store: Arc<dyn Store>, key: JwtKey) -> Party {
    let mut profile = Profile::standard("https://auth.test".parse().unwrap());
    profile.access_token.format = AccessTokenFormat::Jwt;
    profile.access_token.key = key;
    let party = Party::with(store, profile).await;
    party.engine.import_client(web(), Some(secret())).await.unwrap();
    party
}

async fn jwt(party: &Party) -> Secret {
    let grant = GrantRequest::ClientCredentials { scope: None };
    let answer = party.engine.token(TokenRequest { client: credentials().into(), grant }).await.unwrap();
    assert_eq!(answer.access_token.expose().split('.').count(), 3);
    answer.access_token
}

#[tokio::test]
async fn first_starts_at_once_make_one_key_set() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let starts = (0..8).map(|_| {
        let store = store.clone();
        tokio::spawn(async move { jwt_party(store).await })
    });
    let mut parties = Vec::new();
    for start in starts.collect::<Vec<_>>() {
        parties.push(start.await.unwrap());
    }
    for signer in &parties {
        let token = jwt(signer).await;
        for verifier in &parties {
            assert!(verifier.is_live(&token).await);
        }
    }
}

#[tokio::test]
async fn a_rotation_overlaps_and_reaches_every_process() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let here = jwt_party(store.clone()).await;
    let there = jwt_party(store).await;
    let old = jwt(&here).await;
    here.engine.rotate_keys(Some(Algorithm::EdDsa), Lifetime::seconds(600)).await.unwrap();
    assert_eq!(here.engine.jwks().keys.len(), 2, "published before it signs");
    assert_eq!(there.engine.jwks().keys.len(), 1);
    there.engine.maintain(10).await.unwrap();
    assert_eq!(there.engine.jwks().keys.len(), 2);
    for party in [&here, &there] {
        party.clock.pass(600);
    }
    let new = jwt(&here).await;
    for party in [&here, &there] {
        assert!(party.is_live(&old).await && party.is_live(&new).await);
    }
    let states: Vec<KeyState> = here.engine.keys().await.unwrap().iter().map(|key| key.state).collect();
    assert_eq!(states, [KeyState::Retiring, KeyState::Active]);
}

/// A store that can come back empty.
struct Forgetful(RwLock<Arc<dyn Store>>);

impl Forgetful {
    fn now(&self) -> Arc<dyn Store> {
        self.0.read().unwrap().clone()
    }
}

#[async_trait]
impl Store for Forgetful {
    async fn get(&self, key: &RecordKey) -> Result<Option<Stored>, StoreError> {
        self.now().get(key).await
    }

    async fn put(&self, put: Put) -> PutOutcome {
        self.now().put(put).await
    }

    async fn list(&self, under: &Under, after: Option<&RecordKey>, limit: usize) -> Result<Page, StoreError> {
        self.now().list(under, after, limit).await
    }

    async fn purge(&self, before: Time, limit: usize) -> Result<usize, StoreError> {
        self.now().purge(before, limit).await
    }

    async fn info(&self) -> Result<StoreInfo, StoreError> {
        self.now().info().await
    }
}

#[tokio::test]
async fn a_store_that_comes_back_empty_brings_no_revoked_token_back() {
    // Whether or not upkeep comes first.
    let both = [JwtKey::Published, JwtKey::Shared].map(|key| [(key, true), (key, false)]);
    for (key, upkeep) in both.concat() {
        let store = Arc::new(Forgetful(RwLock::new(Arc::new(MemoryStore::new()))));
        let party = jwt_party_by(store.clone(), key).await;
        let revoked = jwt(&party).await;
        party.engine.revoke(credentials(), revoked.clone()).await.unwrap();
        assert!(!party.is_live(&revoked).await);
        *store.0.write().unwrap() = Arc::new(MemoryStore::new());
        if upkeep {
            party.engine.maintain(10).await.unwrap();
        }
        party.engine.import_client(web(), Some(secret())).await.unwrap();
        assert!(!party.is_live(&revoked).await);
        let fresh = jwt(&party).await;
        assert!(party.is_live(&fresh).await);
    }
}

#[tokio::test]
async fn another_server_key_is_told_at_the_start() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    jwt_party(store.clone()).await;
    let profile = Profile::standard("https://auth.test".parse().unwrap());
    let opened = Engine::builder(profile, store, ServerKey::from_bytes([8; 32])).open().await;
    assert!(matches!(opened.err(), Some(EngineError::Fault(Fault::Keys(_)))));
}
