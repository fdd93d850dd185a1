//! Every verb, as a script uses it.

use serde_json::{Value, json};

use crate::world::{World, shell};

#[test]
fn clients_are_made_shown_changed_and_deleted() {
    let world = World::new();
    let made = world.json(&[
        "client",
        "create",
        "web",
        "--redirect-uri",
        "https://app.test/cb",
        "--scope",
        "read write",
        "--grant-type",
        "authorization_code,refresh_token",
        "--name",
        "Web",
    ]);
    assert!(made["client_secret"].as_str().unwrap().starts_with("gra_cs_"));
    let shown = world.json(&["client", "show", "web"]);
    assert_eq!((&shown["client_secret"], &shown["client_name"]), (&Value::Null, &json!("Web")));
    let changed =
        world.json(&["client", "update", "web", "--name", "", "--scope", "read", "--disabled", "true"]);
    assert_eq!((&changed["client_name"], &changed["scope"]), (&Value::Null, &json!("read")));
    assert_eq!(changed["redirect_uris"], shown["redirect_uris"]);
    let rotated = world.json(&["client", "rotate-secret", "web"]);
    assert_ne!(rotated["client_secret"], made["client_secret"]);
    let minted = world.json(&["client", "create", "--grant-type", "client_credentials"]);
    assert!(minted["client_id"].as_str().unwrap().len() >= 16);
    assert_eq!(world.json(&["client", "list"]).as_array().unwrap().len(), 2);
    assert_eq!(world.json(&["client", "delete", "web"])["deleted"], true);
    for arguments in [["client", "show", "web"], ["client", "delete", "web"], ["client", "create", "web"]] {
        let said = world.run(&arguments);
        assert_eq!((said.code, said.out.as_str()), (Some(1), ""), "{}", said.err);
    }
    let bad = world.run(&["client", "create", "x", "--redirect-uri", "http://app.test/cb"]);
    assert_eq!(bad.code, Some(2), "{}", bad.err);
}

#[test]
fn a_secret_can_come_from_a_file_or_standard_input_and_is_not_repeated() {
    let world = World::new();
    world.write("secret", "a secret of mine\n");
    let arguments =
        ["--json", "client", "create", "svc", "--grant-type", "client_credentials", "--secret-file"];
    let made = world.run(&[&arguments[..], &["secret"]].concat()).json();
    assert_eq!(made["client_secret"], Value::Null);
    let made =
        world.run_with(&["--json", "user", "create", "alice", "--password-file", "-"], "correct horse\n");
    assert_eq!(made.json()["password"], Value::Null);
    assert!(!made.out.contains("correct horse"));
}

#[test]
fn users_are_made_changed_suspended_and_buried() {
    let world = World::new();
    let made =
        world.json(&["user", "create", "Alice", "--email", "a@example.test", "--account", "35:manager"]);
    assert_eq!(made["username"], "alice");
    assert!(made["password"].as_str().unwrap().len() >= 16);
    assert_eq!(made["accounts"], json!([{"id": "35", "role": "manager"}]));
    let changed = world.json(&["user", "update", "alice", "--name", "Alice", "--admin", "true"]);
    assert_eq!((&changed["name"], &changed["email"]), (&json!("Alice"), &json!("a@example.test")));
    for verb in ["disable", "delete"] {
        let said = world.run(&["user", verb, "alice"]);
        assert_eq!(said.code, Some(1), "{verb}");
        assert!(said.err.contains("the last administrator"), "{verb}: {}", said.err);
    }
    world.json(&["user", "create", "root", "--admin", "true"]);
    assert_eq!(
        world.json(&["user", "disable", "alice"]),
        json!({"username": "alice", "state": "disabled", "grants_revoked": 0})
    );
    assert_eq!(world.json(&["user", "show", "alice"])["state"], "disabled");
    assert_eq!(world.json(&["user", "enable", "alice"])["state"], "active");
    assert_eq!(world.json(&["user", "list"]).as_array().unwrap().len(), 2);
    assert_eq!(world.json(&["user", "delete", "alice"])["state"], "deleted");
    for verb in ["show", "delete", "disable", "create"] {
        let said = world.run(&["user", verb, "alice"]);
        assert_eq!((said.code, said.out.as_str()), (Some(1), ""), "{verb}: {}", said.err);
    }
}

