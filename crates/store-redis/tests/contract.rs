//! `RedisStore` against the contract that every store keeps, on one server and on a cluster.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "the helpers of tests are as much test, outside a test function"
)]

#[path = "../../store/tests/contract/mod.rs"]
mod contract;
#[path = "support/server.rs"]
mod server;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Weak};

use contract::{Fresh, Shared};
use grantor_store::MemoryStore;
use grantor_store_redis::{RedisOptions, RedisStore};
use proptest::prelude::*;
use server::{RedisCluster, RedisServer};

/// Waits within a test that runs on a runtime of several threads.
fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(future))
}

/// Where the tests that are skipped run: they say so, and the memory store passes.
fn instead(what: &str) -> Option<Fresh> {
    server::is_skipped(what).then(|| Fresh { store: Arc::new(MemoryStore::new()), keep: Box::new(()) })
}

/// A store that is empty because nobody else has its prefix.
async fn empty(url: &str) -> Shared {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let prefix = format!("test-{}", NUMBER.fetch_add(1, Ordering::Relaxed));
    let options = RedisOptions { prefix, ..RedisOptions::default() };
    Arc::new(RedisStore::connect(url, options).await.unwrap())
}

/// What several tests use at a time: made by the first, ended by the last.
fn shared<T>(place: &Mutex<Weak<T>>, make: impl FnOnce() -> Result<T, String>) -> Arc<T> {
    let mut place = place.lock().unwrap();
    place.upgrade().unwrap_or_else(|| {
        let made = Arc::new(make().expect("a Redis to test on"));
        *place = Arc::downgrade(&made);
        made
    })
}

fn one_server() -> Arc<RedisServer> {
    static ONE: Mutex<Weak<RedisServer>> = Mutex::new(Weak::new());
    shared(&ONE, || RedisServer::start(server::DURABLE))
}

fn one_cluster() -> Arc<RedisCluster> {
    static ONE: Mutex<Weak<RedisCluster>> = Mutex::new(Weak::new());
    shared(&ONE, || RedisCluster::start(server::DURABLE))
}

mod single {
    use super::*;
    use crate::contract;

    fn fresh() -> Fresh {
        instead("the store on one Redis").unwrap_or_else(|| {
            let server = one_server();
            Fresh { store: wait(empty(&server.url())), keep: Box::new(server) }
        })
    }

    crate::contract_tests!(fresh);
}

mod cluster {
    use super::*;
    use crate::contract;

    fn fresh() -> Fresh {
        instead("the store on a Redis cluster").unwrap_or_else(|| {
            let cluster = one_cluster();
            Fresh { store: wait(empty(&cluster.url())), keep: Box::new(cluster) }
        })
    }

    crate::contract_tests!(fresh);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn answers_as_memory_does(steps in contract::model::steps()) {
        if server::is_skipped("a comparison with the memory store") {
            return Ok(());
        }
        let server = one_server();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (memory, redis): (Shared, Shared) = (Arc::new(MemoryStore::new()), empty(&server.url()).await);
            contract::model::agree(&memory, &redis, steps).await
        })?;
    }
}
