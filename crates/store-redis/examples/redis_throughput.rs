//! Operations per second against a Redis that may be filled: `cargo run --release -p grantor-store-redis --example redis_throughput -- URL`.
#![allow(clippy::print_stdout, reason = "it is what this program is for")]

use std::sync::Arc;
use std::time::Instant;

use grantor_core::Time;
use grantor_core::record::{Kind, Under};
use grantor_store_redis::{RedisOptions, RedisStore};
use grantor_testkit::{Shared, throughput};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let url = std::env::args().nth(1).unwrap_or_else(|| "redis://127.0.0.1:6379/0".to_owned());
    for tasks in [1, 16, 64] {
        let prefix = format!("throughput-{}-{tasks}", std::process::id());
        let options = RedisOptions { prefix, ..RedisOptions::default() };
        let store: Shared = Arc::new(RedisStore::connect(&url, options).await?);
        println!("{tasks} at a time: {}", throughput(&store, tasks).await);
        let begun = Instant::now();
        let page = store.list(&Under::Kind(Kind::Grant), None, 100).await?;
        let listed = begun.elapsed();
        println!("  a page of {} from a kind: {listed:?}; {}", page.keys.len(), store.info().await?.backend);
        while store.purge(Time::from_unix_millis(i64::MAX), 10_000).await? > 0 {}
    }
    Ok(())
}
