//! Each operation, once and well, as a token lets an administrator do it over the network.

use std::collections::BTreeSet;

use axum::http::Method;
use grantor_admin::{PROFILE, operations};
use serde_json::{Value, json};

use crate::checked::Ask;
use crate::clients::PIXEL;
use crate::world::World;

#[tokio::test]
async fn every_operation_does_what_the_document_says() {
    let world = World::new().await;
    let root = world.user("root", true, PROFILE).await;
    let ask = async |method: &str, path: &str, body: Option<Value>| {
        let ask = Ask::new(method.parse().unwrap(), path).token(root.expose());
        let sent = world.send(body.iter().fold(ask, |ask, body| ask.json(body))).await;
        assert!(sent.status.is_success(), "{method} {path}: {}", sent.body);
        sent.body
    };
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    ask("POST", "/api/accounts", Some(json!({"id": "35"}))).await;
    ask("POST", "/api/users", Some(json!({"username": "alice"}))).await;
    let tokens = world.approved().await;
    ask("POST", "/api/clients", Some(json!({"client_id": "svc", "grant_types": ["client_credentials"]})))
        .await;
    let key = text(&ask("POST", "/api/api-keys", Some(json!({}))).await["id"]);
    let token =
        ask("POST", "/api/session-tokens", Some(json!({"profile": "standard", "user": "alice"}))).await;
    let registration = ask("POST", "/api/registration-keys", Some(json!({"profile": "standard"}))).await;
    let grant = text(&ask("GET", "/api/grants", None).await["items"][0]["id"]);
    let kid = text(&ask("GET", "/api/keys", None).await["items"][0]["kid"]);
    for path in [
        "/api/clients/svc/usage",
        "/api/figures",
        "/api/audit",
        "/api/clients",
        "/api/clients/svc",
        "/api/clients/svc/details",
        "/api/users",
        "/api/users/alice",
        "/api/users/alice/sessions",
        "/api/accounts",
        "/api/accounts/35",
        "/api/api-keys",
        "/api/session-tokens",
        "/api/registration-keys",
        "/api/profiles",
        "/api/profiles/standard",
        "/api/store",
        "/api/settings",
        "/api/expiring",
        "/api/export",
        &format!("/api/api-keys/{key}"),
        &format!("/api/grants/{grant}"),
    ] {
        ask("GET", path, None).await;
    }
    ask("PATCH", "/api/clients/svc", Some(json!({"disabled": true}))).await;
    ask("POST", "/api/clients/svc/rotate-secret", Some(json!({}))).await;
    ask("PUT", "/api/clients/svc/logo", Some(json!({"picture": PIXEL}))).await;
    assert_eq!(ask("GET", "/api/clients/svc/logo", None).await["picture"], PIXEL);
    ask("DELETE", "/api/clients/svc/logo", None).await;
    ask("DELETE", "/api/clients/svc", None).await;
    ask("PATCH", "/api/users/alice", Some(json!({"name": "Alice"}))).await;
    ask("PATCH", "/api/accounts/35", Some(json!({"name": "Acme"}))).await;
    let refresh = tokens.refresh_token.as_ref().unwrap().expose();
    ask("POST", "/api/tokens/introspect", Some(json!({"token": refresh}))).await;
    ask("POST", "/api/tokens/revoke", Some(json!({"token": refresh}))).await;
    ask("POST", &format!("/api/grants/{grant}/revoke"), None).await;
    ask("POST", "/api/keys/rotate", Some(json!({"ahead": "0"}))).await;
    ask("POST", &format!("/api/keys/{kid}/retire"), None).await;
    ask("POST", "/api/import", Some(json!({"accounts": [{"id": "36"}]}))).await;
    let session = {
        let user = world.directory.user(&"alice".parse().unwrap()).await.unwrap().unwrap();
        let (now, hour) = (world.engine.now(), "1h".parse().unwrap());
        world.directory.start_session(&user, None, None, now, hour).await.unwrap();
        text(&ask("GET", "/api/users/alice/sessions", None).await["items"][0]["id"])
    };
    ask("DELETE", &format!("/api/users/alice/sessions/{session}"), None).await;
    ask("DELETE", "/api/users/alice/sessions", None).await;
    ask("POST", "/api/users/alice/disable", None).await;
    ask("POST", "/api/users/alice/enable", None).await;
    ask("DELETE", "/api/users/alice", None).await;
    ask("DELETE", "/api/accounts/35", None).await;
    ask("DELETE", &format!("/api/api-keys/{key}"), None).await;
    ask("DELETE", &format!("/api/session-tokens/{}", text(&token["id"])), None).await;
    ask("DELETE", &format!("/api/registration-keys/{}", text(&registration["id"])), None).await;

    let all: BTreeSet<_> = operations().into_iter().map(|o| (o.method, o.path.to_owned())).collect();
    let missing: Vec<_> = all.difference(&world.seen()).cloned().collect();
    assert!(missing.is_empty(), "never seen to go well: {missing:?}");

    // W04: whatever is no mere look is in the trail, with who did it.
    world.ledger.flush().await;
    let mut deeds: Vec<String> = Vec::new();
    let mut path = "/api/audit?kind=operator_acted&by=operator%3Aroot&limit=500".to_owned();
    loop {
        let page = ask("GET", &path, None).await;
        deeds.extend(page["items"].as_array().unwrap().iter().map(|entry| text(&entry["detail"])));
        let Some(next) = page["next"].as_str() else { break };
        path = format!("/api/audit?kind=operator_acted&by=operator%3Aroot&limit=500&after={next}");
    }
    let told: BTreeSet<&str> = deeds.iter().map(|deed| deed.split(' ').next().unwrap()).collect();
    let acts = operations().into_iter().filter(|operation| operation.method != "GET").count();
    let looks = BTreeSet::from(["token.introspect", "export"]);
    assert_eq!(told.difference(&looks).count(), acts - 1, "introspection is a POST and a look: {told:?}");
    assert!(looks.is_subset(&told));
    assert!(
        world.send(Ask::new(Method::GET, "/api/clients")).await.status == 401,
        "and not without the token"
    );
}
