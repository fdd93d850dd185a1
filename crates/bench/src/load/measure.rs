//! The measured run: warm up, look at the server's processes, run, look again.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::Options;
use crate::http::Wrong;
use crate::processes::Processes;
use crate::work::{Work, Worker};

/// The longest time that is told apart, in microseconds.
const LONGEST: u64 = 600_000_000;
/// What of a supply is used up to warm up: one part of so many.
const WARM_UP_PART: usize = 10;

/// When a phase ends.
#[derive(Clone, Copy)]
enum Until {
    Time(Instant),
    /// So many operations of all connections together.
    Count(usize),
}

/// Prepares, measures, and tells.
pub(crate) async fn run(options: &Options) -> Result<Value, Wrong> {
    let processes = Processes::new(&options.pids);
    let work = Work::prepared(options).await?;
    let mut workers = Vec::with_capacity(options.connections);
    for _ in 0..options.connections {
        workers.push(Worker::ready(&work).await?);
    }
    let warm_up = match (work.supply(), options.operations) {
        (Some(supply), _) => Until::Count(supply / WARM_UP_PART),
        (None, Some(_)) => Until::Count(0),
        (None, None) => Until::Time(Instant::now() + seconds(options.warm_up)?),
    };
    let (workers, _) = phase(workers, warm_up).await?;

    let before = processes.cpu_seconds()?;
    let began = Instant::now();
    let until = match (work.supply(), options.operations) {
        (Some(_), _) => Until::Count(usize::MAX),
        (None, Some(operations)) => Until::Count(operations),
        (None, None) => Until::Time(began + seconds(options.seconds)?),
    };
    let (_, times) = phase(workers, until).await?;
    let elapsed = began.elapsed().as_secs_f64();
    let cpu = processes.cpu_seconds()? - before;
    if times.is_empty() {
        return Err(Wrong::new("nothing was measured"));
    }
    let at = |quantile: f64| times.value_at_quantile(quantile);
    Ok(json!({
        "operations": times.len(), "seconds": elapsed, "cpu_seconds": cpu,
        "p50_us": at(0.5), "p99_us": at(0.99), "p999_us": at(0.999), "max_us": times.max(),
        "memory_bytes": processes.memory()?, "peak_memory_bytes": processes.peak_memory()?,
    }))
}

/// Runs all workers until the phase ends and every answer has come, so that what was counted is what was asked for.
async fn phase(workers: Vec<Worker>, until: Until) -> Result<(Vec<Worker>, Histogram<u64>), Wrong> {
    let times = Histogram::new_with_bounds(1, LONGEST, 3).map_err(|e| Wrong::new(e.to_string()))?;
    let times = Rc::new(RefCell::new(times));
    let begun = Rc::new(RefCell::new(0_usize));
    let mut running = JoinSet::new();
    for mut worker in workers {
        let (times, begun) = (Rc::clone(&times), Rc::clone(&begun));
        running.spawn_local(async move {
            loop {
                let goes_on = match until {
                    Until::Time(end) => Instant::now() < end,
                    Until::Count(count) => begun.replace_with(|begun| *begun + 1) < count,
                };
                let sent = Instant::now();
                if !goes_on || !worker.once().await? {
                    return Ok::<_, Wrong>(worker);
                }
                let micros = u64::try_from(sent.elapsed().as_micros()).unwrap_or(LONGEST);
                times.borrow_mut().saturating_record(micros);
            }
        });
    }
    let mut workers = Vec::with_capacity(running.len());
    while let Some(ended) = running.join_next().await {
        workers.push(ended.map_err(|error| Wrong::new(error.to_string()))??);
    }
    let times = times.borrow().clone();
    Ok((workers, times))
}

fn seconds(number: f64) -> Result<Duration, Wrong> {
    Duration::try_from_secs_f64(number).map_err(|error| Wrong::new(error.to_string()))
}
