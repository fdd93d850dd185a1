//! A deployment moves to another backend under load, and nothing that was answered is lost (S17).

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, RwLock};

use serde_json::json;

use crate::browser::Browser;
use crate::deployment::{
    ISSUER, client_credentials, code, deployment, error, is_active, pair, redeem, refresh, revoke,
};
use crate::redis_server;
use crate::world::{Server, World, get, until};

const CLIENTS: usize = 4;
/// How many answers a stage of a move waits for, so that each stage is under load.
const STAGE: usize = 60;

/// What one client of the API was told.
#[derive(Default)]
struct Told {
    live: Vec<(&'static str, String)>,
    ended: Vec<(&'static str, String)>,
    redeemed: Vec<String>,
}

/// Clients that work until they are told to stop, each at the server it is told.
struct Load {
    bases: Vec<RwLock<String>>,
    /// Whoever holds it keeps all of them from asking.
    gate: RwLock<()>,
    over: AtomicBool,
    answers: AtomicUsize,
    told: Mutex<Vec<Told>>,
}

impl Load {
    fn new(base: &str) -> Self {
        Self {
            bases: (0..CLIENTS).map(|_| RwLock::new(base.to_owned())).collect(),
            gate: RwLock::new(()),
            over: AtomicBool::new(false),
            answers: AtomicUsize::new(0),
            told: Mutex::default(),
        }
    }

    fn work(&self, number: usize) {
        let (mut told, mut browser) = (Told::default(), Browser::new(""));
        // Whatever ends it, a failed test must not wait for it.
        let mut round = number;
        while !self.over.load(Ordering::Relaxed) {
            let _passed = self.gate.read().unwrap();
            let base = self.bases[number].read().unwrap().clone();
            base.clone_into(&mut browser.base);
            round += 1;
            self.step(round, &base, &mut browser, &mut told);
            self.answers.fetch_add(1, Ordering::Relaxed);
        }
        self.told.lock().unwrap().push(told);
    }

    /// Every answer must be 200: a refusal or a 503 fails the test.
    fn step(&self, round: usize, base: &str, browser: &mut Browser, told: &mut Told) {
        match round % 4 {
            0 => {
                let client = ["svc", "jws"][round / 4 % 2];
                let access = client_credentials(client).send(base).text("access_token");
                assert!(is_active(base, client, &access));
                told.live.push((client, access));
            }
            1 => {
                let code = code(browser).unwrap();
                let (access, token) = pair(&redeem(&code).send(base));
                told.redeemed.push(code);
                let (newer, successor) = pair(&refresh(&token).send(base));
                told.live.extend([("web", access), ("web", newer), ("web", successor)]);
                told.ended.push(("web", token));
            }
            2 if told.live.len() > 3 => {
                let at = round * 7 % told.live.len();
                let (client, token) = told.live.swap_remove(at);
                if token.starts_with("gra_rt_") {
                    // All of its grant would end.
                    told.live.push((client, token));
                } else {
                    assert_eq!(revoke(client, &token).send(base).status, 200);
                    assert!(!is_active(base, client, &token));
                    told.ended.push((client, token));
                }
            }
            _ => {
                for (client, token) in told.ended.iter().rev().take(2) {
                    assert!(!is_active(base, client, token), "it ended, and lives");
                }
                for (client, token) in told.live.iter().rev().take(2) {
                    assert!(is_active(base, client, token), "it lives, and is lost");
                }
            }
        }
    }

    /// Waits until so many more answers have come.
    fn go_on(&self) {
        let aim = self.answers.load(Ordering::Relaxed) + STAGE;
        until(|| (self.answers.load(Ordering::Relaxed) >= aim).then_some(()));
    }

    /// Sends some of the clients elsewhere.
    fn send(&self, clients: std::ops::Range<usize>, base: &str) {
        for place in &self.bases[clients] {
            base.clone_into(&mut place.write().unwrap());
        }
    }

    /// From here on no client fails: they stop first.
    fn stop_on_panic(&self) -> impl Drop {
        struct Stop<'a>(&'a AtomicBool);
        impl Drop for Stop<'_> {
            fn drop(&mut self) {
                self.0.store(true, Ordering::Relaxed);
            }
        }
        Stop(&self.over)
    }
}

