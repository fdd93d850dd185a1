//! The page: tables in Markdown, made of what was measured last, and of nothing else. Each part of the bench has its section.

mod growth;
mod lists;
mod pressure;
mod purge;
mod rates;
mod size;
mod table;

use std::fs;

use serde_json::Value;

use crate::failure::{Failure, Outcome, While};
use crate::workspace::Workspace;

use super::chart;
use super::plan::{Endpoint, Subject};
use super::tally::{Figure, Sample};
use super::{PAGE, RESULTS};

/// Where the time goes that is not the floor's, and what was tried.
const REMARKS: &str = "docs/benchmarks/remarks.md";

/// How many connections the first tables are about.
const USUAL: u64 = 16;

const INTRODUCTION: &str = "\
# Benchmarks

An authorization server stands in front of everything else, so what a request costs is paid by everybody. This page is made by `cargo xtask bench` of what it measured last; [the raw figures](benchmarks) lie beside it.

**How to read it.** The figure is operations for each second of *the server's processor time*, its own and the kernel's for it, and that of `redis-server` where there is one. It is taken on loopback, with the server on one
core and the load on another, over HTTP/1.1 with keep-alive; the load never sleeps, since a server pays for waking it; every answer is checked, and one wrong answer ends the run. Subjects take turns, each started anew for each endpoint, and the median of all turns is shown with half the range from the least to the most.
Such figures move from machine to machine. **What holds is the ratio to a floor taken in the same run**: a minimal axum program ([`crates/bench/src/floor`](../crates/bench/src/floor/main.rs)) that reads the form, compares one SHA-256 in constant time,
takes random bytes, does one operation of the store, and answers. It has no OAuth in it. Gaps under a half more are noise between single runs.

**What is compared.** Peers are what their registries have, each in a small program under [`tests-external/peers`](../tests-external/peers), with their own stores in memory; `oidc-provider` once more with a store on Redis, which it leaves to its host. `oauth-as` keeps tokens in clear; `oxide-auth` has no introspection, revocation or JWT of its own,
and the first two are written by hand over its token map. grantor runs as it is shipped, with logs, metrics, throttles and audit trail; only codes live longer, since they are made before they are measured. On SQLite it flushes each commit to the disk, as it does unless told otherwise, and the
floor does not; *relaxed* does as the floor does. sled flushes in both. Redis writes nothing to disk in either.
";

/// Makes the page and its charts.
pub(super) fn write(workspace: &Workspace) -> Outcome {
    let folder = workspace.path(RESULTS);
    let mut page = INTRODUCTION.to_owned();
    for part in ["table", "growth", "pressure", "purge", "size", "lists"] {
        let file = folder.join(format!("{part}.json"));
        if !file.exists() {
            continue;
        }
        let text = fs::read_to_string(&file).during(file.display())?;
        let results: Value = serde_json::from_str(&text).during(file.display())?;
        let chart = match part {
            "table" => Some(("rates", chart::rates(&samples_of(&results)?))),
            "growth" => Some(("growth", chart::growth(list(&results, "stages")?)?)),
            _ => None,
        };
        page.push_str(&shown(part, &results)?);
        if let Some((name, drawing)) = chart {
            let file = folder.join(format!("{name}.svg"));
            fs::write(&file, drawing).during(file.display())?;
        }
    }
    // What nobody can reckon from figures: it is written by hand.
    let remarks = workspace.path(REMARKS);
    page.push('\n');
    page.push_str(&fs::read_to_string(&remarks).during(remarks.display())?);
    fs::write(workspace.path(PAGE), page).during(PAGE)?;
    eprintln!("{PAGE} is made");
    Ok(())
}

/// One part, as it stands in the page.
pub(super) fn shown(part: &str, results: &Value) -> Outcome<String> {
    let body = match part {
        "table" => rates::section(&samples_of(results)?),
        "growth" => growth::section(list(results, "stages")?)?,
        "pressure" => pressure::section(list(results, "rows")?)?,
        "purge" => purge::section(list(results, "rows")?)?,
        "size" => size::section(results)?,
        "lists" => lists::section(results)?,
        _ => return Err(Failure::new(format!("there is no part {part}"))),
    };
    Ok(format!("{body}\n{}", taken(results)))
}

