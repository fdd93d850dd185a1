//! `RedisStore` against the contract that every store keeps, on one server and on a cluster.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "the helpers of tests are as much test, outside a test function"
)]

#[path = "support/server.rs"]
mod server;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Weak};

use grantor_store::MemoryStore;
use grantor_store_redis::{RedisOptions, RedisStore};
use grantor_testkit::Fresh;
use server::{RedisCluster, RedisServer};

/// The server that several tests use at a time, and what is one test's own in it; `None` where these tests are skipped.
type Place<T> = Option<(Arc<T>, String)>;

/// A store that is empty because nobody else has its prefix. Where the tests are skipped, they say so, and the memory
/// store passes in its stead.
async fn empty<T>(
    what: &str,
    server: impl FnOnce() -> Arc<T>,
    url: impl Fn(&T) -> String,
) -> Fresh<Place<T>> {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    if server::is_skipped(what) {
        return Fresh::at(None, MemoryStore::new());
    }
    let server = server();
    let prefix = format!("test-{}", NUMBER.fetch_add(1, Ordering::Relaxed));
    let store = connect(&url(&server), &prefix).await;
    Fresh::at(Some((server, prefix)), store)
}

async fn connect(url: &str, prefix: &str) -> RedisStore {
    let options = RedisOptions { prefix: prefix.to_owned(), ..RedisOptions::default() };
    RedisStore::connect(url, options).await.unwrap()
}

/// As after the end of the process: another connection to the same place. What the end of Redis itself does is told by
/// `outages.rs`.
async fn again<T>(old: Fresh<Place<T>>, url: impl Fn(&T) -> String) -> Fresh<Place<T>> {
    match &old.place {
        None => old,
        Some((server, prefix)) => {
            let store = connect(&url(server), prefix).await;
            Fresh::at(Some((server.clone(), prefix.clone())), store)
        }
    }
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

mod single {
    use super::*;

    fn one() -> Arc<RedisServer> {
        static ONE: Mutex<Weak<RedisServer>> = Mutex::new(Weak::new());
        shared(&ONE, || RedisServer::start(server::DURABLE))
    }

    async fn fresh() -> Fresh<Place<RedisServer>> {
        empty("the store on one Redis", one, |server| server.url()).await
    }

    async fn reopen(old: Fresh<Place<RedisServer>>) -> Fresh<Place<RedisServer>> {
        again(old, |server| server.url()).await
    }

    grantor_testkit::conformance!(fresh = fresh, reopen = reopen);
}

mod cluster {
    use super::*;

    fn one() -> Arc<RedisCluster> {
        static ONE: Mutex<Weak<RedisCluster>> = Mutex::new(Weak::new());
        shared(&ONE, || RedisCluster::start(server::DURABLE))
    }

    async fn fresh() -> Fresh<Place<RedisCluster>> {
        empty("the store on a Redis cluster", one, |cluster| cluster.url()).await
    }

    async fn reopen(old: Fresh<Place<RedisCluster>>) -> Fresh<Place<RedisCluster>> {
        again(old, |cluster| cluster.url()).await
    }

    grantor_testkit::conformance!(fresh = fresh, reopen = reopen);
}
