//! Size: the program, how soon it answers, what it holds at rest, and what the core takes to build.

use std::fs;
use std::process::Command;

use serde_json::{Value, json};

use crate::cli::BenchOptions;
use crate::failure::{Failure, Outcome, While};
use crate::workspace;

use super::embedder::Embedder;
use super::plan::{Kind, SUBJECTS};
use super::subject::Running;
use super::tally::{Figure, number};
use super::{Bench, taken};

/// What of grantor must not grow beyond this, and what it should be one day, where that is less.
pub(super) const HELD: [Held; 5] = [
    Held { what: "memory at rest, the largest of all stores, MB", held: 35.0, wanted: 20.0 },
    Held { what: "time to the first answer, the longest of all stores, ms", held: 100.0, wanted: 100.0 },
    Held { what: "the program, MB", held: 25.0, wanted: 25.0 },
    Held { what: "building grantor-core from nothing, cargo's dev profile, s", held: 30.0, wanted: 15.0 },
    Held { what: "crates that grantor-core stands on", held: 45.0, wanted: 24.0 },
];

/// A figure that is kept where it is.
pub(super) struct Held {
    pub(super) what: &'static str,
    pub(super) held: f64,
    pub(super) wanted: f64,
}

/// What was measured of each, in the same order; nothing where an older run did not.
pub(super) fn measured(results: &Value) -> Outcome<[Option<f64>; 5]> {
    let most = |name: &str| {
        let starts = results.get("starts").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let ours = starts.iter().filter(|start| {
            start.get("subject").and_then(Value::as_str).is_some_and(|subject| subject.starts_with("grantor"))
        });
        ours.filter_map(|start| start.get(name)?.as_f64()).fold(0.0, f64::max)
    };
    Ok([
        Some(most("idle_memory_bytes") / 1e6),
        Some(most("start_ms")),
        Some(number(results, "program_bytes")? / 1e6),
        results.get(DEV_SECONDS).and_then(Value::as_f64),
        Some(number(results, "core_crates")?),
    ])
}

/// Fails where something is larger than it is held to be.
pub(super) fn check(results: &Value) -> Outcome {
    let measured = measured(results)?;
    let over = HELD.iter().zip(measured).filter_map(|(held, measured)| match measured {
        None => Some(format!("{}: not measured", held.what)),
        Some(measured) if measured > held.held => {
            Some(format!("{}: {measured:.1}, held to {}", held.what, held.held))
        }
        Some(_) => None,
    });
    let over: Vec<_> = over.collect();
    match over.is_empty() {
        true => Ok(()),
        false => Err(Failure::new(format!("grown too large: {}", over.join("; ")))),
    }
}

/// What a package with the core alone takes to build, by cargo's profiles for working and for shipping.
pub(super) const DEV_SECONDS: &str = "core_dev_build_seconds";
pub(super) const RELEASE_SECONDS: &str = "core_release_build_seconds";

/// How often each is started.
const STARTS: usize = 5;

/// Weighs and times.
pub(super) fn run(bench: &Bench<'_>, options: &BenchOptions) -> Outcome<Value> {
    let mut results = taken(bench, options);
    let mut starts = Vec::new();
    for subject in SUBJECTS {
        let wanted = options.only.is_empty() || options.only.iter().any(|name| name == subject.name);
        if !wanted {
            continue;
        }
        let (mut times, mut memories) = (Vec::new(), Vec::new());
        for _ in 0..options.repeat.unwrap_or(STARTS) {
            let mut running = Running::start(bench, subject)?;
            let started = match subject.kind {
                // Filled by now, as a server that is started mostly is.
                Kind::Grantor(_) => running.restart(bench)?,
                Kind::Floor(_) | Kind::Peer(..) => running.started_in,
            };
            times.push(started.as_secs_f64() * 1000.0);
            memories.push(bytes(running.memory_of_itself()?));
            running.stop()?;
        }
        let median = |numbers: Vec<f64>| Figure::of(numbers.into_iter()).map(|figure| figure.median);
        let (time, memory) = (median(times), median(memories));
        eprintln!("{}: answers after {:.1} ms", subject.title, time.unwrap_or_default());
        starts.push(json!({ "subject": subject.name, "start_ms": time, "idle_memory_bytes": memory }));
    }
    let program = bench.program("grantor")?;
    let embedder = Embedder::new(bench)?;
    let more = json!({
        "starts": starts,
        "program_bytes": fs::metadata(program).during(program.display())?.len(),
        "stripped_bytes": stripped(bench)?,
        "core_crates": crates(bench, "grantor-core")?,
        "server_crates": crates(bench, "grantor")?,
        DEV_SECONDS: embedder.build(bench, "dev")?,
        RELEASE_SECONDS: embedder.build(bench, "release")?,
    });
    if let (Value::Object(results), Value::Object(more)) = (&mut results, more) {
        results.extend(more);
    }
    Ok(results)
}

/// Without what only a debugger reads, where there is a tool for that.
fn stripped(bench: &Bench<'_>) -> Outcome<Option<u64>> {
    let copy = bench.folder.join("stripped");
    let mut strip = Command::new("strip");
    strip.arg("-o").arg(&copy).arg(bench.program("grantor")?);
    match strip.status() {
        Ok(status) if status.success() => {
            fs::metadata(&copy).map(|file| Some(file.len())).during(copy.display())
        }
        Ok(_) | Err(_) => Ok(None),
    }
}

/// How many packages of others and ours one needs to run, itself left out.
fn crates(bench: &Bench<'_>, package: &str) -> Outcome<usize> {
    let mut tree = bench.workspace.cargo(["tree", "--edges", "normal", "--prefix", "none", "--package"]);
    tree.arg(package);
    by_itself(&mut tree);
    let said = workspace::output_of(tree)?;
    // A package that was shown before is marked, and is the same all the same.
    let mut all: Vec<&str> = said.lines().map(|line| line.trim_end_matches(" (*)")).collect();
    all.sort_unstable();
    all.dedup();
    Ok(all.len().saturating_sub(1))
}

/// With the features that the package asks for, and not those of all others of the workspace, whatever the caller's setting.
fn by_itself(cargo: &mut Command) {
    cargo.env_remove("CARGO_RESOLVER_FEATURE_UNIFICATION").env_remove("CARGO_UNSTABLE_FEATURE_UNIFICATION");
}

/// Exact far beyond the memory of any machine.
fn bytes(number: u64) -> f64 {
    const KIBI: u64 = 1024;
    u32::try_from(number / KIBI).map_or(f64::from(u32::MAX), f64::from) * 1024.0
}
