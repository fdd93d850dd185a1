//! The server is killed as it works, over and over on one set of records, and keeps every word it gave.

use std::sync::atomic::AtomicBool;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use grantor_testkit::lifecycle::{Grace, Lifecycle};

use super::chance::Chance;
use super::worker::{Heard, Worker};
use super::{PATIENT, assert_honest, figures};
use crate::backend::{Backend, on};
use crate::deployment::deployment_on;
use crate::world::{DEADLINE, Server};

const KILLS: usize = 100;
/// Of sled, whose state is told as doubtful, more is asked (S17).
const KILLS_ON_SLED: usize = 200;
const WORKERS: u64 = 6;
/// How soon a server is ready that was killed at any moment (S01), and how soon it commonly is.
const READY: Duration = Duration::from_secs(10);
const COMMONLY_READY: Duration = Duration::from_secs(1);

// S01, S02, S17
on!(a_server_killed_at_any_moment_keeps_every_word_it_gave: sqlite, sled, redis);

fn a_server_killed_at_any_moment_keeps_every_word_it_gave(backend: Backend) {
    let seed = Chance::seed();
    println!("GRANTOR_TEST_SEED={seed}");
    let world = deployment_on(&backend, PATIENT);
    let mut chance = Chance::new(seed);
    let lifecycle = Lifecycle::new();
    let (tell, told) = channel();
    let mut workers: Vec<_> = (0..WORKERS).map(|n| Worker::new(&lifecycle, tell.clone(), seed, n)).collect();

    let kills = if let Backend::Sled = backend { KILLS_ON_SLED } else { KILLS };
    let mut server = world.serve(&[]);
    let mut starts = Vec::new();
    for kill in 1..=kills {
        work_until_killed(&mut workers, server, &told, 5 + chance.below(45));
        // As it stands, with nobody's help.
        server = world.serve(&[]);
        starts.push(server.started_in);
        each(&mut workers, |worker| worker.look_back(server.public()));
        if kill % 10 == 0 {
            assert_honest(&lifecycle, Grace::Endless, &format!("kill {kill}, GRANTOR_TEST_SEED={seed}"));
        }
    }
    each(&mut workers, |worker| worker.look_back_at_all(server.public()));
    let checked = assert_honest(&lifecycle, Grace::Endless, &format!("the end, GRANTOR_TEST_SEED={seed}"));

    let figures = figures(&lifecycle);
    println!("{kills} kills: {checked:?} {figures:?}");
    for worker in &workers {
        println!("{:?}, slowest answer {:?}", worker.tally, worker.slowest);
    }
    starts.sort();
    println!("ready after a kill in {:?} (median), {:?} (most)", starts[kills / 2], starts[kills - 1]);
    assert!(figures.is_mixed(), "{figures:?}");
    let hit: usize = workers.iter().map(|worker| worker.tally.refreshes_lost_after_commit).sum();
    assert!(checked.unanswered > 0 && hit > 0, "no kill came between a commit and its answer");
    assert!(starts[kills / 2] < COMMONLY_READY && starts[kills - 1] < READY, "{starts:?}");
}

// The known-bad subjects: whatever an honest server can be started on, with words missing.

#[test]
fn a_database_that_forgets_is_found_out() {
    let mut backend = Backend::Sqlite;
    forgets(&mut backend, |_, world| {
        // What had not yet been moved out of the log.
        for companion in ["wal", "shm"] {
            std::fs::remove_file(world.path(&format!("grantor-data/grantor.db-{companion}"))).unwrap();
        }
    });
}

on!(records_put_back_from_an_older_copy_are_found_out: sqlite, sled, redis);

fn records_put_back_from_an_older_copy_are_found_out(mut backend: Backend) {
    forgets(&mut backend, |backend, world| backend.put_back(world));
}

fn forgets(backend: &mut Backend, lose: impl FnOnce(&mut Backend, &crate::world::World)) {
    let world = deployment_on(backend, PATIENT);
    let lifecycle = Lifecycle::new();
    let (tell, told) = channel();
    let mut workers: Vec<_> = (0..WORKERS).map(|n| Worker::new(&lifecycle, tell.clone(), 7, n)).collect();
    work_until_killed(&mut workers, world.serve(&[]), &told, 40);
    backend.copy_aside(&world);
    let server = world.serve(&[]);
    each(&mut workers, |worker| worker.look_back(server.public()));
    assert_honest(&lifecycle, Grace::Endless, "before anything is lost");
    work_until_killed(&mut workers, server, &told, 80);
    lose(backend, &world);
    let server = world.serve(&[]);
    // What is wrong shows in answers; a worker that takes one for impossible shows it, too.
    each(&mut workers, |worker| worker.look_back(server.public()));
    let violation = lifecycle.check(Grace::Endless).expect_err("words are missing, and nobody noticed");
    println!("found: {violation}");
}

/// Lets all work, and kills the server once so many answers have come, whatever else it is doing then.
pub(super) fn work_until_killed(
    workers: &mut [Worker<'_>],
    server: Server,
    told: &Receiver<Heard>,
    answers: usize,
) {
    let (base, never) = (server.public().to_owned(), AtomicBool::new(false));
    std::thread::scope(|scope| {
        for worker in workers {
            scope.spawn(|| worker.work(&base, &never));
        }
        hear(told, Heard::Acknowledged, answers);
        server.kill();
    });
    while told.try_recv().is_ok() {}
}

/// Waits for so many answers of a kind.
pub(super) fn hear(told: &Receiver<Heard>, what: Heard, count: usize) {
    let mut missing = count;
    while missing > 0 {
        let heard = told.recv_timeout(DEADLINE).unwrap_or_else(|e| panic!("waiting for {what:?}: {e}"));
        missing -= usize::from(heard == what);
    }
}

/// All workers at once.
pub(super) fn each<'w, 'a: 'w>(
    workers: impl IntoIterator<Item = &'w mut Worker<'a>>,
    work: impl Fn(&mut Worker<'a>) + Sync,
) {
    std::thread::scope(|scope| {
        for worker in workers {
            scope.spawn(|| work(worker));
        }
    });
}
