//! Users, their sessions, and accounts.

use axum::http::Method;
use grantor_admin::{Caller, PROFILE};
use grantor_core::{Lifetime, Secret};
use serde_json::{Value, json};

use crate::checked::Ask;
use crate::world::World;

#[tokio::test]
async fn a_user_is_made_shown_changed_suspended_and_buried() {
    let world = World::new().await;
    world.user("root", true, PROFILE).await;
    let made = world
        .post("/api/users", json!({"username": "Alice", "email": "a@example.test", "accounts": [{"id": "35", "role": "manager"}]}))
        .await;
    assert_eq!((made.status.as_u16(), &made.body["username"]), (201, &json!("alice")));
    assert!(made.body["password"].as_str().unwrap().len() >= 16);
    assert!(made.body["notes"][0].as_str().unwrap().contains("there is no account 35"));
    let changed = world.patch("/api/users/alice", json!({"name": "Alice", "email": null})).await;
    assert_eq!((&changed.body["name"], &changed.body["email"]), (&json!("Alice"), &Value::Null));
    assert_eq!(changed.body["accounts"], made.body["accounts"]);
    let disabled = world.act("/api/users/alice/disable").await;
    assert_eq!(disabled.body, json!({"username": "alice", "state": "disabled", "grants_revoked": 0}));
    assert_eq!(world.get("/api/users/alice").await.body["state"], "disabled");
    assert_eq!(world.act("/api/users/alice/enable").await.body["state"], "active");
    assert_eq!(world.delete("/api/users/alice").await.body["state"], "deleted");
    for (method, path) in [
        (Method::GET, "/api/users/alice"),
        (Method::PATCH, "/api/users/alice"),
        (Method::DELETE, "/api/users/alice"),
        (Method::POST, "/api/users/alice/disable"),
        (Method::POST, "/api/users/alice/enable"),
        (Method::GET, "/api/users/alice/sessions"),
        (Method::DELETE, "/api/users/alice/sessions"),
    ] {
        let ask = Ask::new(method, path).json(&json!({})).by(Caller::Operator).wrong();
        assert_eq!(world.send(ask).await.status, 404, "{path}");
    }
    let again = world.post("/api/users", json!({"username": "alice"})).await;
    assert_eq!((again.status.as_u16(), &again.body["field"]), (409, &json!("username")));
}

#[tokio::test]
async fn a_user_is_given_accounts_one_by_one_or_all_at_once() {
    let world = World::new().await;
    for id in ["35", "36", "37"] {
        world.post("/api/accounts", json!({"id": id})).await;
    }
    let accounts = |pairs: &[(&str, &str)]| -> Value {
        pairs.iter().map(|(id, role)| json!({"id": id, "role": role})).collect()
    };
    let first = accounts(&[("35", "manager"), ("36", "editor")]);
    world.post("/api/users", json!({"username": "alice", "accounts": first})).await;
    let change =
        async |changes: Value| world.patch("/api/users/alice", changes).await.body["accounts"].clone();
    assert_eq!(
        change(json!({"add_accounts": accounts(&[("35", "owner"), ("37", "owner")])})).await,
        accounts(&[("36", "editor"), ("35", "owner"), ("37", "owner")])
    );
    assert_eq!(change(json!({"remove_accounts": ["35", "37"]})).await, accounts(&[("36", "editor")]));
    assert_eq!(change(json!({"accounts": accounts(&[("36", "owner")])})).await, accounts(&[("36", "owner")]));
    assert_eq!(change(json!({"accounts": null})).await, json!([]));
}

// P20
#[tokio::test]
async fn the_last_administrator_cannot_be_put_out_not_even_by_himself() {
    let world = World::new().await;
    let root = world.user("root", true, PROFILE).await;
    let own =
        |method: Method, path: &str, body: &Value| Ask::new(method, path).json(body).token(root.expose());
    let tries = || {
        [
            own(Method::PATCH, "/api/users/root", &json!({"admin": false})),
            Ask::new(Method::POST, "/api/users/root/disable").token(root.expose()),
            Ask::new(Method::DELETE, "/api/users/root").token(root.expose()),
        ]
    };
    for ask in tries() {
        let sent = world.send(ask).await;
        assert_eq!(sent.status, 409, "{}", sent.body);
        assert!(sent.body["detail"].as_str().unwrap().contains("the last administrator"));
    }
    world.post("/api/users", json!({"username": "other", "admin": true})).await;
    let [demote, ..] = tries();
    assert_eq!(world.send(demote).await.status, 200);
    assert_eq!(world.send(Ask::new(Method::GET, "/api/users").token(root.expose())).await.status, 403);
}

