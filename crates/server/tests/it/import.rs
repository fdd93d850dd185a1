//! An import is applied as a whole, or refused as a whole.

use serde_json::{Value, json};

use crate::world::World;

fn whole() -> Value {
    json!({
        "clients": [
            {"client_id": "web", "client_secret": "s3cret", "client_name": "Web", "description": "d", "profile": "standard",
             "redirect_uris": ["https://app.test/cb"], "grant_types": ["authorization_code", "refresh_token"],
             "response_types": ["code"], "scope": "read write", "default_scope": "read",
             "token_endpoint_auth_method": "client_secret_basic", "require_pkce": true,
             "access_token_format": "reference", "owner": "alice"},
            {"client_id": "spa", "redirect_uris": ["https://app.test/cb"], "token_endpoint_auth_method": "none"}
        ],
        "users": [{"username": "alice", "password": "correct horse", "email": "alice@example.test", "name": "Alice",
                   "avatar": "https://example.test/a.png", "admin": false, "accounts": [{"id": "35", "role": "manager"}]}],
        "accounts": [{"id": "35", "name": "Acme", "url": "https://acme.example.test", "oauth_enabled": true}],
        "api_keys": [],
        "resource_servers": [{"client_id": "rs1", "client_secret": "an rs secret", "audience": "https://api.example.test"}],
        "registration_keys": [{"profile": "standard", "key": "a-registration-key"}],
        "session_tokens": [{"profile": "standard", "user": "Alice", "token": "a-session-token"}]
    })
}

fn counts(created: u32, updated: u32, unchanged: u32) -> Value {
    json!({"created": created, "updated": updated, "unchanged": unchanged})
}

#[test]
fn the_same_file_twice_changes_nothing() {
    let world = World::new();
    world.write("all.json", &whole().to_string());
    let first = world.json(&["import", "all.json"]);
    let made = json!({
        "clients": counts(2, 0, 0), "resource_servers": counts(1, 0, 0), "users": counts(1, 0, 0),
        "accounts": counts(1, 0, 0), "registration_keys": counts(1, 0, 0), "session_tokens": counts(1, 0, 0),
        "api_keys": counts(0, 0, 0),
    });
    assert_eq!(first, made);
    let second = world.json(&["import", "all.json"]);
    let same = json!({
        "clients": counts(0, 0, 2), "resource_servers": counts(0, 0, 1), "users": counts(0, 0, 1),
        "accounts": counts(0, 0, 1), "registration_keys": counts(0, 0, 1), "session_tokens": counts(0, 0, 1),
        "api_keys": counts(0, 0, 0),
    });
    assert_eq!(second, same);
    let mut changed = whole();
    changed["clients"][0]["client_name"] = json!("Web 2");
    changed["users"][0]["password"] = json!("another horse");
    changed["accounts"][0]["oauth_enabled"] = json!(false);
    world.write("all.json", &changed.to_string());
    let third = world.json(&["import", "all.json"]);
    assert_eq!((&third["clients"], &third["users"]), (&counts(0, 1, 1), &counts(0, 1, 0)));
    assert_eq!(third["accounts"], counts(0, 1, 0));
    assert_eq!(world.json(&["account", "show", "35"])["oauth_enabled"], false);

    let exported = world.run(&["export"]);
    assert_eq!(exported.code, Some(0));
    for secret in ["s3cret", "horse", "an rs secret", "argon2", "a-registration-key", "a-session-token"] {
        assert!(!exported.out.contains(secret), "{secret}");
    }
    let again = world.run_with(&["--json", "import", "-"], &exported.out).json();
    assert_eq!((&again["clients"], &again["users"]), (&counts(0, 0, 2), &counts(0, 0, 1)));
    assert_eq!((&again["resource_servers"], &again["accounts"]), (&counts(0, 0, 1), &counts(0, 0, 1)));
    let elsewhere: Value = serde_json::from_str(&exported.out).unwrap();
    assert_eq!(elsewhere["accounts"], changed["accounts"]);
    let files = std::fs::read_dir(world.path("grantor-data")).unwrap();
    let at_rest: Vec<u8> = files.flat_map(|file| std::fs::read(file.unwrap().path()).unwrap()).collect();
    let is_at_rest = |text: &str| at_rest.windows(text.len()).any(|part| part == text.as_bytes());
    assert!(is_at_rest("alice@example.test"), "this is not where it is");
    for secret in ["s3cret", "horse", "an rs secret", "a-registration-key", "a-session-token"] {
        assert!(!is_at_rest(secret), "{secret} is at rest");
    }
}