/// How it was taken, in one sentence.
fn taken(results: &Value) -> String {
    let text = |path: &str| match results.pointer(path) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => number.to_string(),
        Some(Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_)) | None => "?".to_owned(),
    };
    let machine = |name: &str| text(&format!("/machine/{name}"));
    format!(
        "Taken by `{}` on {} at commit `{}`: {}, {} cores, {} GiB, Linux {}; {}, Redis {}, Node {}. The load of the machine before it \
         began was {}.\n",
        text("/command"),
        machine("day"),
        machine("commit"),
        machine("processor"),
        machine("cores"),
        machine("memory_gib"),
        machine("kernel"),
        machine("rustc"),
        machine("redis"),
        machine("node"),
        machine("load_before"),
    )
}

fn samples_of(results: &Value) -> Outcome<Vec<Sample>> {
    list(results, "samples")?.iter().map(Sample::of).collect()
}

fn list<'a>(results: &'a Value, name: &str) -> Outcome<&'a [Value]> {
    let list = results.get(name).and_then(Value::as_array).filter(|list| !list.is_empty());
    list.map(Vec::as_slice).ok_or_else(|| Failure::new(format!("the results have no {name}")))
}

/// A figure of one subject at one endpoint.
pub(super) fn figure(
    samples: &[Sample],
    subject: Subject,
    endpoint: Endpoint,
    connections: u64,
    of: impl Fn(&Sample) -> f64,
) -> Option<Figure> {
    let wanted = samples.iter().filter(|sample| {
        sample.subject == subject.name
            && sample.endpoint == endpoint.name()
            && sample.connections == connections
    });
    Figure::of(wanted.map(of))
}

/// The number of connections that most is said of.
pub(super) fn usual(samples: &[Sample]) -> u64 {
    let has_usual = samples.iter().any(|sample| sample.connections == USUAL);
    if has_usual { USUAL } else { samples.iter().map(|sample| sample.connections).max().unwrap_or(USUAL) }
}

fn title_of(row: &Value) -> String {
    let name = row.get("subject").and_then(Value::as_str).unwrap_or_default();
    Subject::named(name).map_or(name, |subject| subject.title).to_owned()
}

#[cfg(test)]
mod tests {
    use super::super::size;
    use super::*;

    fn samples() -> Value {
        let sample = |subject: &str, connections: u64, operations: u64| {
            serde_json::json!({
                "subject": subject, "endpoint": "token", "connections": connections, "operations": operations, "seconds": 1.0,
                "cpu_seconds": 1.0, "p50_us": 100, "p99_us": 200, "p999_us": 300, "idle_memory_bytes": 1_048_576,
                "peak_memory_bytes": 2_097_152,
            })
        };
        serde_json::json!({ "command": "c", "machine": {}, "samples": [
            sample("floor-memory", 16, 80_000), sample("grantor-memory", 16, 40_000), sample("grantor-memory", 16, 44_000),
            sample("grantor-memory", 1, 30_000),
        ]})
    }

    #[test]
    fn the_table_has_medians_ratios_and_only_who_was_measured() {
        let text = shown("table", &samples()).unwrap();
        assert!(text.contains("| grantor, memory | 42.0k ±5% | - |"), "{text}");
        assert!(text.contains("| grantor, memory | 0.53 | - |"), "{text}");
        assert!(text.contains("| grantor, memory | 100 | 200 | 300 | 42.0k | 1.0 MiB | 2.0 MiB |"), "{text}");
        assert!(!text.contains("oauth-as, memory"), "{text}");
        assert!(text.contains("By connections"), "{text}");
    }