#[tokio::test]
async fn a_refused_field_of_a_user_is_named() {
    let world = World::new().await;
    world.post("/api/users", json!({"username": "alice"})).await;
    for (changes, field) in [
        (json!({"name": "a\u{0}b"}), "name"),
        (json!({"password": ""}), "password"),
        (json!({"password": {"a-secret": 1}}), "password"),
        (json!({"admin": "yes"}), "admin"),
        (json!({"accounts": [{"id": "3 5", "role": "x"}]}), "accounts[0].id"),
        (json!({"add_accounts": [{"id": "35"}]}), "add_accounts[0]"),
    ] {
        let ask = Ask::new(Method::PATCH, "/api/users/alice").json(&changes).by(Caller::Operator).wrong();
        let sent = world.send(ask).await;
        assert_eq!((sent.status.as_u16(), &sent.body["field"]), (400, &json!(field)), "{}", sent.body);
        assert!(!sent.body.to_string().contains("a-secret"));
    }
    let name = Ask::new(Method::POST, "/api/users").json(&json!({"username": "al ice"}));
    let sent = world.send(name.by(Caller::Operator).wrong()).await;
    assert_eq!((sent.status.as_u16(), &sent.body["field"]), (400, &json!("username")));
}

#[tokio::test]
async fn who_changes_a_user_or_an_account_meanwhile_is_told() {
    let world = World::new().await;
    world.post("/api/accounts", json!({"id": "35"})).await;
    world.post("/api/users", json!({"username": "alice"})).await;
    for path in ["/api/users/alice", "/api/accounts/35"] {
        let read = world.get(path).await.headers["etag"].clone();
        let change = |tag: &str| {
            let ask = Ask::new(Method::PATCH, path).json(&json!({"name": "A"})).header("if-match", tag);
            ask.by(Caller::Operator)
        };
        assert_eq!(world.send(change(read.to_str().unwrap())).await.status, 200);
        let late = Ask::new(Method::PATCH, path).json(&json!({"name": "B"}));
        let late = late.header("if-match", read.to_str().unwrap()).by(Caller::Operator);
        assert_eq!(world.send(late).await.status, 412);
        assert_eq!(world.get(path).await.body["name"], "A");
    }
}

#[tokio::test]
async fn a_change_that_is_refused_changes_nothing_at_all() {
    let world = World::new().await;
    world.post("/api/users", json!({"username": "alice"})).await;
    let before = world.get("/api/users/alice").await;
    let more = json!([{"id": "35", "role": "owner"}]);
    for changes in [
        json!({"add_accounts": more, "admin": "yes"}),
        json!({"add_accounts": more, "password": "a".repeat(2000)}),
        json!({"name": "Alice", "password": "a".repeat(2000)}),
    ] {
        let ask = Ask::new(Method::PATCH, "/api/users/alice").json(&changes).by(Caller::Operator).wrong();
        assert_eq!(world.send(ask).await.status, 400, "{changes}");
    }
    let late = Ask::new(Method::PATCH, "/api/users/alice").json(&json!({"add_accounts": more}));
    assert_eq!(world.send(late.header("if-match", "\"x\"").by(Caller::Operator)).await.status, 412);
    assert_eq!(world.get("/api/users/alice").await.body, before.body);
}