type Spoil = fn(&mut Value);

/// Each spoils the whole file in one place, and what is said of it.
const SPOILED: &[(Spoil, &str)] = &[
    (
        |f| f["clients"][1]["redirect_uris"] = json!(["http://app.test/cb"]),
        "clients[1] (spa).redirect_uris[0]: ",
    ),
    (|f| f["clients"][1]["redirect_uri"] = json!("x"), "clients[1] (spa).redirect_uri: unknown field"),
    (|f| f["clients"][0]["grant_types"] = json!(["password"]), "clients[0] (web).grant_types: "),
    (|f| f["clients"][0]["client_secret"] = json!(["a-secret"]), "clients[0].client_secret: "),
    (
        |f| f["clients"][0]["profile"] = json!("wistia"),
        "clients[0] (web).profile: there is no such profile; the configuration has standard",
    ),
    (|f| f["clients"][1]["client_id"] = json!("web"), "clients[1] (web).client_id: web is in the file twice"),
    (
        |f| f["clients"][1]["token_endpoint_auth_method"] = json!("client_secret_post"),
        "clients[1] (spa).client_secret: ",
    ),
    (|f| f["users"][0]["username"] = json!("al ice"), "users[0] (al ice).username: "),
    (|f| f["users"][0]["password"] = json!(""), "users[0].password: "),
    (|f| f["users"][0]["accounts"][0]["rol"] = json!("x"), "users[0] (alice).accounts[0].rol: unknown field"),
    (|f| f["users"][0]["name"] = json!("a\u{0}b"), "users[0] (alice): name has a control character"),
    (|f| f["accounts"][0]["x"] = json!(1), "accounts[0] (35).x: unknown field"),
    (|f| f["accounts"][0]["id"] = json!("3 5"), "accounts[0] (3 5).id: "),
    (|f| f["accounts"][0]["name"] = json!("a\u{0}b"), "accounts[0] (35): name has a control character"),
    (|f| f["accounts"][0] = json!({"name": "Acme"}), "accounts[0].id: missing"),
    (|f| f["accounts"] = json!([{"id": "35"}, {"id": "35"}]), "accounts[1] (35).id: 35 is in the file twice"),
    (|f| f["resource_servers"][0]["scope"] = json!("x"), "resource_servers[0] (rs1).scope: unknown field"),
    (|f| f["api_keys"] = json!([{"key": "a-secret"}]), "api_keys[0]: missing field `profile`"),
    (
        |f| f["api_keys"] = json!([{"key": "a-secret", "profile": "standard"}]),
        "api_keys[0].profile: this profile has no api_key grant",
    ),
    (|f| f["api_keys"] = json!([{"profile": "standard"}]), "api_keys[0].key: missing"),
    (
        |f| f["api_keys"] = json!([{"key": "a-secret:", "profile": "standard"}]),
        "api_keys[0].key: it consists of",
    ),
    (
        |f| f["registration_keys"] = json!([{"key": "a-secret"}]),
        "registration_keys[0]: missing field `profile`",
    ),
    (
        |f| f["registration_keys"][0]["profile"] = json!("flex"),
        "registration_keys[0].profile: there is no such profile; the configuration has standard",
    ),
    (|f| f["registration_keys"][0]["key"] = json!("a-secret of two words"), "registration_keys[0].key: "),
    (|f| f["registration_keys"] = json!([{"profile": "standard"}]), "registration_keys[0].key: missing"),
    (
        |f| f["registration_keys"] = json!([f["registration_keys"][0], f["registration_keys"][0]]),
        "registration_keys[1].key: it is in the file twice",
    ),
    (|f| f["session_tokens"][0]["user"] = json!("bob"), "session_tokens[0].user: there is no user bob"),
    (|f| f["session_tokens"][0]["profile"] = json!("flex"), "session_tokens[0].profile: there is no such"),
    (
        |f| f["session_tokens"][0]["token"] = json!({"a-secret": 1}),
        "session_tokens[0].token: expected a text",
    ),
    (
        |f| {
            let (mut other, token) = (f["session_tokens"][0].clone(), f["session_tokens"][0].clone());
            other["user"] = json!("bob");
            f["session_tokens"] = json!([token, other]);
        },
        "session_tokens[1].token: it is in the file twice",
    ),
    (|f| f["client"] = json!([]), "client: unknown section"),
    (|f| f["clients"] = json!({}), "clients: expected a list"),
];

