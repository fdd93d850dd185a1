//! How long things took, as Prometheus reads it.

use std::fmt::Write as _;

use grantor_ledger::{Figures, Latency};

/// Of a request, from a quarter of a millisecond to eight seconds: powers of two, at which the figures cut exactly.
const FROM: u32 = 8;
const TO: u32 = 23;

/// The histograms of requests and of the store.
pub(crate) fn render(figures: &Figures) -> String {
    let mut text = String::new();
    let requests = figures.latencies().into_iter().map(|(endpoint, latency)| (endpoint.as_str(), latency));
    let about = "How long requests took, by where they were sent.";
    family(&mut text, "grantor_request_duration_seconds", about, "endpoint", requests);
    let store = figures.store_latencies().into_iter().map(|(method, latency)| (method.as_str(), latency));
    let about = "How long the store took, by what it was asked.";
    family(&mut text, "grantor_store_duration_seconds", about, "method", store);
    text
}

fn family(
    into: &mut String,
    name: &str,
    about: &str,
    label: &str,
    series: impl Iterator<Item = (&'static str, Latency)>,
) {
    // Writing to a text cannot fail.
    let _ = write!(into, "# HELP {name} {about}\n# TYPE {name} histogram\n");
    for (value, latency) in series {
        let of = format!("{label}=\"{value}\"");
        for log2 in FROM..=TO {
            let bound = f64::from(1_u32 << log2) / 1e6;
            let _ = writeln!(into, "{name}_bucket{{{of},le=\"{bound}\"}} {}", latency.below(log2));
        }
        let count = latency.count();
        let _ = writeln!(into, "{name}_bucket{{{of},le=\"+Inf\"}} {count}");
        let _ = writeln!(into, "{name}_sum{{{of}}} {}", latency.total().as_secs_f64());
        let _ = writeln!(into, "{name}_count{{{of}}} {count}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use grantor_ledger::Endpoint;
    use std::time::Duration;

    #[test]
    fn a_histogram_counts_up_to_each_bound() {
        let figures = Figures::new();
        figures.answered(Endpoint::Token, Duration::from_micros(300));
        figures.answered(Endpoint::Token, Duration::from_secs(20));
        let text = render(&figures);
        let value = |line: &str| {
            let found = text.lines().find_map(|l| l.strip_prefix(line).and_then(|l| l.strip_prefix(' ')));
            found.unwrap_or_else(|| panic!("no {line} in {text}")).to_owned()
        };
        let bucket =
            |le| value(&format!("grantor_request_duration_seconds_bucket{{endpoint=\"token\",le=\"{le}\"}}"));
        assert_eq!(["0.000256", "0.000512", "8.388608", "+Inf"].map(bucket), ["0", "1", "1", "2"]);
        assert_eq!(value("grantor_request_duration_seconds_sum{endpoint=\"token\"}"), "20.0003");
        assert_eq!(value("grantor_store_duration_seconds_count{method=\"get\"}"), "0");
        // Each series is there once, or Prometheus takes none.
        let names: Vec<_> =
            text.lines().filter_map(|line| line.rsplit_once(' ')).map(|(name, _)| name).collect();
        let distinct: std::collections::BTreeSet<_> = names.iter().collect();
        assert_eq!(names.len(), distinct.len());
    }
}
