//! Applications that people register themselves.

use std::sync::Arc;

use grantor_core::client::{AuthMethod, ClientMetadata, GrantType};
use grantor_core::record::{Kind, Under};
use grantor_core::{ClientDraft, ClientId, Lifetime, Profile, Secret, SubjectId};
use grantor_engine::{Engine, EngineError};
use grantor_store::{MemoryStore, Store as _};

use crate::party::{Party, alice, secret, web};

/// A registration that a person could have made.
pub fn plain() -> ClientMetadata {
    let grant_types = [GrantType::AuthorizationCode, GrantType::RefreshToken].into();
    ClientMetadata { grant_types, scope: "".parse().unwrap(), ..web() }
}

fn draft() -> ClientDraft {
    ClientDraft { client_name: "Mine".to_owned(), ..ClientDraft::of(&plain()) }
}

async fn party() -> Party {
    let mut profile = Profile::standard("https://auth.test".parse().unwrap());
    profile.limits.clients_per_owner = 3;
    Party::with(Arc::new(MemoryStore::new()), profile).await
}

fn field<T>(outcome: Result<T, EngineError>) -> &'static str {
    match outcome {
        Ok(_) => panic!("not refused"),
        Err(EngineError::InvalidClient(invalid)) => invalid.field,
        Err(other) => panic!("{other}"),
    }
}

async fn owned(party: &Party, owner: &SubjectId) -> Vec<ClientId> {
    let page = party.engine.clients_of(owner, None, 100).await.unwrap();
    page.clients.into_iter().map(|client| client.client_id).collect()
}

/// What a person registers, under a new id.
pub(crate) async fn register(
    engine: &Engine,
    owner: &SubjectId,
    draft: ClientDraft,
) -> Result<(ClientId, Option<Secret>), EngineError> {
    let id = engine.new_client_id()?;
    let secret = engine.register_owned(owner, false, id.clone(), draft).await?;
    Ok((id, secret))
}

#[tokio::test]
async fn a_person_has_his_applications_and_nobody_elses() {
    let party = party().await;
    let engine = &party.engine;
    let bob: SubjectId = "bob".parse().unwrap();
    let (mine, shown) = register(engine, &alice(), draft()).await.unwrap();
    let again = engine.register_owned(&alice(), false, mine.clone(), draft()).await;
    assert_eq!(field(again), "client_id", "who asks twice for the same gets it once");
    let (his, _) = register(engine, &bob, draft()).await.unwrap();
    assert!(shown.is_some_and(|secret| secret.expose().len() >= 32));
    assert_eq!(
        (owned(&party, &alice()).await, owned(&party, &bob).await),
        (vec![mine.clone()], vec![his.clone()])
    );

    // P18: what is another's is not there.
    assert!(engine.owned(&bob, &mine).await.unwrap().is_none());
    assert!(engine.update_owned(&bob, &mine, draft()).await.unwrap().is_none());
    assert!(engine.rotate_owned_secret(&bob, &mine, Lifetime::ZERO).await.unwrap().is_none());
    assert!(!engine.delete_owned(&bob, &mine).await.unwrap());
    assert_eq!(engine.owned(&alice(), &mine).await.unwrap().unwrap().secrets.len(), 1);

    let renamed = ClientDraft { client_name: "Renamed".to_owned(), ..draft() };
    let changed = engine.update_owned(&alice(), &mine, renamed).await.unwrap().unwrap();
    assert_eq!(changed.client_name.as_deref(), Some("Renamed"));
    assert!(engine.rotate_owned_secret(&alice(), &mine, Lifetime::seconds(60)).await.unwrap().is_some());
    let secrets = engine.owned(&alice(), &mine).await.unwrap().unwrap().secrets;
    assert_eq!(secrets.iter().map(|s| s.expires_at.is_some()).collect::<Vec<_>>(), [false, true]);
    assert!(engine.delete_owned(&alice(), &mine).await.unwrap());
    assert!(owned(&party, &alice()).await.is_empty());
}

