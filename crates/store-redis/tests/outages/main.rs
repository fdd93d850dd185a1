//! What goes wrong with a server, and what the store says then.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    reason = "the helpers of tests are as much test, outside a test function"
)]

#[path = "../support/server.rs"]
mod server;

macro_rules! with_redis {
    ($arguments:expr) => {
        if server::is_skipped(concat!("tests in ", file!())) {
            return;
        } else {
            RedisServer::start($arguments).unwrap()
        }
    };
}

mod cluster;
mod connecting;
mod content;
mod load;
mod sent_together;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use grantor_core::Time;
use grantor_core::record::{Expect, Kind, Put, RecordKey, Version};
use grantor_store::{PutOutcome, Store as _, StoreError};
use grantor_store_redis::{ConnectError, RedisOptions, RedisStore};

/// A body that must show up in no message.
const SECRET: &str = r#"{"v":1,"secret":"hush"}"#;

/// The 1.5 s that the options promise, with room for a busy machine.
const SOON: Duration = Duration::from_secs(5);

fn key(id: &str) -> RecordKey {
    RecordKey::new(Kind::Grant, id, None)
}

/// A put whose version no other has.
fn put(id: &str, expect: Expect) -> Put {
    static NUMBER: AtomicU64 = AtomicU64::new(1);
    let mut version = [0; 16];
    version[..8].copy_from_slice(&NUMBER.fetch_add(1, Ordering::Relaxed).to_be_bytes());
    let version = Version::from_bytes(version);
    Put { key: key(id), expect, version, body: SECRET.into(), keep_until: None }
}

/// An access token of the grant `g`, which ends then.
fn token(name: &str, end: i64) -> Put {
    let key = RecordKey::new(Kind::AccessToken, "g", Some(name));
    Put { key, keep_until: Some(Time::from_unix_millis(end)), ..put("g", Expect::Absent) }
}

async fn connect(url: &str) -> Result<RedisStore, ConnectError> {
    RedisStore::connect(url, RedisOptions::default()).await
}

async fn applied(store: &RedisStore, put: Put) {
    let outcome = store.put(put.clone()).await;
    assert!(matches!(outcome, PutOutcome::Applied), "{put:?}: {outcome:?}");
}

/// The message of a fault, which names its place and nothing secret.
fn told(fault: StoreError) -> String {
    let text = fault.to_string();
    assert!(!text.contains("hush") && !text.contains("s3cret"), "{text}");
    text
}

/// The message of a Redis that waiting would not help.
async fn refused(url: &str) -> String {
    match connect(url).await.expect_err("it was to be refused") {
        ConnectError::Unfit(error) => told(error),
        ConnectError::Away(error) => panic!("taken for an outage: {error}"),
    }
}

/// The message of a Redis that may come by itself.
async fn away(url: &str) -> String {
    match connect(url).await.expect_err("nothing was there to connect to") {
        ConnectError::Away(error) => told(error),
        ConnectError::Unfit(error) => panic!("given up: {error}"),
    }
}

/// Asks until Redis is back, which is for it to say and not for a clock.
async fn until_it_works(store: &RedisStore) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while let Err(error) = store.get(&key("anything")).await {
        assert!(Instant::now() < deadline, "it did not come back: {error}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
