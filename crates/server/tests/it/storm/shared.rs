//! Sixty-four workers share a few grants, through every server there is, and no answer is one that the grant could not
//! have given, used by one at a time (T06).

use std::sync::{Barrier, Mutex};

use grantor_testkit::lifecycle::{Asked, Begun, Grace, Lifecycle, Told};

use super::chance::Chance;
use super::{PATIENT, assert_honest, figures};
use crate::backend::{Backend, on};
use crate::browser::Browser;
use crate::deployment::{code, deployment, deployment_on, error, introspect, pair, redeem, refresh, revoke};
use crate::http::{Answer, Request};
use crate::world::Server;

const WORKERS: u64 = 64;
/// How many grants they share at a time, and how often they begin on new ones.
const SHARED: usize = 4;
const ROUNDS: usize = 6;
/// How much each of them does with those.
const STEPS: usize = 12;

on!(what_many_do_to_one_grant_has_an_order: sqlite, sled, redis, redis_cluster);

fn what_many_do_to_one_grant_has_an_order(backend: Backend) {
    storm(&backend, Grace::Endless, PATIENT);
}

on!(what_many_do_to_one_grant_has_an_order_without_grace: sqlite, sled, redis, redis_cluster);

fn what_many_do_to_one_grant_has_an_order_without_grace(backend: Backend) {
    storm(&backend, Grace::None, "[refresh]\ngrace = \"0\"\n");
}

fn storm(backend: &Backend, grace: Grace, config: &str) {
    let seed = Chance::seed();
    println!("GRANTOR_TEST_SEED={seed}");
    let world = deployment_on(backend, config);
    let names = if backend.is_shared() { &["a-", "b-"][..] } else { &["a-"] };
    let servers: Vec<_> = names.iter().map(|name| world.serve_as(name, &[])).collect();
    let lifecycle = Lifecycle::new();
    share(&lifecycle, &servers, seed);
    let checked = assert_honest(&lifecycle, grace, &format!("GRANTOR_TEST_SEED={seed}"));
    let figures = figures(&lifecycle);
    println!("{} servers, {WORKERS} workers: {checked:?} {figures:?}", servers.len());
    assert!(figures.is_mixed(), "{figures:?}");
    assert!(checked.at_once > 4, "nobody met anybody: {checked:?}");
}

// The known-bad subject: two servers that take themselves for one, and whose records are their own.
#[test]
fn servers_that_share_no_records_are_found_out() {
    let world = deployment(PATIENT);
    let (one, beside) = (world.serve(&[]), deployment(PATIENT));
    let mut browser = Browser::new(one.public());
    let codes = [(); 3].map(|()| code(&mut browser).unwrap());
    assert_eq!(one.stop("-TERM").code(), Some(0));
    for file in ["grantor-data/grantor.db", "grantor-data/server.key"] {
        std::fs::copy(world.path(file), beside.path(file)).unwrap();
    }
    let servers = [world.serve(&[]), beside.serve(&[])];
    let lifecycle = Lifecycle::new();
    let grants: Vec<_> = codes.into_iter().map(Shared::new).collect();
    run(&lifecycle, &servers, &grants, 1);
    println!("found: {}", lifecycle.check(Grace::Endless).expect_err("two records of one grant"));
}

/// A grant, and what anybody knows of it.
struct Shared {
    code: String,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    access: Vec<String>,
    refresh: Vec<String>,
}

impl Shared {
    fn new(code: String) -> Self {
        Self { code, known: Mutex::default() }
    }
}

fn share(lifecycle: &Lifecycle, servers: &[Server], seed: u64) {
    let mut browser = Browser::new(servers[0].public());
    for round in 0..ROUNDS {
        let grants: Vec<_> = (0..SHARED).map(|_| Shared::new(code(&mut browser).unwrap())).collect();
        // Of some the first thing that happens is a race for the code, which ends them; others live for a while.
        for grant in grants.iter().skip(1) {
            Visit { lifecycle, base: servers[0].public(), grant }.redeem();
        }
        run(lifecycle, servers, &grants, seed.wrapping_add(round as u64 * WORKERS));
    }
}

