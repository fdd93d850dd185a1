//! The core's dependency tree: nothing in it may read a clock, the network, the environment or a random source.

use std::collections::BTreeSet;

use crate::failure::{Failure, Outcome};

/// One line per package: its id, a bar, its features.
pub(super) const FORMAT: &str = "{p}|{f}";

/// What each of these would let into the core.
const BANNED: &[(&str, &str)] = &[
    ("async-io", "the core does not wait"),
    ("async-std", "the core does not wait"),
    ("fastrand", "entropy is an argument"),
    ("getrandom", "entropy is an argument"),
    ("hyper", "the core speaks no protocol"),
    ("iana-time-zone", "time is an argument"),
    ("log", "the core reports by its return value"),
    ("mio", "the core does no I/O"),
    ("rand", "entropy is an argument"),
    ("rand_core", "entropy is an argument"),
    ("rustix", "the core does no I/O"),
    ("smol", "the core does not wait"),
    ("socket2", "the core does no I/O"),
    ("time", "one notion of time: grantor_core::Time"),
    ("tokio", "the core does not wait"),
    ("tracing", "the core reports by its return value"),
    ("tracing-core", "the core reports by its return value"),
];

/// Features that turn an allowed package into one that reads the outside world.
const BANNED_FEATURES: &[(&str, &[&str])] = &[("chrono", &["clock", "now", "oldtime"])];

/// What is wrong with the tree that cargo printed in [`FORMAT`]; an error when the text is no such tree.
pub(super) fn violations(tree: &str) -> Outcome<BTreeSet<String>> {
    let mut found = BTreeSet::new();
    let mut core_seen = false;
    for line in tree.lines().filter(|line| !line.trim().is_empty()) {
        let (package, features) = line
            .split_once('|')
            .ok_or_else(|| Failure::new(format!("this line of cargo tree has no features: {line}")))?;
        let name = package.split_whitespace().next().unwrap_or_default();
        core_seen |= name == "grantor-core";
        if let Some((_, why)) = BANNED.iter().find(|(banned, _)| *banned == name) {
            found.insert(format!("grantor-core depends on {name}, perhaps through another: {why}"));
        }
        // A package that cargo has shown before is marked by a star after its features.
        let features: Vec<&str> = features.trim_end_matches("(*)").trim().split(',').collect();
        let banned_here = BANNED_FEATURES.iter().filter(|(package, _)| *package == name);
        for feature in banned_here.flat_map(|(_, banned)| *banned) {
            if features.contains(feature) {
                found.insert(format!("grantor-core builds {name} with its feature `{feature}`"));
            }
        }
    }
    // An empty tree has no banned package either; it must not count as pure.
    if core_seen { Ok(found) } else { Err(Failure::new("cargo tree printed no grantor-core")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CORE: &str = "grantor-core v0.1.0 (/src/crates/core)|\n";

    fn violations_with(line: &str) -> Vec<String> {
        violations(&format!("{CORE}{line}\n")).unwrap().into_iter().collect()
    }

    #[test]
    fn what_the_core_uses_today_is_allowed() {
        assert!(violations_with("chrono v0.4.45|alloc").is_empty());
        assert!(violations_with("serde v1.0.229|default,derive,serde_derive,std (*)").is_empty());
        assert!(violations_with("timely v1.0.0|").is_empty(), "only the whole name is banned");
    }

    #[test]
    fn each_banned_package_is_found() {
        for (name, _) in BANNED {
            assert_eq!(
                violations_with(&format!("{name} v1.0.0|default (*)")).len(),
                1,
                "{name} was not found"
            );
        }
    }

    #[test]
    fn a_clock_switched_on_by_a_feature_is_found() {
        assert_eq!(violations_with("chrono v0.4.45|alloc,clock,std").len(), 1);
        assert_eq!(violations_with("chrono v0.4.45|alloc,now (*)").len(), 1);
    }

    #[test]
    fn a_tree_without_the_core_is_an_error_and_not_a_pass() {
        assert!(violations("").is_err());
        assert!(violations("serde v1.0.229|std\n").is_err());
        assert!(violations("grantor-core v0.1.0").is_err(), "the format changed");
    }
}
