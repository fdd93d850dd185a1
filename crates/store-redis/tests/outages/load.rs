//! What came of writes while connections are cut, and while the server dies or hangs.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use grantor_core::Time;
use grantor_core::record::{Expect, Kind, Under};
use grantor_store::{PutOutcome, Store as _, StoreError};
use grantor_store_redis::RedisStore;

use crate::server::{self, DURABLE, RedisServer};
use crate::{SOON, applied, away, connect, key, put, told, until_it_works};

#[tokio::test]
async fn forgotten_scripts_and_cut_connections_go_unnoticed() {
    let redis = with_redis!(&[]);
    let store = connect(&redis.url()).await.unwrap();
    for round in 0..20 {
        let id = round.to_string();
        redis.say(&["SCRIPT", "FLUSH"]).unwrap();
        applied(&store, put(&id, Expect::Absent)).await;
        redis.say(&["CLIENT", "KILL", "TYPE", "normal"]).unwrap();
        // A read is asked again. A put comes after, on the new connection.
        assert!(store.get(&key(&id)).await.unwrap().is_some());
        applied(&store, put(&format!("{id}-after"), Expect::Absent)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cut_connections_under_load_lose_nothing() {
    let redis = with_redis!(&[]);
    let store = Arc::new(connect(&redis.url()).await.unwrap());
    let load = Load::start(&store);
    for round in 0..50 {
        redis.say(&["CLIENT", "KILL", "TYPE", "normal"]).unwrap();
        redis.say(&["SCRIPT", "FLUSH"]).unwrap();
        until_it_works(&store).await;
        // Behind those of the load on the one connection, so that some of theirs are answered too.
        for number in 0..10 {
            applied(&store, put(&format!("{round}-{number}"), Expect::Absent)).await;
        }
    }
    let (applied, others) = verify(&store, load.end().await).await;
    assert!(applied > 0 && others > 0, "{applied} applied, {others} not");
    assert_eq!(store.check().await.unwrap().problems, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_server_keeps_what_it_acknowledged() {
    let mut redis = with_redis!(DURABLE);
    let store = Arc::new(connect(&redis.url()).await.unwrap());
    for _ in 0..5 {
        let load = Load::start(&store);
        for number in 0..50 {
            applied(&store, put(&format!("{}-{number}", load.name), Expect::Absent)).await;
        }
        redis.kill();
        let begun = Instant::now();
        assert!(store.get(&key("a")).await.is_err());
        match store.put(put("a", Expect::Absent)).await {
            PutOutcome::NotApplied(error) => assert!(told(error).contains("cannot connect")),
            other => panic!("{other:?}"),
        }
        assert!(store.list(&Under::Kind(Kind::Grant), None, 9).await.is_err());
        assert!(store.info().await.is_err());
        assert!(store.purge(Time::from_unix_millis(0), 9).await.is_err());
        assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
        assert!(away(&redis.url()).await.contains("cannot connect"));
        redis.begin().unwrap();
        until_it_works(&store).await;
        let (applied, others) = verify(&store, load.end().await).await;
        assert!(applied > 0 && others > 0, "{applied} applied, {others} not");
        assert_eq!(store.check().await.unwrap().problems, Vec::<String>::new());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_hangs_is_given_up_in_time() {
    let redis = with_redis!(&[]);
    let store = Arc::new(connect(&redis.url()).await.unwrap());
    applied(&store, put("before", Expect::Absent)).await;
    redis.signal("STOP");
    let begun = Instant::now();
    let late = put("late", Expect::Absent);
    match store.put(late.clone()).await {
        PutOutcome::Unknown(error @ StoreError::TimedOut(_)) => drop(told(error)),
        other => panic!("{other:?}"),
    }
    assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
    let begun = Instant::now();
    assert!(matches!(store.get(&key("before")).await, Err(StoreError::TimedOut(_))));
    assert!(matches!(store.put(put("never", Expect::Absent)).await, PutOutcome::NotApplied(_)));
    assert!(begun.elapsed() < SOON * 2, "{:?}", begun.elapsed());
    redis.signal("CONT");
    until_it_works(&store).await;
    assert!(store.get(&key("never")).await.unwrap().is_none());
    // What was unknown came to stand, as its own write and no other, or did not.
    if let Some(stored) = store.get(&key("late")).await.unwrap() {
        assert_eq!(stored.version, late.version);
    }
}

/// Eight tasks write for ever and keep what is acknowledged, and what was said of the rest.
struct Load {
    /// With what the ids of its records begin, and those of no other load.
    name: String,
    done: Arc<AtomicBool>,
    tasks: tokio::task::JoinSet<Vec<(String, PutOutcome)>>,
}

impl Load {
    fn start(store: &Arc<RedisStore>) -> Self {
        static LOADS: AtomicU64 = AtomicU64::new(0);
        let name = format!("load-{}", LOADS.fetch_add(1, Ordering::Relaxed));
        let done = Arc::new(AtomicBool::new(false));
        let mut tasks = tokio::task::JoinSet::new();
        for task in 0..8 {
            let (store, done, name) = (Arc::clone(store), Arc::clone(&done), name.clone());
            tasks.spawn(async move {
                let mut said = Vec::new();
                for number in 0_u64.. {
                    if done.load(Ordering::Acquire) {
                        break;
                    }
                    let id = format!("{name}-{task}-{number}");
                    let begun = Instant::now();
                    let outcome = store.put(put(&id, Expect::Absent)).await;
                    assert!(begun.elapsed() < SOON, "{outcome:?} took {:?}", begun.elapsed());
                    let is_applied = matches!(outcome, PutOutcome::Applied);
                    said.push((id, outcome));
                    if !is_applied {
                        // Not to spin while nothing answers.
                        tokio::time::sleep(Duration::from_millis(5)).await;
                    }
                }
                said
            });
        }
        Self { name, done, tasks }
    }

    async fn end(self) -> Vec<(String, PutOutcome)> {
        self.done.store(true, Ordering::Release);
        self.tasks.join_all().await.into_iter().flatten().collect()
    }
}

/// Every answer was true.
async fn verify(store: &RedisStore, said: Vec<(String, PutOutcome)>) -> (usize, usize) {
    let (mut applied, mut others) = (0, 0);
    for (id, outcome) in said {
        let stands = store.get(&key(&id)).await.unwrap().is_some();
        match outcome {
            PutOutcome::Applied => {
                assert!(stands, "{id} was acknowledged and is gone");
                applied += 1;
            }
            PutOutcome::Conflict => panic!("{id}: nobody else writes it"),
            PutOutcome::NotApplied(error) => {
                assert!(!stands, "{id} was not to be: {}", told(error));
                others += 1;
            }
            PutOutcome::Unknown(error) => {
                told(error);
                others += 1;
            }
        }
    }
    (applied, others)
}
