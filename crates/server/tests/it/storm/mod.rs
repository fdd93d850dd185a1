//! The server is killed as it works, over and over on one database, and keeps every word it gave (S01, S02, S04).

mod chance;
mod history;
mod worker;

use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use grantor_core::credential::AccessToken;

use chance::Chance;
use history::{Fact, Recorder, Violation, judge, story};
use worker::Worker;

use crate::deployment::deployment;
use crate::world::{DEADLINE, Server};

const KILLS: usize = 20;
const WORKERS: u64 = 6;
/// How soon a server must be ready that was killed at any moment.
const READY: Duration = Duration::from_secs(1);

#[test]
fn a_server_killed_at_any_moment_keeps_every_word_it_gave() {
    let seed = Chance::seed();
    println!("GRANTOR_TEST_SEED={seed}");
    let world = deployment("[refresh]\ngrace = \"60s\"\n");
    let mut chance = Chance::new(seed);
    let recorder = Recorder::new();
    let (tell, told) = channel();
    let mut workers: Vec<_> =
        (0..WORKERS).map(|n| Worker::new(&recorder, tell.clone(), seed.wrapping_add(n + 1))).collect();

    let mut server = world.serve(&[]);
    let mut starts = Vec::new();
    for kill in 0..KILLS {
        work_until_killed(&mut workers, server, &told, 20 + chance.below(130));
        server = world.serve(&[]);
        starts.push(server.started_in);
        look_back(&mut workers, &server);
        assert_kept(&recorder, &format!("kill {kill}, GRANTOR_TEST_SEED={seed}"));
    }

    let base = server.public().to_owned();
    let given = all_given(&recorder);
    std::thread::scope(|scope| {
        for (n, worker) in workers.iter_mut().enumerate() {
            let (base, mine) =
                (&base, given.iter().skip(n).step_by(usize::try_from(WORKERS).unwrap()).cloned());
            scope.spawn(move || worker.look_back_at_all(base, mine));
        }
    });
    assert_kept(&recorder, &format!("the end, GRANTOR_TEST_SEED={seed}"));

    let history = recorder.entries();
    let count = |is: fn(&Fact) -> bool| history.iter().filter(|entry| is(&entry.fact)).count();
    let (revoked, redeemed) =
        (count(|f| matches!(f, Fact::Revoked(_))), count(|f| matches!(f, Fact::Redeemed { .. })));
    let (replaced, found) =
        (count(|f| matches!(f, Fact::Replaced { .. })), count(|f| matches!(f, Fact::Found { .. })));
    println!(
        "{KILLS} kills: tokens given {}, codes redeemed {redeemed}, refresh tokens replaced {replaced}, revocations \
         acknowledged {revoked}; looked at {found} times",
        given.len()
    );
    for worker in &workers {
        println!("{:?}", worker.tally);
    }
    starts.sort();
    println!("ready after a kill in {:?} (median), {:?} (most)", starts[KILLS / 2], starts[KILLS - 1]);
    assert!(revoked > 0 && redeemed > 0 && replaced > 0, "the workload was not mixed");
    assert!(starts.iter().all(|start| *start < READY), "{starts:?}");
}

/// Lets all work, and kills the server once so many answers have come, whatever else it is doing then.
fn work_until_killed(workers: &mut [Worker<'_>], server: Server, told: &Receiver<()>, answers: usize) {
    let base = server.public().to_owned();
    std::thread::scope(|scope| {
        let base = &base;
        for worker in workers {
            scope.spawn(move || worker.work(base));
        }
        for _ in 0..answers {
            told.recv_timeout(DEADLINE).expect("the workers work");
        }
        server.kill();
    });
    while told.try_recv().is_ok() {}
}

fn look_back(workers: &mut [Worker<'_>], server: &Server) {
    std::thread::scope(|scope| {
        for worker in workers {
            scope.spawn(move || worker.look_back(server.public()));
        }
    });
}

// The known-bad subject: a database that loses what it had not yet moved out of its log.
#[test]
fn a_database_that_forgets_is_found_out() {
    let world = deployment("");
    let recorder = Recorder::new();
    let (tell, told) = channel();
    let mut workers: Vec<_> = (0..WORKERS).map(|n| Worker::new(&recorder, tell.clone(), n)).collect();
    work_until_killed(&mut workers, world.serve(&[]), &told, 40);
    for companion in ["wal", "shm"] {
        std::fs::remove_file(world.path(&format!("grantor-data/grantor.db-{companion}"))).unwrap();
    }
    look_back(&mut workers, &world.serve(&[]));
    let violations = judge(&recorder.entries());
    assert!(violations.iter().any(|violation| matches!(violation, Violation::Lost(_))), "{violations:?}");
}

fn assert_kept(recorder: &Recorder, when: &str) {
    let history = recorder.entries();
    let violations = judge(&history);
    let stories: Vec<_> = violations.iter().take(3).map(|violation| story(&history, violation)).collect();
    assert!(violations.is_empty(), "{} violations at {when}:\n{}", violations.len(), stories.join("\n"));
}

/// Every token there was, and whose it is.
fn all_given(recorder: &Recorder) -> Vec<(&'static str, String)> {
    let given = recorder.entries().into_iter().filter_map(|entry| {
        let Fact::Given { token, grant } = entry.fact else { return None };
        let client = match grant {
            Some(_) => "web",
            None if token.starts_with(AccessToken::PREFIX) => "svc",
            None => "jws",
        };
        Some((client, token))
    });
    given.collect()
}
