//! Sentence 1 in haste: many tasks at one key.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use grantor_core::record::{Expect, Put, RecordKey, Version};
use grantor_store::PutOutcome;

use crate::Shared;
use crate::ask::{applied, assert_whole, key, marked, put, read, standing, version};
use crate::history::History;
use crate::random::Random;

/// Of 32 puts that expect the same version, one is applied, 50 times over.
pub async fn of_racing_puts_one_is_applied(store: Shared) {
    let key = key("raced");
    let first = put(&key, Expect::Absent);
    let mut standing = first.version;
    applied(&store, first).await;
    for round in 0..50 {
        standing = race(&store, &key, Expect::Version(standing), round).await;
    }
}

/// Of 32 puts that expect nothing, one is applied, 50 times over: to make a record is another path than to replace one.
pub async fn of_racing_first_puts_one_is_applied(store: Shared) {
    for round in 0..50 {
        race(&store, &key(&format!("raced-{round}")), Expect::Absent, round).await;
    }
}

async fn race(store: &Shared, key: &RecordKey, expect: Expect, round: usize) -> Version {
    let start = Arc::new(tokio::sync::Barrier::new(32));
    let mut racers = tokio::task::JoinSet::new();
    for _ in 0..32 {
        let (store, start, put) = (store.clone(), start.clone(), put(key, expect));
        racers.spawn(async move {
            start.wait().await;
            let (key, version) = (put.key.clone(), put.version);
            match store.put(put).await {
                PutOutcome::Applied => {
                    assert_eq!(
                        standing(&store, &key).await,
                        Some(version),
                        "the winner does not see its write"
                    );
                    Some(version)
                }
                PutOutcome::Conflict => None,
                PutOutcome::NotApplied(e) | PutOutcome::Unknown(e) => panic!("{e}"),
            }
        });
    }
    let winners: Vec<_> = racers.join_all().await.into_iter().flatten().collect();
    assert_eq!(winners.len(), 1, "round {round}: so many puts expected the same state and were applied");
    assert_eq!(standing(store, key).await, Some(winners[0]));
    winners[0]
}

/// A get that begins after `Applied` sees that write or a later one, from any task.
pub async fn a_get_after_applied_sees_it(store: Shared) {
    let (acknowledged, done) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
    let numbered =
        |number: u64, expect| Put { body: number.to_string().into_bytes(), ..put(&key("n"), expect) };
    let first = numbered(0, Expect::Absent);
    let mut expect = Expect::Version(first.version);
    applied(&store, first).await;
    let mut readers = tokio::task::JoinSet::new();
    for _ in 0..3 {
        let (store, acknowledged, done) = (store.clone(), acknowledged.clone(), done.clone());
        readers.spawn(async move {
            while !done.load(Ordering::Acquire) {
                let least = acknowledged.load(Ordering::Acquire);
                let stored = read(&store, &key("n")).await.unwrap_or_else(|| panic!("the record is gone"));
                let seen: u64 = String::from_utf8(stored.body).unwrap().parse().unwrap();
                assert!(seen >= least, "{least} was acknowledged, and then {seen} was read");
                tokio::task::yield_now().await;
            }
        });
    }
    for number in 1..=200 {
        let put = numbered(number, expect);
        expect = Expect::Version(put.version);
        applied(&store, put).await;
        acknowledged.store(number, Ordering::Release);
        if number % 50 == 0 {
            let stored = read(&store, &key("n")).await.unwrap_or_else(|| panic!("the record is gone"));
            assert_eq!(stored.body, number.to_string().into_bytes(), "an acknowledged write is not read");
        }
    }
    done.store(true, Ordering::Release);
    readers.join_all().await;
}

