//! The live figures of a server, plotted.

use std::collections::BTreeMap;

use grantor_core::{Reason, Time};
use serde_json::Value;

use crate::chart::{Chart, Plot, Series, Style, micros};
use crate::words::{Overview, Words};

/// How many places a chart of an hour has: as many as can be told apart on a narrow screen.
const PLACES: usize = 30;
/// How many rules have a colour of their own; the others have one together.
const RULES: usize = 4;

/// The last hour.
pub(crate) struct Figures {
    pub(crate) issued: Chart,
    /// Refusals over time, by rule.
    pub(crate) refused: Option<Chart>,
    /// The rules that refused, the most frequent first.
    pub(crate) rules: Vec<Rule>,
    pub(crate) requests: Chart,
    pub(crate) faults: Chart,
    pub(crate) store: Chart,
    pub(crate) health: Chart,
    pub(crate) store_is_there: bool,
}

/// A rule that refused.
pub(crate) struct Rule {
    pub(crate) name: String,
    /// What it refuses, in English.
    pub(crate) meaning: &'static str,
    pub(crate) count: u64,
}

/// Samples in as many parts as there are places.
struct Parts<'a> {
    parts: Vec<&'a [Value]>,
    places: Vec<String>,
    /// How much time one part is.
    span: String,
}

impl Figures {
    /// What the API tells of it.
    pub(crate) fn of(told: &Value, words: &Words) -> Self {
        let samples = told.get("samples").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let every = told.get("every_seconds").and_then(Value::as_u64).unwrap_or(0);
        let (parts, said) = (Parts::of(samples, every), &words.overview);
        let rules = rules(samples);
        Self {
            issued: parts.counted(&said.issued_said, said.issued.as_str(), number("issued"), words),
            refused: (!rules.is_empty()).then(|| parts.refused(&rules, words)),
            requests: parts.timed(said.requests_said.as_str(), requests, words),
            faults: parts.counted(&said.faults_said, said.faults.as_str(), number("faults"), words),
            store: parts.timed(said.store_said.as_str(), store, words),
            health: parts.health(said, words),
            store_is_there: samples.last().is_none_or(|sample| !is_away(sample)),
            rules,
        }
    }
}

impl<'a> Parts<'a> {
    fn of(samples: &'a [Value], every: u64) -> Self {
        let size = samples.len().div_ceil(PLACES).max(1);
        let parts: Vec<&[Value]> = samples.chunks(size).collect();
        let seconds = every.saturating_mul(size as u64);
        let span =
            if seconds.is_multiple_of(60) { format!("{} min", seconds / 60) } else { format!("{seconds} s") };
        let clock = |part: &&[Value]| {
            let at = part.last().and_then(|sample| sample.get("at")?.as_i64()).unwrap_or(0);
            // As in 2026-01-31T14:05:30; to the second where several are in a minute.
            let end = if seconds < 60 { 19 } else { 16 };
            Time::from_unix_millis(at).to_string().get(11..end).unwrap_or_default().to_owned()
        };
        let places = parts.iter().map(clock).collect();
        Self { parts, places, span }
    }

    fn plot<'b>(
        &self,
        said: &'b str,
        up: &'b str,
        style: Style,
        series: Vec<Series<'b>>,
        words: &'b Words,
    ) -> Plot<'b> {
        let (along, places) = (words.overview.along.as_str(), self.places.clone());
        Plot { said, up, along, places, series, marked: None, style, number: |value| value.to_string() }
    }

    fn sums(&self, count: impl Fn(&Value) -> u64) -> Vec<Option<u64>> {
        self.parts.iter().map(|part| Some(part.iter().map(&count).sum())).collect()
    }

    /// How many there were.
    fn counted(
        &self,
        said: &grantor_pages::Phrase,
        name: &str,
        count: impl Fn(&Value) -> u64,
        words: &Words,
    ) -> Chart {
        let values = self.sums(count);
        let all = total(&values).to_string();
        let (said, up) = (said.plain(&[("count", &all)]), self.each(name, words));
        let series = vec![Series { name, note: all, values }];
        self.plot(&said, &up, Style::Bars, series, words).draw(words)
    }

    fn each(&self, name: &str, words: &Words) -> String {
        words.overview.each.plain(&[("what", name), ("span", &self.span)])
    }

    /// How long things took.
    fn timed(&self, said: &str, of: fn(&Value) -> Vec<&Value>, words: &Words) -> Chart {
        let line = |name, quantile: &str| {
            let values: Vec<_> = self.parts.iter().map(|part| longest_in(part, of, quantile)).collect();
            let most = micros(values.iter().flatten().copied().max().unwrap_or(0));
            Series { name, note: words.overview.at_most.plain(&[("most", &most)]), values }
        };
        let (p99, p50) = (words.overview.p99.as_str(), words.overview.p50.as_str());
        let series = vec![line(p99, "p99_micros"), line(p50, "p50_micros")];
        let plot = self.plot(said, words.overview.took.as_str(), Style::Lines, series, words);
        Plot { number: micros, ..plot }.draw(words)
    }

    /// What was refused, by the most frequent rules.
    fn refused(&self, rules: &[Rule], words: &Words) -> Chart {
        let said = &words.overview;
        let (own, others) = rules.split_at(rules.len().min(RULES));
        let mut series: Vec<Series<'_>> = own
            .iter()
            .map(|rule| {
                let values = self.sums(|sample| refused_by(sample, &rule.name));
                Series { name: &rule.name, note: rule.count.to_string(), values }
            })
            .collect();
        if !others.is_empty() {
            let of_others = |sample: &Value| others.iter().map(|rule| refused_by(sample, &rule.name)).sum();
            let values = self.sums(of_others);
            let note = total(&values).to_string();
            series.push(Series { name: said.other_rules.as_str(), note, values });
        }
        let all = rules.iter().map(|rule| rule.count).sum::<u64>().to_string();
        let (text, up) =
            (said.refused_said.plain(&[("count", &all)]), self.each(said.refusals.as_str(), words));
        self.plot(&text, &up, Style::Bars, series, words).draw(words)
    }

    /// What the store could not do, and when it was away.
    fn health(&self, said: &Overview, words: &Words) -> Chart {
        let failures = |sample: &Value| sample.get("store").map_or(0, number("failures"));
        let values = self.sums(failures);
        let away = self.parts.iter().map(|part| part.iter().any(is_away)).collect();
        let note = total(&values).to_string();
        let text = said.health_said.plain(&[("count", &note)]);
        let up = self.each(said.failures.as_str(), words);
        let series = vec![Series { name: said.failures.as_str(), note, values }];
        let plot = self.plot(&text, &up, Style::Bars, series, words);
        Plot { marked: Some((said.away_then.as_str(), away)), ..plot }.draw(words)
    }
}

