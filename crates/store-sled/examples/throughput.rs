//! Operations per second on this machine and disk: `cargo run --release -p grantor-store-sled --example throughput -- FOLDER`.
#![allow(clippy::print_stdout, reason = "it is what this program is for")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use grantor_core::record::{Expect, Kind, Put, RecordKey, Version};
use grantor_store::{PutOutcome, Store};
use grantor_store_sled::{SledOptions, SledStore};

type Failure = Box<dyn std::error::Error + Send + Sync>;

const MEASURE: Duration = Duration::from_secs(2);

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let folder = std::env::args().nth(1).unwrap_or_else(|| ".".to_owned());
    for tasks in [1, 16, 64] {
        let path = format!("{folder}/throughput-{}-{tasks}", std::process::id());
        let store = Arc::new(SledStore::open(&path, SledOptions::default())?);
        let puts = rate(tasks, &store, write).await?;
        let gets = rate(tasks, &store, read).await?;
        let records = store.info().await?.records.unwrap_or(0);
        store.close().await?;
        let log = std::fs::metadata(format!("{path}/records/db"))?.len();
        let begun = Instant::now();
        let store = SledStore::open(&path, SledOptions::default())?;
        let opening = begun.elapsed();
        store.close().await?;
        println!(
            "{tasks} at a time: {puts:.0} puts/s, {gets:.0} gets/s; {records} records in {log} bytes, opened in {opening:?}"
        );
        std::fs::remove_dir_all(path)?;
    }
    Ok(())
}

/// Operations per second of `tasks` that each do one after another. A failed one ends the measurement.
async fn rate<F>(
    tasks: u64,
    store: &Arc<SledStore>,
    operation: impl Fn(Arc<SledStore>, u64, u64) -> F,
) -> Result<f64, Failure>
where
    F: Future<Output = Result<u64, Failure>> + Send + 'static,
{
    let begun = Instant::now();
    let running: Vec<_> =
        (0..tasks).map(|task| tokio::spawn(operation(Arc::clone(store), task, tasks))).collect();
    let mut total = 0.0;
    for task in running {
        total += f64::from(u32::try_from(task.await??)?);
    }
    Ok(total / begun.elapsed().as_secs_f64())
}

async fn write(store: Arc<SledStore>, task: u64, tasks: u64) -> Result<u64, Failure> {
    let (begun, mut done) = (Instant::now(), 0);
    while begun.elapsed() < MEASURE {
        let number = done * tasks + task;
        let body = format!(r#"{{"v":1,"padding":"{:0>280}"}}"#, number).into_bytes();
        let mut version = [0; 16];
        version.iter_mut().zip(number.to_be_bytes()).for_each(|(to, from)| *to = from);
        let version = Version::from_bytes(version);
        let put = Put { key: key(number), expect: Expect::Absent, version, body, keep_until: None };
        match store.put(put).await {
            PutOutcome::Applied => done += 1,
            other @ (PutOutcome::Conflict | PutOutcome::NotApplied(_) | PutOutcome::Unknown(_)) => {
                return Err(format!("{other:?}").into());
            }
        }
    }
    Ok(done)
}

async fn read(store: Arc<SledStore>, task: u64, _tasks: u64) -> Result<u64, Failure> {
    let (begun, mut done) = (Instant::now(), 0);
    while begun.elapsed() < MEASURE {
        // Sixteen to a look at the clock. What is not there costs as much to look for.
        for _ in 0..16 {
            std::hint::black_box(store.get(&key((done * 7919 + task) % 5_000)).await?);
            done += 1;
        }
        tokio::task::yield_now().await;
    }
    Ok(done)
}

/// Keys as random as those of grants: neighbours in time are not neighbours in the index.
fn key(number: u64) -> RecordKey {
    let scattered = number.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    RecordKey::new(Kind::Grant, &format!("{scattered:016x}{number:08x}"), None)
}