fn configure(world: &World, url: &str, also: Option<&str>) {
    let also = also.map(|also| format!("also = \"{also}\"\n")).unwrap_or_default();
    world.write("grantor.toml", &format!("issuer = \"{ISSUER}\"\n[storage]\nurl = \"{url}\"\n{also}"));
}

/// Replaces one server by another, side by side where the backends allow it. Clients notice nothing, or wait.
fn replace(world: &World, load: &Load, old: Server, name: &str, alone: bool) -> Server {
    let new = if alone {
        let _closed = load.gate.write().unwrap();
        assert_eq!(old.stop("-TERM").code(), Some(0));
        let new = world.serve_as(name, &[]);
        load.send(0..CLIENTS, new.public());
        new
    } else {
        let new = world.serve_as(name, &[]);
        load.send(0..CLIENTS / 2, new.public());
        load.go_on();
        load.send(CLIENTS / 2..CLIENTS, new.public());
        load.go_on();
        // Nobody is on his way to it any more.
        drop(load.gate.write().unwrap());
        assert_eq!(old.stop("-TERM").code(), Some(0));
        new
    };
    load.go_on();
    new
}

fn moves(from: &str, to: &str) {
    let world = deployment(&format!("[storage]\nurl = \"{from}\"\n"));
    let is_sled = |url: &str| url.starts_with("sled:");
    let server = world.serve_as("old-", &[]);
    let load = Load::new(server.public());
    let last = std::thread::scope(|scope| {
        let _stop = load.stop_on_panic();
        for number in 0..CLIENTS {
            let load = &load;
            scope.spawn(move || load.work(number));
        }
        load.go_on();
        configure(&world, from, Some(to));
        let server = replace(&world, &load, server, "moving-", is_sled(from));
        until(|| (world.json(&["store", "info"])["move"]["state"] == "complete").then_some(()));
        let (status, figures) = get(server.admin(), "/metrics");
        assert_eq!(status, 200);
        assert!(figures.contains("grantor_move_state{state=\"complete\"} 1"), "{figures}");
        load.go_on();
        // One line.
        configure(&world, to, Some(to));
        let server = replace(&world, &load, server, "new-", is_sled(to));
        load.over.store(true, Ordering::Relaxed);
        server
    });
    judge(&load, last.public());

    configure(&world, to, None);
    assert_eq!(world.json(&["store", "check"])["problems"], json!([]));
    assert!(world.json(&["store", "info"])["move"].is_null());
    assert_eq!(last.stop("-TERM").code(), Some(0));
    configure(&world, from, None);
    let refused = world.run(&["serve"]);
    assert_eq!(refused.code, Some(1));
    assert!(refused.err.contains("moved to"), "{}", refused.err);
}

/// Asks the new server of everything.
fn judge(load: &Load, base: &str) {
    let told = load.told.lock().unwrap();
    assert_eq!(told.len(), CLIENTS, "a client failed");
    let (mut live, mut ended, mut codes) = (0, 0, HashSet::new());
    for told in told.iter() {
        for (client, token) in &told.live {
            assert!(is_active(base, client, token), "it was given, and is lost");
            live += 1;
        }
        for (client, token) in &told.ended {
            assert!(!is_active(base, client, token), "it ended, and lives again");
            ended += 1;
        }
        for code in &told.redeemed {
            assert_eq!(error(&redeem(code).send(base)), (400, "invalid_grant".to_owned()));
            assert!(codes.insert(code.clone()));
        }
    }
    let answers = load.answers.load(Ordering::Relaxed);
    println!("{answers} steps, all answered: live {live}, ended {ended}, codes {}", codes.len());
    assert!(live > 50 && ended > 50 && codes.len() > 50, "there was no load");
}

#[test]
fn a_deployment_moves_from_sqlite_to_sled_under_load() {
    moves("sqlite:grantor-data/grantor.db", "sled:sled-data");
}

#[test]
fn a_deployment_moves_from_sqlite_to_sqlite_under_load_side_by_side() {
    moves("sqlite:grantor-data/grantor.db", "sqlite:grantor-data/other.db");
}

#[test]
fn a_deployment_moves_from_sled_to_redis_under_load() {
    if redis_server::is_skipped("a move from sled to Redis") {
        return;
    }
    let redis = redis_server::RedisServer::start(redis_server::DURABLE).unwrap();
    moves("sled:sled-data", &redis.url());
}

