//! Operations per second on this machine and disk: `cargo run --release -p grantor-store-sled --example sled_throughput -- FOLDER`.
#![allow(clippy::print_stdout, reason = "it is what this program is for")]

use std::sync::Arc;
use std::time::Instant;

use grantor_store::Store as _;
use grantor_store_sled::{SledOptions, SledStore};
use grantor_testkit::{Shared, throughput};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args().nth(1).unwrap_or_else(|| ".".to_owned());
    for tasks in [1, 16, 64] {
        let path = format!("{folder}/throughput-{}-{tasks}", std::process::id());
        let store = Arc::new(SledStore::open(&path, SledOptions::default())?);
        let shared: Shared = store.clone();
        println!("{tasks} at a time: {}", throughput(&shared, tasks).await);
        let records = store.info().await?.records.unwrap_or(0);
        store.close().await?;
        let log = std::fs::metadata(format!("{path}/records/db"))?.len();
        let begun = Instant::now();
        let store = SledStore::open(&path, SledOptions::default())?;
        println!("  {records} records in {log} bytes, opened in {:?}", begun.elapsed());
        store.close().await?;
        std::fs::remove_dir_all(path)?;
    }
    Ok(())
}