#[test]
fn accounts_are_made_shown_changed_and_buried() {
    let world = World::new();
    let made =
        world.json(&["account", "create", "35", "--name", "Acme", "--url", "https://acme.example.test"]);
    assert_eq!(
        (&made["id"], &made["name"], &made["oauth_enabled"]),
        (&json!("35"), &json!("Acme"), &json!(false))
    );
    let changed = world.json(&["account", "update", "35", "--name", "", "--oauth-enabled", "true"]);
    assert_eq!((&changed["name"], &changed["oauth_enabled"]), (&Value::Null, &json!(true)));
    assert_eq!(changed["url"], made["url"]);
    assert_eq!(world.json(&["account", "show", "35"]), changed);
    assert_eq!(world.json(&["account", "list"]), json!([changed]));
    assert_eq!(world.json(&["account", "delete", "35"]), json!({"id": "35", "deleted": true}));
    for verb in ["show", "delete", "update", "create"] {
        let said = world.run(&["account", verb, "35"]);
        assert_eq!((said.code, said.out.as_str()), (Some(1), ""), "{verb}: {}", said.err);
    }
    assert_eq!(world.json(&["account", "list"]), json!([]));
}

#[test]
fn a_user_is_given_accounts_and_roles_one_by_one_or_all_at_once() {
    let world = World::new();
    for id in ["35", "36", "37"] {
        world.json(&["account", "create", id]);
    }
    let of = |memberships: &[(&str, &str)]| -> Value {
        memberships.iter().map(|(id, role)| json!({"id": id, "role": role})).collect()
    };
    let alice = |arguments: &[&str]| world.json(&[&["user"], arguments].concat())["accounts"].clone();
    let made = alice(&["create", "alice", "--account", "35:manager", "--account", "36:editor"]);
    assert_eq!(made, of(&[("35", "manager"), ("36", "editor")]));
    assert_eq!(alice(&["update", "alice", "--name", "Alice"]), made);
    let added = alice(&["update", "alice", "--add-account", "35:owner", "--add-account", "37:owner"]);
    assert_eq!(added, of(&[("36", "editor"), ("35", "owner"), ("37", "owner")]));
    assert_eq!(alice(&["update", "alice", "--account", "36:owner"]), of(&[("36", "owner")]));
    assert_eq!(alice(&["update", "alice", "--remove-account", "36"]), json!([]));
    let both = ["user", "update", "alice", "--account", "36:owner", "--remove-account", "36"];
    assert_eq!(world.run(&both).code, Some(2));
    let missing = world.run(&["user", "update", "alice", "--add-account", "99:owner"]);
    assert_eq!(missing.code, Some(0));
    assert!(missing.err.contains("there is no account 99"), "{}", missing.err);
}