#[test]
fn a_deployment_moves_from_redis_to_sqlite_under_load() {
    if redis_server::is_skipped("a move from Redis to SQLite") {
        return;
    }
    let redis = redis_server::RedisServer::start(redis_server::DURABLE).unwrap();
    moves(&redis.url(), "sqlite:grantor-data/grantor.db");
}

const A: &str = "sqlite:grantor-data/grantor.db";
const B: &str = "sqlite:grantor-data/other.db";

#[test]
fn a_copy_is_not_served_before_it_is_complete_nor_the_old_store_alone_meanwhile() {
    let world = deployment("");
    configure(&world, A, Some(B));
    // A command begins the move, too; without a server nothing is copied.
    world.json(&["client", "list"]);
    assert_eq!(world.json(&["store", "info"])["move"]["state"], "copying");
    configure(&world, B, None);
    for command in [&["serve"][..], &["client", "list"]] {
        let said = world.run(command);
        assert_eq!(said.code, Some(1));
        assert!(said.err.contains("not complete yet"), "{}", said.err);
    }
    assert_eq!(world.json(&["store", "info"])["move"]["state"], "copying");
    configure(&world, A, None);
    for command in [&["serve"][..], &["client", "list"]] {
        let said = world.run(command);
        assert_eq!(said.code, Some(1));
        assert!(said.err.contains("is being moved"), "{}", said.err);
    }
    let copy = world.run(&["store", "copy", "--from", B, "--to", "sqlite:third.db"]);
    assert!(copy.code == Some(1) && copy.err.contains("not complete yet"), "{}", copy.err);
    let copy = world.run(&["store", "copy", "--from", A, "--to", B]);
    assert!(copy.code == Some(1) && copy.err.contains("takes part in a live move"), "{}", copy.err);
}

#[test]
fn a_move_is_given_up_by_a_command_and_can_begin_again() {
    let world = deployment("");
    configure(&world, A, None);
    assert_eq!(world.run(&["store", "give-up"]).code, Some(2), "which move?");
    configure(&world, A, Some(B));
    let server = world.serve(&[]);
    until(|| (world.json(&["store", "info"])["move"]["state"] == "complete").then_some(()));
    assert_eq!(world.json(&["store", "give-up"]), json!({"given_up": true}));
    // The server still serves.
    assert_eq!(client_credentials("svc").send(server.public()).status, 200);
    server.stop("-TERM");
    configure(&world, B, None);
    assert!(world.run(&["serve"]).err.contains("given up"));
    configure(&world, A, None);
    world.json(&["client", "create", "alone", "--grant-type", "client_credentials"]);
    let server = world.serve(&[]);
    server.stop("-TERM");
    configure(&world, A, Some(B));
    let server = world.serve(&[]);
    until(|| (world.json(&["store", "info"])["move"]["state"] == "complete").then_some(()));
    configure(&world, B, None);
    // No command goes ahead of the server.
    assert!(world.run(&["client", "list"]).err.contains("no server has taken over"));
    let new = world.serve_as("new-", &[]);
    assert_eq!(world.json(&["client", "show", "alone"])["client_id"], "alone");
    // What one is told, the other knows, either way.
    let token = client_credentials("svc").send(server.public()).text("access_token");
    assert!(is_active(new.public(), "svc", &token));
    assert_eq!(revoke("svc", &token).send(new.public()).status, 200);
    assert!(!is_active(server.public(), "svc", &token));
    configure(&world, A, Some(B));
    let late = world.run(&["store", "give-up"]);
    assert!(late.code == Some(1) && late.err.contains("the move is done"), "{}", late.err);
    // A server that is restarted with the old configuration serves from the new store.
    server.stop("-TERM");
    let again = world.serve(&[]);
    let token = client_credentials("svc").send(again.public()).text("access_token");
    assert!(is_active(new.public(), "svc", &token));
}

#[test]
fn a_store_in_memory_cannot_be_moved() {
    let world = World::new();
    for (url, also) in [("memory:", B), (A, "memory:")] {
        configure(&world, url, Some(also));
        let said = world.run(&["check-config"]);
        assert!(said.code == Some(2) && said.err.contains("storage.also"), "{}", said.err);
    }
}
