//! How much a store does on this machine: a measure for people to look at, and no test.

use std::fmt;
use std::time::{Duration, Instant};

use grantor_core::record::{Expect, Kind, Put, RecordKey};

use crate::Shared;
use crate::ask::{FUTURE, applied, at, read, version};

/// How long each of the two is measured.
const MEASURE: Duration = Duration::from_secs(2);

/// What so many tasks come to that each do one operation after another. Records have 300 bytes, and ids are as random as those
/// of grants: neighbours in time are not neighbours in an index.
#[derive(Debug, Clone, Copy)]
pub struct Throughput {
    /// Of putting new records.
    pub puts: Rate,
    /// Of reading them, some of which are not there: that costs as much to find out.
    pub gets: Rate,
}

/// Operations of one kind.
#[derive(Debug, Clone, Copy)]
pub struct Rate {
    /// In a second.
    pub per_second: f64,
    /// Microseconds of this process's processor time for each. Nought where the system does not tell, as Linux does.
    pub processor_us: f64,
}

impl fmt::Display for Throughput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} puts, {} gets", self.puts, self.gets)
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.0}/s at {:.1} µs of processor", self.per_second, self.processor_us)
    }
}

/// Measures a store that is empty, for four seconds.
///
/// # Panics
/// If an operation fails, and outside of a runtime with several workers.
pub async fn throughput(store: &Shared, tasks: u64) -> Throughput {
    Throughput { puts: rate(tasks, store, write).await, gets: rate(tasks, store, look).await }
}

async fn rate<F>(tasks: u64, store: &Shared, operation: impl Fn(Shared, u64, u64) -> F) -> Rate
where
    F: Future<Output = u64> + Send + 'static,
{
    let (begun, spent) = (Instant::now(), processor_seconds());
    let mut running = tokio::task::JoinSet::new();
    for task in 0..tasks {
        running.spawn(operation(store.clone(), task, tasks));
    }
    let total: u64 = running.join_all().await.into_iter().sum();
    let total = f64::from(u32::try_from(total).unwrap_or(u32::MAX)).max(1.0);
    Rate {
        per_second: total / begun.elapsed().as_secs_f64(),
        processor_us: (processor_seconds() - spent) * 1e6 / total,
    }
}

async fn write(store: Shared, task: u64, tasks: u64) -> u64 {
    let (begun, mut done) = (Instant::now(), 0);
    while begun.elapsed() < MEASURE {
        let number = done * tasks + task;
        let body = format!(r#"{{"v":1,"padding":"{number:0>280}"}}"#).into_bytes();
        // Nearly all records have an end.
        let keep_until = Some(at(FUTURE));
        applied(
            &store,
            Put { key: key(number), expect: Expect::Absent, version: version(), body, keep_until },
        )
        .await;
        done += 1;
    }
    done
}

async fn look(store: Shared, task: u64, _tasks: u64) -> u64 {
    let (begun, mut done) = (Instant::now(), 0);
    while begun.elapsed() < MEASURE {
        // Sixteen to a look at the clock.
        for _ in 0..16 {
            std::hint::black_box(read(&store, &key((done * 7919 + task) % 5_000)).await);
            done += 1;
        }
        tokio::task::yield_now().await;
    }
    done
}

fn key(number: u64) -> RecordKey {
    let scattered = number.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    RecordKey::new(Kind::Grant, &format!("{scattered:016x}{number:08x}"), None)
}

/// What this process has spent so far.
fn processor_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit(')').next().unwrap_or_default().split(' ');
    fields.skip(12).take(2).filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / 100.0
}
