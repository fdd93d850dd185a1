//! The proof: how much is tried, and what comes of it.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use super::act::Act;
use super::case::Case;
use super::explore::{Bound, Chance, Exhaustive};
use super::model::Rules;
use super::openings::{acts_at_once, openings};
use super::policy::Policy;
use super::run::{Failed, Run};
use super::schedule::Written;
use super::shelf::Shelf;
use super::story::{Bench, Story};
use crate::fresh::Fresh;
use crate::random::Random;
use crate::strategies;

/// How much is tried.
///
/// The defaults are for every `cargo test`. Each can be set by an environment variable, for a night's run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// Histories of requests, one after another: `GRANTOR_HISTORIES`.
    pub histories: u64,
    /// How often one of two requests is made to wait for the other, at the most, where every order is tried:
    /// `GRANTOR_SWITCHES`.
    pub switches: u64,
    /// Schedules of several parties, by chance: `GRANTOR_SCHEDULES`.
    pub schedules: u64,
    /// Histories and schedules of each kind on a store of your own: `GRANTOR_STORE_HISTORIES`.
    pub on_store: u64,
    /// The first seed: `GRANTOR_SEED`.
    pub seed: u64,
}

impl Default for Budget {
    fn default() -> Self {
        let number = |name: &str, or: u64| {
            std::env::var(name).map_or(or, |text| {
                text.replace('_', "").parse().unwrap_or_else(|_| panic!("{name} is no number: {text}"))
            })
        };
        Self {
            histories: number("GRANTOR_HISTORIES", 1_000),
            switches: number("GRANTOR_SWITCHES", 1),
            schedules: number("GRANTOR_SCHEDULES", 2_000),
            on_store: number("GRANTOR_STORE_HISTORIES", 40),
            seed: number("GRANTOR_SEED", 1),
        }
    }
}

/// What was tried and found right.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tried {
    /// Cases: histories, or openings with what several parties do then.
    pub cases: u64,
    /// Schedules of those.
    pub schedules: u64,
}

impl std::ops::Add for Tried {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { cases: self.cases + other.cases, schedules: self.schedules + other.schedules }
    }
}

impl fmt::Display for Tried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} cases, {} schedules", self.cases, self.schedules)
    }
}

/// A proof that a policy keeps every promise, as far as it was tried.
pub struct Proof {
    rules: Arc<Rules>,
    policy: Policy,
    budget: Budget,
    expression: String,
}

/// How many schedules are tried of one case by chance.
const SCHEDULES_A_CASE: u64 = 16;

impl Proof {
    /// A proof of this policy, with the default budget.
    pub fn of(policy: Policy) -> Self {
        let rules = Rules::new(&policy);
        Self { rules, policy, budget: Budget::default(), expression: "policy".to_owned() }
    }

    /// The same with another budget.
    #[must_use]
    pub fn budget(mut self, budget: Budget) -> Self {
        self.budget = budget;
        self
    }

    /// The same, of a policy that a function of this path gives: what a test that is to be pasted calls.
    #[must_use]
    pub fn from_function(mut self, path: &str) -> Self {
        path.clone_into(&mut self.expression);
        self
    }

    /// Histories of honest and hostile requests, one after another.
    ///
    /// # Errors
    /// The shortest history that breaks a promise.
    pub fn histories(&self) -> Result<Tried, Box<Story>> {
        let count = self.budget.histories;
        self.in_parallel(count, |seed| {
            let case = Case { before: self.history_of(seed), ..Case::default() };
            match Run::new(&self.rules).case(&case) {
                Ok(()) => Ok(1),
                Err(_) => Err(case),
            }
        })
    }

    fn history_of(&self, seed: u64) -> Vec<Act> {
        let mut runner = runner(seed);
        let openings = openings(&self.policy);
        let strategy = strategies::history(&self.policy, 1..24);
        let acts = strategy.new_tree(&mut runner).expect("a history").current();
        let opening = usize::try_from(seed).unwrap_or_default() % (openings.len() + 1);
        let mut history = openings.get(opening).cloned().unwrap_or_default();
        history.extend(acts);
        history
    }

