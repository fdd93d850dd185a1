//! What one operation costs in each store, alone and with others beside it: `cargo bench -p grantor-bench --bench stores`.
#![allow(missing_docs, clippy::unwrap_used, reason = "a bench has nobody to tell")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use grantor_core::Entropy;
use grantor_core::record::{Expect, Kind, Put, RecordKey, Version};
use grantor_store::{MemoryStore, PutOutcome, Store};
use grantor_store_redis::{RedisOptions, RedisStore};
use grantor_store_sled::{SledOptions, SledStore};
use grantor_store_sqlite::{SqliteDurability, SqliteOptions, SqliteStore};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

#[path = "../../store-redis/tests/support/server.rs"]
mod server;

/// How many operations at once, where there are others beside.
const BESIDE: u64 = 64;
/// How many records there are to be read.
const HELD: u64 = 10_000;

fn stores(criterion: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut all: Vec<(&str, Arc<dyn Store>)> = vec![("memory", Arc::new(MemoryStore::new()))];
    let durabilities = [("SQLite", SqliteDurability::Full), ("SQLite relaxed", SqliteDurability::Relaxed)];
    for (name, durability) in durabilities {
        let options = SqliteOptions { durability, ..SqliteOptions::default() };
        let path = folder.path().join(format!("{name}.db"));
        all.push((name, Arc::new(SqliteStore::open(path, options).unwrap())));
    }
    let sled = SledStore::open(folder.path().join("sled"), SledOptions::default()).unwrap();
    all.push(("sled", Arc::new(sled)));
    let redis = if server::is_skipped("the bench of Redis") {
        None
    } else {
        let redis = server::RedisServer::start(&["--appendonly", "no"]).unwrap();
        let store = runtime.block_on(RedisStore::connect(&redis.url(), RedisOptions::default())).unwrap();
        all.push(("Redis", Arc::new(store)));
        Some(redis)
    };
    for (name, store) in &all {
        one(criterion, &runtime, name, store);
    }
    drop((all, redis));
}

fn one(criterion: &mut Criterion, runtime: &Runtime, name: &str, store: &Arc<dyn Store>) {
    let next = AtomicU64::new(0);
    runtime.block_on(async {
        for _ in 0..HELD / BESIDE {
            many(store, &next, BESIDE).await;
        }
    });
    let mut group = criterion.benchmark_group(format!("store, {name}"));
    group.bench_function("get", |bencher| {
        let read = AtomicU64::new(0);
        bencher.to_async(runtime).iter(|| async {
            let number = read.fetch_add(7919, Ordering::Relaxed) % (HELD / BESIDE * BESIDE);
            assert!(store.get(&key(number)).await.unwrap().is_some());
        });
    });
    group.bench_function("put", |bencher| {
        bencher.to_async(runtime).iter(|| async {
            put(&**store, next.fetch_add(1, Ordering::Relaxed)).await;
        });
    });
    group.throughput(Throughput::Elements(BESIDE));
    group.bench_function(format!("put, {BESIDE} at once"), |bencher| {
        bencher.to_async(runtime).iter(|| many(store, &next, BESIDE));
    });
    group.finish();
}

async fn many(store: &Arc<dyn Store>, next: &AtomicU64, count: u64) {
    let mut putting = JoinSet::new();
    for _ in 0..count {
        let (store, number) = (Arc::clone(store), next.fetch_add(1, Ordering::Relaxed));
        putting.spawn(async move { put(&*store, number).await });
    }
    while let Some(ended) = putting.join_next().await {
        ended.unwrap();
    }
}

async fn put(store: &dyn Store, number: u64) {
    let mut seed = [0; 32];
    let version = Version::draw(&mut {
        for (byte, value) in seed.iter_mut().zip(number.to_le_bytes()) {
            *byte = value;
        }
        Entropy::from_seed(seed)
    });
    // As large as a reference token's record.
    let body = format!(r#"{{"v":1,"padding":"{number:0>280}"}}"#).into_bytes();
    let put = Put { key: key(number), expect: Expect::Absent, version, body, keep_until: None };
    let outcome = store.put(put).await;
    assert!(matches!(outcome, PutOutcome::Applied), "{outcome:?}");
}

/// Spread as random ids are.
fn key(number: u64) -> RecordKey {
    let spread = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    RecordKey::new(Kind::AccessToken, &format!("{spread:016x}"), Some("digest"))
}

criterion_group!(benches, stores);
criterion_main!(benches);
