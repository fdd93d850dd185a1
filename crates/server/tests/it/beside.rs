//! Commands beside a server on sled, which only one process can have open: they work through it (S16).

use std::io::Write as _;
use std::process::Stdio;

use serde_json::{Value, json};

use crate::browser::Browser;
use crate::deployment::{
    USER, client_credentials, code, deployment, error, introspect, is_active, pair, redeem, refresh,
};
use crate::http::Request;
use crate::world::{World, mode, until};

const SOCKET: &str = "sled-data/commands.sock";

fn on_sled() -> World {
    deployment("[storage]\nurl = \"sled:sled-data\"\n")
}

#[test]
fn clients_are_kept_beside_the_server_and_it_goes_by_that_at_once() {
    let world = on_sled();
    let server = world.serve(&[]);
    let base = server.public();
    let made =
        world.json(&["client", "create", "new", "--grant-type", "client_credentials", "--scope", "read"]);
    let ask = |secret: &Value| {
        let request = Request::post("/oauth2/token", &[("grant_type", "client_credentials")]);
        request.by("new", secret.as_str().unwrap()).send(base)
    };
    assert_eq!(ask(&made["client_secret"]).status, 200);
    assert_eq!(world.json(&["client", "list"]).as_array().unwrap().len(), 7);
    world.json(&["client", "update", "new", "--name", "Renamed"]);
    assert_eq!(world.json(&["client", "show", "new"])["client_name"], "Renamed");
    let rotated = world.json(&["client", "rotate-secret", "new"]);
    assert_eq!(error(&ask(&made["client_secret"])), (401, "invalid_client".to_owned()));
    assert_eq!(ask(&rotated["client_secret"]).status, 200);
    world.json(&["client", "delete", "new"]);
    assert_eq!(error(&ask(&rotated["client_secret"])), (401, "invalid_client".to_owned()));
    assert_eq!(server.stop("-TERM").code(), Some(0));
    assert_eq!(world.json(&["client", "list"]).as_array().unwrap().len(), 6, "and it was kept");
}

#[test]
fn people_grants_and_tokens_are_ended_beside_the_server_and_it_goes_by_that_at_once() {
    let world = on_sled();
    let server = world.serve(&[]);
    let base = server.public();
    let mut browser = Browser::new(base);
    let mut grant = || pair(&redeem(&code(&mut browser).unwrap()).send(base));
    let (access, token) = grant();
    assert_eq!(world.json(&["token", "introspect", &access])["sub"], USER);
    assert_eq!(world.json(&["token", "revoke", &access])["revoked"], true);
    assert!(!is_active(base, "web", &access) && is_active(base, "web", &token));
    let grants = world.json(&["grant", "list", "--user", USER]);
    world.json(&["grant", "revoke", grants[0]["id"].as_str().unwrap()]);
    assert_eq!(error(&refresh(&token).send(base)), (400, "invalid_grant".to_owned()));
    let (access, _) = grant();

    world.write("password", "another horse, another battery");
    world.json(&["user", "create", "bob", "--password-file", "password"]);
    world.json(&["user", "update", "bob", "--name", "Bob"]);
    assert_eq!(world.json(&["user", "show", "bob"])["name"], "Bob");
    assert_eq!(world.json(&["user", "list"]).as_array().unwrap().len(), 2);
    assert_eq!(world.json(&["user", "disable", USER])["grants_revoked"], 1);
    assert!(!is_active(base, "web", &access));
    world.json(&["user", "enable", USER]);
    assert!(!is_active(base, "web", &access));
    let (access, _) = pair(&redeem(&code(&mut Browser::new(base)).unwrap()).send(base));
    assert!(is_active(base, "web", &access));
    world.json(&["user", "delete", USER]);
    world.json(&["user", "delete", "bob"]);
    assert!(!is_active(base, "web", &access));
}

