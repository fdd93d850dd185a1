//! The live figures of a server, plotted.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::chart::{Chart, Line, micros};
use crate::words::Words;

/// How many points a chart of an hour has.
const POINTS: usize = 60;
/// How many reasons are listed.
const REASONS: usize = 8;

/// The last hour.
pub(crate) struct Figures {
    pub(crate) issued: Chart,
    pub(crate) requests: Chart,
    pub(crate) store: Chart,
    /// Refusals by rule, the most frequent first.
    pub(crate) refused: Vec<(String, u64)>,
    pub(crate) faults: u64,
    pub(crate) store_is_there: bool,
}

impl Figures {
    /// What the API tells of it.
    pub(crate) fn of(told: &Value, words: &Words) -> Self {
        let samples = told.get("samples").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let parts: Vec<&[Value]> = samples.chunks(samples.len().div_ceil(POINTS).max(1)).collect();
        let number = |sample: &Value, name: &str| sample.get(name).and_then(Value::as_u64).unwrap_or(0);
        let sum = |part: &[Value], name: &str| part.iter().map(|sample| number(sample, name)).sum::<u64>();
        let issued: Vec<u64> = parts.iter().map(|part| sum(part, "issued")).collect();
        let said = &words.overview;
        let count = issued.iter().sum::<u64>().to_string();
        let longest = |of: fn(&Value) -> Vec<&Value>| {
            let line = |name, quantile: &str| {
                let values = parts.iter().map(|part| longest_in(part, of, quantile)).collect();
                Line { name, values }
            };
            [line(said.p99.as_str(), "p99_micros"), line(said.p50.as_str(), "p50_micros")]
        };
        Self {
            issued: Chart::bars(&issued, &said.issued_said.plain(&[("count", &count)])),
            requests: Chart::lines(&longest(requests), micros, said.requests_said.as_str()),
            store: Chart::lines(&longest(store), micros, said.store_said.as_str()),
            refused: refused(samples),
            faults: sum(samples, "faults"),
            store_is_there: samples
                .last()
                .and_then(|sample| sample.get("store")?.get("is_there")?.as_bool())
                .unwrap_or(true),
        }
    }
}

/// The longest time of a quantile that there was, over all samples and everything that was timed.
fn longest_in(part: &[Value], of: fn(&Value) -> Vec<&Value>, quantile: &str) -> Option<u64> {
    part.iter().flat_map(of).filter_map(|timed| timed.get(quantile)?.as_u64()).max()
}

fn requests(sample: &Value) -> Vec<&Value> {
    sample.get("requests").and_then(Value::as_object).map(|all| all.values().collect()).unwrap_or_default()
}

fn store(sample: &Value) -> Vec<&Value> {
    sample.get("store").into_iter().collect()
}

fn refused(samples: &[Value]) -> Vec<(String, u64)> {
    let mut by_rule: BTreeMap<&str, u64> = BTreeMap::new();
    for (rule, count) in samples.iter().filter_map(|s| s.get("refused")?.as_object()).flatten() {
        *by_rule.entry(rule.as_str()).or_default() += count.as_u64().unwrap_or(0);
    }
    let mut all: Vec<_> = by_rule.into_iter().map(|(rule, count)| (rule.to_owned(), count)).collect();
    all.sort_by(|(a, many), (b, more)| more.cmp(many).then_with(|| a.cmp(b)));
    all.truncate(REASONS);
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn sample(issued: u64, p99: u64) -> Value {
        json!({
            "at": 0, "issued": issued, "refused": {"CodeUnknown": 2, "ClientUnknown": 1}, "faults": 1,
            "requests": {"token": {"count": 1, "p50_micros": 10, "p99_micros": p99}, "pages": {"count": 1, "p50_micros": 5, "p99_micros": 1}},
            "store": {"is_there": false, "failures": 0},
        })
    }

    #[test]
    fn an_hour_of_samples_is_sixty_points() {
        let languages = Words::ours();
        let words = languages.pick(None, None).words();
        let samples: Vec<_> = (0..720).map(|n| sample(u64::from(n % 12 == 0), 1_000 + n)).collect();
        let figures = Figures::of(&json!({"every_seconds": 5, "samples": samples}), words);
        assert_eq!(figures.issued.to_string().matches("<rect").count(), 60);
        assert!(figures.issued.to_string().contains("60"), "{}", figures.issued);
        assert!(figures.requests.to_string().contains("1.7 ms"), "{}", figures.requests);
        assert_eq!(figures.refused, [("CodeUnknown".to_owned(), 1440), ("ClientUnknown".to_owned(), 720)]);
        assert_eq!((figures.faults, figures.store_is_there), (720, false));
    }

    #[test]
    fn a_server_that_has_just_begun_has_figures_too() {
        let languages = Words::ours();
        let figures = Figures::of(&json!({"samples": []}), languages.pick(None, None).words());
        assert!(figures.refused.is_empty() && figures.store_is_there);
    }
}
