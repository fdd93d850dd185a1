//! What an observer is told.

use std::sync::{Arc, Mutex};

use grantor_core::client::{AccessTokenFormat, ClientMetadata};
use grantor_core::request::{GrantRequest, TokenRequest};
use grantor_core::{ClientDraft, Event, Lifetime, Profile, Refusal};
use grantor_engine::{Fault, Observer, Operation};
use grantor_store::MemoryStore;
use serde_json::{Value, json};

use crate::party::{Party, alice, credentials, secret, web};

#[derive(Default)]
struct Told(Mutex<Vec<Value>>);

impl Told {
    fn taken(&self) -> Vec<Value> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

impl Observer for Told {
    fn happened(&self, event: &Event) {
        self.0.lock().unwrap().push(serde_json::to_value(event).unwrap());
    }

    fn refused(&self, _: Operation, refusal: &Refusal) {
        panic!("{refusal}");
    }

    fn failed(&self, _: Operation, fault: &Fault) {
        panic!("{fault}");
    }
}

async fn party(format: AccessTokenFormat) -> (Party, Arc<Told>) {
    let mut profile = Profile::standard("https://auth.test".parse().unwrap());
    profile.access_token.format = format;
    let told = Arc::new(Told::default());
    let party = Party::watched(Arc::new(MemoryStore::new()), profile, told.clone()).await;
    party.engine.import_client(web(), Some(secret())).await.unwrap();
    (party, told)
}

fn names(told: &[Value]) -> Vec<&str> {
    told.iter().map(|event| event["event"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn registrations_are_told_with_who_changed_them() {
    let (party, told) = party(AccessTokenFormat::Reference).await;
    let engine = &party.engine;
    let id = "web".parse().unwrap();
    engine.import_client(web(), Some(secret())).await.unwrap();
    let renamed = ClientMetadata { client_name: Some("Web".into()), ..web() };
    engine.import_client(renamed, Some(secret())).await.unwrap();
    engine.update_client(&id, |m| m.disabled = true).await.unwrap();
    engine.rotate_client_secret(&id, Lifetime::seconds(60)).await.unwrap();
    engine.set_logo(&id, None).await.unwrap();
    engine.delete_client(&id).await.unwrap();
    let happened = told.taken();
    assert_eq!(happened[0], json!({"event": "client_registered", "client": "web", "by": "operator"}));
    let registered = ["client_registered", "client_changed", "client_changed"];
    let rest = ["client_secret_rotated", "client_changed", "client_deleted"];
    assert_eq!(names(&happened), [registered, rest].concat());
    assert!(happened.iter().all(|event| event["by"] == "operator" && event["client"] == "web"));

    let draft =
        ClientDraft::of(&ClientMetadata { client_name: Some("Mine".into()), ..crate::owned::plain() });
    let (id, _) = crate::owned::register(engine, &alice(), draft.clone()).await.unwrap();
    engine.update_owned(&alice(), &id, draft).await.unwrap().unwrap();
    engine.rotate_owned_secret(&alice(), &id, Lifetime::ZERO).await.unwrap().unwrap();
    assert!(engine.delete_owned(&alice(), &id).await.unwrap());
    let happened = told.taken();
    assert_eq!(
        names(&happened),
        ["client_registered", "client_changed", "client_secret_rotated", "client_deleted"]
    );
    assert!(happened.iter().all(|event| event["by"] == json!({"owner": "alice"})));
}

#[tokio::test]
async fn tokens_are_told_of_whatever_they_are() {
    for format in [AccessTokenFormat::Reference, AccessTokenFormat::Jwt] {
        let (party, told) = party(format).await;
        told.taken();
        let grant = GrantRequest::ClientCredentials { scope: None };
        party.engine.token(TokenRequest { client: credentials().into(), grant }).await.unwrap();
        let code = party.approve().await.unwrap();
        let answer = party.redeem(&code).await.unwrap();
        let token = answer.refresh_token.unwrap();
        party.refresh(&token).await.unwrap();
        // Inside the grace: nothing of the grant is written, and yet there is another token.
        party.refresh(&token).await.unwrap();
        let happened = told.taken();
        let issued: Vec<_> = happened.iter().filter(|e| e["event"] == "access_token_issued").collect();
        let types: Vec<_> = issued.iter().map(|event| event["grant_type"].as_str().unwrap()).collect();
        assert_eq!(types, ["client_credentials", "authorization_code", "refresh_token", "refresh_token"]);
        assert!(issued.iter().all(|event| event["client"] == "web"));
        assert!(issued[1..].iter().all(|event| event["grant"] == json!(answer.grant)), "{format}");
    }
}