    /// Two requests at once, in every order of their steps with so many switches; and again, with one switch less, in every
    /// order in which one thing goes wrong.
    ///
    /// # Errors
    /// The shortest case that breaks a promise.
    pub fn every_order(&self) -> Result<Tried, Box<Story>> {
        let mut cases = Vec::new();
        for opening in openings(&self.policy) {
            let mut run = Run::new(&self.rules);
            let mut failed = None;
            for act in &opening {
                failed = failed.or(run.alone(*act).err());
            }
            if failed.is_some() {
                let case = Case { before: opening, ..Case::default() };
                return Err(self.story(case, 1, None));
            }
            let acts = acts_at_once(&self.policy, &run.ledger);
            for (at, one) in acts.iter().enumerate() {
                for other in &acts[at..] {
                    let meanwhile = vec![vec![*one], vec![*other]];
                    cases.push((run.clone(), Case { before: opening.clone(), meanwhile, ..Case::default() }));
                }
            }
        }
        let switches = usize::try_from(self.budget.switches).unwrap_or(usize::MAX);
        let bounds =
            [Bound { switches, faults: 0 }, Bound { switches: switches.saturating_sub(1), faults: 1 }];
        let count = u64::try_from(cases.len()).unwrap_or(u64::MAX);
        self.each(0, count, |index| {
            let (run, case) = &cases[usize::try_from(index).unwrap_or_default()];
            let mut schedules = 0;
            for bound in bounds {
                let mut choose = Exhaustive::new(bound);
                loop {
                    schedules += 1;
                    self.try_schedule(run, case, &mut choose)?;
                    if !choose.advance() {
                        break;
                    }
                }
            }
            Ok(schedules)
        })
        .map_err(|(index, case)| self.story(case, index + 1, None))
    }

    /// Several parties at once, with crashes, lost answers, late writes, stale readers and a clock that jumps, by chance.
    ///
    /// # Errors
    /// The shortest case that breaks a promise, and the seed that found it.
    pub fn by_chance(&self) -> Result<Tried, Box<Story>> {
        let count = self.budget.schedules.div_ceil(SCHEDULES_A_CASE);
        self.in_parallel(count, |seed| {
            let case = self.case_of(seed);
            let mut prepared = Run::new(&self.rules);
            for act in &case.before {
                if prepared.alone(*act).is_err() {
                    return Err(Case { before: case.before, ..Case::default() });
                }
            }
            let mut random = Random(seed);
            for _ in 0..SCHEDULES_A_CASE {
                let faults = random.below(4);
                let mut choose = Chance { random: &mut random, faults, clock: true };
                self.try_schedule(&prepared, &case, &mut choose)?;
            }
            Ok(SCHEDULES_A_CASE)
        })
    }

    fn case_of(&self, seed: u64) -> Case {
        let mut runner = runner(seed);
        let mut random = Random(!seed);
        let act = strategies::act(&self.policy);
        let mut acts = |count: usize| -> Vec<Act> {
            (0..count).map(|_| act.new_tree(&mut runner).expect("an act").current()).collect()
        };
        let openings = openings(&self.policy);
        let mut before = openings[random.below(openings.len())].clone();
        before.extend(acts(random.below(5)));
        let parties = 2 + random.below(3);
        let mut meanwhile: Vec<Vec<Act>> = (0..parties).map(|_| acts(1 + random.below(2))).collect();
        // The same request, delivered twice.
        if random.below(3) == 0 {
            meanwhile[1] = meanwhile[0].clone();
        }
        let after = acts(random.below(4));
        Case { before, meanwhile, moves: Vec::new(), after }
    }

    /// Runs what comes after the beginning of a case, in one order.
    fn try_schedule(
        &self,
        prepared: &Run,
        case: &Case,
        choose: &mut dyn super::schedule::Choose,
    ) -> Result<(), Case> {
        let mut run = prepared.clone().quick();
        let (moves, is_well) = match run.meanwhile(&case.meanwhile, choose) {
            Ok(moves) => (moves, true),
            Err((_, moves)) => (moves, false),
        };
        if is_well && goes_on_well(run, case) {
            return Ok(());
        }
        // The one order that explained it may have been another than what happened.
        let mut run = prepared.clone();
        let is_well = run.meanwhile(&case.meanwhile, &mut Written::new(&moves)).is_ok();
        if is_well && goes_on_well(run, case) { Ok(()) } else { Err(Case { moves, ..case.clone() }) }
    }

    /// Tries seeds, and tells the story of the first that fails.
    fn in_parallel(
        &self,
        count: u64,
        attempt: impl Fn(u64) -> Result<u64, Case> + Sync,
    ) -> Result<Tried, Box<Story>> {
        let seed = self.budget.seed;
        self.each(seed, count, attempt)
            .map_err(|(failed, case)| self.story(case, failed - seed + 1, Some(failed)))
    }

