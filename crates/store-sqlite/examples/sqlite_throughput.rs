//! Operations per second on this machine and disk: `cargo run --release -p grantor-store-sqlite --example sqlite_throughput -- FOLDER`.
#![allow(clippy::print_stdout, reason = "it is what this program is for")]

use std::sync::Arc;

use grantor_store_sqlite::{SqliteDurability, SqliteOptions, SqliteStore};
use grantor_testkit::{Shared, throughput};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args().nth(1).unwrap_or_else(|| ".".to_owned());
    for durability in [SqliteDurability::Full, SqliteDurability::Relaxed] {
        for tasks in [1, 16, 64] {
            let path = format!("{folder}/throughput-{}-{durability:?}-{tasks}.db", std::process::id());
            let options = SqliteOptions { durability, ..SqliteOptions::default() };
            let store = Arc::new(SqliteStore::open(&path, options)?);
            let shared: Shared = store.clone();
            println!("{durability:?}, {tasks} at a time: {}", throughput(&shared, tasks).await);
            store.close().await?;
            for suffix in ["", "-wal", "-shm"] {
                // The companions may be gone already.
                let _gone = std::fs::remove_file(format!("{path}{suffix}"));
            }
        }
    }
    Ok(())
}
