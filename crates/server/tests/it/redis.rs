//! The binary on Redis.

use serde_json::Value;

use crate::redis_server as server;
use crate::world::{World, shell};

#[test]
fn a_deployment_moves_to_redis_and_two_servers_share_it() {
    if server::is_skipped("the binary on Redis") {
        return;
    }
    let redis = server::RedisServer::start(server::DURABLE).unwrap();
    let url = redis.url();
    let world = World::new();
    world.json(&["user", "create", "alice"]);
    let there = world.json(&["store", "copy", "--from", "sqlite:grantor-data/grantor.db", "--to", &url]);
    world.write("grantor.toml", &format!("[storage]\nurl = \"{url}\"\n"));
    assert_eq!(world.json(&["store", "check"])["digest"], there["digest"]);
    assert_eq!(world.json(&["user", "show", "alice"])["username"], "alice");

    let here = world.serve(&["--json", "--demo"]);
    let started: Value = serde_json::from_str(&world.read("stdout")).unwrap();
    let line = |name: &str| started["demo"][name].as_str().unwrap().to_owned();
    let token: Value =
        serde_json::from_str(&shell(&format!("{}\n{}", line("export"), line("token")))).unwrap();
    let beside = World::new();
    // The same key, so that it is the same deployment.
    std::fs::create_dir(beside.path("grantor-data")).unwrap();
    std::fs::copy(world.path("grantor-data/server.key"), beside.path("grantor-data/server.key")).unwrap();
    beside.write("grantor.toml", &format!("[storage]\nurl = \"{url}\"\n"));
    let other = beside.serve(&[]);
    let introspect = line("introspect").replace(here.public(), other.public());
    let access = token["access_token"].as_str().unwrap();
    let worth = shell(&format!("{}\nTOKEN={access}\n{introspect}", line("export")));
    assert!(worth.contains("\"active\":true"), "{worth}");
    assert_eq!(world.json(&["token", "revoke", access])["revoked"], true);
    let worth = shell(&format!("{}\nTOKEN={access}\n{introspect}", line("export")));
    assert_eq!(worth.trim(), "{\"active\":false}");

    // Gone in the middle: 503 within two seconds, and no wrong answer.
    drop(redis);
    let status = "-o /dev/null -w '%{http_code}' --max-time 5";
    let gone = line("token").replacen("curl -sS", &format!("curl -sS {status}"), 1);
    assert_eq!(shell(&format!("{}\n{gone}", line("export"))), "503");
    assert_eq!(here.stop("-TERM").code(), Some(0));
    assert_eq!(other.stop("-TERM").code(), Some(0));
}
