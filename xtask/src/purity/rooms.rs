//! The table of rooms: which package may know which. No arrow points up it.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::failure::{Failure, Outcome};

/// Each room and the rooms it may depend on, from the bottom up. An adapter `grantor-store-*` needs no row of its
/// own; any other new package does, so that where it stands is decided and not drifted into.
const ROOMS: &[(&str, &[&str])] = &[
    ("grantor-core", &[]),
    ("grantor-store", &["grantor-core"]),
    (ADAPTER, &["grantor-core", "grantor-store"]),
    ("grantor-jose", &["grantor-core"]),
    ("grantor-slowhash", &["grantor-core"]),
    ("grantor-engine", &["grantor-core", "grantor-store", "grantor-jose", "grantor-slowhash"]),
    ("grantor-directory", &["grantor-core", "grantor-store", "grantor-slowhash"]),
    ("grantor-ledger", &["grantor-core", "grantor-store", "grantor-engine", "grantor-directory"]),
    ("grantor-pages", &["grantor-core"]),
    (
        "grantor-http",
        &["grantor-core", "grantor-engine", "grantor-directory", "grantor-ledger", "grantor-pages"],
    ),
    ("grantor-admin", &["grantor-core", "grantor-engine", "grantor-directory", "grantor-ledger"]),
    ("grantor-console", &["grantor-core", "grantor-pages", "grantor-http", "grantor-admin"]),
    ("grantor-testkit", &["grantor-core", "grantor-store", "grantor-engine"]),
    (
        "grantor",
        &[
            "grantor-core",
            "grantor-store",
            ADAPTER,
            "grantor-jose",
            "grantor-engine",
            "grantor-directory",
            "grantor-ledger",
            "grantor-pages",
            "grantor-http",
            "grantor-admin",
            "grantor-console",
        ],
    ),
    (
        "grantor-fuzz",
        &[
            "grantor-core",
            "grantor-store",
            "grantor-jose",
            "grantor-engine",
            "grantor-directory",
            "grantor-ledger",
            "grantor-pages",
            "grantor-http",
            "grantor-admin",
        ],
    ),
    // What is measured, it knows from outside.
    ("grantor-bench", &[]),
    ("xtask", &[]),
];

/// The row that stands for every store adapter.
const ADAPTER: &str = "grantor-store-*";

/// Packages of others that only these rooms may know: one each, but for what writes pages, of which two rooms have some. The
/// floors of the benches know the bare libraries, since against those it is measured.
const KEPT: &[(&str, &[&str])] = &[
    ("argon2", &["grantor-slowhash"]),
    ("aws-lc-rs", &["grantor-jose", "grantor-bench"]),
    ("askama", &["grantor-pages", "grantor-console"]),
    ("jsonwebtoken", &["grantor-jose"]),
    ("minijinja", &["grantor-pages"]),
    ("redis", &["grantor-store-redis", "grantor-bench"]),
    ("rusqlite", &["grantor-store-sqlite", "grantor-bench"]),
    ("sled", &["grantor-store-sled", "grantor-bench"]),
];

/// All that the core may depend on directly. A longer list is a decision: it wants an ADR.
const CORE_MAY_USE: &[&str] = &[
    "base64",
    "chrono",
    "form_urlencoded",
    "hkdf",
    "serde",
    "serde_json",
    "sha2",
    "subtle",
    "toml",
    "url",
    "zeroize",
];

/// A member of the workspace, with what it needs to be built. Tests may use more: development dependencies are not
/// in the list.
#[derive(Debug)]
pub(super) struct Member {
    name: String,
    needs: BTreeSet<String>,
}

/// The members, as `cargo metadata --no-deps` tells them.
pub(super) fn members(metadata: &Value) -> Outcome<Vec<Member>> {
    let packages = metadata.get("packages").and_then(Value::as_array);
    let packages = packages.ok_or_else(|| Failure::new("cargo metadata lists no packages"))?;
    packages.iter().map(member).collect()
}

fn member(package: &Value) -> Outcome<Member> {
    let malformed = || Failure::new(format!("cargo metadata has a package of unknown shape: {package}"));
    let name = package.get("name").and_then(Value::as_str).ok_or_else(malformed)?;
    let dependencies = package.get("dependencies").and_then(Value::as_array).ok_or_else(malformed)?;
    let mut needs = BTreeSet::new();
    for dependency in dependencies {
        let needed = dependency.get("name").and_then(Value::as_str).ok_or_else(malformed)?;
        if dependency.get("kind").and_then(Value::as_str) != Some("dev") {
            needs.insert(needed.to_owned());
        }
    }
    Ok(Member { name: name.to_owned(), needs })
}

/// Every edge that the tables above do not allow.
pub(super) fn violations(members: &[Member]) -> Vec<String> {
    let ours: BTreeSet<&str> = members.iter().map(|member| member.name.as_str()).collect();
    let mut found = Vec::new();
    for Member { name, needs } in members {
        let Some((_, may_use)) = ROOMS.iter().find(|(room, _)| *room == row_of(name)) else {
            found.push(format!("{name} has no row in the table of rooms: decide where it stands"));
            continue;
        };
        for needed in needs {
            let is_ours = ours.contains(needed.as_str());
            if is_ours && !may_use.contains(&row_of(needed)) {
                found.push(format!("{name} -> {needed} points up the table of rooms"));
            }
            let homes = KEPT.iter().find(|(kept, _)| kept == needed).map_or(&[][..], |(_, homes)| homes);
            if !homes.is_empty() && !homes.contains(&name.as_str()) {
                found.push(format!("{name} -> {needed}: only {} may know it", homes.join(" and ")));
            }
            if name == "grantor-core" && !is_ours && !CORE_MAY_USE.contains(&needed.as_str()) {
                found.push(format!("{name} -> {needed} is not on the list of what the core may use"));
            }
        }
    }
    found
}