/// The names of those that a search finds.
async fn users(world: &World, query: &str) -> Vec<String> {
    let page = world.get(&format!("/api/users?{query}")).await.body;
    page["items"].as_array().unwrap().iter().map(|u| u["username"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn users_are_found_by_the_beginning_of_their_names_and_by_address() {
    let world = World::new().await;
    for (name, email) in
        [("alice", "Alice@example.test"), ("alan", "alan@example.test"), ("bob", "b@example.test")]
    {
        world.post("/api/users", json!({"username": name, "email": email})).await;
    }
    let names = async |query: &str| users(&world, query).await;
    assert_eq!(names("prefix=al").await, ["alan", "alice"]);
    assert_eq!(names("prefix=al&limit=1").await, ["alan"]);
    assert_eq!(names("prefix=al&after=alan").await, ["alice"]);
    assert_eq!(names("email=ALICE%40example.test").await, ["alice"]);
    assert!(names("prefix=c").await.is_empty());
}

#[tokio::test]
async fn users_are_found_by_the_account_they_act_for() {
    let world = World::new().await;
    for (name, accounts) in [
        ("alice", json!([{"id": "35", "role": "manager"}, {"id": "36", "role": "manager"}])),
        ("alan", json!([{"id": "35", "role": "manager"}])),
        ("bob", json!([])),
    ] {
        world.post("/api/users", json!({"username": name, "accounts": accounts})).await;
    }
    let names = async |query: &str| users(&world, query).await;
    assert_eq!(names("account=35").await, ["alan", "alice"]);
    assert_eq!(names("account=35&limit=1").await, ["alan"]);
    assert_eq!(names("account=35&after=alan").await, ["alice"]);
    assert_eq!(names("account=35&prefix=ali").await, ["alice"]);
    assert!(names("account=3").await.is_empty());
    // Who came later is found, and who left is not.
    world.patch("/api/users/bob", json!({"add_accounts": [{"id": "36", "role": "manager"}]})).await;
    world.patch("/api/users/alice", json!({"remove_accounts": ["36"]})).await;
    assert_eq!(names("account=36").await, ["bob"]);
}

#[tokio::test]
async fn the_sessions_of_a_user_are_listed_and_ended() {
    let world = World::new().await;
    world.post("/api/users", json!({"username": "alice", "password": "correct horse battery"})).await;
    let (directory, now) = (&world.directory, world.engine.now());
    let password = Secret::new("correct horse battery");
    let mut cookies = Vec::new();
    for agent in ["one", "two", "three"] {
        let user = directory.authenticate("alice", &password, now).await.unwrap().unwrap();
        let started = directory.start_session(&user, None, Some(agent), now, Lifetime::seconds(60)).await;
        cookies.push(started.unwrap().1);
    }
    let listed = world.get("/api/users/alice/sessions").await.body;
    let sessions = listed["items"].as_array().unwrap().clone();
    assert_eq!((sessions.len(), &listed["more"]), (3, &json!(false)));
    let of_two = sessions.iter().find(|session| session["user_agent"] == "two").unwrap();
    let path = format!("/api/users/alice/sessions/{}", of_two["id"].as_str().unwrap());
    assert_eq!(world.delete(&path).await.status, 200);
    assert_eq!(world.delete(&path).await.status, 404);
    let live = async |cookie: &Secret| directory.find_session(cookie, now).await.unwrap().is_some();
    assert!(live(&cookies[0]).await && !live(&cookies[1]).await && live(&cookies[2]).await);
    world.delete("/api/users/alice/sessions").await;
    assert!(!live(&cookies[0]).await && !live(&cookies[2]).await);
    assert_eq!(world.get("/api/users/alice/sessions").await.body["items"], json!([]));
}

#[tokio::test]
async fn an_account_is_made_shown_changed_and_buried() {
    let world = World::new().await;
    let made =
        world.post("/api/accounts", json!({"id": "35", "name": "Acme", "url": "https://acme.test"})).await;
    assert_eq!((made.status.as_u16(), &made.body["oauth_enabled"]), (201, &json!(false)));
    let changed = world.patch("/api/accounts/35", json!({"name": null, "oauth_enabled": true})).await;
    assert_eq!((&changed.body["name"], &changed.body["oauth_enabled"]), (&Value::Null, &json!(true)));
    assert_eq!(world.get("/api/accounts/35").await.body, changed.body);
    assert_eq!(world.get("/api/accounts?prefix=3").await.body["items"], json!([changed.body]));
    assert_eq!(world.delete("/api/accounts/35").await.body, json!({"id": "35", "deleted": true}));
    for method in [Method::GET, Method::PATCH, Method::DELETE] {
        let ask = Ask::new(method, "/api/accounts/35").json(&json!({})).by(Caller::Operator).wrong();
        assert_eq!(world.send(ask).await.status, 404);
    }
    let again = world.post("/api/accounts", json!({"id": "35"})).await;
    assert_eq!((again.status.as_u16(), &again.body["field"]), (409, &json!("id")));
}