#[test]
fn one_bad_entry_refuses_the_whole_file() {
    let world = World::new();
    for (spoil, says) in SPOILED {
        let mut file = whole();
        spoil(&mut file);
        world.write("bad.json", &file.to_string());
        let said = world.run(&["import", "bad.json"]);
        assert_eq!((said.code, said.out.as_str()), (Some(1), ""), "{says}: {}", said.err);
        assert!(said.err.contains(says), "{says}: {}", said.err);
        assert!(!said.err.contains("a-secret") && !said.err.contains("s3cret"), "{}", said.err);
    }
    assert_eq!(world.json(&["client", "list"]), json!([]));
    assert_eq!(world.json(&["user", "list"]), json!([]));
    assert_eq!(world.json(&["account", "list"]), json!([]));
    assert_eq!(world.json(&["registration-key", "list"]), json!([]));
}

#[test]
fn what_was_deleted_is_found_before_anything_is_written() {
    let world = World::new();
    world.json(&["user", "create", "alice"]);
    world.json(&["user", "delete", "alice"]);
    world.json(&["client", "create", "rs1", "--audience", "a"]);
    world.json(&["client", "delete", "rs1"]);
    world.write("all.json", &whole().to_string());
    let said = world.run(&["import", "all.json"]);
    assert!(said.err.contains("resource_servers[0] (rs1).client_id: "), "{}", said.err);
    let mut file = whole();
    file["resource_servers"] = json!([]);
    world.write("all.json", &file.to_string());
    let said = world.run(&["import", "all.json"]);
    assert!(said.err.contains("users[0] (alice).username: "), "{}", said.err);
    file["users"] = json!([]);
    world.json(&["account", "create", "35"]);
    world.json(&["account", "delete", "35"]);
    world.write("all.json", &file.to_string());
    let said = world.run(&["import", "all.json"]);
    assert!(
        said.err.contains("accounts[0] (35): the account id belonged to a deleted account"),
        "{}",
        said.err
    );
    assert_eq!(world.json(&["client", "list"]), json!([]));
}

#[test]
fn what_was_ended_or_is_anothers_refuses_the_whole_file() {
    let world = World::new();
    world.write("all.json", &whole().to_string());
    world.json(&["import", "all.json"]);
    world.json(&["user", "create", "bob"]);
    let mut file = json!({"session_tokens": whole()["session_tokens"], "clients": [
        {"client_id": "new", "redirect_uris": ["https://app.test/cb"], "token_endpoint_auth_method": "none"}
    ]});
    file["session_tokens"][0]["user"] = json!("bob");
    world.write("bad.json", &file.to_string());
    let said = world.run(&["import", "bad.json"]);
    assert!(said.err.contains("session_tokens[0].token: it belongs to another user"), "{}", said.err);

    for command in ["session-token", "registration-key"] {
        let listed = world.json(&[command, "list"]);
        let id = listed[0]["id"].as_str().unwrap();
        assert_eq!(world.json(&[command, "delete", id]), json!({"id": id, "deleted": true}));
        assert_eq!(world.json(&[command, "list"]), json!([]));
        assert_eq!(world.run(&[command, "delete", id]).code, Some(1));
    }
    let said = world.run(&["import", "all.json"]);
    assert_eq!(said.code, Some(1));
    assert!(said.err.contains("registration_keys[0].key: it has ended"), "{}", said.err);
    let mut without = whole();
    without["registration_keys"] = json!([]);
    world.write("all.json", &without.to_string());
    let said = world.run(&["import", "all.json"]);
    assert!(said.err.contains("session_tokens[0].token: it has ended"), "{}", said.err);
    assert_eq!(world.run(&["client", "show", "new"]).code, Some(1));
}

#[test]
fn a_membership_without_its_account_is_kept_and_told() {
    let world = World::new();
    let mut file = whole();
    file["accounts"] = json!([]);
    world.write("all.json", &file.to_string());
    let said = world.run(&["--json", "import", "all.json"]);
    assert_eq!(said.json()["users"], counts(1, 0, 0));
    assert!(said.err.contains("there is no account 35"), "{}", said.err);
    world.write("all.json", &whole().to_string());
    let said = world.run(&["--json", "import", "all.json"]);
    assert_eq!((&said.json()["accounts"], said.err.as_str()), (&counts(1, 0, 0), ""));
}

#[test]
fn what_is_no_json_is_told_by_its_place_and_not_repeated() {
    let world = World::new();
    world.write("bad.json", "{\"clients\": [\n{\"client_secret\": \"a-secret\" oops");
    let said = world.run(&["import", "bad.json"]);
    assert_eq!(said.code, Some(1));
    assert!(said.err.starts_with("bad.json:2:") && !said.err.contains("a-secret"), "{}", said.err);
}
