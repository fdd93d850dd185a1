//! What Redis refuses, forgets or cuts off is tried again or put off, and never told as if the client were wrong (S22,
//! S23).

use crate::backend::{Backend, on};
use crate::browser::Browser;
use crate::deployment::{client_credentials, code, deployment_on, is_active, pair, redeem, refresh, revoke};
use crate::http::{Answer, Request};
use crate::world::{get, until};

fn assert_put_off(answer: &Answer) {
    assert_eq!(answer.status, 503, "{}", answer.body);
    assert_eq!(answer.text("error"), "temporarily_unavailable");
    assert!(answer.header("retry-after").is_some());
}

// S22
on!(forgotten_scripts_and_cut_connections_are_nobodys_fault: redis, redis_cluster);

fn forgotten_scripts_and_cut_connections_are_nobodys_fault(mut backend: Backend) {
    let world = deployment_on(&backend, "[refresh]\ngrace = \"1h\"\n");
    let server = world.serve(&[]);
    let base = server.public();
    let (_, mut token) = pair(&redeem(&code(&mut Browser::new(base)).unwrap()).send(base));
    let mut put_off = 0;
    for round in 0..40 {
        let words = [&["SCRIPT", "FLUSH"][..], &["CLIENT", "KILL", "TYPE", "normal"]][round % 2];
        for redis in backend.all_redis() {
            redis.say(words).unwrap();
        }
        // As a client does it: what was put off is asked again.
        let answer = until(|| {
            let answer = refresh(&token).send(base);
            if answer.status == 503 {
                assert_put_off(&answer);
                put_off += 1;
                return None;
            }
            Some(answer)
        });
        let (access, successor) = pair(&answer);
        assert!(is_active(base, "web", &access) && is_active(base, "web", &successor));
        token = successor;
    }
    println!("put off {put_off} times in 40 rounds");
    assert!(put_off <= 40, "a forgotten script alone puts nobody off");
}

/// While Redis takes no writes: who writes is put off, who reads is answered, and afterwards all is as if nothing had been.
fn without_writes(mut backend: Backend, words: &str, begin: &[&str], end: &[&str]) {
    let world = deployment_on(&backend, "");
    let server = world.serve(&[]);
    let base = server.public();
    let mut browser = Browser::new(base);
    let waiting = code(&mut browser).unwrap();
    let (access, token) = pair(&redeem(&code(&mut browser).unwrap()).send(base));
    let own = client_credentials("svc").send(base).text("access_token");
    let writes: [Request; 4] =
        [redeem(&waiting), refresh(&token), client_credentials("svc"), revoke("svc", &own)];

    assert_eq!(backend.one_redis().say(begin).unwrap(), "OK");
    for _ in 0..3 {
        for request in &writes {
            assert_put_off(&request.send(base));
        }
        assert!(is_active(base, "web", &access) && is_active(base, "svc", &own), "reads go on");
        assert!(is_active(base, "web", &token), "a refresh that was put off has not happened");
        assert_eq!(get(base, "/.well-known/jwks.json").0, 200);
    }
    assert!(world.read("stderr").contains(words), "the operator is told why");
    assert_eq!(backend.one_redis().say(end).unwrap(), "OK");
    for request in &writes {
        assert_eq!(until(|| Some(request.send(base)).filter(|answer| answer.status != 503)).status, 200);
    }
    assert!(!is_active(base, "svc", &own));
    until(|| (get(base, "/health/ready").0 == 200).then_some(()));
}

// S22
on!(a_redis_that_became_a_replica_puts_writes_off: redis);

fn a_redis_that_became_a_replica_puts_writes_off(backend: Backend) {
    without_writes(backend, "READONLY", &["REPLICAOF", "127.0.0.1", "1"], &["REPLICAOF", "NO", "ONE"]);
}

// S23
on!(a_full_redis_puts_writes_off: redis);

fn a_full_redis_puts_writes_off(backend: Backend) {
    without_writes(
        backend,
        "OOM",
        &["CONFIG", "SET", "maxmemory", "1"],
        &["CONFIG", "SET", "maxmemory", "0"],
    );
}