    #[test]
    fn another_is_compared_on_the_same_store() {
        let sample = |subject: &str, rate: f64| Sample {
            subject: subject.to_owned(),
            endpoint: "refresh".to_owned(),
            connections: 16,
            operations: rate,
            seconds: 1.0,
            cpu_seconds: 1.0,
            p50_us: 1.0,
            p99_us: 1.0,
            p999_us: 1.0,
            idle_bytes: 1.0,
            peak_bytes: 1.0,
        };
        let mut samples = vec![
            sample("grantor-memory", 40_000.0),
            sample("oidc-provider", 2_000.0),
            sample("grantor-redis", 18_000.0),
        ];
        let text = rates::times_another(&samples, 16);
        assert!(
            text.contains(
                "| grantor, memory, by oidc-provider, memory | - | - | - | 20.0 | - | - | - | 15 |"
            ),
            "{text}"
        );
        assert!(!text.contains("grantor, Redis"), "the other was not measured there: {text}");
        samples.push(sample("oidc-provider-redis", 1_000.0));
        assert!(rates::times_another(&samples, 16).contains("| 18.0 |"));
        assert_eq!(rates::times_another(&[], 16), "");
    }

    #[test]
    fn a_purge_is_told_of_by_what_it_makes_of_the_p99() {
        let row = serde_json::json!({
            "subject": "grantor-sled", "quiet_p99_us": 1000.0, "purging_p99_us": 1500.0, "ratio": 1.5,
            "worst_purging_p99_us": 1800.0, "quiet_longest_us": 4000.0, "purging_longest_us": 5000.0,
            "purging_slices": 7, "removed_meanwhile": 250_000, "removed": 300_000,
        });
        let text = shown("purge", &serde_json::json!({ "rows": [row] })).unwrap();
        let expected =
            "| grantor, sled | 1000 µs | 1500 µs | 1.50 | 1800 µs | 4000 µs | 5000 µs | 7 | 250k | 300k |";
        assert!(text.contains(expected), "{text}");
    }

    #[test]
    fn what_an_older_run_did_not_measure_is_left_open() {
        let mut results = serde_json::json!({
            "starts": [{ "subject": "grantor-memory", "start_ms": 40.0, "idle_memory_bytes": 18_000_000 }],
            "program_bytes": 21_000_000, "core_crates": 44, "server_crates": 203,
        });
        let older = shown("size", &results).unwrap();
        assert!(older.contains("dev profile, s | - | 30 | 15 |"), "{older}");
        assert!(size::check(&results).is_err(), "a new run measures all of it");
        for (name, seconds) in [(size::DEV_SECONDS, 14.0), (size::RELEASE_SECONDS, 32.0)] {
            results.as_object_mut().unwrap().insert(name.to_owned(), seconds.into());
        }
        let text = shown("size", &results).unwrap();
        assert!(
            text.contains("dev profile, s | 14.0 | 30 | 15 |") && text.contains("32.0 s by its release"),
            "{text}"
        );
        size::check(&results).unwrap();
    }

    #[test]
    fn lists_are_told_by_store_and_in_milliseconds() {
        let row = |store: &str| {
            serde_json::json!({
                "store": store, "list": "grants", "what": "user", "found": 50, "api_median_ms": 1.25, "api_longest_ms": 2.0,
                "console_median_ms": 3.0, "console_longest_ms": 4.06,
            })
        };
        let results = serde_json::json!({
            "command": "c", "machine": {}, "count": 100_000, "rows": [row("sqlite"), row("redis")],
            "filled": [{ "store": "sqlite", "seconds": 7 }, { "store": "redis", "seconds": 8 }],
        });
        let text = shown("lists", &results).unwrap();
        assert!(text.contains("with 100,000 each"), "{text}");
        let (_, redis) = text.split_once("### Redis").unwrap();
        assert!(redis.contains("| grants: user | 50 | 1.2 | 2.0 | 3.0 | 4.1 |"), "{text}");
        assert_eq!(text.matches("grants: user").count(), 2, "{text}");
    }

    #[test]
    fn results_without_anything_in_them_are_no_page() {
        for part in ["table", "growth", "pressure", "purge", "size", "lists", "other"] {
            assert!(
                shown(part, &serde_json::json!({ "samples": [], "stages": [], "rows": [] })).is_err(),
                "{part}"
            );
        }
    }
}
