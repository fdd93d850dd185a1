//! Support work: grants, tokens, signing keys, and the server as a whole.

use axum::http::Method;
use grantor_admin::Caller;
use serde_json::{Value, json};

use crate::checked::Ask;
use crate::world::World;

#[tokio::test]
async fn a_grant_is_found_by_its_user_and_its_client_and_ended_with_its_tokens() {
    let world = World::new().await;
    let tokens = world.approved().await;
    let whole = world.get("/api/grants").await.body;
    let grant = whole["items"][0].clone();
    assert_eq!(
        (&grant["subject"], &grant["client"], &grant["state"]),
        (&json!("alice"), &json!("web"), &json!("active"))
    );
    for query in ["user=alice", "client=web", "user=alice&client=web"] {
        assert_eq!(world.get(&format!("/api/grants?{query}")).await.body["items"], json!([grant]), "{query}");
    }
    for query in ["user=bob", "client=other", "user=alice&client=other"] {
        assert_eq!(world.get(&format!("/api/grants?{query}")).await.body["items"], json!([]), "{query}");
    }
    let path = format!("/api/grants/{}", grant["id"].as_str().unwrap());
    assert_eq!(world.get(&path).await.body, grant);
    let token = tokens.access_token.expose();
    let worth = world.post("/api/tokens/introspect", json!({"token": token})).await.body;
    assert_eq!((&worth["active"], &worth["sub"]), (&json!(true), &json!("alice")));
    let revoke = async || {
        let ask = Ask::new(Method::POST, &format!("{path}/revoke")).by(Caller::Operator);
        world.send(ask).await.body["revoked"].clone()
    };
    assert_eq!((revoke().await, revoke().await), (json!(true), json!(false)));
    let ended = world.get(&path).await.body;
    assert_eq!((&ended["state"], &ended["cause"]), (&json!("revoked"), &json!("by_operator")));
    let worth = world.post("/api/tokens/introspect", json!({"token": token})).await.body;
    assert_eq!(worth, json!({"active": false}));
    let unknown = Ask::new(Method::POST, "/api/grants/AAAAAAAAAAAAAAAAAAAAAA/revoke").by(Caller::Operator);
    assert_eq!(world.send(unknown).await.status, 404);
}

#[tokio::test]
async fn a_pasted_token_is_looked_into_and_ended() {
    let world = World::new().await;
    let tokens = world.approved().await;
    let (access, refresh) = (tokens.access_token.expose(), tokens.refresh_token.as_ref().unwrap().expose());
    let worth = async |token: &str| {
        world.post("/api/tokens/introspect", json!({"token": token})).await.body["active"].clone()
    };
    assert_eq!((worth(access).await, worth(refresh).await), (json!(true), json!(true)));
    let revoke = async |token: &str| world.post("/api/tokens/revoke", json!({"token": token})).await.body;
    assert_eq!(revoke(access).await, json!({"revoked": true, "grant": null}));
    assert_eq!((worth(access).await, worth(refresh).await), (json!(false), json!(true)));
    let grant = world.get("/api/grants").await.body["items"][0]["id"].clone();
    assert_eq!(revoke(refresh).await, json!({"revoked": true, "grant": grant}));
    assert_eq!(revoke(refresh).await, json!({"revoked": false, "grant": null}));
    assert_eq!(world.get("/api/grants").await.body["items"][0]["cause"], "by_operator");
    let nonsense = world.post("/api/tokens/revoke", json!({"token": "nonsense"})).await;
    assert_eq!((nonsense.status.as_u16(), &nonsense.body["field"]), (400, &json!("token")));
    assert!(!nonsense.body.to_string().contains("nonsense"));
    for body in [json!({}), json!({"token": ""}), json!({"token": access, "token_type_hint": "x"})] {
        let ask = Ask::new(Method::POST, "/api/tokens/introspect").json(&body).by(Caller::Operator).wrong();
        assert_eq!(world.send(ask).await.status, 400);
    }
}

#[tokio::test]
async fn signing_keys_rotate_and_retire() {
    let world = World::new().await;
    let first = world.get("/api/keys").await.body["items"][0]["kid"].clone();
    let rotated = world.post("/api/keys/rotate", json!({"algorithm": "EdDSA", "ahead": "0"})).await.body;
    let states: Vec<_> =
        rotated["items"].as_array().unwrap().iter().map(|key| key["state"].clone()).collect();
    assert_eq!(states, ["retiring", "active"]);
    let ending = world.get("/api/expiring").await.body;
    assert_eq!((&ending["items"][0]["kind"], &ending["items"][0]["id"]), (&json!("signing_key"), &first));
    let active = rotated["items"][1]["kid"].as_str().unwrap();
    let retire = async |kid: &str| {
        let ask = Ask::new(Method::POST, &format!("/api/keys/{kid}/retire")).by(Caller::Operator);
        world.send(ask).await
    };
    assert_eq!(retire(first.as_str().unwrap()).await.status, 200);
    assert_eq!(retire(active).await.status, 409, "the key that signs cannot go");
    assert_eq!(retire("nothing").await.status, 404);
    world.post("/api/keys/rotate", json!({"ahead": "1d"})).await;
    assert_eq!(world.post("/api/keys/rotate", json!({"ahead": "1d"})).await.status, 409);
    let unknown = Ask::new(Method::POST, "/api/keys/rotate").json(&json!({"algorithm": "none"}));
    let unknown = world.send(unknown.by(Caller::Operator).wrong()).await;
    assert_eq!((unknown.status.as_u16(), &unknown.body["field"]), (400, &json!("algorithm")));
}

