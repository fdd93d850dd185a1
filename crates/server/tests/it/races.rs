//! Races over HTTP, through every server there is: of all who ask at the same moment one is granted it (T01, T05, T08,
//! T10, B03, H05).

use std::sync::Barrier;
use std::time::Instant;

use crate::backend::{Backend, on};
use crate::browser::Browser;
use crate::deployment::{code, deployment_on, error, is_active, pair, redeem, refresh};
use crate::http::{Answer, Request};
use crate::world::{Server, World};

/// How many ask at once, and how often.
const AT_ONCE: [usize; 4] = [2, 8, 32, 128];
const ROUNDS: usize = 50;

/// As many servers as the backend allows, on one set of records.
pub(crate) fn servers(backend: &Backend, world: &World) -> Vec<Server> {
    let names = if backend.is_shared() { &["a-", "b-"][..] } else { &["a-"] };
    names.iter().map(|name| world.serve_as(name, &[])).collect()
}

/// The answers to one request that all servers together get so many times at the same moment.
pub(crate) fn all_at_once(request: &Request, servers: &[Server], count: usize) -> Vec<Answer> {
    let barrier = Barrier::new(count);
    std::thread::scope(|scope| {
        let send = |n: usize| {
            let (barrier, base) = (&barrier, servers[n % servers.len()].public());
            scope.spawn(move || {
                let held = request.hold(base).unwrap();
                barrier.wait();
                held.finish().unwrap()
            })
        };
        let senders: Vec<_> = (0..count).map(send).collect();
        senders.into_iter().map(|sender| sender.join().unwrap()).collect()
    })
}

/// The one answer that granted it; all others must have refused.
pub(crate) fn only_one(answers: Vec<Answer>) -> Answer {
    let (mut granted, refused): (Vec<_>, Vec<_>) =
        answers.into_iter().partition(|answer| answer.status == 200);
    assert_eq!(granted.len(), 1, "granted more than once, or never");
    for answer in refused {
        assert_eq!(error(&answer), (400, "invalid_grant".to_owned()), "{}", answer.body);
    }
    granted.pop().unwrap()
}

// T01, B03
on!(of_any_number_one_redeems_a_code: sqlite, sled, redis, redis_cluster);

fn of_any_number_one_redeems_a_code(backend: Backend) {
    let world = deployment_on(&backend, "");
    let servers = servers(&backend, &world);
    let mut browser = Browser::new(servers[0].public());
    for count in AT_ONCE {
        for _ in 0..ROUNDS {
            let code = code(&mut browser).unwrap();
            let (access, refresh) = pair(&only_one(all_at_once(&redeem(&code), &servers, count)));
            for server in &servers {
                let worth = [&access, &refresh].map(|token| is_active(server.public(), "web", token));
                assert_eq!(worth, [false; 2], "those who came late replayed the code");
            }
        }
    }
}

// T01, H05
on!(without_grace_of_many_one_uses_a_refresh_token: sqlite, sled, redis, redis_cluster);

fn without_grace_of_many_one_uses_a_refresh_token(backend: Backend) {
    let world = deployment_on(&backend, "[refresh]\ngrace = \"0\"\n");
    let servers = servers(&backend, &world);
    let mut browser = Browser::new(servers[0].public());
    for _ in 0..ROUNDS {
        let (access, token) = pair(&redeem(&code(&mut browser).unwrap()).send(servers[0].public()));
        let (newer, successor) = pair(&only_one(all_at_once(&refresh(&token), &servers, 32)));
        for token in [access, token, newer, successor] {
            assert!(servers.iter().all(|server| !is_active(server.public(), "web", &token)));
        }
    }
}

/// Who refreshes in the same second.
const CLIENTS: usize = 1_000;

// T05
on!(a_thousand_who_refresh_at_once_are_each_served_once: sqlite, sled, redis);

fn a_thousand_who_refresh_at_once_are_each_served_once(backend: Backend) {
    let world = deployment_on(&backend, "[refresh]\ngrace = \"0\"\n");
    let servers = servers(&backend, &world);
    let grants = grants(&servers, CLIENTS);
    let barrier = Barrier::new(CLIENTS);
    let began = std::sync::Mutex::new(None::<Instant>);
    let answers: Vec<(&String, Answer)> = std::thread::scope(|scope| {
        let send = |n: usize| {
            let token = &grants[n];
            let (barrier, base, began) = (&barrier, servers[n % servers.len()].public(), &began);
            let small = std::thread::Builder::new().stack_size(256 * 1024);
            // One after the other: a connection that a full queue puts off for seconds would have the first ones time out.
            let held = refresh(token).hold(base).unwrap();
            let sender = small.spawn_scoped(scope, move || {
                barrier.wait();
                began.lock().unwrap().get_or_insert_with(Instant::now);
                (token, held.finish().unwrap())
            });
            sender.unwrap()
        };
        let senders: Vec<_> = (0..CLIENTS).map(send).collect();
        senders.into_iter().map(|sender| sender.join().unwrap()).collect()
    });
    println!("{CLIENTS} refreshed in {:?}", began.into_inner().unwrap().unwrap().elapsed());
    let mut successors = std::collections::BTreeSet::new();
    for (old, answer) in &answers {
        let (access, new) = pair(answer);
        let base = servers[0].public();
        let worth = [&access, &new, *old].map(|token| is_active(base, "web", token));
        assert_eq!(worth, [true, true, false]);
        assert!(successors.insert(new), "given to two");
    }
    assert_eq!(successors.len(), CLIENTS);
}

