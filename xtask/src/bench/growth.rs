//! Growth: what a request costs with ten times as many live tokens, and what each of them takes.

use serde_json::{Value, json};

use crate::cli::BenchOptions;
use crate::failure::{Failure, Outcome};

use super::plan::{Backend, Kind, Subject};
use super::subject::Running;
use super::tally::{number, si};
use super::{Bench, taken};

const SUBJECTS: [&str; 6] =
    ["floor-memory", "grantor-memory", "oauth-as", "grantor-sqlite", "grantor-sled", "grantor-redis"];
/// How many times as many tokens those are given that keep them outside of the process.
const OUTSIDE: u64 = 10;
/// The first stage. Each after it has ten times as many.
const FIRST: u64 = 1000;
const CONNECTIONS: u64 = 16;
/// How many live tokens the load makes for itself before it looks any up.
const MADE_BY_THE_LOAD: u64 = 1000;

/// Fills each subject's store stage by stage.
pub(super) fn run(bench: &Bench<'_>, options: &BenchOptions) -> Outcome<Value> {
    let most = options.tokens.unwrap_or(if options.quick { 100_000 } else { 1_000_000 });
    let mut results = taken(bench, options);
    let mut stages = Vec::new();
    for subject in chosen(&SUBJECTS, &options.only)? {
        stages.extend(grown(bench, subject, most_of(subject, most), options.seconds.unwrap_or(2))?);
    }
    if let Value::Object(results) = &mut results {
        results.insert("stages".to_owned(), Value::Array(stages));
    }
    Ok(results)
}

/// How many tokens a subject's store is filled with, where one in memory is filled with `most`.
fn most_of(subject: Subject, most: u64) -> u64 {
    match subject.kind {
        Kind::Floor(Backend::Sqlite | Backend::SqliteRelaxed | Backend::Redis)
        | Kind::Grantor(Backend::Sqlite | Backend::SqliteRelaxed | Backend::Redis) => OUTSIDE * most,
        Kind::Floor(Backend::Memory | Backend::Sled)
        | Kind::Grantor(Backend::Memory | Backend::Sled)
        | Kind::Peer(..) => most,
    }
}

/// Those of a part that were asked for.
pub(super) fn chosen(all: &[&str], only: &[String]) -> Outcome<Vec<Subject>> {
    if let Some(unknown) = only.iter().find(|name| !all.contains(&name.as_str())) {
        return Err(Failure::new(format!("no {unknown} here; --only takes {}", all.join(", "))));
    }
    let chosen = all.iter().filter(|name| only.is_empty() || only.iter().any(|wanted| wanted == *name));
    Ok(chosen.filter_map(|name| Subject::named(name)).collect())
}

fn grown(bench: &Bench<'_>, subject: Subject, most: u64, seconds: u64) -> Outcome<Vec<Value>> {
    let mut running = Running::start(bench, subject)?;
    let (mut live, mut stages, mut target) = (0, Vec::new(), FIRST.min(most));
    while live < most {
        let load = |endpoint: &str, more: [&str; 2]| {
            let mut arguments = running.arguments();
            arguments.extend(
                ["--endpoint", endpoint, "--connections", &CONNECTIONS.to_string()].map(str::to_owned),
            );
            arguments.extend(more.map(str::to_owned));
            arguments.push("--awake".to_owned());
            bench.load(&arguments).inspect_err(|_| running.show_log())
        };
        let wanted = target.saturating_sub(live).max(1);
        let growing = load("token", ["--operations", &wanted.to_string()])?;
        let looking = load("introspect", ["--seconds", &seconds.to_string()])?;
        live += wanted + MADE_BY_THE_LOAD;
        let cost =
            |said: &Value| Ok::<_, Failure>(1e6 * number(said, "cpu_seconds")? / number(said, "operations")?);
        let (token, introspection) = (cost(&growing)?, cost(&looking)?);
        eprintln!(
            "{}: {} live tokens: {token:.1} µs of processor for a token, {introspection:.1} µs to look one up, the longest {} ms",
            subject.title,
            si(as_float(live)),
            number(&growing, "max_us")? / 1000.0
        );
        stages.push(json!({
            "subject": subject.name, "live": live, "token_cpu_us": token, "introspect_cpu_us": introspection,
            "longest_us": growing.get("max_us"), "p999_us": growing.get("p999_us"),
            "memory_bytes": running.memory()?, "disk_bytes": running.on_disk()?,
        }));
        target = target.saturating_mul(10).min(most.max(live + 1));
    }
    if let (Kind::Grantor(_), Some(Value::Object(last))) = (subject.kind, stages.last_mut()) {
        let started = running.restart(bench)?;
        last.insert("restart_ms".to_owned(), json!(started.as_secs_f64() * 1000.0));
    }
    running.stop()?;
    Ok(stages)
}

/// Exact far beyond any number of tokens.
fn as_float(number: u64) -> f64 {
    u32::try_from(number).map_or(f64::from(u32::MAX), f64::from)
}