#[tokio::test]
async fn what_ends_soon_is_listed_wherever_it_is_kept() {
    let world = World::new().await;
    world.post("/api/users", json!({"username": "alice"})).await;
    let client = json!({"client_id": "svc", "grant_types": ["client_credentials"], "owner": "alice"});
    world.post("/api/clients", client).await;
    world.post("/api/clients/svc/rotate-secret", json!({"overlap": "7d"})).await;
    for within in ["1h", "90d"] {
        let new = json!({"profile": "standard", "user": "alice", "expires_in": within});
        world.post("/api/session-tokens", new).await;
    }
    let details = world.get("/api/clients/svc/details").await.body;
    assert_eq!(details["secrets"].as_array().unwrap().len(), 2);
    let ending = async |within: &str| -> Vec<Value> {
        let (mut all, mut after) = (Vec::new(), String::new());
        loop {
            let page = world.get(&format!("/api/expiring?within={within}&limit=1{after}")).await.body;
            all.extend(page["items"].as_array().unwrap().clone());
            let Some(next) = page["next"].as_str() else { return all };
            after = format!("&after={next}");
        }
    };
    let kinds = |all: &[Value]| {
        all.iter().map(|thing| thing["kind"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(kinds(&ending("1d").await), ["session_token"]);
    let month = ending("30d").await;
    assert_eq!(kinds(&month), ["session_token", "client_secret"]);
    assert_eq!((&month[1]["id"], &month[1]["owner"]), (&json!("svc"), &json!("alice")));
    assert_eq!(month[1]["expires_at"], details["secrets"][1]["expires_at"]);
    assert_eq!(ending("365d").await.len(), 3);
    let wrong = Ask::new(Method::GET, "/api/expiring?after=nonsense").by(Caller::Operator);
    assert_eq!(world.send(wrong).await.status, 400);
}

#[tokio::test]
async fn the_server_says_what_it_is() {
    let world = World::new().await;
    let store = world.get("/api/store").await.body;
    assert_eq!((&store["move"]["state"], store["backend"].is_string()), (&json!("complete"), true));
    let settings = world.get("/api/settings").await.body;
    assert_eq!(
        settings["settings"][0],
        json!({"key": "listen.public", "value": "127.0.0.1:80", "from": "a.toml:3"})
    );
    assert_eq!(settings["dangers"], json!(["the moon is full"]));
    let profiles = world.get("/api/profiles").await.body;
    let served: Vec<_> =
        profiles["items"].as_array().unwrap().iter().filter(|p| p["url"].is_string()).collect();
    assert_eq!((served.len(), &served[1]["url"]), (2, &json!("https://video.example.com")));
    let video = world.get("/api/profiles/api-video").await.body;
    assert!(video["values"]["endpoints"].is_object() && video["dangers"].is_array(), "{video}");
    assert_eq!(world.get("/api/profiles/nothing").await.status, 404);
}

#[tokio::test]
async fn the_trail_is_filtered_and_the_usage_of_a_client_is_counted() {
    let world = World::new().await;
    world.approved().await;
    world.post("/api/users", json!({"username": "alice"})).await;
    world.patch("/api/clients/web", json!({"client_name": "Web"})).await;
    world.ledger.flush().await;
    let kinds = async |query: &str| -> Vec<String> {
        let page = world.get(&format!("/api/audit?{query}")).await.body;
        page["items"].as_array().unwrap().iter().map(|e| e["kind"].as_str().unwrap().to_owned()).collect()
    };
    let of_web = kinds("client=web").await;
    assert!(of_web.contains(&"request_approved".to_owned()) && of_web.contains(&"client_changed".to_owned()));
    assert_eq!(kinds("subject=alice&kind=operator_acted").await, ["operator_acted"]);
    assert_eq!(kinds("by=command-line&limit=2").await.len(), 2);
    assert_eq!(kinds("until=0").await, [""; 0]);
    assert_eq!(kinds("since=99999999999999").await, [""; 0]);
    for query in ["kind=nonsense", "by=nonsense", "since=yesterday", "after=nonsense"] {
        let ask = Ask::new(Method::GET, &format!("/api/audit?{query}")).by(Caller::Operator).wrong();
        assert_eq!(world.send(ask).await.status, 400, "{query}");
    }
    let usage = world.get("/api/clients/web/usage?days=7").await.body;
    let days = usage["items"].as_array().unwrap();
    assert_eq!((days.len(), &days[6]["issued"]["authorization_code"]), (7, &json!(1)));
    assert_eq!(world.get("/api/clients/nothing/usage").await.status, 404);
    let far = Ask::new(Method::GET, "/api/clients/web/usage?days=63").by(Caller::Operator);
    assert_eq!(world.send(far.wrong()).await.status, 400);
    let figures = world.get("/api/figures").await.body;
    assert_eq!(
        (figures["samples"].as_array().unwrap().len(), &figures["samples"][0]["store"]["is_there"]),
        (1, &json!(true))
    );
}

/// A store that takes nothing more.
#[tokio::test]
async fn what_cannot_be_written_down_is_not_done() {
    let store = std::sync::Arc::new(grantor_store::MemoryStore::new());
    let full = std::sync::Arc::new(crate::world::Full::new(store));
    let world = World::over(full.clone()).await;
    world.post("/api/clients", json!({"client_id": "svc", "grant_types": ["client_credentials"]})).await;
    full.fill(grantor_core::record::Kind::Audit);
    let sent = world.delete("/api/clients/svc").await;
    assert_eq!((sent.status.as_u16(), &sent.body["code"]), (503, &json!("unavailable")));
    assert!(sent.headers.contains_key("retry-after"));
    assert_eq!(world.get("/api/clients/svc").await.status, 200, "it is there still");
}
