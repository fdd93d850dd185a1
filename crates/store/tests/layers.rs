//! What the layers do to a store, and what they leave alone.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use grantor_core::Time;
use grantor_core::record::{Expect, Kind, Put, RecordKey, Stored, Under};
use grantor_store::{
    Fault, FaultLayer, Faults, MemoryStore, Meter, MeteredLayer, Method, Page, PutOutcome, Store, StoreError,
    StoreInfo, TimeoutLayer,
};
use grantor_testkit::ask::{key, put};
use grantor_testkit::{Fresh, Trouble};

async fn fresh() -> Fresh<Faults> {
    let faulty = FaultLayer::new(MemoryStore::new());
    Fresh::at(faulty.faults(), TimeoutLayer::new(faulty, Duration::from_secs(600)))
}

async fn trouble(faults: &Faults, trouble: Trouble) {
    match trouble {
        Trouble::Begins => faults.seeded(1, 300),
        Trouble::Ends => faults.none(),
    }
}

grantor_testkit::conformance!(fresh = fresh, trouble = trouble);

/// A store that never answers.
struct Silent;

#[async_trait]
impl Store for Silent {
    async fn get(&self, _: &RecordKey) -> Result<Option<Stored>, StoreError> {
        std::future::pending().await
    }
    async fn put(&self, _: Put) -> PutOutcome {
        std::future::pending().await
    }
    async fn list(&self, _: &Under, _: Option<&RecordKey>, _: usize) -> Result<Page, StoreError> {
        std::future::pending().await
    }
    async fn purge(&self, _: Time, _: usize) -> Result<usize, StoreError> {
        std::future::pending().await
    }
    async fn info(&self) -> Result<StoreInfo, StoreError> {
        std::future::pending().await
    }
}

// Paused, tokio's clock jumps to the next timer as soon as nothing else can run: no test waits for it.
#[tokio::test(start_paused = true)]
async fn a_silent_store_times_out() {
    let store = TimeoutLayer::new(Silent, Duration::from_secs(2));
    let begun = tokio::time::Instant::now();
    assert!(matches!(store.get(&key("a")).await, Err(StoreError::TimedOut(_))));
    assert_eq!(begun.elapsed(), Duration::from_secs(2));
    let outcome = store.put(put(&key("a"), Expect::Absent)).await;
    assert!(matches!(outcome, PutOutcome::Unknown(StoreError::TimedOut(_))), "{outcome:?}");
    let outcome = store.put_after(vec![put(&key("b"), Expect::Absent)], put(&key("a"), Expect::Absent)).await;
    assert!(matches!(outcome, PutOutcome::Unknown(StoreError::TimedOut(_))), "{outcome:?}");
    let under = Under::Kind(Kind::Grant);
    assert!(matches!(store.list(&under, None, 1).await, Err(StoreError::TimedOut(_))));
    assert!(matches!(store.purge(Time::from_unix_millis(0), 1).await, Err(StoreError::TimedOut(_))));
    assert!(matches!(store.info().await, Err(StoreError::TimedOut(_))));
}

/// A store that does what is written in order at once, and nothing else.
struct AtOnce;

#[async_trait]
impl Store for AtOnce {
    async fn get(&self, _: &RecordKey) -> Result<Option<Stored>, StoreError> {
        Ok(None)
    }
    async fn put(&self, _: Put) -> PutOutcome {
        PutOutcome::NotApplied(StoreError::Unavailable("one by one".to_owned()))
    }
    async fn put_after(&self, _: Vec<Put>, _: Put) -> PutOutcome {
        PutOutcome::Applied
    }
    async fn list(&self, _: &Under, _: Option<&RecordKey>, _: usize) -> Result<Page, StoreError> {
        Ok(Page { keys: Vec::new(), more: false })
    }
    async fn purge(&self, _: Time, _: usize) -> Result<usize, StoreError> {
        Ok(0)
    }
    async fn info(&self) -> Result<StoreInfo, StoreError> {
        MemoryStore::new().info().await
    }
}

