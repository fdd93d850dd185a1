//! The page: tables in Markdown, made of what was measured last, and of nothing else.

use std::fmt::Write as _;
use std::fs;

use serde_json::Value;

use crate::failure::{Failure, Outcome, While};
use crate::workspace::Workspace;

use super::chart;
use super::plan::{Endpoint, SUBJECTS, Subject};
use super::tally::{Figure, Sample, mebibytes, number, si};
use super::{PAGE, RESULTS};

/// How many connections the first tables are about.
const USUAL: u64 = 16;

const INTRODUCTION: &str = "\
# Benchmarks

An authorization server stands in front of everything else, so what a request costs is paid by everybody. This page is made by `cargo xtask bench` of what it measured last; [the raw figures](benchmarks) lie beside it.

**How to read it.** The figure is operations for each second of *the server's processor time*, its own and the kernel's for it, and that of `redis-server` where there is one. It is taken on loopback, with the server on one
core and the load on another, over HTTP/1.1 with keep-alive; every answer is checked, and one wrong answer ends the run. Subjects take turns, each started anew for each endpoint, and the median of all turns is shown with half the range from the least to the most.
Such figures move from machine to machine. **What holds is the ratio to a floor taken in the same run**: a minimal axum program ([`crates/bench/src/floor`](../crates/bench/src/floor/main.rs)) that reads the form, compares one SHA-256 in constant time,
takes random bytes, does one operation of the store, and answers. It has no OAuth in it. Gaps under a half more are noise between single runs.

**What is compared.** Peers are what their registries have, each in a small program under [`tests-external/peers`](../tests-external/peers), with their own stores in memory. `oauth-as` keeps tokens in clear there; `oxide-auth` has no introspection, revocation or JWT of its own,
and the first two are written by hand over its token map. grantor runs as it is shipped, with logs, metrics, throttles and audit trail; only codes live longer, since they are made before they are measured. On SQLite it flushes each commit to the disk, as it does unless told otherwise, and the
floor does not; *relaxed* does as the floor does. sled flushes in both. Redis writes nothing to disk in either.
";

