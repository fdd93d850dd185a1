//! Another process keeps the database to itself (S10).

use std::time::{Duration, Instant};

use rusqlite::Connection;

use crate::browser::Browser;
use crate::deployment::{
    REDIRECT, VERIFIER, authorize, client_credentials, code, deployment, is_active, pair, redeem, refresh,
    revoke,
};
use crate::http::Request;
use crate::world::get;

/// Whoever asks has an answer by then.
const PATIENCE: Duration = Duration::from_secs(2);

#[test]
fn while_another_process_holds_the_database_writes_are_put_off_and_nothing_valid_is_refused() {
    let world = deployment("");
    let server = world.serve(&[]);
    let base = server.public();
    let mut browser = Browser::new(base);
    let waiting = code(&mut browser).unwrap();
    let (access, token) = pair(&redeem(&code(&mut browser).unwrap()).send(base));
    let own = client_credentials("svc").send(base).text("access_token");
    let unsent = code(&mut browser).unwrap();
    assert!(is_active(base, "web", &access));

    let other = Connection::open(world.path("grantor-data/grantor.db")).unwrap();
    other.busy_timeout(Duration::from_secs(10)).unwrap();
    let writes = || vec![redeem(&waiting), refresh(&token), client_credentials("svc"), revoke("svc", &own)];
    // Once, and once more for a while after the first have given up.
    for _ in 0..2 {
        other.execute_batch("BEGIN EXCLUSIVE").unwrap();
        for _ in 0..2 {
            std::thread::scope(|scope| {
                for request in writes() {
                    scope.spawn(move || {
                        let begun = Instant::now();
                        let answer = request.send(base);
                        let took = begun.elapsed();
                        assert_eq!(answer.status, 503, "{}", answer.body);
                        assert_eq!(answer.text("error"), "temporarily_unavailable");
                        let after: u64 = answer.header("retry-after").unwrap().parse().unwrap();
                        assert!((1..=60).contains(&after));
                        assert!(took < PATIENCE, "{took:?}");
                    });
                }
            });
        }
        assert!(is_active(base, "web", &access), "what can be read is read");
        assert_eq!(get(base, "/.well-known/jwks.json").0, 200);
        assert_eq!(get(base, "/health/alive").0, 200);
        other.execute_batch("ROLLBACK").unwrap();
        // Nobody did anything to it, and the very same requests go through.
        assert!(is_active(base, "svc", &own), "a revocation that was refused has not happened");
        assert_eq!(client_credentials("svc").send(base).status, 200);
    }
    for request in writes() {
        assert_eq!(request.send(base).status, 200);
    }
    assert!(!is_active(base, "svc", &own));
    assert_eq!(redeem(&unsent).send(base).status, 200);
}

/// Whoever keeps the database to himself for as long as this.
const HELD: [Duration; 2] = [Duration::from_secs(3), Duration::from_secs(60)];

#[test]
fn however_long_it_is_held_nobody_is_told_that_he_is_wrong() {
    let world = deployment("[lifetimes]\nauthorization_code = \"10m\"\n");
    let server = world.serve(&[]);
    let base = server.public();
    let mut browser = Browser::new(base);
    for held in HELD {
        let waiting = code(&mut browser).unwrap();
        let (access, token) = pair(&redeem(&code(&mut browser).unwrap()).send(base));
        let other = Connection::open(world.path("grantor-data/grantor.db")).unwrap();
        other.busy_timeout(Duration::from_secs(10)).unwrap();
        other.execute_batch("BEGIN EXCLUSIVE").unwrap();
        let begun = Instant::now();
        let requests = [redeem(&waiting), refresh(&token), revoke("web", &token)];
        let answers: Vec<usize> = std::thread::scope(|scope| {
            let (begun, access) = (&begun, &access);
            let ask = |request| {
                let put_off = move || {
                    let mut answers = 0;
                    // Each waits its time out, so that few are asked.
                    while begun.elapsed() < held {
                        let answer = Request::send(request, base);
                        assert_eq!(answer.status, 503, "{}", answer.body);
                        assert_eq!(answer.text("error"), "temporarily_unavailable");
                        assert!(answer.header("retry-after").is_some());
                        assert!(answer.took < PATIENCE, "{:?}", answer.took);
                        assert!(is_active(base, "web", access), "what can be read is read");
                        answers += 1;
                    }
                    answers
                };
                scope.spawn(put_off)
            };
            let asking: Vec<_> = requests.iter().map(ask).collect();
            asking.into_iter().map(|asking| asking.join().unwrap()).collect()
        });
        println!("held for {held:?}: put off {answers:?} times");
        other.execute_batch("ROLLBACK").unwrap();
        for request in requests {
            assert_eq!(request.send(base).status, 200, "once it is free");
        }
    }
}

#[test]
fn a_person_is_asked_to_wait_and_his_decision_still_counts_afterwards() {
    let world = deployment("");
    let server = world.serve(&[]);
    let mut browser = Browser::new(server.public());
    code(&mut browser).unwrap();
    // Of an application without a secret he is asked each time.
    let consent = browser.open(&authorize("spa")).unwrap();
    let other = Connection::open(world.path("grantor-data/grantor.db")).unwrap();
    other.busy_timeout(Duration::from_secs(10)).unwrap();
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let begun = Instant::now();
    let decided = browser.submit(&consent, &[("decision", "approve")]).unwrap();
    assert!(begun.elapsed() < PATIENCE);
    let asked = browser.open(&authorize("spa")).unwrap();
    assert!(begun.elapsed() < 2 * PATIENCE);
    for page in [&decided, &asked] {
        assert_eq!(page.status, 503, "{}", page.body);
        assert!(page.header("retry-after").is_some() && page.header("location").is_none());
    }
    other.execute_batch("ROLLBACK").unwrap();
    let back = browser.submit(&consent, &[("decision", "approve")]).unwrap();
    let code = back.parameter("code").unwrap_or_else(|| panic!("{} {}", back.status, back.body));
    let redemption = [
        ("grant_type", "authorization_code"),
        ("client_id", "spa"),
        ("code", code.as_str()),
        ("redirect_uri", REDIRECT),
        ("code_verifier", VERIFIER),
    ];
    assert_eq!(Request::post("/oauth2/token", &redemption).send(server.public()).status, 200);
}

#[test]
fn a_command_says_that_the_database_is_held() {
    let world = deployment("");
    let other = Connection::open(world.path("grantor-data/grantor.db")).unwrap();
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let said = world.run(&["client", "update", "svc", "--disabled", "true"]);
    assert_eq!((said.code, said.out.as_str()), (Some(1), ""), "{}", said.err);
    assert!(said.err.contains("grantor.db"), "{}", said.err);
    other.execute_batch("ROLLBACK").unwrap();
    assert_ne!(world.json(&["client", "show", "svc"])["disabled"], true, "it was not done after all");
    assert_eq!(world.json(&["client", "update", "svc", "--disabled", "true"])["disabled"], true);
}