/// Counts what it is told of.
#[derive(Default)]
struct Count(AtomicUsize);

impl Meter for Count {
    fn took(&self, method: Method, _: Duration, answered: bool) {
        assert_eq!((method, answered), (Method::Put, true));
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[tokio::test]
async fn every_layer_hands_on_at_once_what_is_written_in_order() {
    let count = Arc::new(Count::default());
    let store: Arc<dyn Store> = Arc::new(AtOnce);
    let store = MeteredLayer::new(Box::new(store), count.clone());
    let store = FaultLayer::new(TimeoutLayer::new(store, Duration::from_secs(600)));
    let outcome = store.put_after(vec![put(&key("b"), Expect::Absent)], put(&key("a"), Expect::Absent)).await;
    assert!(matches!(outcome, PutOutcome::Applied), "{outcome:?}");
    assert_eq!(count.0.load(Ordering::SeqCst), 1, "it is told of as one put");
}

#[tokio::test]
async fn each_fault_does_what_it_says() {
    let memory = Arc::new(MemoryStore::new());
    let store = FaultLayer::new(memory.clone());
    let faults = store.faults();
    let cases = [(Fault::Refuse, false), (Fault::LoseAnswer, true), (Fault::LoseRequest, false)];
    for (number, (fault, stands)) in cases.into_iter().enumerate() {
        let key = key(&number.to_string());
        faults.script_puts([None, Some(fault)]);
        assert!(matches!(
            store.put(put(&grantor_testkit::ask::key(&format!("ok{number}")), Expect::Absent)).await,
            PutOutcome::Applied
        ));
        let outcome = store.put(put(&key, Expect::Absent)).await;
        match fault {
            Fault::Refuse => assert!(matches!(outcome, PutOutcome::NotApplied(StoreError::Unavailable(_)))),
            Fault::LoseAnswer | Fault::LoseRequest => {
                assert!(matches!(outcome, PutOutcome::Unknown(StoreError::TimedOut(_))));
            }
        }
        assert_eq!(memory.get(&key).await.unwrap().is_some(), stands, "{fault:?}");
        // The script is over: all is well again.
        assert_eq!(store.get(&key).await.unwrap().is_some(), stands);
    }
    assert_eq!(faults.injected(), 3);

    faults.always(Fault::Refuse);
    assert!(matches!(store.get(&key("0")).await, Err(StoreError::Unavailable(_))));
    assert!(matches!(store.info().await, Err(StoreError::Unavailable(_))));
    faults.script_gets([Some(Fault::LoseAnswer)]);
    assert!(matches!(store.get(&key("0")).await, Err(StoreError::TimedOut(_))));
    assert!(store.get(&key("0")).await.is_ok());
    faults.none();
    assert!(store.info().await.is_ok());
}

#[tokio::test]
async fn equal_seeds_give_equal_faults() {
    let mut runs = Vec::new();
    for seed in [1, 1, 2] {
        let store = FaultLayer::new(MemoryStore::new());
        store.faults().seeded(seed, 300);
        let mut run = Vec::new();
        for number in 0..200 {
            run.push(match store.put(put(&key(&number.to_string()), Expect::Absent)).await {
                PutOutcome::Applied => "applied",
                PutOutcome::Conflict => "conflict",
                PutOutcome::NotApplied(_) => "not applied",
                PutOutcome::Unknown(_) => "unknown",
            });
        }
        let injected = store.faults().injected();
        assert!((30..=90).contains(&injected), "about 60 of 200: {injected}");
        runs.push(run);
    }
    assert_eq!(runs[0], runs[1]);
    assert_ne!(runs[0], runs[2]);
    assert!(["applied", "not applied", "unknown"].iter().all(|outcome| runs[0].contains(outcome)));
}