/// The refresh tokens of so many grants, made by several people's browsers at once.
fn grants(servers: &[Server], count: usize) -> Vec<String> {
    const BROWSERS: usize = 4;
    std::thread::scope(|scope| {
        let make = |n: usize| {
            scope.spawn(move || {
                let base = servers[n % servers.len()].public();
                let mut browser = Browser::new(base);
                let make = |_| pair(&redeem(&code(&mut browser).unwrap()).send(base)).1;
                (0..count / BROWSERS).map(make).collect::<Vec<_>>()
            })
        };
        let makers: Vec<_> = (0..BROWSERS).map(make).collect();
        makers.into_iter().flat_map(|maker| maker.join().unwrap()).collect()
    })
}

// T08
on!(first_starts_at_once_make_one_deployment: sqlite, redis, redis_cluster);

fn first_starts_at_once_make_one_deployment(backend: Backend) {
    // Each on records of its own; of those a cluster has only one.
    let rounds = if let Backend::Cluster(_) = &backend { 1 } else { 5 };
    for round in 0..rounds {
        let world = World::new();
        let url = backend.url();
        let url = url.strip_suffix("/0").map_or(url.clone(), |server| format!("{server}/{round}"));
        world.write("grantor.toml", &format!("[storage]\nurl = \"{url}\"\n"));
        let names = ["a-", "b-", "c-", "d-"];
        let servers: Vec<Server> = std::thread::scope(|scope| {
            let starts: Vec<_> = names.map(|name| scope.spawn(|| world.serve_as(name, &[]))).into();
            starts.into_iter().map(|start| start.join().unwrap()).collect()
        });
        let sets: Vec<_> =
            servers.iter().map(|s| Request::get("/.well-known/jwks.json").send(s.public()).json()).collect();
        assert_eq!(sets[0]["keys"].as_array().unwrap().len(), 1, "{}", sets[0]);
        assert!(sets.iter().all(|set| *set == sets[0]), "{sets:?}");
        assert_eq!(world.json(&["key", "list"]).as_array().unwrap().len(), 1);
        for command in [&["client", "list"][..], &["user", "list"]] {
            assert_eq!(world.json(command), serde_json::json!([]), "nobody was made by the way");
        }
        assert_eq!(world.json(&["store", "check"])["problems"], serde_json::json!([]));
    }
}

// T10
on!(a_thousand_requests_broken_off_leave_nothing_behind: sqlite, sled, redis);

fn a_thousand_requests_broken_off_leave_nothing_behind(backend: Backend) {
    let world = deployment_on(&backend, "");
    let server = world.serve(&[]);
    let base = server.public();
    let mut browser = Browser::new(base);
    let codes: Vec<_> = (0..20).map(|_| code(&mut browser).unwrap()).collect();
    let open = || std::fs::read_dir(format!("/proc/{}/fd", server.id())).unwrap().count();
    until_ready(base);
    let before = open();
    for (n, code) in codes.iter().cycle().take(1_000).enumerate() {
        // Some after a few bytes, some before the last, and some when the answer comes.
        let request = redeem(code);
        let whole = request.bytes(base).len();
        match n % 3 {
            0 => request.break_off_before_the_answer(base),
            1 => request.break_off_after(base, whole - 1),
            _ => request.break_off_after(base, n * 7 % whole),
        }
    }
    until_ready(base);
    crate::world::until(|| (open() <= before).then_some(()));
    // B15: whatever came of those, nobody is given a second set of tokens.
    let granted = codes.iter().filter(|code| redeem(code).send(base).status == 200).count();
    assert_eq!(granted, 0, "each was asked for to the end by somebody who went away then");
    for code in &codes {
        assert_eq!(error(&redeem(code).send(base)), (400, "invalid_grant".to_owned()));
    }
    let (access, _) = pair(&redeem(&self::code(&mut browser).unwrap()).send(base));
    assert!(is_active(base, "web", &access));
    assert_eq!(server.stop("-TERM").code(), Some(0), "nothing holds it up");
}

fn until_ready(base: &str) {
    crate::world::until(|| (crate::world::get(base, "/health/ready").0 == 200).then_some(()));
}