#[tokio::test]
async fn nobody_has_more_applications_than_he_may_and_deleted_ones_do_not_count() {
    let party = party().await;
    let engine = &party.engine;
    let mut last = None;
    for _ in 0..3 {
        last = Some(register(engine, &alice(), draft()).await.unwrap().0);
    }
    assert_eq!(field(register(engine, &alice(), draft()).await), "owner");
    assert!(engine.delete_owned(&alice(), &last.unwrap()).await.unwrap());
    register(engine, &alice(), draft()).await.unwrap();
    assert_eq!(owned(&party, &alice()).await.len(), 3);
}

// I11
#[tokio::test]
async fn an_owner_adds_nothing_that_the_policy_does_not_offer_and_keeps_what_an_operator_gave() {
    let party = party().await;
    let engine = &party.engine;
    let (id, _) = register(engine, &alice(), draft()).await.unwrap();
    let owner = alice();
    let update = |draft| engine.update_owned(&owner, &id, draft);
    let with_scope = |scope: &str| ClientDraft { scope: scope.parse().unwrap(), ..draft() };
    assert_eq!(field(update(with_scope("admin")).await), "scope");
    let mut machine = draft();
    machine.grant_types.insert(GrantType::ClientCredentials);
    assert_eq!(field(update(machine.clone()).await), "grant_types");
    assert_eq!(field(update(ClientDraft { is_public: true, ..draft() }).await), "token_endpoint_auth_method");
    engine.update_client(&id, |m| m.scope = "read write".parse().unwrap()).await.unwrap().unwrap();
    engine.update_client(&id, |m| m.grant_types = machine.grant_types.clone()).await.unwrap().unwrap();
    let kept = ClientDraft { scope: "read".parse().unwrap(), ..machine };
    let changed = update(kept).await.unwrap().unwrap();
    assert_eq!(changed.scope.as_str(), "read");
    assert!(changed.may_use(GrantType::ClientCredentials) && changed.require_pkce);
    assert_eq!(changed.token_endpoint_auth_method, AuthMethod::ClientSecretBasic);
    assert_eq!(field(update(with_scope("read write")).await), "scope", "what he gave back");
}

#[tokio::test]
async fn who_owns_a_client_is_found_however_it_came_to_be_his() {
    let store = Arc::new(MemoryStore::new());
    let party = Party::new(store.clone(), 10).await;
    let engine = &party.engine;
    let of_alice =
        |id: &str| ClientMetadata { client_id: id.parse().unwrap(), owner: Some(alice()), ..web() };
    engine.register_client(of_alice("registered"), None).await.unwrap();
    engine.import_client(of_alice("imported"), Some(secret())).await.unwrap();
    engine.update_client(&"web".parse().unwrap(), |m| m.owner = Some(alice())).await.unwrap();
    let names: Vec<_> = owned(&party, &alice()).await.iter().map(ToString::to_string).collect();
    assert_eq!(names, ["imported", "registered", "web"]);
    // Given away, and deleted.
    let bob: SubjectId = "bob".parse().unwrap();
    engine.update_client(&"web".parse().unwrap(), |m| m.owner = Some(bob.clone())).await.unwrap();
    engine.delete_client(&"imported".parse().unwrap()).await.unwrap();
    let names: Vec<_> = owned(&party, &alice()).await.iter().map(ToString::to_string).collect();
    assert_eq!(names, ["registered"]);
    assert_eq!(owned(&party, &bob).await.len(), 1);
    // The hint of one that is deleted goes: somebody who deletes many does not make his list slow for good.
    party.clock.pass(7200);
    while engine.maintain(100).await.unwrap() > 0 {}
    let left = store.list(&Under::slot(Kind::OwnerClient, "alice"), None, 10).await.unwrap();
    assert_eq!(left.keys.len(), 2);
}
