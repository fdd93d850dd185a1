//! Size: the program, how soon it answers, what it holds at rest, and what the core takes to build.

use std::fs;
use std::process::Command;
use std::time::Instant;

use serde_json::{Value, json};

use crate::cli::BenchOptions;
use crate::failure::{Outcome, While};
use crate::workspace;

use super::plan::{Kind, SUBJECTS};
use super::subject::Running;
use super::tally::Figure;
use super::{Bench, taken};

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
                Kind::Floor(_) | Kind::Peer(_) => running.started_in,
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
    let more = json!({
        "starts": starts,
        "program_bytes": fs::metadata(program).during(program.display())?.len(),
        "stripped_bytes": stripped(bench)?,
        "core_crates": crates(bench, "grantor-core")?,
        "server_crates": crates(bench, "grantor")?,
        "core_build_seconds": core_build(bench)?,
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
    let said = workspace::output_of(tree)?;
    // A package that was shown before is marked, and is the same all the same.
    let mut all: Vec<&str> = said.lines().map(|line| line.trim_end_matches(" (*)")).collect();
    all.sort_unstable();
    all.dedup();
    Ok(all.len().saturating_sub(1))
}

/// How long the core takes with nothing built before.
fn core_build(bench: &Bench<'_>) -> Outcome<f64> {
    let mut build =
        bench.workspace.cargo(["build", "--release", "--quiet", "--package", "grantor-core", "--target-dir"]);
    build.arg(bench.folder.join("core"));
    let begun = Instant::now();
    workspace::succeed(build)?;
    Ok(begun.elapsed().as_secs_f64())
}

/// Exact far beyond the memory of any machine.
fn bytes(number: u64) -> f64 {
    const KIBI: u64 = 1024;
    u32::try_from(number / KIBI).map_or(f64::from(u32::MAX), f64::from) * 1024.0
}