/// Makes the page and its charts.
pub(super) fn write(workspace: &Workspace) -> Outcome {
    let folder = workspace.path(RESULTS);
    let mut page = INTRODUCTION.to_owned();
    for part in ["table", "growth", "pressure", "size"] {
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
    fs::write(workspace.path(PAGE), page).during(PAGE)?;
    eprintln!("{PAGE} is made");
    Ok(())
}

/// One part, as it stands in the page.
pub(super) fn shown(part: &str, results: &Value) -> Outcome<String> {
    let body = match part {
        "table" => rates(&samples_of(results)?),
        "growth" => growth(list(results, "stages")?)?,
        "pressure" => pressure(list(results, "rows")?)?,
        "size" => size(results)?,
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

fn rates(samples: &[Sample]) -> String {
    let usual = usual(samples);
    let mut text = format!("\n## Operations per CPU-second, {usual} connections\n\n");
    let headers =
        || std::iter::once("").chain(Endpoint::ALL.map(Endpoint::title)).map(str::to_owned).collect();
    let mut table = Table::new(headers());
    for subject in SUBJECTS {
        table.row(
            subject.title,
            Endpoint::ALL.map(|endpoint| {
                figure(samples, subject, endpoint, usual, Sample::rate).map(|figure| figure.shown())
            }),
        );
    }
    text.push_str(&table.rendered());
    text.push_str(
        "\n*token*: client credentials by Basic authentication. *code*: made beforehand, redeemed with its verifier. *refresh*: each connection goes on with what it was given last. \
         *introspection*: by a resource server, of a thousand live tokens in turn. *revocation*: of tokens made beforehand. *browser flow*: by one who is logged in: the authorization request, \
         the page that asks, the approval, the code, the token; one such walk is one operation.\n\n![Operations per CPU-second by endpoint](benchmarks/rates.svg)\n",
    );
    let _ = write!(text, "\n### As a part of the floor, {usual} connections\n\n");
    let mut table = Table::new(headers());
    for subject in SUBJECTS {
        let Some(floor) = subject.floor.and_then(Subject::named) else { continue };
        table.row(
            subject.title,
            Endpoint::ALL.map(|endpoint| {
                let of = |subject| figure(samples, subject, endpoint, usual, Sample::rate);
                Some(format!("{:.2}", of(subject)?.median / of(floor)?.median))
            }),
        );
    }
    text.push_str(&table.rendered());
    text.push_str(&by_connections(samples));
    text.push_str(&times(samples));
    text
}

fn connections_of(samples: &[Sample]) -> Vec<u64> {
    let mut all: Vec<u64> = samples.iter().map(|sample| sample.connections).collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// The token endpoint again, where more than one number of connections was measured.
fn by_connections(samples: &[Sample]) -> String {
    let all = connections_of(samples);
    if all.len() < 2 {
        return String::new();
    }
    let mut text = "\n### By connections\n".to_owned();
    for endpoint in Endpoint::ALL {
        let _ =
            write!(text, "\n<details><summary>{}: operations per CPU-second</summary>\n\n", endpoint.title());
        let mut table =
            Table::new(std::iter::once(String::new()).chain(all.iter().map(ToString::to_string)).collect());
        for subject in SUBJECTS {
            table.row(
                subject.title,
                all.iter().map(|connections| {
                    figure(samples, subject, endpoint, *connections, Sample::rate)
                        .map(|figure| figure.shown())
                }),
            );
        }
        text.push_str(&table.rendered());
        text.push_str("\n</details>\n");
    }
    text
}

/// Latencies and memory.
fn times(samples: &[Sample]) -> String {
    let mut text = "\n### How long an answer takes\n\nIn microseconds: the median, and what one of a hundred and one of a thousand exceeds; and how many a second came of it. With one core for the server and each connection \
                    asking again at once, an answer mostly waits for the others: these are times under full load. Memory is at rest after the start, and at most.\n"
        .to_owned();
    for connections in connections_of(samples) {
        for endpoint in Endpoint::ALL {
            let mut table = Table::new(
                ["", "p50", "p99", "p99.9", "per second", "memory at rest", "at most"]
                    .map(str::to_owned)
                    .to_vec(),
            );
            for subject in SUBJECTS {
                let of = |of: fn(&Sample) -> f64| figure(samples, subject, endpoint, connections, of);
                let time = |of_: fn(&Sample) -> f64| of(of_).map(|figure| format!("{:.0}", figure.median));
                let memory = |of_: fn(&Sample) -> f64| of(of_).map(|figure| mebibytes(figure.median));
                table.row(
                    subject.title,
                    [
                        time(|sample| sample.p50_us),
                        time(|sample| sample.p99_us),
                        time(|sample| sample.p999_us),
                        of(|sample| sample.operations / sample.seconds).map(|figure| si(figure.median)),
                        memory(|sample| sample.idle_bytes),
                        memory(|sample| sample.peak_bytes),
                    ],
                );
            }
            if table.is_empty() {
                continue;
            }
            let title = endpoint.title();
            let _ = write!(text, "\n<details><summary>{title}, {connections} connections</summary>\n\n");
            text.push_str(&table.rendered());
            text.push_str("\n</details>\n");
        }
    }
    text
}

fn title_of(row: &Value) -> String {
    let name = row.get("subject").and_then(Value::as_str).unwrap_or_default();
    Subject::named(name).map_or(name, |subject| subject.title).to_owned()
}

fn growth(stages: &[Value]) -> Outcome<String> {
    let mut text = "\n## Growth\n\nMicroseconds of processor time for one token, and for one introspection, with so many live tokens; the longest that any request took while the store grew there; and what the server and its \
                    store hold. 16 connections.\n\n"
        .to_owned();
    let headers = ["", "live tokens", "token", "introspection", "longest", "memory", "on disk", "restart"];
    let mut table = Table::new(headers.map(str::to_owned).to_vec());
    for stage in stages {
        let disk = number(stage, "disk_bytes")?;
        table.row(
            &title_of(stage),
            [
                Some(si(number(stage, "live")?)),
                Some(format!("{:.1} µs", number(stage, "token_cpu_us")?)),
                Some(format!("{:.1} µs", number(stage, "introspect_cpu_us")?)),
                Some(format!("{:.1} ms", number(stage, "longest_us")? / 1000.0)),
                Some(mebibytes(number(stage, "memory_bytes")?)),
                (disk > 1_048_576.0).then(|| mebibytes(disk)),
                stage.get("restart_ms").and_then(Value::as_f64).map(|millis| format!("{millis:.0} ms")),
            ],
        );
    }
    text.push_str(&table.rendered());
    text.push_str("\n![Processor time for a token, by live tokens](benchmarks/growth.svg)\n\n### Bytes for each live token\n\n");
    let mut table = Table::new(["", "memory", "disk"].map(str::to_owned).to_vec());
    for subject in SUBJECTS {
        let mut own =
            stages.iter().filter(|stage| stage.get("subject").and_then(Value::as_str) == Some(subject.name));
        let (Some(first), Some(last)) = (own.next(), own.next_back()) else { continue };
        let live = number(last, "live")? - number(first, "live")?;
        let each = |name: &str| Ok::<_, Failure>((number(last, name)? - number(first, name)?) / live);
        let disk = each("disk_bytes")?;
        table.row(
            subject.title,
            [Some(format!("{:.0}", each("memory_bytes")?)), (disk > 1.0).then(|| format!("{disk:.0}"))],
        );
    }
    text.push_str(&table.rendered());
    Ok(text)
}

fn pressure(rows: &[Value]) -> Outcome<String> {
    let mut text = "\n## Under pressure\n\nThe token endpoint, 16 connections, beside what attackers and crowds do on further connections. Both loads share one core, and the server has the other: what is lost is the share of it that the \
                    others take.\n\n"
        .to_owned();
    let headers =
        ["", "beside", "connections beside", "tokens a second", "p50", "p99", "p99.9", "longest", "memory"];
    let mut table = Table::new(headers.map(str::to_owned).to_vec());
    for row in rows {
        let time = |name: &str| Ok::<_, Failure>(Some(format!("{:.0} µs", number(row, name)?)));
        let beside = row.get("beside").and_then(Value::as_str).unwrap_or_default();
        table.row(
            &title_of(row),
            [
                Some(beside.to_owned()),
                Some(si(number(row, "connections_beside")?)),
                Some(si(number(row, "per_second")?)),
                time("p50_us")?,
                time("p99_us")?,
                time("p999_us")?,
                time("max_us")?,
                Some(mebibytes(number(row, "memory_bytes")?)),
            ],
        );
    }
    text.push_str(&table.rendered());
    Ok(text)
}

fn size(results: &Value) -> Outcome<String> {
    let mut text = "\n## Size\n\n".to_owned();
    let mut table = Table::new(["", "first answer after", "memory at rest"].map(str::to_owned).to_vec());
    for start in list(results, "starts")? {
        table.row(
            &title_of(start),
            [
                Some(format!("{:.0} ms", number(start, "start_ms")?)),
                Some(mebibytes(number(start, "idle_memory_bytes")?)),
            ],
        );
    }
    text.push_str(&table.rendered());
    let stripped = results.get("stripped_bytes").and_then(Value::as_f64).map(mebibytes);
    let _ = writeln!(
        text,
        "\nWithout the memory of `redis-server`. The program has {} with line tables{}. `grantor-core` builds in {:.1} s from nothing, with the {} crates it \
         stands on; `grantor` stands on {}.",
        mebibytes(number(results, "program_bytes")?),
        stripped.map(|stripped| format!(" and {stripped} without")).unwrap_or_default(),
        number(results, "core_build_seconds")?,
        number(results, "core_crates")?,
        number(results, "server_crates")?,
    );
    Ok(text)
}

/// A table in Markdown.
struct Table {
    headers: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    fn new(headers: Vec<String>) -> Self {
        Self { headers, rows: Vec::new() }
    }

    fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// One row, unless there is nothing to say in it.
    fn row(&mut self, name: &str, cells: impl IntoIterator<Item = Option<String>>) {
        let cells: Vec<_> = cells.into_iter().collect();
        if cells.iter().any(Option::is_some) {
            let cells = cells.into_iter().map(|cell| cell.unwrap_or_else(|| "-".to_owned()));
            self.rows.push(std::iter::once(name.to_owned()).chain(cells).collect());
        }
    }

    fn rendered(&self) -> String {
        let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
        let marks: Vec<_> =
            (0..self.headers.len()).map(|at| if at == 0 { "---" } else { "---:" }.to_owned()).collect();
        let mut text = line(&self.headers) + &line(&marks);
        self.rows.iter().for_each(|row| text.push_str(&line(row)));
        text
    }
}

#[cfg(test)]
mod tests {
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
    fn results_without_anything_in_them_are_no_page() {
        for part in ["table", "growth", "pressure", "size", "other"] {
            assert!(
                shown(part, &serde_json::json!({ "samples": [], "stages": [], "rows": [] })).is_err(),
                "{part}"
            );
        }
    }
}
