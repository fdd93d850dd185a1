//! Operations per second against a Redis that may be filled: `cargo run --release -p grantor-store-redis --example throughput -- URL`.
#![allow(clippy::print_stdout, reason = "it is what this program is for")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use grantor_core::Time;
use grantor_core::record::{Expect, Kind, Put, RecordKey, Under, Version};
use grantor_store::{PutOutcome, Store};
use grantor_store_redis::{RedisOptions, RedisStore};

type Failure = Box<dyn std::error::Error + Send + Sync>;

const MEASURE: Duration = Duration::from_secs(2);

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let url = std::env::args().nth(1).unwrap_or_else(|| "redis://127.0.0.1:6379/0".to_owned());
    for tasks in [1, 16, 64] {
        let prefix = format!("throughput-{}-{tasks}", std::process::id());
        let options = RedisOptions { prefix, ..RedisOptions::default() };
        let store = Arc::new(RedisStore::connect(&url, options).await?);
        let puts = rate(tasks, &store, write).await?;
        let gets = rate(tasks, &store, read).await?;
        let begun = Instant::now();
        let page = store.list(&Under::Kind(Kind::Grant), None, 100).await?;
        let listed = begun.elapsed();
        println!("{tasks} at a time: {puts:.0} puts/s, {gets:.0} gets/s");
        println!("  a page of {} from a kind: {listed:?}; {}", page.keys.len(), store.info().await?.backend);
        while store.purge(Time::from_unix_millis(i64::MAX), 10_000).await? > 0 {}
    }
    Ok(())
}

/// Operations per second of `tasks` that each do one after another. A failed one ends the measurement.
async fn rate<F>(
    tasks: u64,
    store: &Arc<RedisStore>,
    operation: impl Fn(Arc<RedisStore>, u64, u64) -> F,
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

async fn write(store: Arc<RedisStore>, task: u64, tasks: u64) -> Result<u64, Failure> {
    let (begun, mut done) = (Instant::now(), 0);
    while begun.elapsed() < MEASURE {
        let number = done * tasks + task;
        let body = format!(r#"{{"v":1,"padding":"{:0>280}"}}"#, number).into_bytes();
        let mut version = [0; 16];
        version.iter_mut().zip(number.to_be_bytes()).for_each(|(to, from)| *to = from);
        let version = Version::from_bytes(version);
        // As nearly all records have one.
        let keep_until = Some(Time::from_unix_millis(4_000_000_000_000));
        let put = Put { key: key(number), expect: Expect::Absent, version, body, keep_until };
        match store.put(put).await {
            PutOutcome::Applied => done += 1,
            other @ (PutOutcome::Conflict | PutOutcome::NotApplied(_) | PutOutcome::Unknown(_)) => {
                return Err(format!("{other:?}").into());
            }
        }
    }
    Ok(done)
}

async fn read(store: Arc<RedisStore>, task: u64, _tasks: u64) -> Result<u64, Failure> {
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