#[test]
fn the_store_is_looked_at_copied_and_filled_beside_the_server() {
    let world = on_sled();
    let server = world.serve(&[]);
    let base = server.public();
    let token = client_credentials("svc").send(base).text("access_token");
    let info = world.json(&["store", "info"]);
    assert!(info["backend"].as_str().unwrap().starts_with("sled"), "{info}");
    let checked = world.json(&["store", "check"]);
    assert_eq!((&checked["problems"], &checked["records"]), (&json!([]), &info["records"]));
    assert_eq!(world.json(&["store", "purge"]), json!({"removed": 0}));
    let copied = world.json(&["store", "copy", "--from", "sled:sled-data", "--to", "sqlite:copy.db"]);
    assert_eq!(copied["digest"], checked["digest"]);
    let same = world.run(&["store", "copy", "--from", "sqlite:copy.db", "--to", "sled:sled-data"]);
    assert_eq!(same.code, Some(0), "into a server's store, what it holds already: {}", same.err);

    let exported = world.run(&["export"]);
    assert!(exported.out.contains("\"web\"") && !exported.out.contains(&token), "{}", exported.out);
    assert_eq!(world.run(&["import", "deployment.json"]).code, Some(0));
    world.write(
        "more.json",
        &json!({"users": [{"username": "carol", "password": "correct horse"}]}).to_string(),
    );
    assert_eq!(world.run(&["import", "more.json"]).code, Some(0));
    assert_eq!(world.json(&["user", "show", "carol"])["username"], "carol");

    let before = world.json(&["key", "list"]).as_array().unwrap().len();
    let keys = world.json(&["key", "rotate", "--ahead", "0"]);
    assert_eq!(keys.as_array().unwrap().len(), before + 1);
    let old = keys.as_array().unwrap().iter().find(|key| key["state"] != "signing").unwrap();
    let left = world.json(&["key", "retire", old["kid"].as_str().unwrap()]);
    assert_eq!(left.as_array().unwrap().len(), before);
    let seen = introspect("svc", &token).send(base);
    assert_eq!(seen.json()["active"], true, "the server was there all the time");
}

#[test]
fn a_second_server_on_the_folder_is_refused_and_the_first_goes_on() {
    let world = on_sled();
    let server = world.serve(&[]);
    let token = client_credentials("svc").send(server.public()).text("access_token");
    let second = world.run(&["serve", "--ready-file", "second.json"]);
    assert_eq!((second.code, second.out.as_str()), (Some(1), ""));
    assert!(second.err.contains("sled-data is in use"), "{}", second.err);
    assert!(!world.path("second.json").exists());
    assert!(is_active(server.public(), "svc", &token));
    assert_eq!(world.json(&["client", "show", "svc"])["client_id"], "svc");
    assert_eq!(server.stop("-TERM").code(), Some(0));
}

#[test]
fn the_way_in_is_its_owners_and_ends_with_the_server() {
    let world = on_sled();
    let server = world.serve_with_umask("000");
    assert_eq!((mode(&world.path(SOCKET)), mode(&world.path("sled-data"))), (0o600, 0o700));
    assert_eq!(server.stop("-TERM").code(), Some(0));
    assert!(!world.path(SOCKET).exists());
    assert_eq!(world.json(&["client", "show", "svc"])["client_id"], "svc");
}

#[test]
fn a_server_that_was_killed_is_in_nobodys_way() {
    let world = on_sled();
    for _ in 0..3 {
        let server = world.serve(&[]);
        let token = client_credentials("svc").send(server.public()).text("access_token");
        assert_eq!(world.json(&["token", "revoke", &token])["revoked"], true);
        server.kill();
        assert!(world.path(SOCKET).exists(), "it had no time to tidy up");
        assert_eq!(world.json(&["token", "introspect", &token])["active"], false);
    }
}

#[test]
fn commands_wait_for_each_other_where_no_server_runs() {
    let world = on_sled();
    std::thread::scope(|scope| {
        let commands: Vec<_> = (0..4)
            .map(|n| {
                let world = &world;
                scope.spawn(move || world.run(&["user", "create", &format!("user-{n}")]))
            })
            .collect();
        for command in commands {
            let said = command.join().unwrap();
            assert_eq!(said.code, Some(0), "{}", said.err);
        }
    });
    assert_eq!(world.json(&["user", "list"]).as_array().unwrap().len(), 5);
}

#[test]
fn a_server_waits_for_a_command_that_has_the_folder() {
    let world = on_sled();
    assert!(world.path("sled-data/closed").exists());
    let mut command = world.command(&["import", "-"]);
    let mut command = command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    // It has opened the folder, and now waits for what to import.
    until(|| (!world.path("sled-data/closed").exists()).then_some(()));
    std::thread::scope(|scope| {
        let server = scope.spawn(|| world.serve(&[]));
        let all = r#"{"users": [{"username": "carol", "password": "correct horse"}]}"#;
        command.stdin.take().unwrap().write_all(all.as_bytes()).unwrap();
        assert!(command.wait().unwrap().success());
        let server = server.join().unwrap();
        assert_eq!(world.json(&["user", "show", "carol"])["username"], "carol");
        assert_eq!(server.stop("-TERM").code(), Some(0));
    });
}

#[test]
fn a_folder_may_lie_deeper_than_a_sockets_address_can_tell() {
    let world = World::new();
    let deep = format!("{}/{}", "deep".repeat(30), "er".repeat(60));
    world.write("grantor.toml", &format!("[storage]\nurl = \"sled:{deep}\"\n"));
    let server = world.serve(&[]);
    world.json(&["client", "create", "svc", "--grant-type", "client_credentials"]);
    assert_eq!(world.json(&["client", "list"]).as_array().unwrap().len(), 1);
    assert_eq!(server.stop("-TERM").code(), Some(0));
}
