//! A purge: what becomes of the token endpoint while the server removes what is long past.
//!
//! A record is removed an hour after its end, at the next quarter. Here all that were made become due at once, as the server's time of day is set
//! forward. From then on it removes them one batch after another, and the token endpoint is measured in slices: each is told
//! by the server's own count of what it removed to lie within the purge, or is left out.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::cli::BenchOptions;
use crate::failure::{Failure, Outcome};

use super::clock::Clock;
use super::growth::chosen;
use super::plan::Subject;
use super::subject::Running;
use super::tally::{Figure, number};
use super::{Bench, taken};

const SUBJECTS: [&str; 4] = ["grantor-memory", "grantor-sqlite", "grantor-sled", "grantor-redis"];
const CONNECTIONS: &str = "16";
/// How long a slice is: some thousand requests, and short beside a purge of all.
const SLICE_SECONDS: &str = "0.25";
const SLICES_A_SECOND: u64 = 4;
/// Beyond the hour that a token lives, and the hour that its record is kept.
const AHEAD_SECONDS: u64 = 3 * 3600;
/// The server looks every few seconds for what is due; only says when to give up.
const PATIENCE: Duration = Duration::from_secs(60);
/// The server's count of what it removed.
const REMOVED: &str = "grantor_records_purged_total";

/// What a purge may make of the p99.
pub(super) const WANTED: f64 = 2.0;

/// Fills each store, and measures before and while what is in it is removed.
pub(super) fn run(bench: &Bench<'_>, options: &BenchOptions) -> Outcome<Value> {
    let mut results = taken(bench, options);
    let tokens = options.tokens.unwrap_or(if options.quick { 500_000 } else { 1_000_000 });
    let quiet = SLICES_A_SECOND * options.seconds.unwrap_or(if options.quick { 2 } else { 5 });
    let mut rows = Vec::new();
    for subject in chosen(&SUBJECTS, &options.only)? {
        rows.push(purged(bench, subject, tokens, quiet)?);
    }
    if let Value::Object(results) = &mut results {
        results.insert("rows".to_owned(), Value::Array(rows));
    }
    Ok(results)
}

fn purged(bench: &Bench<'_>, subject: Subject, tokens: u64, quiet: u64) -> Outcome<Value> {
    let clock = Clock::new(bench)?;
    let running = Running::start_by_clock(bench, subject, &clock)?;
    load(bench, &running, &["--operations", &tokens.to_string()])?;
    let before = (0..quiet).map(|_| slice(bench, &running)).collect::<Outcome<Vec<_>>>()?;
    if before.iter().any(|slice| slice.after > 0) {
        return Err(Failure::new(format!(
            "{}: something was removed before anything was due",
            subject.title
        )));
    }
    clock.set_forward(AHEAD_SECONDS)?;
    let beside = until_all_is_removed(bench, &running)?;
    running.stop()?;
    let removed = beside.last().map(|slice| slice.after).unwrap_or_default();
    let within = within(&beside);
    let (Some(quiet), Some(purging)) = (p99(&before), p99(&within)) else {
        return Err(Failure::new(format!(
            "{}: {removed} records were removed before one slice was over: it takes more --tokens",
            subject.title
        )));
    };
    eprintln!(
        "{}: p99 {:.0} µs, and {:.0} µs while {removed} records are removed, in {} slices",
        subject.title,
        quiet.median,
        purging.median,
        within.len()
    );
    Ok(json!({
        "subject": subject.name, "tokens": tokens, "removed": removed, "quiet_p99_us": quiet.median, "purging_p99_us": purging.median,
        "worst_purging_p99_us": purging.most, "ratio": purging.median / quiet.median,
        "quiet_longest_us": longest(&before), "purging_longest_us": longest(&within),
        "quiet_slices": before.len(), "purging_slices": within.len(),
        "removed_meanwhile": within.iter().map(|slice| slice.after - slice.before).sum::<u64>(),
    }))
}

/// A short measurement, and how much the server had removed before and after it.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Slice {
    before: u64,
    after: u64,
    p99_us: f64,
    longest_us: f64,
}