/// All workers at once, on these grants, until each has done its part.
fn run(lifecycle: &Lifecycle, servers: &[Server], grants: &[Shared], seed: u64) {
    let gate = Barrier::new(usize::try_from(WORKERS).unwrap());
    std::thread::scope(|scope| {
        for worker in 0..WORKERS {
            let gate = &gate;
            scope.spawn(move || {
                let mut chance = Chance::new(seed.wrapping_add(worker));
                gate.wait();
                for _ in 0..STEPS {
                    let base = servers[chance.below(servers.len())].public();
                    let grant = &grants[chance.below(grants.len())];
                    Visit { lifecycle, base, grant }.step(&mut chance);
                }
            });
        }
    });
}

/// What one worker does to one grant at one server.
struct Visit<'a> {
    lifecycle: &'a Lifecycle,
    base: &'a str,
    grant: &'a Shared,
}

impl Visit<'_> {
    fn step(&self, chance: &mut Chance) {
        let any = |known: &[String], chance: &mut Chance| known[chance.below(known.len())].clone();
        let (access, current, old) = {
            let known = self.grant.known.lock().unwrap();
            let Some(current) = known.refresh.last().cloned() else {
                drop(known);
                return self.redeem();
            };
            (any(&known.access, chance), current, any(&known.refresh, chance))
        };
        match chance.below(1000) {
            0..5 => self.redeem(),
            5..250 => self.refresh(current),
            // A replay, if it is not just about to be replaced.
            250..255 => self.refresh(old),
            255..262 => self.end(Asked::EndGrant, &old),
            262..320 => self.end(Asked::EndToken(access.clone()), &access),
            320..700 => self.look(access),
            700..900 => self.look(current),
            _ => self.look(old),
        }
    }

    /// The answer; none if that is put off, as by a server that lost too many races.
    fn ask(&self, request: &Request) -> Option<Answer> {
        Some(request.send(self.base)).filter(|answer| answer.status != 503)
    }

    fn redeem(&self) {
        let begun = self.lifecycle.begin(&self.grant.code, Asked::Redeem);
        let answer = self.ask(&redeem(&self.grant.code));
        self.given(begun, answer);
    }

    fn refresh(&self, token: String) {
        let request = refresh(&token);
        let begun = self.lifecycle.begin(&self.grant.code, Asked::Refresh(token));
        let answer = self.ask(&request);
        self.given(begun, answer);
    }

    fn given(&self, begun: Begun<'_>, answer: Option<Answer>) {
        let Some(answer) = answer else { return };
        if answer.status != 200 {
            assert_eq!(error(&answer), (400, "invalid_grant".to_owned()));
            return begun.told(Told::Refused);
        }
        let (access, refresh) = pair(&answer);
        begun.told(Told::Tokens { access: access.clone(), refresh: Some(refresh.clone()) });
        let mut known = self.grant.known.lock().unwrap();
        known.access.push(access);
        if !known.refresh.contains(&refresh) {
            known.refresh.push(refresh);
        }
    }

    fn end(&self, asked: Asked, by: &str) {
        let begun = self.lifecycle.begin(&self.grant.code, asked);
        if let Some(answer) = self.ask(&revoke("web", by)) {
            assert_eq!(answer.status, 200, "{}", answer.body);
            begun.told(Told::Ended);
        }
    }

    fn look(&self, token: String) {
        let request = introspect("web", &token);
        let begun = self.lifecycle.begin(&self.grant.code, Asked::Introspect(token));
        if let Some(answer) = self.ask(&request) {
            begun.told(Told::Active(answer.json()["active"].as_bool().unwrap()));
        }
    }
}
