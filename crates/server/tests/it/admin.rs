//! The operators' API of a running server, over its admin listener.

use serde_json::{Value, json};

use crate::http::{Answer, Request};
use crate::world::{Server, World};

/// A token with which `root` administers.
fn token(world: &World) -> String {
    world.json(&["user", "create", "root", "--admin", "true"]);
    let made = world.json(&["session-token", "create", "--profile", "admin", "--user", "root"]);
    made["token"].as_str().unwrap().to_owned()
}

fn ask(server: &Server, method: &str, path: &str, token: &str, body: Option<Value>) -> Answer {
    let body = body.map(|body| body.to_string()).unwrap_or_default();
    let request = Request::new(method, path, body.as_bytes()).header("Content-Type", "application/json");
    request.header("Authorization", &format!("Bearer {token}")).send(server.admin())
}

#[test]
fn what_a_program_does_a_command_sees_and_the_other_way_round() {
    for storage in ["sqlite:grantor-data/grantor.db", "sled:grantor-data/sled"] {
        let world = World::new();
        world.write("grantor.toml", &format!("[storage]\nurl = \"{storage}\"\n"));
        let server = world.serve(&[]);
        let token = token(&world);
        let new = json!({"client_id": "svc", "grant_types": ["client_credentials"], "scope": "read"});
        let made = ask(&server, "POST", "/api/clients", &token, Some(new));
        assert_eq!(made.status, 201, "{}", made.body);
        let mut shown = made.json();
        shown.as_object_mut().unwrap().remove("client_secret");
        assert_eq!(world.json(&["client", "show", "svc"]), shown);
        let changed = world.json(&["client", "update", "svc", "--name", "Service"]);
        assert_eq!(ask(&server, "GET", "/api/clients/svc", &token, None).json(), changed);
        let listed = ask(&server, "GET", "/api/clients", &token, None).json();
        assert_eq!(listed, json!({"items": world.json(&["client", "list"]), "next": null}));

        let trail = ask(&server, "GET", "/api/audit?kind=operator_acted&client=svc", &token, None).json();
        let deeds: Vec<_> =
            trail["items"].as_array().unwrap().iter().map(|e| [&e["by"], &e["detail"]]).collect();
        assert_eq!(deeds, [["command-line", "client.update"], ["operator:root", "client.create"]]);
        world.json(&["user", "create", "other", "--admin", "true"]);
        world.json(&["user", "disable", "root"]);
        assert_eq!(ask(&server, "GET", "/api/clients", &token, None).status, 401);
    }
}

#[test]
fn who_shows_token_after_token_that_is_worth_nothing_is_held_up_and_nobody_at_the_public_listener_for_him() {
    let world = World::new();
    let server = world.serve(&[]);
    let told: Vec<u16> =
        (0..31).map(|_| ask(&server, "GET", "/api/clients", "gra_st_nonsense", None).status).collect();
    assert_eq!(told, [vec![401; 30], vec![429]].concat());
    let held = ask(&server, "GET", "/api/clients", "gra_st_nonsense", None);
    assert!(
        held.header("retry-after").is_some_and(|seconds| seconds.parse::<u64>().is_ok()),
        "{}",
        held.body
    );
    // Who shows none costs nothing, and the health of the server is anybody's.
    assert_eq!(Request::get("/api/clients").send(server.admin()).status, 401);
    assert_eq!(Request::get("/health/ready").send(server.admin()).status, 200);
    let secret =
        Request::post("/oauth2/token", &[("grant_type", "client_credentials")]).send(server.public());
    assert_eq!(secret.status, 401, "{}", secret.body);
}

// K09, P20
#[test]
fn nobody_without_a_token_gets_in_and_nobody_at_all_by_the_public_listener() {
    let world = World::new();
    let server = world.serve(&[]);
    let token = token(&world);
    world.json(&["user", "create", "alice"]);
    let alice = world.json(&["session-token", "create", "--profile", "admin", "--user", "alice"]);
    let alice = alice["token"].as_str().unwrap();
    for path in ["/api/clients", "/api/settings", "/api/nothing"] {
        let none = Request::get(path).send(server.admin());
        assert_eq!((none.status, none.header("www-authenticate").is_some()), (401, true), "{path}");
        assert_eq!(ask(&server, "GET", path, "gra_st_nonsense", None).status, 401, "{path}");
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] {
            assert_eq!(ask(&server, method, path, alice, None).status, 403, "{method} {path}");
        }
        let bearer = format!("Bearer {token}");
        let public = Request::get(path).header("Authorization", &bearer).send(server.public());
        assert_eq!(public.status, 404, "{path}");
    }
    assert_eq!(Request::get("/api/openapi.json").send(server.admin()).status, 200);
    assert_eq!(Request::get("/api/openapi.json").send(server.public()).status, 404);
    let log = world.read("stderr");
    assert!(log.contains("not let in") && !log.contains(&token), "{log}");
}

#[test]
fn the_settings_in_force_are_told_with_their_places_and_without_secrets() {
    let world = World::new();
    world.write("grantor.toml", "[lifetimes]\naccess_token = \"2h\"\n");
    let server = world.serve(&[]);
    let told = ask(&server, "GET", "/api/settings", &token(&world), None).json();
    let setting = |key: &str| {
        let all = told["settings"].as_array().unwrap();
        all.iter().find(|setting| setting["key"] == key).unwrap_or_else(|| panic!("no {key}")).clone()
    };
    let lifetime = json!({"key": "lifetimes.access_token", "value": "2h", "from": "grantor.toml:2"});
    assert_eq!(setting("lifetimes.access_token"), lifetime);
    let public = json!({"key": "listen.public", "value": "127.0.0.1:0", "from": "GRANTOR__LISTEN__PUBLIC"});
    assert_eq!(setting("listen.public"), public);
    assert_eq!(setting("refresh.mode"), json!({"key": "refresh.mode", "value": "rotate"}));
    assert_eq!(setting("keys.server_key"), json!({"key": "keys.server_key", "value": null}));
}
