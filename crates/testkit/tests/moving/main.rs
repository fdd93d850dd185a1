//! A deployment moves from one store to another under load, and whatever goes wrong, the two are one register for each
//! key. Several servers serve from both stores; some of them served from the first alone before. Each copies. At some
//! moment another goes on with the second store alone. Operations fail, answers are lost, writes come late, and
//! operations are dropped half way.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    reason = "the helpers of tests are as much test, outside a test function"
)]

mod flawed;
mod world;

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use flawed::{Flaw, Flawed, mark};
use grantor_core::Time;
use grantor_core::record::{Expect, RecordKey, Version};
use grantor_store::{Advance, As, Copier, CopyState, Faults, MovingStore, Store, promote};
use grantor_testkit::ask::key;
use grantor_testkit::history::{Told, check};
use proptest::prelude::*;
use proptest::test_runner::{RngAlgorithm, TestError, TestRng, TestRunner};
use world::{Slow, World, pause, run};

/// How many runs a property has. Each flaw must be found within as many.
const CASES: u32 = 1_000;

/// How long a server waits for another to take over, in turns.
const PATIENCE: usize = 2_000;

/// What serves from both stores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Subject {
    /// The one that is proven here.
    MovingStore,
    /// The same in short, to see that the flaws are what is found.
    InShort(Option<Flaw>),
}

/// One run.
#[derive(Debug, Clone)]
struct Plan {
    seed: u64,
    servers: usize,
    /// How many of them begin with the first store alone.
    alone: usize,
    operations: usize,
    keys: usize,
    /// Of a thousand operations of a store, how many fail, and how many puts come late.
    faults: u32,
    late: u32,
    /// Of a thousand operations of a server, how many are dropped half way.
    dropped: u32,
}

fn plans() -> impl Strategy<Value = Plan> {
    let trouble = || prop_oneof![2 => Just(0), 2 => Just(30_u32), 1 => Just(150)];
    // Few keys, so that all meet at them; or so many that one is forgotten if it can be.
    let keys = prop_oneof![2 => 1..4_usize, 1 => 12..25_usize];
    (any::<u64>(), 1..4_usize, 0..3_usize, 4..30_usize, keys, trouble(), trouble(), trouble()).prop_map(
        |(seed, servers, alone, operations, keys, faults, late, dropped)| Plan {
            seed,
            servers,
            alone: alone.min(servers),
            operations,
            keys,
            faults,
            late,
            dropped,
        },
    )
}

/// A run's stores, and who has come how far.
struct Scene {
    subject: Subject,
    plan: Plan,
    world: Arc<World>,
    first: Arc<dyn Store>,
    second: Arc<dyn Store>,
    faults: [Faults; 2],
    joined: Cell<usize>,
    working: Cell<usize>,
    taken_over: Cell<bool>,
}

/// How a server reaches the stores, and copies.
enum Handle {
    Moving(Arc<MovingStore>),
    InShort(Arc<Flawed>),
}

impl Handle {
    fn store(&self) -> &dyn Store {
        match self {
            Handle::Moving(moving) => moving,
            Handle::InShort(flawed) => flawed,
        }
    }
}

impl Scene {
    fn new(subject: Subject, plan: Plan) -> Self {
        let world = World::new(plan.seed, plan.late);
        let (first, first_faults) = Slow::new(&world, plan.seed ^ 1, plan.faults);
        let (second, second_faults) = Slow::new(&world, plan.seed ^ 2, plan.faults);
        let (joined, working, taken_over) = (Cell::new(0), Cell::new(0), Cell::new(false));
        let faults = [first_faults, second_faults];
        Self { subject, plan, world, first, second, faults, joined, working, taken_over }
    }

    async fn join(&self, joining: As) -> Handle {
        loop {
            let (first, second) = (Arc::clone(&self.first), Arc::clone(&self.second));
            let joined = MovingStore::join(first, second, joining, "second", &mut self.world.entropy()).await;
            let Ok(moving) = joined else {
                pause().await;
                continue;
            };
            return match self.subject {
                Subject::MovingStore => Handle::Moving(Arc::new(moving)),
                Subject::InShort(flaw) => Handle::InShort(Arc::new(Flawed {
                    first: Arc::clone(&self.first),
                    second: Arc::clone(&self.second),
                    flaw,
                    second_leads: AtomicBool::new(moving.second_leads()),
                })),
            };
        }
    }

    fn key(&self) -> RecordKey {
        key(&format!("k{}", self.world.below(self.plan.keys)))
    }

