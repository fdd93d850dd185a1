//! Pressure: what becomes of the token endpoint beside what attackers and crowds do.

use std::process::Stdio;

use serde_json::{Value, json};

use crate::cli::BenchOptions;
use crate::failure::{Failure, Outcome, While};

use super::growth::chosen;
use super::plan::{Kind, Subject};
use super::subject::Running;
use super::tally::number;
use super::{Bench, taken};

const SUBJECTS: [&str; 4] = ["floor-memory", "grantor-memory", "grantor-sqlite", "oauth-as"];
/// Of the token endpoint.
const CONNECTIONS: &str = "16";
/// Of a storm.
const STORM_CONNECTIONS: u64 = 64;
/// Of the token endpoint, where more come than any server can do at once.
const CROWD: &str = "2048";
/// How long a storm lasts before and after what is measured beside it.
const AROUND_SECONDS: u64 = 3;

/// What goes on beside.
#[derive(Clone, Copy)]
struct Storm {
    title: &'static str,
    /// The load's name for it; nothing for none.
    endpoint: Option<&'static str>,
    connections: u64,
    /// More of grantor's configuration.
    configuration: &'static str,
    /// Whether only grantor has what is attacked.
    ours_alone: bool,
    /// How many ask for tokens themselves.
    asking: &'static str,
}

const QUIET: Storm = Storm {
    title: "alone",
    endpoint: None,
    connections: 0,
    configuration: "",
    ours_alone: false,
    asking: CONNECTIONS,
};

fn storms(quick: bool) -> [Storm; 6] {
    let storm = Storm { connections: STORM_CONNECTIONS, ..QUIET };
    [
        QUIET,
        Storm { title: "2,048 at once", asking: CROWD, ..QUIET },
        Storm { title: "tokens nobody gave", endpoint: Some("garbage"), ..storm },
        Storm { title: "guessed passwords", endpoint: Some("login"), ours_alone: true, ..storm },
        Storm {
            title: "guessed passwords, unlimited",
            endpoint: Some("login"),
            configuration: "[rate_limits]\nlogin = \"off\"\n",
            ours_alone: true,
            ..storm
        },
        Storm {
            title: "idle connections",
            endpoint: Some("idle"),
            connections: if quick { 1000 } else { 10_000 },
            ..QUIET
        },
    ]
}

/// Measures each subject alone and beside each storm.
pub(super) fn run(bench: &Bench<'_>, options: &BenchOptions) -> Outcome<Value> {
    let mut results = taken(bench, options);
    let seconds = options.seconds.unwrap_or(if options.quick { 3 } else { 10 });
    let mut rows = Vec::new();
    for subject in chosen(&SUBJECTS, &options.only)? {
        let ours = matches!(subject.kind, Kind::Grantor(_));
        for storm in storms(options.quick).into_iter().filter(|storm| ours || !storm.ours_alone) {
            rows.push(beside(bench, subject, storm, seconds)?);
        }
    }
    if let Value::Object(results) = &mut results {
        results.insert("rows".to_owned(), Value::Array(rows));
    }
    Ok(results)
}

fn beside(bench: &Bench<'_>, subject: Subject, storm: Storm, seconds: u64) -> Outcome<Value> {
    let running = Running::start_with(bench, subject, storm.configuration)?;
    let idle = running.memory()?;
    let raging = match storm.endpoint {
        None => None,
        Some(endpoint) => {
            let mut arguments = running.arguments();
            let lasts = (seconds + 2 * AROUND_SECONDS).to_string();
            arguments.extend(["--endpoint", endpoint, "--seconds", &lasts].map(str::to_owned));
            arguments.extend(["--connections".to_owned(), storm.connections.to_string()]);
            let mut load = bench.load_command(&arguments)?;
            Some(load.stdout(Stdio::piped()).spawn().during("starting a storm")?)
        }
    };
    let mut arguments = running.arguments();
    let (warm_up, measured) = (AROUND_SECONDS.to_string(), seconds.to_string());
    let more = [
        "--endpoint",
        "token",
        "--connections",
        storm.asking,
        "--put-off",
        "--warm-up",
        &warm_up,
        "--seconds",
        &measured,
    ];
    arguments.extend(more.map(str::to_owned));
    let measured = bench.load(&arguments);
    let memory = running.memory()?;
    let raged = match raging {
        None => Value::Null,
        Some(raging) => {
            let output = raging.wait_with_output().during("waiting for a storm")?;
            if !output.status.success() {
                running.show_log();
                return Err(Failure::new(format!(
                    "{} beside {}: the storm failed",
                    storm.title, subject.title
                )));
            }
            serde_json::from_slice(&output.stdout).during("reading what the storm said")?
        }
    };
    let measured = measured.inspect_err(|_| running.show_log())?;
    running.stop()?;
    let rate = number(&measured, "operations")? / number(&measured, "seconds")?;
    eprintln!("{}, {}: {rate:.0}/s, p99 {} µs", subject.title, storm.title, number(&measured, "p99_us")?);
    Ok(json!({
        "subject": subject.name, "beside": storm.title, "connections_beside": storm.connections, "per_second": rate,
        "p50_us": measured.get("p50_us"), "p99_us": measured.get("p99_us"), "p999_us": measured.get("p999_us"),
        "max_us": measured.get("max_us"), "put_off": measured.get("put_off"), "idle_memory_bytes": idle, "memory_bytes": memory, "storm": raged,
    }))
}
