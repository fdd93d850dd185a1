//! Proves every policy that the tests prove, and prints the first story that is found, as one JSON value, or that there is
//! none and how much was tried. `cargo xtask mutants` runs this on a core with a flaw in it, and `cargo xtask prove` on the
//! core as it is. How much is tried, and from which seed, is said by the environment: see `Budget`.
//!
//! `hunt [--proof | --little] [POLICY [WAY]]`: with `--proof`, all of each policy in turn, as it is told on standard error;
//! otherwise a little of everything first, since most flaws are found at once; with `--little`, no more than that.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "it shares the policies of the tests, and speaks to whoever runs it"
)]

#[path = "../tests/proofs/policies.rs"]
mod policies;

use std::process::ExitCode;
use std::time::Instant;

use grantor_testkit::proof::{Budget, Policy, Proof, Story, Tried};

/// A policy's name, and what makes it.
type Named = (&'static str, fn() -> Policy);

const POLICIES: [Named; 11] = [
    ("rotating", policies::rotating),
    ("strict", policies::strict),
    ("reusing", policies::reusing),
    ("replacing", policies::replacing),
    ("jwts", policies::jwts),
    ("choosing", policies::choosing),
    ("wistia", policies::wistia),
    ("webmaker", policies::webmaker),
    ("api_video", policies::api_video),
    ("brightcove", policies::brightcove),
    ("flex", policies::flex),
];

/// A way of trying, and its name.
type Way = (&'static str, fn(&Proof) -> Result<Tried, Box<Story>>);

/// The quickest first.
const WAYS: [Way; 3] =
    [("histories", Proof::histories), ("schedules", Proof::by_chance), ("orders", Proof::every_order)];

fn main() -> ExitCode {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let is_first = |option: &str| arguments.first().is_some_and(|first| first == option);
    let (aloud, little_only) = (is_first("--proof"), is_first("--little"));
    let named: Vec<String> = arguments.split_off(usize::from(aloud || little_only));
    let is_named = |at: usize, name: &str| named.get(at).is_none_or(|only| only == name);
    let policies: Vec<Named> = POLICIES.into_iter().filter(|(name, _)| is_named(0, name)).collect();
    let ways: Vec<Way> = WAYS.into_iter().filter(|(name, _)| is_named(1, name)).collect();
    if policies.is_empty() || ways.is_empty() {
        eprintln!("there is no policy or way of this name: {}", named.join(" "));
        return ExitCode::from(2);
    }
    let budget = Budget::default();
    let little = Budget { histories: budget.histories / 10, schedules: budget.schedules / 10, ..budget };
    let mut hunt = Hunt { aloud, tried: Tried::default() };
    let at_once: Vec<Way> = ways.iter().copied().filter(|(name, _)| *name != "orders").collect();
    let found = if aloud { None } else { hunt.run(&policies, &at_once, little) };
    let found = match (little_only, aloud) {
        (true, _) => found,
        (false, true) => found.or_else(|| hunt.run(&policies, &ways, budget)),
        // One way after another: what one policy takes longest for, another may tell at once.
        (false, false) => found.or_else(|| ways.iter().find_map(|way| hunt.run(&policies, &[*way], budget))),
    };
    let value = match found {
        Some((proof, story)) => serde_json::json!({
            "proof": proof,
            "invariant": story.invariant.name(),
            "length": story.length(),
            "tries": story.tries,
            "seed": story.seed,
            "sentence": story.sentence(),
            "story": story.to_string(),
        }),
        None => serde_json::json!({
            "survived": format!("{} policies", policies.len()),
            "cases": hunt.tried.cases,
            "schedules": hunt.tried.schedules,
        }),
    };
    println!("{value}");
    ExitCode::SUCCESS
}

struct Hunt {
    /// Whether to tell what is tried.
    aloud: bool,
    tried: Tried,
}

impl Hunt {
    /// Tries each policy in each way, until a story is found.
    fn run(&mut self, policies: &[Named], ways: &[Way], budget: Budget) -> Option<(String, Box<Story>)> {
        for (policy, make) in policies {
            let proof = Proof::of(make()).from_function(policy).budget(budget);
            for (way, attempt) in ways {
                let began = Instant::now();
                let tried = match attempt(&proof) {
                    Ok(tried) => tried,
                    Err(story) => return Some((format!("{policy}, {way}"), story)),
                };
                self.tried = self.tried + tried;
                if self.aloud {
                    let seconds = began.elapsed().as_secs_f64();
                    eprintln!("{policy:<12} {way:<10} {tried}, {seconds:.1} s; so far {}", self.tried);
                }
            }
        }
        None
    }
}
