//! Redis is killed under a server that works: whoever asks is answered in time and truly, and it goes on by itself.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use grantor_testkit::lifecycle::{Grace, Lifecycle};

use super::chance::Chance;
use super::killed_server::{each, hear};
use super::worker::{Heard, Worker};
use super::{PATIENT, assert_honest, figures};
use crate::backend::{Backend, on};
use crate::browser::Browser;
use crate::deployment::{
    client_credentials, code, deployment_on, error, introspect, is_active, pair, redeem, refresh, revoke,
};
use crate::http::Answer;
use crate::world::{get, until};

const KILLS: usize = 20;
const WORKERS: u64 = 6;
/// Whoever asks has an answer by then.
const PATIENCE: Duration = Duration::from_secs(2);

// S19
on!(while_redis_is_gone_all_are_put_off_in_time_and_nothing_is_lost: redis);

fn while_redis_is_gone_all_are_put_off_in_time_and_nothing_is_lost(mut backend: Backend) {
    let seed = Chance::seed();
    println!("GRANTOR_TEST_SEED={seed}");
    let world = deployment_on(&backend, PATIENT);
    let server = world.serve(&[]);
    let base = server.public();
    let mut chance = Chance::new(seed);
    let lifecycle = Lifecycle::new();
    let (tell, told) = channel();
    let mut workers: Vec<_> = (0..WORKERS).map(|n| Worker::new(&lifecycle, tell.clone(), seed, n)).collect();
    let (mut back, mut hung) = (Vec::new(), 0);
    for kill in 1..=KILLS {
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for worker in &mut workers {
                scope.spawn(|| worker.work(base, &stop));
            }
            hear(&told, Heard::Acknowledged, 5 + chance.below(60));
            if kill % 4 == 0 {
                // It does not always die at once: some hang before.
                hung += 1;
                backend.one_redis().signal("STOP");
                hear(&told, Heard::PutOff, 1);
            }
            backend.one_redis().kill();
            hear(&told, Heard::PutOff, 1 + chance.below(30));
            assert_eq!(get(base, "/health/alive").0, 200);
            assert_eq!(get(base, "/health/ready").0, 503, "it says that it cannot serve");
            let begun = Instant::now();
            backend.one_redis().begin().unwrap();
            hear(&told, Heard::Acknowledged, 1);
            back.push(begun.elapsed());
            hear(&told, Heard::Acknowledged, 10);
            stop.store(true, Ordering::Release);
        });
        while told.try_recv().is_ok() {}
        until(|| (get(base, "/health/ready").0 == 200).then_some(()));
        each(&mut workers, |worker| worker.look_back(base));
        assert_honest(&lifecycle, Grace::Endless, &format!("kill {kill}, GRANTOR_TEST_SEED={seed}"));
    }
    each(&mut workers, |worker| worker.look_back_at_all(base));
    let checked = assert_honest(&lifecycle, Grace::Endless, &format!("the end, GRANTOR_TEST_SEED={seed}"));
    assert_eq!(world.json(&["store", "check"])["problems"], serde_json::json!([]));
    let figures = figures(&lifecycle);
    let slowest = workers.iter().map(|worker| worker.slowest_to_put_off).max().unwrap();
    let put_off: usize = workers.iter().map(|worker| worker.tally.put_off).sum();
    back.sort();
    println!("{KILLS} kills of Redis, {hung} after a hang: {checked:?} {figures:?}, put off {put_off}");
    println!(
        "slowest to be put off {slowest:?}; served again after Redis was started in {:?} (median), {:?} (most)",
        back[KILLS / 2],
        back[KILLS - 1]
    );
    for worker in &workers {
        println!("{:?}", worker.tally);
    }
    assert!(figures.is_mixed() && put_off > KILLS, "{figures:?}, {put_off}");
    assert!(slowest < PATIENCE, "{slowest:?}");
}

// S20
on!(a_redis_that_comes_back_empty_gives_nothing_and_revives_nothing: redis);

fn a_redis_that_comes_back_empty_gives_nothing_and_revives_nothing(mut backend: Backend) {
    let world = deployment_on(&backend, PATIENT);
    let server = world.serve(&[]);
    let base = server.public();
    let mut browser = Browser::new(base);
    let waiting = code(&mut browser).unwrap();
    let (access, token) = pair(&redeem(&code(&mut browser).unwrap()).send(base));
    let [live, revoked] = [(); 2].map(|()| client_credentials("jws").send(base).text("access_token"));
    let reference = client_credentials("svc").send(base).text("access_token");
    assert_eq!(revoke("jws", &revoked).send(base).status, 200);
    assert!(is_active(base, "jws", &live) && !is_active(base, "jws", &revoked));

    backend.one_redis().kill();
    backend.one_redis().wipe().unwrap();
    backend.one_redis().begin().unwrap();
    // Clients are gone as well, so that nobody is left who might be told anything wrong.
    let gone = [
        (redeem(&waiting), "web"),
        (refresh(&token), "web"),
        (introspect("web", &access), "web"),
        (introspect("jws", &revoked), "jws"),
    ];
    for (request, client) in &gone {
        // For a moment it may go by what it knew of the client, and then finds nothing that was the client's.
        let answer = until(|| {
            let answer = request.send(base);
            assert!(answer.status != 200 || answer.json()["active"] == false, "{client}: {}", answer.body);
            Some(answer).filter(|answer| answer.status == 401)
        });
        assert_eq!(error(&answer), (401, "invalid_client".to_owned()), "{client}: {}", answer.body);
    }
    // The same registrations again, as an operator would import them.
    let said = world.run(&["import", "deployment.json"]);
    assert_eq!(said.code, Some(0), "{}", said.err);
    for request in [redeem(&waiting), refresh(&token)] {
        let answer = until_served(|| request.send(base));
        assert_eq!(error(&answer), (400, "invalid_grant".to_owned()));
    }
    let worthless = [("web", &access), ("web", &token), ("svc", &reference), ("jws", &revoked)];
    for (client, token) in worthless {
        assert!(!is_active(base, client, token), "{client}");
        assert_eq!(introspect("rs", token).send(base).json()["active"], false);
    }
    // A browser's session is over, and what is begun anew works, for the server that ran through and for a new one.
    let fresh = client_credentials("jws").send(base).text("access_token");
    assert!(is_active(base, "jws", &fresh), "the new keys sign");
    let (access, _) = pair(&redeem(&code(&mut Browser::new(base)).unwrap()).send(base));
    server.kill();
    let server = world.serve(&[]);
    let base = server.public();
    assert!(is_active(base, "web", &access) && is_active(base, "jws", &fresh));
    for (client, token) in worthless {
        assert!(!is_active(base, client, token), "{client}, after a restart");
    }
}

/// The answer, once it is one: at first the server may not know yet that Redis is back.
fn until_served(ask: impl Fn() -> Answer) -> Answer {
    until(|| Some(ask()).filter(|answer| answer.status != 503))
}
