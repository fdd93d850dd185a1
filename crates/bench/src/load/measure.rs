//! The measured run: warm up, look at the server's processes, run, look again.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::Options;
use crate::http::Wrong;
use crate::processes::Processes;
use crate::work::{Done, Work, Worker};

/// The longest time that is told apart, in microseconds.
const LONGEST: u64 = 600_000_000;
/// What of a supply is used up to warm up: one part of so many.
const WARM_UP_PART: usize = 10;

/// How much of the time a measurement lasts must be the server's own processor time. On a busy machine it is asked for longer
/// until it is: what it did in a few milliseconds tells nothing.
const SHARE: f64 = 0.3;
/// And so many times as long at most: a server that waits for its disk uses little time however long it is asked.
const LONGER: f64 = 6.0;

/// How soon it is looked again whether the server was let run.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// When a phase ends.
enum Until {
    /// So many operations of all connections together.
    Count(usize),
    /// So long, and longer if the server was not let run.
    Time { seconds: f64, server: Option<Processes> },
}

/// Prepares, measures, and tells.
pub(crate) async fn run(options: &Options) -> Result<Value, Wrong> {
    let processes = Processes::new(&options.pids);
    let work = Work::prepared(options).await?;
    let workers = Worker::ready(&work, options.connections).await?;
    let warm_up = match (work.supply(), options.operations) {
        (Some(supply), _) => Until::Count(supply / WARM_UP_PART),
        (None, Some(_)) => Until::Count(0),
        (None, None) => Until::Time { seconds: options.warm_up, server: None },
    };
    let (workers, _, _) = phase(workers, warm_up).await?;

    let before = processes.used()?;
    let began = Instant::now();
    let until = match (work.supply(), options.operations) {
        (Some(_), _) => Until::Count(usize::MAX),
        (None, Some(operations)) => Until::Count(operations),
        (None, None) => {
            let server = (!options.pids.is_empty()).then(|| Processes::new(&options.pids));
            Until::Time { seconds: options.seconds, server }
        }
    };
    let (_, times, put_off) = phase(workers, until).await?;
    let elapsed = began.elapsed();
    let cpu = before.until(&processes.used()?);
    if times.is_empty() {
        return Err(Wrong::new("nothing was measured"));
    }
    let at = |quantile: f64| times.value_at_quantile(quantile);
    Ok(json!({
        "operations": times.len(), "seconds": elapsed.as_secs_f64(), "cpu_seconds": cpu.as_secs_f64(),
        "p50_us": at(0.5), "p99_us": at(0.99), "p999_us": at(0.999), "max_us": times.max(),
        "put_off": put_off, "memory_bytes": processes.memory()?, "peak_memory_bytes": processes.peak_memory()?,
    }))
}

/// Runs all workers until the phase ends and every answer has come, so that what was counted is what was asked for. Gives them
/// back, with the times that answers took and how many were put off.
async fn phase(workers: Vec<Worker>, until: Until) -> Result<(Vec<Worker>, Histogram<u64>, u64), Wrong> {
    let times = Histogram::new_with_bounds(1, LONGEST, 3).map_err(|e| Wrong::new(e.to_string()))?;
    let times = Rc::new(RefCell::new(times));
    let (left, watch) = match until {
        Until::Count(count) => (count, None),
        Until::Time { seconds, server } => (usize::MAX, Some((seconds, server))),
    };
    let (left, put_off) = (Rc::new(Cell::new(left)), Rc::new(Cell::new(0_u64)));
    let mut running = JoinSet::new();
    for mut worker in workers {
        let (times, left, put_off) = (Rc::clone(&times), Rc::clone(&left), Rc::clone(&put_off));
        running.spawn_local(async move {
            loop {
                let Some(less) = left.get().checked_sub(1) else { return Ok::<_, Wrong>(worker) };
                left.set(less);
                let sent = Instant::now();
                match worker.once().await? {
                    Done::Yes => {}
                    Done::PutOff(wait) => {
                        put_off.set(put_off.get() + 1);
                        tokio::time::sleep(wait).await;
                        continue;
                    }
                    Done::Nothing => return Ok(worker),
                }
                let micros = u64::try_from(sent.elapsed().as_micros()).unwrap_or(LONGEST);
                times.borrow_mut().saturating_record(micros);
            }
        });
    }
    if let Some((seconds, server)) = watch {
        enough(seconds, server.as_ref()).await?;
        left.set(0);
    }
    let mut workers = Vec::with_capacity(running.len());
    while let Some(ended) = running.join_next().await {
        workers.push(ended.map_err(|error| Wrong::new(error.to_string()))??);
    }
    let times = times.borrow().clone();
    Ok((workers, times, put_off.get()))
}

/// Waits until it has been long enough.
async fn enough(lasts: f64, server: Option<&Processes>) -> Result<(), Wrong> {
    let began = Instant::now();
    let before = server.map(Processes::used).transpose()?;
    tokio::time::sleep(seconds(lasts)?).await;
    let (Some(server), Some(before)) = (server, before) else { return Ok(()) };
    let wanted = seconds(lasts * SHARE)?;
    while before.until(&server.used()?) < wanted && began.elapsed() < seconds(lasts * LONGER)? {
        tokio::time::sleep(LOOK_AGAIN).await;
    }
    Ok(())
}

fn seconds(number: f64) -> Result<Duration, Wrong> {
    Duration::try_from_secs_f64(number).map_err(|error| Wrong::new(error.to_string()))
}
