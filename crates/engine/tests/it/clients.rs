//! Registrations through the engine.

use std::sync::Arc;

use grantor_core::client::AuthMethod;
use grantor_core::request::{ClientCredentials, ClientProof, GrantRequest, TokenRequest};
use grantor_core::{Lifetime, Reason, Secret};
use grantor_engine::{EngineError, Imported};
use grantor_store::MemoryStore;

use crate::party::{Party, reason, secret, web};

async fn party() -> Party {
    Party::new(Arc::new(MemoryStore::new()), 10).await
}

async fn authenticates(party: &Party, id: &str, secret: &Secret) -> bool {
    let client = ClientCredentials { client: id.parse().unwrap(), proof: ClientProof::Basic(secret.clone()) };
    let grant = GrantRequest::ClientCredentials { scope: None };
    match reason(party.engine.token(TokenRequest { client: client.into(), grant }).await) {
        None => true,
        Some(Reason::ClientSecretWrong | Reason::ClientUnknown | Reason::ClientDisabled) => false,
        Some(other) => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_import_twice_changes_nothing() {
    let party = party().await;
    assert_eq!(party.engine.import_client(web(), Some(secret())).await.unwrap(), Imported::Unchanged);
    let mut renamed = web();
    renamed.client_name = Some("Web".into());
    assert_eq!(party.engine.import_client(renamed.clone(), Some(secret())).await.unwrap(), Imported::Updated);
    let other = Secret::new("another secret, which is long enough, too");
    assert_eq!(
        party.engine.import_client(renamed.clone(), Some(other.clone())).await.unwrap(),
        Imported::Updated
    );
    assert!(authenticates(&party, "web", &other).await && !authenticates(&party, "web", &secret()).await);
    assert_eq!(party.engine.import_client(renamed, Some(other)).await.unwrap(), Imported::Unchanged);
}

#[tokio::test]
async fn a_short_secret_is_hashed_slowly_and_still_works() {
    let party = party().await;
    let short = Secret::new("hunter2");
    let mut metadata = web();
    metadata.client_id = "short".parse().unwrap();
    assert_eq!(
        party.engine.import_client(metadata.clone(), Some(short.clone())).await.unwrap(),
        Imported::Created
    );
    assert_eq!(party.engine.import_client(metadata, Some(short.clone())).await.unwrap(), Imported::Unchanged);
    assert!(!authenticates(&party, "short", &Secret::new("hunter3")).await);
    for _ in 0..3 {
        assert!(authenticates(&party, "short", &short).await);
        assert!(!authenticates(&party, "short", &Secret::new("hunter3")).await);
    }
}

#[tokio::test]
async fn a_rotated_secret_overlaps_with_the_old_one() {
    let party = party().await;
    let id = "web".parse().unwrap();
    let fresh = party.engine.rotate_client_secret(&id, Lifetime::seconds(60)).await.unwrap().unwrap();
    assert!(authenticates(&party, "web", &fresh).await && authenticates(&party, "web", &secret()).await);
    party.clock.pass(60);
    assert!(authenticates(&party, "web", &fresh).await && !authenticates(&party, "web", &secret()).await);
}

#[tokio::test]
async fn a_deleted_client_takes_its_tokens_along_and_its_id_is_not_given_again() {
    let party = party().await;
    let code = party.approve().await.unwrap();
    let answer = party.redeem(&code).await.unwrap();
    let pending = party.approve().await.unwrap();
    let id = "web".parse().unwrap();
    assert!(party.engine.delete_client(&id).await.unwrap());
    assert!(!party.engine.delete_client(&id).await.unwrap());
    assert!(!party.is_live(&answer.access_token).await);
    assert_eq!(reason(party.redeem(&pending).await), Some(Reason::ClientDisabled));
    assert!(party.engine.client(&id).await.unwrap().is_none());
    assert!(matches!(party.engine.register_client(web(), None).await, Err(EngineError::InvalidClient(_))));
    assert!(matches!(
        party.engine.import_client(web(), Some(secret())).await,
        Err(EngineError::InvalidClient(_))
    ));
    assert!(!party.is_live(&answer.access_token).await);
}

#[tokio::test]
async fn a_client_that_is_switched_off_is_refused_and_its_tokens_sleep() {
    let party = party().await;
    let code = party.approve().await.unwrap();
    let answer = party.redeem(&code).await.unwrap();
    let id = "web".parse().unwrap();
    party.engine.update_client(&id, |m| m.disabled = true).await.unwrap().unwrap();
    assert!(!authenticates(&party, "web", &secret()).await && !party.is_live(&answer.access_token).await);
    party.engine.update_client(&id, |m| m.disabled = false).await.unwrap().unwrap();
    assert!(authenticates(&party, "web", &secret()).await && party.is_live(&answer.access_token).await);
}

#[tokio::test]
async fn a_list_shows_all_a_page_at_a_time_and_no_secret() {
    let party = party().await;
    for n in 0..5 {
        let mut metadata = web();
        metadata.client_id = format!("c{n}").parse().unwrap();
        metadata.token_endpoint_auth_method = AuthMethod::ClientSecretPost;
        assert!(party.engine.register_client(metadata, None).await.unwrap().is_some());
    }
    let mut seen = Vec::new();
    let mut after = None;
    loop {
        let page = party.engine.clients(None, after.as_ref(), 2).await.unwrap();
        assert!(page.clients.len() <= 2);
        seen.extend(page.clients.iter().map(|c| c.client_id.to_string()));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(seen, ["c0", "c1", "c2", "c3", "c4", "web"]);
}
