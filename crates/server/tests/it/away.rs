//! A store that is not there when the server starts (S18): it is waited for, unless waiting would not help.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::time::{Duration, Instant};

use rusqlite::Connection;

use crate::deployment::{client_credentials, deployment, is_active};
use crate::http::Request;
use crate::redis_server::{self, DURABLE, RedisServer};
use crate::world::{Server, World, get, until};

/// Whoever asks has an answer by then.
const PATIENCE: Duration = Duration::from_secs(2);

fn world_on(url: &str) -> World {
    let world = World::new();
    world.write(
        "grantor.toml",
        &format!("issuer = \"https://auth.example.test\"\n[storage]\nurl = \"{url}\"\n"),
    );
    world
}

/// It lives and says so, and puts off all that needs a store, in time.
fn assert_puts_off(server: &Server) {
    for base in [server.public(), server.admin()] {
        assert_eq!(get(base, "/health/alive").0, 200);
        assert_eq!(get(base, "/health/ready").0, 503);
    }
    assert_eq!(get(server.admin(), "/version").0, 200);
    assert_eq!(get(server.admin(), "/metrics").0, 200);
    let operators = Request::get("/api/clients").send(server.admin());
    assert_eq!((operators.status, operators.text("code").as_str()), (503, "unavailable"));
    assert_eq!(operators.header("content-type"), Some("application/problem+json"));
    for request in [
        client_credentials("svc"),
        Request::get("/.well-known/jwks.json"),
        Request::get("/oauth2/authorize?client_id=web"),
        Request::get("/login").header("Accept", "text/html,*/*"),
        Request::get("/nowhere"),
    ] {
        let begun = Instant::now();
        let answer = request.send(server.public());
        assert!(begun.elapsed() < PATIENCE, "{:?}", begun.elapsed());
        assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")), "{}", answer.body);
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        match answer.header("content-type") {
            Some("application/json") => assert_eq!(answer.text("error"), "temporarily_unavailable"),
            other => assert!(other.is_some_and(|other| other.starts_with("text/plain")), "{other:?}"),
        }
    }
}

fn is_ready(server: &Server) -> bool {
    get(server.public(), "/health/ready").0 == 200
}

/// Lines of its log with these words.
fn told(world: &World, words: &str) -> usize {
    std::fs::read_to_string(world.path("stderr"))
        .unwrap_or_default()
        .lines()
        .filter(|line| line.contains(words))
        .count()
}

#[test]
fn a_redis_that_is_down_at_the_start_is_waited_for_and_served_from_when_it_comes() {
    if redis_server::is_skipped("a Redis that is down at the start") {
        return;
    }
    let mut redis = RedisServer::start(DURABLE).unwrap();
    redis.kill();
    let world = world_on(&redis.url());
    let server = world.serve(&[]);
    assert!(server.started_in < Duration::from_secs(5), "{:?}", server.started_in);
    assert_puts_off(&server);
    let said = world.run(&["client", "list"]);
    assert_eq!((said.code, said.out.as_str()), (Some(1), ""), "a command does not wait");
    assert!(said.err.contains("Connection refused"), "{}", said.err);
    // Long enough for some tries, each of which would be a line.
    assert_puts_off(&server);

    redis.begin().unwrap();
    until(|| is_ready(&server).then_some(()));
    assert_eq!(told(&world, "the store is away"), 1, "{}", world.read("stderr"));
    assert_eq!(told(&world, "the store is there"), 1);
    assert_eq!(told(&world, "an acknowledged answer survives"), 1, "as at any start");
    let secret = "the-secret-of-the-client-svc";
    world.write("secret", secret);
    world.json(&[
        "client",
        "create",
        "svc",
        "--grant-type",
        "client_credentials",
        "--scope",
        "read write",
        "--secret-file",
        "secret",
    ]);
    let token = client_credentials("svc").send(server.public()).text("access_token");
    // And gone again, and back: nothing is different for having begun so.
    redis.kill();
    assert_eq!(client_credentials("svc").send(server.public()).status, 503);
    redis.begin().unwrap();
    until(|| is_ready(&server).then_some(()));
    assert!(is_active(server.public(), "svc", &token));
    assert_eq!(server.stop("-TERM").code(), Some(0));
}

#[test]
fn a_server_that_waits_can_be_told_to_stop() {
    let free = redis_server::free_port().unwrap();
    let world = world_on(&format!("redis://127.0.0.1:{free}/0"));
    let server = world.serve(&[]);
    assert_eq!(server.stop("-TERM").code(), Some(0));
}

