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

use grantor_store::{Fault, FaultLayer, Faults, MemoryStore};
use grantor_store_redis::{RedisOptions, RedisStore};
use grantor_testkit::{Fresh, Trouble};
use server::{RedisCluster, RedisServer};

/// The server that several tests use at a time, and what is one test's own in it.
enum Place<T> {
    Shared(Arc<T>, String),
    /// Where these tests are skipped: the switch of what passes in Redis's stead.
    StandIn(Faults),
}

/// A store that is empty because nobody else has its prefix. Where the tests are skipped, they say so, and the memory
/// store passes in its stead.
async fn empty<T>(
    what: &str,
    server: impl FnOnce() -> Arc<T>,
    nodes: impl Fn(&T) -> &[RedisServer],
    url: impl Fn(&T) -> String,
) -> Fresh<Place<T>> {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    if server::is_skipped(what) {
        let store = FaultLayer::new(MemoryStore::new());
        return Fresh::at(Place::StandIn(store.faults()), store);
    }
    let server = server();
    let prefix = format!("test-{}", NUMBER.fetch_add(1, Ordering::Relaxed));
    set_user(nodes(&server), &prefix, "on");
    let store = connect(&url(&server), &prefix).await;
    Fresh::at(Place::Shared(server, prefix), store)
}

/// A user for one test alone, so that only that test is in trouble with him.
fn set_user(nodes: &[RedisServer], prefix: &str, state: &str) {
    for node in nodes {
        let rights = [">pass", "~*", "+@all"];
        let words = [&["ACL", "SETUSER", prefix, state], rights.as_slice()].concat();
        assert_eq!(node.say(&words).unwrap(), "OK");
        if state == "off" {
            node.say(&["CLIENT", "KILL", "USER", prefix]).unwrap();
        }
    }
}

/// Its connections are cut, and it is let in no more.
fn shut_out<T>(place: &Place<T>, nodes: impl Fn(&T) -> &[RedisServer], trouble: Trouble) {
    match (place, trouble) {
        (Place::Shared(server, prefix), Trouble::Begins) => set_user(nodes(server), prefix, "off"),
        (Place::Shared(server, prefix), Trouble::Ends) => set_user(nodes(server), prefix, "on"),
        (Place::StandIn(faults), Trouble::Begins) => faults.always(Fault::Refuse),
        (Place::StandIn(faults), Trouble::Ends) => faults.none(),
    }
}

async fn connect(url: &str, prefix: &str) -> RedisStore {
    let options = RedisOptions { prefix: prefix.to_owned(), ..RedisOptions::default() };
    let url = url.replacen("://", &format!("://{prefix}:pass@"), 1);
    RedisStore::connect(&url, options).await.unwrap()
}

/// As after the end of the process: another connection to the same place. What the end of Redis itself does is told by
/// `outages`.
async fn again<T>(old: Fresh<Place<T>>, url: impl Fn(&T) -> String) -> Fresh<Place<T>> {
    match &old.place {
        Place::StandIn(_) => old,
        Place::Shared(server, prefix) => {
            let store = connect(&url(server), prefix).await;
            Fresh::at(Place::Shared(server.clone(), prefix.clone()), store)
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
        empty("the store on one Redis", one, std::slice::from_ref, |server| server.url()).await
    }

    async fn reopen(old: Fresh<Place<RedisServer>>) -> Fresh<Place<RedisServer>> {
        again(old, |server| server.url()).await
    }

    async fn trouble(place: &Place<RedisServer>, trouble: Trouble) {
        shut_out(place, std::slice::from_ref, trouble);
    }

    grantor_testkit::conformance!(fresh = fresh, reopen = reopen, trouble = trouble);
}

mod cluster {
    use super::*;

    fn one() -> Arc<RedisCluster> {
        static ONE: Mutex<Weak<RedisCluster>> = Mutex::new(Weak::new());
        shared(&ONE, || RedisCluster::start(server::DURABLE))
    }

    async fn fresh() -> Fresh<Place<RedisCluster>> {
        empty("the store on a Redis cluster", one, |cluster| &cluster.nodes, |cluster| cluster.url()).await
    }

    async fn reopen(old: Fresh<Place<RedisCluster>>) -> Fresh<Place<RedisCluster>> {
        again(old, |cluster| cluster.url()).await
    }

    async fn trouble(place: &Place<RedisCluster>, trouble: Trouble) {
        shut_out(place, |cluster| &cluster.nodes, trouble);
    }

    grantor_testkit::conformance!(fresh = fresh, reopen = reopen, trouble = trouble);
}