    /// Reads and writes at random, mostly by what it saw last.
    async fn work(&self, store: &dyn Store, operations: usize, known: &mut Vec<(RecordKey, Expect)>) {
        for _ in 0..operations {
            let key = self.key();
            let dropped = self.world.hits(self.plan.dropped);
            let polls = if dropped { 1 + self.world.below(12) } else { usize::MAX };
            let mine: Vec<Expect> =
                known.iter().filter(|(of, _)| *of == key).map(|(_, expect)| *expect).collect();
            let reads = self.world.hits(500);
            let old = self.world.hits(150);
            if reads || mine.is_empty() {
                if let Ok(stored) = self.world.get(store, &key, polls).await {
                    let seen = stored.map_or(Expect::Absent, |stored| Expect::Version(stored.version));
                    known.push((key, seen));
                }
            } else {
                let at = if old { self.world.below(mine.len()) } else { mine.len() - 1 };
                let (version, told) = self.world.put(store, &key, mine[at], polls).await;
                if told == Told::Applied {
                    known.push((key, Expect::Version(version)));
                }
            }
            pause().await;
        }
    }

    /// A server that takes part in the move, restarted once in the middle; maybe it served from the first store alone
    /// before.
    async fn serve(&self, alone: bool) {
        let mut known = Vec::new();
        if alone {
            self.work(&*self.first, self.plan.operations / 2, &mut known).await;
        }
        let handle = self.join(As::Server).await;
        self.joined.set(self.joined.get() + 1);
        self.work(handle.store(), self.plan.operations, &mut known).await;
        let handle = self.join(As::Command).await;
        self.work(handle.store(), self.plan.operations, &mut known).await;
        // Most often another has taken over by then; in much trouble it may take for ever.
        for moment in 0..PATIENCE {
            if self.taken_over.get() {
                break;
            }
            if moment % 50 == 0 {
                self.work(handle.store(), 1, &mut known).await;
            }
            pause().await;
        }
        self.work(handle.store(), self.plan.operations, &mut known).await;
        self.working.set(self.working.get() - 1);
    }

    /// Copies as long as anybody works.
    async fn copy(&self) {
        let handle = self.join(As::Command).await;
        match handle {
            Handle::Moving(moving) => {
                let mut copier = Copier::new(moving);
                while self.working.get() > 0 {
                    let now = Time::from_unix_millis(0);
                    // Whatever fails is tried again.
                    if let Ok(Advance::Completed(_)) =
                        copier.step(now, self.world.running(), &mut self.world.entropy()).await
                    {
                        self.world.count("completed");
                    }
                    pause().await;
                }
            }
            Handle::InShort(flawed) => {
                while self.working.get() > 0 {
                    let version = Version::draw(&mut self.world.entropy());
                    let _tried_again = flawed.copy(version).await;
                    pause().await;
                }
            }
        }
    }

    /// Goes on with the second store alone, once every server has joined and the copy is complete.
    async fn take_over(&self) {
        while self.joined.get() < self.plan.servers {
            pause().await;
        }
        loop {
            let done = if self.subject == Subject::InShort(Some(Flaw::PromotesWithoutTheMark)) {
                mark(&*self.second).await.is_ok_and(|(here, _)| here.state == CopyState::Complete)
            } else {
                promote(&*self.second, &mut self.world.entropy()).await.is_ok()
            };
            if done {
                break;
            }
            if self.working.get() == 1 {
                // Nobody is left to see it; the end of the run takes over.
                self.working.set(0);
                return;
            }
            pause().await;
        }
        if self.working.get() > 1 {
            self.world.count("promoted under load");
        }
        self.taken_over.set(true);
        self.work(&*self.second, self.plan.operations, &mut Vec::new()).await;
        self.working.set(self.working.get() - 1);
    }

    /// Lands what is late, a little at a time.
    async fn weather(&self) {
        while self.working.get() > 0 {
            for _ in 0..1 + self.world.below(60) {
                pause().await;
            }
            self.world.land_one().await;
        }
    }