/// Answers everything in the same words, as long as the process lives, and gives its port.
fn parrot(words: &'static str) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map(Result::unwrap) {
            std::thread::spawn(move || {
                while matches!(stream.read(&mut [0; 4096]), Ok(read) if read > 0) {
                    // Whoever asked may be gone.
                    let _ = stream.write_all(words.as_bytes());
                }
            });
        }
    });
    port
}

#[test]
fn a_redis_that_is_loading_or_silent_or_without_quorum_is_waited_for() {
    for (scheme, words) in [
        ("redis", "-LOADING Redis is loading the dataset in memory\r\n"),
        ("redis", ""),
        ("redis-cluster", "-CLUSTERDOWN The cluster is down\r\n"),
    ] {
        let world = world_on(&format!("{scheme}://127.0.0.1:{}", parrot(words)));
        let server = world.serve(&[]);
        assert_puts_off(&server);
        assert_eq!(server.stop("-TERM").code(), Some(0));
    }
}

#[test]
fn what_a_person_must_mend_ends_the_start() {
    if redis_server::is_skipped("a Redis that is not fit") {
        return;
    }
    let redis = RedisServer::start(&["--requirepass", "s3cret"]).unwrap();
    let port = redis.port();
    let refused = |url: String, said: &str| {
        let world = world_on(&url);
        let ended = world.run(&["serve", "--ready-file", "ready.json"]);
        assert_eq!((ended.code, ended.out.as_str()), (Some(1), ""), "{}", ended.err);
        assert!(ended.err.contains(said) && !ended.err.contains("s3cret"), "{}", ended.err);
        assert!(!world.path("ready.json").exists(), "it was announced");
    };
    refused(format!("redis://127.0.0.1:{port}/0"), "NOAUTH");
    refused(format!("redis://:s3cret-not@127.0.0.1:{port}/0"), "WRONGPASS");
    refused(format!("rediss://:s3cret@127.0.0.1:{port}/0"), "speaks in clear");
    redis.say(&["CONFIG", "SET", "maxmemory-policy", "allkeys-lru"]).unwrap();
    refused(format!("redis://:s3cret@127.0.0.1:{port}/0"), "allkeys-lru");
    redis.say(&["CONFIG", "SET", "maxmemory-policy", "noeviction"]).unwrap();
    redis.say(&["SET", "grantor:{00}#layout", "3"]).unwrap();
    refused(format!("redis://:s3cret@127.0.0.1:{port}/0"), "another version of grantor");
}

#[test]
fn what_is_found_unfit_only_when_it_comes_ends_the_server_too() {
    if redis_server::is_skipped("a Redis that is not fit") {
        return;
    }
    let mut redis = RedisServer::start(&["--requirepass", "s3cret"]).unwrap();
    redis.kill();
    let world = world_on(&redis.url());
    let server = world.serve(&[]);
    redis.begin().unwrap();
    assert_eq!(server.ended().code(), Some(1));
    assert!(world.read("stderr").contains("NOAUTH"));
}

#[test]
fn an_sqlite_file_that_another_process_holds_at_the_start_is_waited_for() {
    let world = deployment("");
    let other = Connection::open(world.path("grantor-data/grantor.db")).unwrap();
    other.pragma_update(None, "locking_mode", "EXCLUSIVE").unwrap();
    other.execute_batch("BEGIN EXCLUSIVE; PRAGMA user_version = 1; COMMIT").unwrap();
    let server = world.serve(&[]);
    assert_puts_off(&server);
    let said = world.run(&["client", "list"]);
    assert_eq!(said.code, Some(1));
    assert!(said.err.contains("locked"), "{}", said.err);
    drop(other);
    until(|| is_ready(&server).then_some(()));
    assert_eq!(client_credentials("svc").send(server.public()).status, 200);
    assert_eq!(told(&world, "the store is away"), 1);
}

#[test]
fn a_demo_waits_to_be_made_until_there_is_a_store_for_it() {
    let world = deployment("");
    let other = Connection::open(world.path("grantor-data/grantor.db")).unwrap();
    other.busy_timeout(Duration::from_secs(10)).unwrap();
    other
        .execute_batch(
            "BEGIN EXCLUSIVE; DELETE FROM record WHERE kind = 'signing-keys'; COMMIT; BEGIN EXCLUSIVE",
        )
        .unwrap();
    std::thread::scope(|scope| {
        let world = &world;
        scope.spawn(move || {
            until(|| (told(world, "the store is away") == 1).then_some(()));
            other.execute_batch("COMMIT").unwrap();
        });
        let server = world.serve(&["--json", "--demo"]);
        assert!(is_ready(&server));
    });
    assert!(world.read("stdout").contains("\"demo\":{"), "{}", world.read("stdout"));
}