/// The applied puts of a key form one unforked chain that agrees with real time and with every read: what eight tasks
/// did at random, each of them also with versions it saw long ago, could have been done one after another.
pub async fn every_history_is_one_unforked_chain(store: Shared) {
    let history = Arc::new(History::new());
    let mut tasks = tokio::task::JoinSet::new();
    for task in 0..8_u64 {
        let (store, history) = (store.clone(), history.clone());
        tasks.spawn(async move {
            let mut random = Random(task);
            let keys = [key("h0"), key("h1"), key("h2")];
            let mut seen = [vec![Expect::Absent], vec![Expect::Absent], vec![Expect::Absent]];
            for _ in 0..60 {
                let at = random.below(keys.len());
                let known = &mut seen[at];
                if random.below(5) < 2 {
                    let stored = history.get(&store, &keys[at]).await;
                    let stored = stored.unwrap_or_else(|e| panic!("{} cannot be read: {e}", keys[at]));
                    stored.iter().for_each(assert_whole);
                    known.push(stored.map_or(Expect::Absent, |stored| Expect::Version(stored.version)));
                } else {
                    let old = if random.below(4) == 0 { random.below(known.len()) } else { known.len() - 1 };
                    let put = marked(&keys[at], known[old]);
                    let version = put.version;
                    if let PutOutcome::Applied = history.put(&store, put).await {
                        known.push(Expect::Version(version));
                    }
                }
            }
        });
    }
    tasks.join_all().await;
    for key in [key("h0"), key("h1"), key("h2")] {
        history.get(&store, &key).await.unwrap_or_else(|e| panic!("{key} cannot be read: {e}"));
    }
    history.check().unwrap_or_else(|violation| panic!("{violation}"));
}

/// A read never finds the version of one write with the body or the moment of another.
pub async fn a_record_is_never_torn(store: Shared) {
    let (reads, done) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
    let first = marked(&key("t"), Expect::Absent);
    let mut expect = Expect::Version(first.version);
    applied(&store, first).await;
    let mut readers = tokio::task::JoinSet::new();
    for _ in 0..3 {
        let (store, reads, done) = (store.clone(), reads.clone(), done.clone());
        readers.spawn(async move {
            while !done.load(Ordering::Acquire) {
                read(&store, &key("t")).await.iter().for_each(assert_whole);
                reads.fetch_add(1, Ordering::Relaxed);
                tokio::task::yield_now().await;
            }
        });
    }
    // However fast the writes are, many reads must have come between them.
    let mut writes = 0;
    while writes < 200 || reads.load(Ordering::Relaxed) < 600 {
        // A reader that found a torn record reads no more, and has the last word.
        if readers.try_join_next().is_some_and(|reader| reader.is_err()) {
            panic!("a record was torn");
        }
        let put = marked(&key("t"), expect);
        expect = Expect::Version(put.version);
        applied(&store, put).await;
        writes += 1;
    }
    done.store(true, Ordering::Release);
    readers.join_all().await;
}

/// A put whose caller goes away happens as a whole, then or later, or not at all. Later it may happen only while what it
/// expects still stands.
pub async fn a_put_given_up_is_whole_or_nothing(store: Shared) {
    for round in 0..60_u32 {
        let key = key(&format!("given-up-{round}"));
        let first = marked(&key, Expect::Absent);
        applied(&store, first.clone()).await;
        let abandoned = marked(&key, Expect::Version(first.version));
        let whose = abandoned.version;
        let mut put = store.put(abandoned);
        // Polled once, twice and so on, and then dropped wherever it is.
        for _ in 0..=round % 6 {
            let once = std::future::poll_fn(|cx| std::task::Poll::Ready(put.as_mut().poll(cx))).await;
            if once.is_ready() {
                break;
            }
            tokio::task::yield_now().await;
        }
        drop(put);
        settle(&store, &key, whose).await;
    }
}

/// Writes over what stands until that is applied, which takes at most two tries if only the put given up can intervene.
async fn settle(store: &Shared, key: &RecordKey, given_up: Version) {
    for _ in 0..2 {
        let stored = read(store, key).await.unwrap_or_else(|| panic!("a put given up removed {key}"));
        assert_whole(&stored);
        let last = Put { version: version(), ..put(key, Expect::Version(stored.version)) };
        match store.put(last.clone()).await {
            PutOutcome::Applied => {
                assert_eq!(
                    standing(store, key).await,
                    Some(last.version),
                    "{given_up} was given up and came later"
                );
                return;
            }
            PutOutcome::Conflict => {}
            PutOutcome::NotApplied(e) | PutOutcome::Unknown(e) => panic!("{e}"),
        }
    }
    panic!("{key} changes and nobody writes");
}