    /// Calls `attempt` with each of so many numbers, on every processor, and gives the lowest number that fails: it is the
    /// same in every run.
    fn each(
        &self,
        first: u64,
        count: u64,
        attempt: impl Fn(u64) -> Result<u64, Case> + Sync,
    ) -> Result<Tried, (u64, Case)> {
        let next = AtomicU64::new(first);
        let failed = AtomicU64::new(u64::MAX);
        let schedules = AtomicU64::new(0);
        let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let work = || {
            let mut worst: Option<(u64, Case)> = None;
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= first.saturating_add(count) || number >= failed.load(Ordering::Relaxed) {
                    return worst;
                }
                match attempt(number) {
                    Ok(tried) => {
                        schedules.fetch_add(tried, Ordering::Relaxed);
                    }
                    Err(case) => {
                        failed.fetch_min(number, Ordering::Relaxed);
                        worst = worst.or(Some((number, case)));
                    }
                }
            }
        };
        let mut failures: Vec<(u64, Case)> = std::thread::scope(|scope| {
            let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
            workers
                .into_iter()
                .flat_map(|worker| worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
                .collect()
        });
        failures.sort_by_key(|(number, _)| *number);
        match failures.into_iter().next() {
            Some(failure) => Err(failure),
            None => Ok(Tried { cases: count, schedules: schedules.into_inner() }),
        }
    }

    fn story(&self, case: Case, tries: u64, seed: Option<u64>) -> Box<Story> {
        let mut story = in_memory(&self.rules, case, &self.expression);
        (story.tries, story.seed) = (tries, seed);
        story
    }

    /// Histories, and several parties at once, on stores of your own: each begins with an empty one.
    ///
    /// The store is asked one thing at a time, so this shows that what it keeps is what the flows rely on. That it answers
    /// many at once is for [`conformance!`](crate::conformance).
    ///
    /// # Errors
    /// The shortest case that breaks a promise.
    ///
    /// # Panics
    /// If a store is not empty, or the machine gives no runtime.
    pub fn on_store<P, F: Future<Output = Fresh<P>>>(
        &self,
        fresh: impl Fn() -> F,
    ) -> Result<Tried, Box<Story>> {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
        let places = std::cell::RefCell::new(Vec::new());
        let run = || {
            let Fresh { store, place } = runtime.block_on(fresh());
            // The places of earlier runs are over; this one's is kept until the next begins.
            *places.borrow_mut() = vec![place];
            Run::on(&self.rules, Shelf::Store(store, runtime.handle().clone()))
        };
        let bench = Bench { run: &run, patience: PATIENCE_WITH_STORES };
        let seeds = self.budget.seed..self.budget.seed.saturating_add(self.budget.on_store);
        for seed in seeds {
            let told = |case: Case| {
                let mut story = Story::of(&self.rules, &bench, case, &self.expression);
                (story.tries, story.seed) = (seed - self.budget.seed + 1, Some(seed));
                story
            };
            let history = Case { before: self.history_of(seed), ..Case::default() };
            if run().case(&history).is_err() {
                return Err(told(history));
            }
            let mut several = self.case_of(seed);
            let mut random = Random(seed);
            let mut prepared = run();
            if several.before.iter().any(|act| prepared.alone(*act).is_err()) {
                return Err(told(Case { before: several.before, ..Case::default() }));
            }
            let mut choose = Chance { random: &mut random, faults: 1, clock: true };
            let ended = prepared.meanwhile(&several.meanwhile, &mut choose);
            let failed = ended.is_err();
            several.moves = ended.unwrap_or_else(|(_, moves)| moves);
            let after = several.after.iter().try_for_each(|act| prepared.alone(*act).map_err(drop));
            if failed || after.is_err() || prepared.tries().is_err() {
                return Err(told(several));
            }
        }
        Ok(Tried { cases: 2 * self.budget.on_store, schedules: self.budget.on_store })
    }

    /// # Panics
    /// With a story, if a case breaks a promise on such a store.
    pub fn assert_on_store<P, F: Future<Output = Fresh<P>>>(&self, fresh: impl Fn() -> F) {
        self.on_store(fresh).unwrap_or_else(|story| panic!("{story}"));
    }

