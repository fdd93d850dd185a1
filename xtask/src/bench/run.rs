//! The table: every subject's turn at every endpoint.

use std::time::Instant;

use serde_json::{Value, json};

use crate::cli::BenchOptions;
use crate::failure::{Failure, Outcome};

use super::plan::{Endpoint, Plan, Subject};
use super::subject::Running;
use super::tally::{Sample, si};
use super::{Bench, taken};

/// Runs the plan, and gives everything that was measured.
pub(super) fn table(bench: &Bench<'_>, options: &BenchOptions) -> Outcome<Value> {
    let plan = Plan::of(options)?;
    let mut results = taken(bench, options);
    let turns = plan.turns();
    let mut samples = Vec::new();
    let begun = Instant::now();
    for (at, &(endpoint, subject)) in turns.iter().enumerate() {
        let place = format!("[{}/{}, {} s]", at + 1, turns.len(), begun.elapsed().as_secs());
        samples.extend(turn(bench, &plan, endpoint, subject, &place)?);
    }
    if samples.is_empty() {
        return Err(Failure::new("nothing was measured"));
    }
    if let Value::Object(results) = &mut results {
        results.insert("samples".to_owned(), Value::Array(samples));
    }
    Ok(results)
}

/// One subject at one endpoint, started anew: what it holds of other endpoints must not matter.
fn turn(
    bench: &Bench<'_>,
    plan: &Plan,
    endpoint: Endpoint,
    subject: Subject,
    place: &str,
) -> Outcome<Vec<Value>> {
    let running = Running::start(bench, subject)?;
    let idle = running.memory()?;
    let mut samples = Vec::new();
    for connections in &plan.connections {
        let mut arguments = running.arguments();
        let prepare = plan.prepare / subject.slower_by();
        arguments.extend(
            [
                ("--endpoint", endpoint.name().to_owned()),
                ("--connections", connections.to_string()),
                ("--seconds", plan.seconds.to_string()),
                ("--prepare", prepare.to_string()),
            ]
            .into_iter()
            .flat_map(|(name, value)| [name.to_owned(), value]),
        );
        arguments.push("--awake".to_owned());
        let measured = bench.load(&arguments).inspect_err(|_| running.show_log())?;
        let measured = with(measured, subject, endpoint, *connections, idle);
        let sample = Sample::of(&measured)?;
        eprintln!(
            "{place} {}, {connections} connections: {}: {}/CPU-s, p99 {} µs",
            endpoint.title(),
            subject.title,
            si(sample.rate()),
            sample.p99_us
        );
        samples.push(measured);
    }
    running.stop()?;
    Ok(samples)
}

/// What the load said, and of what.
fn with(mut measured: Value, subject: Subject, endpoint: Endpoint, connections: usize, idle: u64) -> Value {
    if let Value::Object(measured) = &mut measured {
        let more = [
            ("subject", json!(subject.name)),
            ("endpoint", json!(endpoint.name())),
            ("connections", json!(connections)),
            ("idle_memory_bytes", json!(idle)),
        ];
        measured.extend(more.map(|(name, value)| (name.to_owned(), value)));
    }
    measured
}