fn row_of(package: &str) -> &str {
    if package.starts_with("grantor-store-") { ADAPTER } else { package }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, needs: &[&str]) -> Member {
        Member { name: name.to_owned(), needs: needs.iter().map(|&need| need.to_owned()).collect() }
    }

    /// The house as it should be, with one more edge.
    fn house_with(from: &str, to: &str) -> Vec<String> {
        let mut members = vec![
            package("grantor-core", &["serde", "chrono"]),
            package("grantor-store", &["grantor-core", "async-trait"]),
            package("grantor-store-sqlite", &["grantor-store", "rusqlite"]),
            package("grantor-jose", &["grantor-core", "aws-lc-rs"]),
            package("grantor-slowhash", &["grantor-core", "argon2"]),
            package("grantor-engine", &["grantor-core", "grantor-store", "grantor-jose", "grantor-slowhash"]),
            package("grantor-directory", &["grantor-core", "grantor-store", "grantor-slowhash"]),
            package("grantor-ledger", &["grantor-engine", "grantor-directory"]),
            package("grantor-http", &["grantor-engine", "grantor-directory", "grantor-ledger", "axum"]),
            package("grantor-admin", &["grantor-engine", "grantor-directory", "axum"]),
            package("grantor-console", &["grantor-http", "grantor-admin", "askama"]),
            package("grantor-testkit", &["grantor-engine", "proptest"]),
            package(
                "grantor",
                &["grantor-http", "grantor-admin", "grantor-console", "grantor-store-sqlite", "clap"],
            ),
        ];
        for member in members.iter_mut().filter(|member| member.name == from) {
            member.needs.insert(to.to_owned());
        }
        violations(&members)
    }

    #[test]
    fn the_house_as_it_should_be_passes() {
        assert_eq!(house_with("grantor", "grantor-engine"), Vec::<String>::new());
    }

    #[test]
    fn an_arrow_that_points_up_is_named() {
        let upward = [
            ("grantor-core", "grantor-store"),
            ("grantor-store", "grantor-store-sqlite"),
            ("grantor-store", "grantor-engine"),
            ("grantor-store-sqlite", "grantor-jose"),
            ("grantor-jose", "grantor-store"),
            ("grantor-slowhash", "grantor-store"),
            ("grantor-engine", "grantor-http"),
            ("grantor-directory", "grantor-engine"),
            ("grantor-directory", "grantor-ledger"),
            ("grantor-engine", "grantor-ledger"),
            ("grantor-ledger", "grantor-http"),
            ("grantor-http", "grantor-store-sqlite"),
            ("grantor-http", "grantor-store"),
            ("grantor-admin", "grantor-store"),
            ("grantor-admin", "grantor-http"),
            ("grantor-http", "grantor-console"),
            ("grantor-console", "grantor-engine"),
            ("grantor-console", "grantor-directory"),
            ("grantor", "grantor-testkit"),
        ];
        for (from, to) in upward {
            let found = house_with(from, to);
            assert_eq!(found, [format!("{from} -> {to} points up the table of rooms")]);
        }
    }

    #[test]
    fn a_package_without_a_row_is_found() {
        let found = violations(&[package("grantor-helpers", &[])]);
        assert!(found.iter().any(|line| line.contains("grantor-helpers has no row")), "{found:?}");
    }

    #[test]
    fn a_new_adapter_needs_no_row_but_keeps_to_its_place() {
        let postgres = package("grantor-store-postgres", &["grantor-store", "tokio-postgres"]);
        let members = [package("grantor-store", &[]), package("grantor-engine", &[]), postgres];
        assert!(violations(&members).is_empty());
        let climber = package("grantor-store-postgres", &["grantor-engine"]);
        assert_eq!(violations(&[package("grantor-engine", &[]), climber]).len(), 1);
    }

    #[test]
    fn a_library_outside_its_one_room_is_found() {
        assert_eq!(house_with("grantor-engine", "aws-lc-rs").len(), 1);
        assert_eq!(house_with("grantor", "rusqlite").len(), 1);
        assert_eq!(house_with("grantor-directory", "argon2").len(), 1);
        assert_eq!(house_with("grantor-http", "askama").len(), 1);
    }

    #[test]
    fn the_core_uses_nothing_off_its_list() {
        assert_eq!(house_with("grantor-core", "regex").len(), 1);
        assert_eq!(house_with("grantor-core", "url"), Vec::<String>::new());
    }

    #[test]
    fn build_dependencies_count_and_development_ones_do_not() {
        let metadata = serde_json::json!({"packages": [{"name": "grantor-core", "dependencies": [
            {"name": "serde", "kind": null},
            {"name": "cc", "kind": "build"},
            {"name": "proptest", "kind": "dev"},
        ]}]});
        let found = violations(&members(&metadata).unwrap());
        assert_eq!(found, ["grantor-core -> cc is not on the list of what the core may use"]);
    }

    #[test]
    fn metadata_of_another_shape_is_an_error_and_not_a_pass() {
        assert!(members(&serde_json::json!({})).is_err());
        assert!(members(&serde_json::json!({"packages": [{"name": "x"}]})).is_err());
    }
}