    /// # Panics
    /// With a story, if a history breaks a promise.
    pub fn assert_histories(&self) {
        self.histories().unwrap_or_else(|story| panic!("{story}"));
    }

    /// # Panics
    /// With a story, if an order of two requests breaks a promise.
    pub fn assert_every_order(&self) {
        self.every_order().unwrap_or_else(|story| panic!("{story}"));
    }

    /// # Panics
    /// With a story, if a schedule by chance breaks a promise.
    pub fn assert_by_chance(&self) {
        self.by_chance().unwrap_or_else(|story| panic!("{story}"));
    }
}

/// Whether what happens after all that happened at once breaks no promise, nor what is tried at the end.
fn goes_on_well(mut run: Run, case: &Case) -> bool {
    case.after.iter().all(|act| run.alone(*act).is_ok()) && run.tries().is_ok()
}

fn runner(seed: u64) -> TestRunner {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_be_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    TestRunner::new_with_rng(Config { failure_persistence: None, ..Config::default() }, rng)
}

/// Whether these acts, one after another, keep every promise: for properties of your own.
///
/// # Errors
/// The shortest history that does not.
pub fn holds(policy: &Policy, acts: &[Act]) -> Result<(), Box<Story>> {
    let case = Case { before: acts.to_vec(), ..Case::default() };
    let rules = Rules::new(policy);
    let ended = Run::new(&rules).case(&case);
    ended.map_err(|_: Failed| in_memory(&rules, case, "policy"))
}

/// # Panics
/// With a story, if the case breaks a promise.
pub fn assert_holds(policy: &Policy, case: &Case) {
    let rules = Rules::new(policy);
    if Run::new(&rules).case(case).is_err() {
        panic!("{}", in_memory(&rules, case.clone(), "policy"));
    }
}

/// So many shorter cases are tried at most.
const PATIENCE: usize = 20_000;
/// The same where each takes a store of its own.
const PATIENCE_WITH_STORES: usize = 400;

fn in_memory(rules: &Arc<Rules>, case: Case, expression: &str) -> Box<Story> {
    let bench = Bench { run: &|| Run::new(rules), patience: PATIENCE };
    Story::of(rules, &bench, case, expression)
}

/// Proves that a policy keeps every promise of OAuth: one test for each way of trying.
///
/// The first argument is the path of a function that gives the [`Policy`](crate::proof::Policy): nothing of the proof needs
/// a server, a store, a clock or a runtime. With `store = …`, an `async fn() -> Fresh<P>` as
/// [`conformance!`](crate::conformance) takes it, one test more runs on stores of your own.
///
/// # Examples
/// ```
/// use grantor_core::{Lifetime, Profile, RefreshMode};
/// use grantor_testkit::proof::Policy;
///
/// fn policy() -> Policy {
///     let mut profile = Profile::standard("https://auth.example.com".parse().unwrap());
///     profile.refresh = RefreshMode::Rotate { grace: Lifetime::seconds(30) };
///     profile.lifetimes.access_token = Lifetime::seconds(600);
///     Policy::of(profile)
/// }
///
/// mod rules {
///     grantor_testkit::prove!(super::policy);
/// }
///
/// mod on_our_store {
///     use grantor_store::MemoryStore;
///     use grantor_testkit::Fresh;
///
///     async fn fresh() -> Fresh {
///         Fresh::of(MemoryStore::new())
///     }
///
///     grantor_testkit::prove!(super::policy, store = fresh);
/// }
/// ```
#[macro_export]
macro_rules! prove {
    ($policy:path $(,)?) => {
        #[test]
        fn every_history_keeps_every_promise() {
            $crate::proof::Proof::of($policy()).from_function(stringify!($policy)).assert_histories();
        }
        #[test]
        fn every_order_of_two_requests_keeps_every_promise() {
            $crate::proof::Proof::of($policy()).from_function(stringify!($policy)).assert_every_order();
        }
        #[test]
        fn every_schedule_that_was_tried_keeps_every_promise() {
            $crate::proof::Proof::of($policy()).from_function(stringify!($policy)).assert_by_chance();
        }
    };
    ($policy:path, store = $fresh:path $(,)?) => {
        $crate::prove!($policy);
        #[test]
        fn on_this_store_every_promise_is_kept() {
            $crate::proof::Proof::of($policy()).from_function(stringify!($policy)).assert_on_store($fresh);
        }
    };
}