#[test]
fn credentials_for_registration_are_made_shown_once_and_ended() {
    let world = World::new();
    world.json(&["user", "create", "alice"]);
    world.json(&["user", "create", "bob"]);
    let token = |arguments: &[&str]| {
        world.json(&[&["session-token", "create", "--profile", "standard"], arguments].concat())
    };
    let of_alice = token(&["--user", "Alice"]);
    let of_bob = token(&["--user", "bob", "--expires-in", "1h"]);
    let key = world.json(&["registration-key", "create", "--profile", "standard"]);
    assert!(of_alice["token"].as_str().unwrap().starts_with("gra_st_"));
    assert!(key["key"].as_str().unwrap().starts_with("gra_rk_"));
    assert_eq!((&of_alice["user"], &of_alice["expires_at"]), (&json!("alice"), &Value::Null));
    assert!(!of_bob["expires_at"].is_null());

    let tokens = world.run(&["--json", "session-token", "list"]);
    assert_eq!(tokens.json().as_array().unwrap().len(), 2);
    let keys = world.run(&["--json", "registration-key", "list"]);
    assert_eq!(keys.json()[0]["id"], key["id"]);
    let at_rest = std::fs::read_dir(world.path("grantor-data")).unwrap();
    let at_rest = at_rest.flat_map(|file| std::fs::read(file.unwrap().path()).unwrap()).collect::<Vec<u8>>();
    let seen = [at_rest, tokens.out.into_bytes(), keys.out.into_bytes()].concat();
    for secret in [&of_alice["token"], &of_bob["token"], &key["key"]] {
        let payload = &secret.as_str().unwrap().as_bytes()[7..23];
        assert!(!seen.windows(payload.len()).any(|part| part == payload), "it is shown twice, or at rest");
    }
    let ids = |arguments: &[&str]| -> Vec<Value> {
        let listed = world.json(&[&["session-token", "list"], arguments].concat());
        listed.as_array().unwrap().iter().map(|token| token["id"].clone()).collect()
    };
    assert_eq!(ids(&["--user", "bob"]), [of_bob["id"].clone()]);
    assert_eq!(ids(&["--profile", "flex"]), [Value::Null; 0]);
    world.json(&["session-token", "delete", of_bob["id"].as_str().unwrap()]);
    assert_eq!(ids(&[]), [of_alice["id"].clone()]);
    world.json(&["user", "delete", "alice"]);
    assert_eq!(ids(&[]), [Value::Null; 0]);
    world.json(&["registration-key", "delete", key["id"].as_str().unwrap()]);
    assert_eq!(world.json(&["registration-key", "list"]), json!([]));

    for wrong in [
        &["session-token", "create", "--profile", "flex", "--user", "bob"][..],
        &["session-token", "create", "--profile", "standard", "--user", "alice"],
        &["registration-key", "create", "--profile", "flex"],
        &["registration-key", "delete", key["id"].as_str().unwrap()],
    ] {
        let said = world.run(wrong);
        assert_eq!((said.code, said.out.as_str()), (Some(1), ""), "{}", said.err);
    }
    assert_eq!(world.run(&["session-token", "delete", "nonsense"]).code, Some(2));
}

#[test]
fn keys_rotate_and_retire_beside_a_running_server() {
    let world = World::new();
    let server = world.serve(&[]);
    let first = world.json(&["key", "list"]);
    let rotated = world.json(&["key", "rotate", "--algorithm", "EdDSA", "--ahead", "0"]);
    let states: Vec<_> = rotated.as_array().unwrap().iter().map(|k| k["state"].clone()).collect();
    assert_eq!(states, ["retiring", "active"]);
    let old = first[0]["kid"].as_str().unwrap();
    world.json(&["key", "retire", old]);
    let active = world.json(&["key", "list"]);
    let active = active.as_array().unwrap().iter().find(|k| k["state"] == "active").unwrap();
    let said = world.run(&["key", "retire", active["kid"].as_str().unwrap()]);
    assert_eq!(said.code, Some(1), "the key that signs cannot go");
    // The server takes the change over by itself.
    crate::world::until(|| {
        let keys: Value =
            serde_json::from_str(&crate::world::get(server.public(), "/.well-known/jwks.json").1).unwrap();
        keys["keys"].as_array().unwrap().iter().all(|k| k["kid"] != old).then_some(())
    });
}

#[test]
fn tokens_are_looked_into_beside_a_running_server() {
    let world = World::new();
    let server = world.serve(&[]);
    let secret =
        world.json(&["client", "create", "svc", "--grant-type", "client_credentials", "--scope", "read"]);
    let secret = secret["client_secret"].as_str().unwrap();
    let url = format!("{}/oauth2/token", server.public());
    let answer = shell(&format!("curl -sS -u 'svc:{secret}' -d grant_type=client_credentials {url}"));
    let answer: Value = serde_json::from_str(&answer).unwrap();
    let token = answer["access_token"].as_str().unwrap();
    let worth = world.json(&["token", "introspect", token]);
    assert_eq!((&worth["active"], &worth["client_id"]), (&json!(true), &json!("svc")));
    assert_eq!(world.run(&["token", "revoke", "nonsense"]).code, Some(1));
    world.json(&["client", "update", "svc", "--disabled", "true"]);
    assert_eq!(
        world.run_with(&["--json", "token", "introspect", "-"], token).json(),
        json!({"active": false})
    );
    assert_eq!(world.json(&["grant", "list"]), json!([]));
}