fn number(name: &str) -> impl Fn(&Value) -> u64 {
    move |sample| sample.get(name).and_then(Value::as_u64).unwrap_or(0)
}

fn total(values: &[Option<u64>]) -> u64 {
    values.iter().flatten().sum()
}

fn is_away(sample: &Value) -> bool {
    sample.get("store").and_then(|store| store.get("is_there")).is_some_and(|there| *there == false)
}

fn refused_by(sample: &Value, rule: &str) -> u64 {
    sample.get("refused").map_or(0, number(rule))
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

fn rules(samples: &[Value]) -> Vec<Rule> {
    let mut by_rule: BTreeMap<&str, u64> = BTreeMap::new();
    for (rule, count) in samples.iter().filter_map(|s| s.get("refused")?.as_object()).flatten() {
        *by_rule.entry(rule.as_str()).or_default() += count.as_u64().unwrap_or(0);
    }
    let meaning = |name: &str| Reason::ALL.iter().find(|reason| reason.name() == name).map(|r| r.meaning());
    let mut all: Vec<Rule> = by_rule
        .into_iter()
        .map(|(name, count)| Rule {
            name: name.to_owned(),
            meaning: meaning(name).unwrap_or_default(),
            count,
        })
        .collect();
    all.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.name.cmp(&b.name)));
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn sample(n: u64, p99: u64) -> Value {
        json!({
            "at": n * 5_000, "issued": u64::from(n.is_multiple_of(24)), "faults": 1,
            "refused": {"CodeUnknown": 2, "ClientUnknown": 1, "ScopeMissing": 1, "CodeExpired": 1, "TokenRevoked": 1, "Later": 1},
            "requests": {"token": {"count": 1, "p50_micros": 10, "p99_micros": p99}, "pages": {"count": 1, "p50_micros": 5, "p99_micros": 1}},
            "store": {"is_there": n >= 24, "failures": u64::from(n < 24), "count": 1, "p50_micros": 7, "p99_micros": 70},
        })
    }

    fn figures(samples: Vec<Value>) -> Figures {
        let languages = Words::ours();
        Figures::of(&json!({"every_seconds": 5, "samples": samples}), languages.pick(None, None).words())
    }

    #[test]
    fn an_hour_of_samples_is_plotted_in_thirty_places() {
        let figures = figures((0..720).map(|n| sample(n, 1_000 + n)).collect());
        let issued = figures.issued.to_string();
        assert_eq!(issued.matches("<rect").count(), PLACES);
        for said in ["in the last hour: 30", "2 min", "<span>00:01</span><span>00:59</span>"] {
            assert!(issued.contains(said), "{said}: {issued}");
        }
        let requests = figures.requests.to_string();
        for said in ["p99", "p50", "<strong>1.7 ms", "<span>2 ms</span><span>1 ms</span><span>0</span>"] {
            assert!(requests.contains(said), "{said}: {requests}");
        }
        assert!(
            figures.faults.to_string().contains("<th scope=\"row\">00:01</th><td class=\"number\">24</td>")
        );
    }

    #[test]
    fn refusals_are_plotted_by_rule_and_the_rarer_ones_together() {
        let figures = figures((0..720).map(|n| sample(n, 1)).collect());
        let told: Vec<_> = figures.rules.iter().map(|rule| (rule.name.as_str(), rule.count)).collect();
        assert_eq!(told[0], ("CodeUnknown", 1440));
        assert_eq!(told.len(), 6);
        assert_eq!(figures.rules[0].meaning, Reason::CodeUnknown.meaning());
        let refused = figures.refused.unwrap().to_string();
        for said in
            ["CodeUnknown <strong>1440</strong>", "class=\"k4\"", " <strong>1440</strong></span></li></ul>"]
        {
            assert!(refused.contains(said), "{said}: {refused}");
        }
        assert!(!refused.contains("class=\"k5\""));
    }

    #[test]
    fn a_store_that_was_away_is_marked_then_and_is_there_now() {
        let figures = figures((0..720).map(|n| sample(n, 1)).collect());
        let health = figures.health.to_string();
        assert_eq!(health.matches("class=\"mark\"").count(), 1, "{health}");
        assert!(
            health.contains("class=\"k0\" x=\"0\" y=\"80\"") && health.contains("<strong>24</strong>"),
            "{health}"
        );
        assert!(figures.store_is_there);
        assert!(!super::tests::figures(vec![sample(0, 1)]).store_is_there);
    }

    #[test]
    fn a_server_that_has_just_begun_has_figures_too() {
        let figures = figures(Vec::new());
        assert!(figures.rules.is_empty() && figures.refused.is_none() && figures.store_is_there);
    }
}