    /// All is calm again: whoever did not take over does so now, and everything is read once more, by both ways.
    async fn end(&self) {
        while self.world.land_one().await {}
        let old = self.join(As::Command).await;
        let keys: Vec<_> = (0..self.plan.keys).map(|n| key(&format!("k{n}"))).collect();
        for key in &keys {
            self.world.get(old.store(), key, usize::MAX).await.unwrap();
        }
        if self.subject != Subject::InShort(Some(Flaw::PromotesWithoutTheMark)) {
            self.complete().await;
            promote(&*self.second, &mut self.world.entropy()).await.unwrap();
        }
        for key in &keys {
            let stored = self.world.get(&*self.second, key, usize::MAX).await.unwrap();
            let expect = stored.map_or(Expect::Absent, |stored| Expect::Version(stored.version));
            self.world.put(&*self.second, key, expect, usize::MAX).await;
            self.world.get(old.store(), key, usize::MAX).await.unwrap();
            self.world.get(&*self.second, key, usize::MAX).await.unwrap();
        }
    }

    async fn complete(&self) {
        match self.join(As::Command).await {
            Handle::Moving(moving) => {
                let mut copier = Copier::new(moving);
                let now = Time::from_unix_millis(0);
                while let Advance::Going(_) =
                    copier.step(now, self.world.running(), &mut self.world.entropy()).await.unwrap()
                {
                }
            }
            Handle::InShort(flawed) => {
                while !flawed.copy(Version::draw(&mut self.world.entropy())).await.unwrap() {}
            }
        }
    }
}

/// Runs a plan and judges its history. Tells what came of it for whoever counts.
fn outcome(subject: Subject, plan: &Plan) -> (Result<(), TestCaseError>, Arc<World>) {
    let scene = Scene::new(subject, plan.clone());
    scene.working.set(plan.servers + 1);
    let mut tasks: Vec<world::Task<'_>> = vec![Box::pin(scene.take_over()), Box::pin(scene.weather())];
    for server in 0..plan.servers {
        tasks.push(Box::pin(scene.serve(server < plan.alone)));
        tasks.push(Box::pin(scene.copy()));
    }
    if !run(&scene.world, tasks) {
        return (Err(TestCaseError::fail("it never ends")), scene.world);
    }
    scene.faults.iter().for_each(Faults::none);
    scene.world.calm();
    if !run(&scene.world, vec![Box::pin(scene.end())]) {
        return (Err(TestCaseError::fail("the end never ends")), scene.world);
    }
    let judged = check(&scene.world.events());
    (judged.map_err(|violation| TestCaseError::fail(violation.to_string())), scene.world)
}

fn runner() -> TestRunner {
    let config = ProptestConfig {
        cases: CASES,
        failure_persistence: None,
        max_shrink_iters: 200,
        ..ProptestConfig::default()
    };
    TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha))
}

fn holds(subject: Subject) {
    let (told, late, dropped) = (Cell::new(0), Cell::new(0), Cell::new(0));
    let ran = runner().run(&plans(), |plan| {
        let (judged, world) = outcome(subject, &plan);
        told.set(told.get() + world.counted("promoted under load"));
        late.set(late.get() + world.counted("late"));
        let unknown = |event: &grantor_testkit::history::Event| {
            matches!(event.what, grantor_testkit::history::Deed::Wrote { told: Told::Unknown, .. })
        };
        dropped.set(dropped.get() + world.events().iter().filter(|event| unknown(event)).count());
        judged
    });
    ran.unwrap_or_else(|failure| panic!("{failure}"));
    // Or nothing was shown.
    let (told, late, dropped) = (told.get(), late.get(), dropped.get());
    println!("{CASES} runs: promoted under load {told}, late writes {late}, unknown outcomes {dropped}");
    assert!(told > CASES as usize / 3 && late > 500 && dropped > 500, "{told} {late} {dropped}");
}

#[test]
fn a_move_under_load_is_one_register_for_each_key() {
    holds(Subject::MovingStore);
}

#[test]
fn so_is_the_same_in_short() {
    holds(Subject::InShort(None));
}

#[test]
fn every_flaw_is_found() {
    for flaw in Flaw::ALL {
        let (runs, found) = (Cell::new(0), Cell::new(None));
        let ran = runner().run(&plans(), |plan| {
            runs.set(runs.get() + 1);
            let judged = outcome(Subject::InShort(Some(flaw)), &plan).0;
            found.set(found.get().or(judged.is_err().then_some(runs.get())));
            judged
        });
        match ran {
            Err(TestError::Fail(why, _)) => println!("{flaw:?}, in run {}: {why}", found.get().unwrap()),
            Err(TestError::Abort(why)) => panic!("{flaw:?}: {why}"),
            Ok(()) => panic!("{flaw:?} is not found in {CASES} runs"),
        }
    }
}
