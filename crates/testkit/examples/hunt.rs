//! Proves every policy that the tests prove, and prints the first story that is found, as one JSON value, or that there is
//! none. `cargo xtask mutants` runs this on a core with a flaw in it.

#[path = "../tests/proofs/policies.rs"]
mod policies;

use grantor_testkit::proof::{Budget, Proof, Story};

/// A policy's name, and what makes it.
type Named = (&'static str, fn() -> grantor_testkit::proof::Policy);

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

fn main() {
    let budget = Budget::default();
    // A little of everything first: most flaws are found at once.
    let little = Budget { histories: budget.histories / 10, schedules: budget.schedules / 10, ..budget };
    let value = match hunt(little, false).or_else(|| hunt(budget, true)) {
        Some((proof, story)) => serde_json::json!({
            "proof": proof,
            "invariant": story.invariant.name(),
            "length": story.length(),
            "tries": story.tries,
            "sentence": story.sentence(),
            "story": story.to_string(),
        }),
        None => serde_json::json!({ "survived": format!("{} proofs", POLICIES.len()) }),
    };
    println!("{value}");
}

fn hunt(budget: Budget, every_order: bool) -> Option<(String, Box<Story>)> {
    POLICIES.into_iter().find_map(|(name, policy)| {
        let proof = Proof::of(policy()).from_function(name).budget(budget);
        let found = proof.histories().err().map(|story| ("histories", story));
        let found = found.or_else(|| {
            every_order.then(|| proof.every_order().err()).flatten().map(|story| ("orders", story))
        });
        let found = found.or_else(|| proof.by_chance().err().map(|story| ("schedules", story)));
        found.map(|(way, story)| (format!("{name}, {way}"), story))
    })
}
