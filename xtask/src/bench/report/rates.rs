//! The first table: rates, ratios, and how long an answer takes.

use std::fmt::Write as _;

use super::table::Table;
use super::{figure, usual};
use crate::bench::plan::{Endpoint, SUBJECTS, Subject};
use crate::bench::tally::{Sample, mebibytes, si};

pub(super) fn section(samples: &[Sample]) -> String {
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
        "\n*token*: client credentials by Basic authentication. *code*: made beforehand, redeemed with its verifier. *refresh*: a thousand grants take turns, each going on with what it was given last. \
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
    text.push_str(&times_another(samples, usual));
    text.push_str(&by_connections(samples));
    text.push_str(&times(samples));
    text
}

/// Who is compared with whom on the same store, and how many times as much is wanted at each endpoint.
const TIMES: [(&str, &str, f64); 2] =
    [("grantor-memory", "oidc-provider", 15.0), ("grantor-redis", "oidc-provider-redis", 12.0)];

/// What we do where another does one operation, if both were measured.
pub(super) fn times_another(samples: &[Sample], connections: u64) -> String {
    let headers = std::iter::once("").chain(Endpoint::ALL.map(Endpoint::title)).chain(["wanted"]);
    let mut table = Table::new(headers.map(str::to_owned).collect());
    for (ours, other, wanted) in TIMES {
        let (Some(ours), Some(other)) = (Subject::named(ours), Subject::named(other)) else { continue };
        let times = Endpoint::ALL.map(|endpoint| {
            let of = |subject| figure(samples, subject, endpoint, connections, Sample::rate);
            Some(format!("{:.1}", of(ours)?.median / of(other)?.median))
        });
        if times.iter().any(Option::is_some) {
            let name = format!("{}, by {}", ours.title, other.title);
            table.row(&name, times.into_iter().chain([Some(format!("{wanted}"))]));
        }
    }
    match table.is_empty() {
        true => String::new(),
        false => {
            format!("\n### Times `oidc-provider`, {connections} connections\n\n{}", table.rendered())
        }
    }
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
