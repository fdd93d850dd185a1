//! Import and export.

use axum::http::Method;
use grantor_admin::{Caller, PROFILE};
use serde_json::{Value, json};

use crate::checked::Ask;
use crate::world::World;

fn whole() -> Value {
    json!({
        "clients": [
            {"client_id": "web", "client_secret": "s3cret of web", "redirect_uris": ["https://app.test/cb"], "scope": "read", "owner": "alice"},
        ],
        "users": [{"username": "alice", "password": "correct horse battery", "accounts": [{"id": "35", "role": "manager"}]}],
        "accounts": [{"id": "35", "name": "Acme"}],
        "api_keys": [{"key": "a-secret-key", "profile": "api-video", "owner": "alice", "name": "production"}],
        "resource_servers": [{"client_id": "rs1", "client_secret": "s3cret of rs1", "audience": "https://api.test"}],
        "registration_keys": [{"profile": "standard", "key": "a-secret-registration-key"}],
        "session_tokens": [{"profile": PROFILE, "user": "alice", "token": "a-secret-session-token"}],
    })
}

#[tokio::test]
async fn the_same_file_twice_changes_nothing_and_an_export_can_be_imported() {
    let world = World::new().await;
    let first = world.post("/api/import", whole()).await.body;
    let (created, unchanged) = (
        json!({"created": 1, "updated": 0, "unchanged": 0}),
        json!({"created": 0, "updated": 0, "unchanged": 1}),
    );
    let second = world.post("/api/import", whole()).await.body;
    for section in whole().as_object().unwrap().keys() {
        assert_eq!((&first[section], &second[section]), (&created, &unchanged), "{section}");
    }
    let export = world.get("/api/export").await.body;
    assert!(!export.to_string().contains("s3cret") && !export.to_string().contains("a-secret"));
    let again = world.post("/api/import", export).await.body;
    for section in ["clients", "users", "accounts", "api_keys", "resource_servers"] {
        assert_eq!(again[section], unchanged, "{section}");
    }
    // What was imported for the API lets him in, once he administers.
    let list = || Ask::new(Method::GET, "/api/users").token("a-secret-session-token");
    assert_eq!(world.send(list()).await.status, 403);
    world.patch("/api/users/alice", json!({"admin": true})).await;
    assert_eq!(world.send(list()).await.status, 200);
}

#[tokio::test]
async fn a_refusal_says_where_and_nothing_is_done() {
    let world = World::new().await;
    type Spoil = fn(&mut Value);
    let spoiled: &[(Spoil, &str, &str)] = &[
        (
            |f| f["clients"][0]["logo_uri"] = json!("http://a.test"),
            "clients[0].logo_uri",
            "clients[0] (web).logo_uri: it must be",
        ),
        (
            |f| f["clients"][0]["grant_types"] = json!(["x"]),
            "clients[0].grant_types[0]",
            "clients[0] (web).grant_types[0]: ",
        ),
        (
            |f| f["users"][0]["name"] = json!("a\u{0}"),
            "users[0]",
            "users[0] (alice): name has a control character",
        ),
        (|f| f["accounts"][0]["id"] = json!(35), "accounts[0].id", "accounts[0].id: expected a text"),
        (
            |f| f["api_keys"][0]["profile"] = json!("standard"),
            "api_keys[0].profile",
            "api_keys[0].profile: this profile has no",
        ),
        (|f| f["session_tokens"][0]["user"] = json!("bob"), "session_tokens[0].user", "there is no user bob"),
        (|f| f["client"] = json!([]), "client", "client: unknown section"),
    ];
    for (spoil, field, detail) in spoiled {
        let mut file = whole();
        spoil(&mut file);
        let ask = Ask::new(Method::POST, "/api/import").json(&file).by(Caller::Operator).wrong();
        let sent = world.send(ask).await;
        assert_eq!((sent.status.as_u16(), &sent.body["field"]), (400, &json!(field)), "{}", sent.body);
        assert!(sent.body["detail"].as_str().unwrap().contains(detail), "{}", sent.body);
        assert!(!sent.body.to_string().contains("s3cret") && !sent.body.to_string().contains("a-secret"));
    }
    for path in ["/api/clients", "/api/users", "/api/accounts", "/api/registration-keys"] {
        assert_eq!(world.get(path).await.body["items"], json!([]), "{path}");
    }
}

#[tokio::test]
async fn a_file_over_the_network_has_a_bound_and_one_of_an_operator_has_none() {
    let world = World::new().await;
    let root = world.user("root", true, PROFILE).await;
    let large = json!({"accounts": [{"id": "35", "name": "a".repeat(2000)}], "padding": "a".repeat(17 * 1024 * 1024)});
    let ask = || Ask::new(Method::POST, "/api/import").json(&large).wrong();
    assert_eq!(world.send(ask().token(root.expose())).await.status, 413);
    assert_eq!(world.send(ask().by(Caller::Operator)).await.body["field"], "padding");
}