#[test]
fn the_store_says_what_it_is() {
    let info = World::new().json(&["store", "info"]);
    assert_eq!(info["survives"], "a power cut");
    assert!(info["backend"].as_str().unwrap().starts_with("SQLite "));
}

#[test]
fn what_a_process_keeps_in_memory_no_command_can_reach() {
    let world = World::new();
    world.write("grantor.toml", "[storage]\nurl = \"memory:\"\n");
    for command in [&["client", "list"][..], &["import", "x.json"], &["store", "info"], &["key", "rotate"]] {
        let said = world.run(command);
        assert_eq!(said.code, Some(1));
        assert!(said.err.contains("where no command can reach"), "{}", said.err);
    }
    let server = world.serve(&[]);
    assert!(!world.path("grantor-data").exists(), "memory leaves nothing behind");
    assert_eq!(server.stop("-TERM").code(), Some(0));
    assert!(world.read("stderr").contains("a dangerous setting is on"));
}

#[test]
fn a_store_is_copied_compared_and_checked() {
    let world = World::new();
    world.json(&["client", "create", "web", "--redirect-uri", "https://app.test/cb", "--scope", "read"]);
    world.json(&["user", "create", "alice"]);
    let here = "sqlite:grantor-data/grantor.db";
    let copied = world.json(&["store", "copy", "--from", here, "--to", "sqlite:copy/grantor.db"]);
    assert_eq!(world.json(&["store", "check"])["digest"], copied["digest"]);
    let again = world.json(&["store", "copy", "--from", here, "--to", "sqlite:copy/grantor.db"]);
    assert_eq!(again, copied);

    // What is served from the copy is the same deployment.
    world.write("grantor.toml", "[storage]\nurl = \"sqlite:copy/grantor.db\"\n");
    assert_eq!(world.json(&["client", "show", "web"])["client_id"], "web");
    world.json(&["client", "create", "other", "--public", "--redirect-uri", "https://app.test/cb"]);
    let differs = world.run(&["store", "copy", "--from", here, "--to", "sqlite:copy/grantor.db"]);
    assert_eq!(differs.code, Some(1), "{}", differs.out);
    assert!(differs.err.contains("the copies differ"), "{}", differs.err);

    let nothing = world.run(&["store", "copy", "--from", "sqlite:nowhere.db", "--to", "sqlite:new.db"]);
    assert_eq!(nothing.code, Some(1));
    assert!(nothing.err.contains("nothing to copy") && !world.path("new.db").exists(), "{}", nothing.err);
    assert_eq!(world.json(&["store", "purge"])["removed"], 0);
}

#[test]
fn a_deployment_moves_to_sled_and_back() {
    let world = World::new();
    world.json(&["client", "create", "web", "--redirect-uri", "https://app.test/cb", "--scope", "read"]);
    let (sqlite, sled) = ("sqlite:grantor-data/grantor.db", "sled:moved");
    let there = world.json(&["store", "copy", "--from", sqlite, "--to", sled]);
    world.write("grantor.toml", "[storage]\nurl = \"sled:moved\"\n");
    assert_eq!(world.json(&["client", "show", "web"])["client_id"], "web");
    assert_eq!(world.json(&["store", "check"])["digest"], there["digest"]);
    let server = world.serve(&[]);
    assert_eq!(world.json(&["client", "list"]).as_array().unwrap().len(), 1, "beside the server");
    assert_eq!(server.stop("-TERM").code(), Some(0));
    // The server has written in its audit trail that it started.
    let back = world.json(&["store", "copy", "--from", sled, "--to", "sqlite:back.db"]);
    assert_eq!(back["records"].as_u64(), there["records"].as_u64().map(|records| records + 1));
}
