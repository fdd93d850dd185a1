//! API keys, session tokens and registration keys: shown once, listed without themselves, ended for good.

use axum::http::Method;
use grantor_admin::{Caller, PROFILE};
use serde_json::{Value, json};

use crate::checked::Ask;
use crate::world::World;

#[tokio::test]
async fn an_api_key_is_made_for_the_only_profile_that_has_such() {
    let world = World::new().await;
    world.post("/api/users", json!({"username": "alice"})).await;
    let made = world.post("/api/api-keys", json!({"owner": "Alice", "name": "production"})).await;
    assert_eq!((made.status.as_u16(), &made.body["profile"]), (201, &json!("api-video")));
    let (key, id) = (made.body["key"].as_str().unwrap(), made.body["id"].as_str().unwrap());
    let path = format!("/api/api-keys/{id}");
    let shown = world.get(&path).await.body;
    assert_eq!(shown, json!({"id": id, "profile": "api-video", "owner": "alice", "name": "production"}));
    let client = json!({"client_id": "a", "grant_types": ["client_credentials"]});
    world.post("/api/clients", client).await;
    for query in ["", "?profile=api-video", "?limit=1"] {
        let listed = world.get(&format!("/api/api-keys{query}")).await.body;
        assert_eq!(listed["items"], json!([shown]), "{query}");
        assert!(!listed.to_string().contains(key));
    }
    assert_eq!(world.get("/api/api-keys?profile=standard").await.body["items"], json!([]));
    assert_eq!(world.get("/api/clients?owner=alice").await.body["items"][0]["client_id"], id);
    // A client that is none is not found here.
    assert_eq!(world.get("/api/api-keys/a").await.status, 404);
    assert_eq!(world.delete("/api/api-keys/a").await.status, 404);
    assert_eq!(world.delete(&path).await.status, 200);
    assert_eq!(world.get(&path).await.status, 404);
    for (new, status, field) in [
        (json!({"owner": "nobody"}), 400, json!("owner")),
        (json!({"profile": "nothing"}), 400, json!("profile")),
        (json!({"profile": "standard"}), 400, json!("grant_types")),
    ] {
        let sent = world.post("/api/api-keys", new).await;
        assert_eq!((sent.status.as_u16(), &sent.body["field"]), (status, &field), "{}", sent.body);
    }
}

#[tokio::test]
async fn tokens_and_keys_for_registration_are_made_shown_once_and_ended() {
    let world = World::new().await;
    for name in ["alice", "bob"] {
        world.post("/api/users", json!({"username": name})).await;
    }
    let token = async |user: &str, more: Value| {
        let mut new = json!({"profile": "standard", "user": user});
        new.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        world.post("/api/session-tokens", new).await.body
    };
    let of_alice = token("Alice", json!({})).await;
    let of_bob = token("bob", json!({"expires_in": "1h"})).await;
    assert!(of_alice["token"].as_str().unwrap().starts_with("gra_st_"));
    assert_eq!((&of_alice["user"], &of_alice["expires_at"]), (&json!("alice"), &Value::Null));
    assert!(of_bob["expires_at"].is_i64());
    let key = world.post("/api/registration-keys", json!({"profile": "standard"})).await.body;
    let tokens = world.get("/api/session-tokens").await.body;
    let keys = world.get("/api/registration-keys?profile=standard").await.body;
    assert_eq!((tokens["items"].as_array().unwrap().len(), &keys["items"][0]["id"]), (2, &key["id"]));
    for secret in [&of_alice["token"], &of_bob["token"], &key["key"]] {
        assert!(!format!("{tokens}{keys}").contains(secret.as_str().unwrap()));
    }
    let of_user = world.get("/api/session-tokens?user=bob&profile=standard").await.body;
    assert_eq!(of_user["items"][0]["id"], of_bob["id"]);
    assert_eq!(world.get("/api/session-tokens?profile=flex").await.body["items"], json!([]));
    for (resource, id) in [("session-tokens", &of_bob["id"]), ("registration-keys", &key["id"])] {
        let path = format!("/api/{resource}/{}", id.as_str().unwrap());
        assert_eq!(world.delete(&path).await.status, 200);
        assert_eq!(world.delete(&path).await.status, 404);
    }
    let none = Ask::new(Method::DELETE, "/api/session-tokens/nonsense").by(Caller::Operator).wrong();
    assert_eq!(world.send(none).await.status, 404);
    for (resource, new, field) in [
        ("session-tokens", json!({"profile": "flex", "user": "bob"}), "profile"),
        ("session-tokens", json!({"profile": "standard", "user": "nobody"}), "user"),
        ("registration-keys", json!({"profile": PROFILE}), "profile"),
    ] {
        let sent = world.post(&format!("/api/{resource}"), new).await;
        assert_eq!((sent.status.as_u16(), &sent.body["field"]), (400, &json!(field)), "{}", sent.body);
    }
}

#[tokio::test]
async fn an_administrator_makes_himself_another_token_and_ends_it() {
    let world = World::new().await;
    let first = world.user("root", true, PROFILE).await;
    let new = json!({"profile": PROFILE, "user": "root", "expires_in": "90d"});
    let ask = Ask::new(Method::POST, "/api/session-tokens").json(&new).token(first.expose());
    let made = world.send(ask).await.body;
    let second = made["token"].as_str().unwrap();
    let list = || Ask::new(Method::GET, "/api/session-tokens").token(second);
    assert_eq!(world.send(list()).await.body["items"].as_array().unwrap().len(), 2);
    let path = format!("/api/session-tokens/{}", made["id"].as_str().unwrap());
    assert_eq!(world.send(Ask::new(Method::DELETE, &path).token(second)).await.status, 200);
    assert_eq!(world.send(list()).await.status, 401);
}