fn slice(bench: &Bench<'_>, running: &Running) -> Outcome<Slice> {
    let before = removed(running)?;
    let measured = load(bench, running, &["--warm-up", "0.1", "--seconds", SLICE_SECONDS])?;
    let after = removed(running)?;
    Ok(Slice {
        before,
        after,
        p99_us: number(&measured, "p99_us")?,
        longest_us: number(&measured, "max_us")?,
    })
}

/// One slice after another, until the server removes nothing any more.
fn until_all_is_removed(bench: &Bench<'_>, running: &Running) -> Outcome<Vec<Slice>> {
    let begun = Instant::now();
    let mut slices = Vec::new();
    loop {
        let slice = slice(bench, running)?;
        slices.push(slice);
        // It goes on at once as long as there is more, so that a slice of nothing is the end.
        match (slice.before, slice.after) {
            (0, 0) if begun.elapsed() > PATIENCE => {
                running.show_log();
                return Err(Failure::new("the server removed nothing of what is due"));
            }
            (before, after) if before > 0 && before == after => return Ok(slices),
            _ => {}
        }
    }
}

/// Those that lie within the purge as a whole: some was removed before they began, and some after they ended.
fn within(slices: &[Slice]) -> Vec<Slice> {
    let all = slices.last().map(|slice| slice.after).unwrap_or_default();
    let is_within = |slice: &&Slice| 0 < slice.before && slice.before < slice.after && slice.after < all;
    slices.iter().filter(is_within).copied().collect()
}

fn p99(slices: &[Slice]) -> Option<Figure> {
    Figure::of(slices.iter().map(|slice| slice.p99_us))
}

fn longest(slices: &[Slice]) -> f64 {
    slices.iter().map(|slice| slice.longest_us).fold(0.0, f64::max)
}

fn load(bench: &Bench<'_>, running: &Running, more: &[&str]) -> Outcome<Value> {
    let mut arguments = running.arguments();
    arguments.extend(["--endpoint", "token", "--connections", CONNECTIONS, "--awake"].map(str::to_owned));
    arguments.extend(more.iter().map(ToString::to_string));
    bench.load(&arguments).inspect_err(|_| running.show_log())
}

fn removed(running: &Running) -> Outcome<u64> {
    Ok(counted(&running.metrics()?, REMOVED))
}

/// What a counter says. It is not told of before it counted anything.
fn counted(metrics: &str, name: &str) -> u64 {
    let value = |line: &str| line.strip_prefix(name)?.strip_prefix(' ')?.trim().parse().ok();
    metrics.lines().find_map(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slices(counts: &[u64]) -> Vec<Slice> {
        let pairs = counts.iter().zip(counts.iter().skip(1));
        pairs.map(|(&before, &after)| Slice { before, after, p99_us: 1.0, longest_us: 2.0 }).collect()
    }

    #[test]
    fn a_slice_counts_if_the_purge_began_before_it_and_went_on_after_it() {
        let counts = |all: &[u64]| -> Vec<_> {
            within(&slices(all)).iter().map(|slice| (slice.before, slice.after)).collect()
        };
        assert_eq!(counts(&[0, 0, 500, 2000, 4500, 6000, 6000]), [(500, 2000), (2000, 4500)]);
        assert_eq!(counts(&[0, 0, 6000, 6000]), [], "all was removed within one");
        assert_eq!(counts(&[0, 3000, 6000, 6000]), [], "it may have ended at any moment of the second");
        assert_eq!(counts(&[0, 0]), []);
        assert_eq!(counts(&[]), []);
    }

    #[test]
    fn a_counter_is_read_by_its_whole_name() {
        let text = "HTTP/1.1 200 OK\r\n\r\n# TYPE a_total counter\na_total 12\na_total_more 7\nb_total{kind=\"x\"} 3\n";
        assert_eq!(counted(text, "a_total"), 12);
        assert_eq!(counted(text, "a_total_more"), 7);
        assert_eq!(counted(text, "c_total"), 0);
    }
}
