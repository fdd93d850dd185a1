//! The sentences of the [`Store`] contract as checks that every adapter of this workspace passes.
//!
//! An adapter's test file includes this one by path, says how to make an empty store, and writes `contract_tests!(it)`.
//! Each check takes a store of its own, panics where a sentence is broken, and says which.

#![allow(dead_code, unreachable_pub, reason = "each test binary uses the part it needs")]
// clippy.toml allows these in test functions; the helpers here are as much test, outside one.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

pub mod model;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use grantor_core::Time;
use grantor_core::record::{Expect, Kind, Put, RecordKey, Stored, Under, Version};
use grantor_store::{PutOutcome, Store};

/// A store as a test has it.
pub type Shared = Arc<dyn Store>;

/// An empty store, and whatever must outlive it.
pub struct Fresh {
    pub store: Shared,
    pub keep: Box<dyn std::any::Any + Send>,
}

/// One test for each check; `$fresh` is a function that makes a [`Fresh`].
#[macro_export]
macro_rules! contract_tests {
    ($fresh:path) => {
        $crate::contract_tests!($fresh:
            put_compares_and_sets
            of_racing_puts_one_is_applied
            a_get_after_applied_sees_it
            info_is_stated
            a_conflict_changes_nothing
            bytes_come_back
            keys_are_exact
            keep_until_hides_nothing
            purge_is_exact
            list_is_ordered_and_bounded
            list_misses_nothing_under_writes
        );
    };
    ($fresh:path: $($check:ident)*) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $check() {
                let fresh = $fresh();
                contract::$check(fresh.store.clone()).await;
            }
        )*
    };
}

static ATTEMPTS: AtomicU64 = AtomicU64::new(1);

/// A version no other attempt of this test process has.
pub fn version() -> Version {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&ATTEMPTS.fetch_add(1, Ordering::Relaxed).to_be_bytes());
    Version::from_bytes(bytes)
}

/// A key with an id of one part.
pub fn key(id: &str) -> RecordKey {
    RecordKey::new(Kind::Grant, id, None)
}

/// A put of a small record.
pub fn put(key: &RecordKey, expect: Expect) -> Put {
    Put { key: key.clone(), expect, version: version(), body: br#"{"v":1}"#.to_vec(), keep_until: None }
}

fn at(millis: i64) -> Time {
    Time::from_unix_millis(millis)
}

async fn applied(store: &Shared, put: Put) {
    let outcome = store.put(put.clone()).await;
    assert!(matches!(outcome, PutOutcome::Applied), "{put:?}: {outcome:?}");
}

async fn conflicts(store: &Shared, put: Put) {
    let outcome = store.put(put.clone()).await;
    assert!(matches!(outcome, PutOutcome::Conflict), "{put:?}: {outcome:?}");
}

async fn standing(store: &Shared, key: &RecordKey) -> Option<Version> {
    store.get(key).await.unwrap().map(|stored| stored.version)
}

async fn ids(store: &Shared, under: &Under, after: Option<&RecordKey>, limit: usize) -> (Vec<String>, bool) {
    let page = store.list(under, after, limit).await.unwrap();
    (page.keys.iter().map(|key| key.id().to_owned()).collect(), page.more)
}

// Sentence 1.

pub async fn put_compares_and_sets(store: Shared) {
    let key = key("a");
    assert_eq!(standing(&store, &key).await, None);
    conflicts(&store, put(&key, Expect::Version(version()))).await;
    let first = put(&key, Expect::Absent);
    applied(&store, first.clone()).await;
    assert_eq!(standing(&store, &key).await, Some(first.version));
    conflicts(&store, put(&key, Expect::Absent)).await;
    let second = put(&key, Expect::Version(first.version));
    applied(&store, second.clone()).await;
    conflicts(&store, put(&key, Expect::Version(first.version))).await;
    assert_eq!(standing(&store, &key).await, Some(second.version));
}

pub async fn of_racing_puts_one_is_applied(store: Shared) {
    let key = key("raced");
    let mut expect = Expect::Absent;
    for round in 0..50 {
        let start = Arc::new(tokio::sync::Barrier::new(32));
        let mut racers = tokio::task::JoinSet::new();
        for _ in 0..32 {
            let (store, start, put) = (store.clone(), start.clone(), put(&key, expect));
            racers.spawn(async move {
                start.wait().await;
                let version = put.version;
                match store.put(put).await {
                    PutOutcome::Applied => {
                        assert_eq!(
                            standing(&store, &RecordKey::new(Kind::Grant, "raced", None)).await,
                            Some(version)
                        );
                        Some(version)
                    }
                    PutOutcome::Conflict => None,
                    other @ (PutOutcome::NotApplied(_) | PutOutcome::Unknown(_)) => panic!("{other:?}"),
                }
            });
        }
        let winners: Vec<_> = racers.join_all().await.into_iter().flatten().collect();
        assert_eq!(winners.len(), 1, "round {round}: so many puts expected the same state and were applied");
        assert_eq!(standing(&store, &key).await, Some(winners[0]));
        expect = Expect::Version(winners[0]);
    }
}

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
                let body = store.get(&key("n")).await.unwrap().unwrap().body;
                let seen: u64 = String::from_utf8(body).unwrap().parse().unwrap();
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
    }
    done.store(true, Ordering::Release);
    readers.join_all().await;
}

// Sentence 2: that an acknowledged write is durable is for each adapter to show; here, that it says how far.

pub async fn info_is_stated(store: Shared) {
    applied(&store, put(&key("a"), Expect::Absent)).await;
    let info = store.info().await.unwrap();
    assert!(!info.backend.is_empty());
    assert!(info.records.is_none_or(|records| records == 1), "{info:?}");
}

// Sentence 3.

pub async fn a_conflict_changes_nothing(store: Shared) {
    let key = key("a");
    let first = Put { keep_until: Some(at(5_000)), ..put(&key, Expect::Absent) };
    applied(&store, first.clone()).await;
    let before = store.get(&key).await.unwrap();
    for expect in [Expect::Absent, Expect::Version(version())] {
        conflicts(&store, Put { body: b"other".to_vec(), keep_until: Some(at(1)), ..put(&key, expect) })
            .await;
    }
    assert_eq!(store.purge(at(4_000), 10).await.unwrap(), 0, "a refused put moved keep_until");
    assert_eq!(store.get(&key).await.unwrap(), before);
    let elsewhere = RecordKey::new(Kind::Grant, "b", None);
    conflicts(&store, put(&elsewhere, Expect::Version(first.version))).await;
    assert_eq!(store.get(&elsewhere).await.unwrap(), None, "a refused put made a record");
}

// Sentence 4.

pub async fn bytes_come_back(store: Shared) {
    let bodies: [Vec<u8>; 9] = [
        Vec::new(),
        br#"{"v":1,"name":"\u00e9 \"quoted\""}"#.to_vec(),
        "{\"v\":1,\"name\":\"é\"}".as_bytes().to_vec(),
        b"123".to_vec(),
        b"1e400 ".to_vec(),
        b"before\0after".to_vec(),
        (0..=255).collect(),
        vec![0xff, 0xfe],
        vec![b'x'; 300_000],
    ];
    let versions = [[0; 16], [0xff; 16], *b"'; DROP TABLE r;", [0x20; 16]];
    // The ends of the range lie between milliseconds; what a store keeps, and so what is asked of it, does not.
    let whole = |millis| at(at(millis).unix_millis());
    let keeps = [None, Some(at(0)), Some(at(-1)), Some(whole(i64::MAX)), Some(whole(i64::MIN))];
    for (number, body) in bodies.into_iter().enumerate() {
        let key = key(&format!("b{number}"));
        let version = Version::from_bytes(versions[number % versions.len()]);
        let keep_until = keeps[number % keeps.len()];
        applied(
            &store,
            Put { key: key.clone(), expect: Expect::Absent, version, body: body.clone(), keep_until },
        )
        .await;
        assert_eq!(
            store.get(&key).await.unwrap(),
            Some(Stored { version, body, keep_until }),
            "body {number}"
        );
        let next = put(&key, Expect::Version(version));
        applied(&store, next.clone()).await;
        let stored = Stored { version: next.version, body: next.body, keep_until: None };
        assert_eq!(store.get(&key).await.unwrap(), Some(stored));
    }
}

pub async fn keys_are_exact(store: Shared) {
    let keys = [
        RecordKey::new(Kind::Grant, "a", None),
        RecordKey::new(Kind::Grant, "A", None),
        RecordKey::new(Kind::Grant, "a", Some("b")),
        RecordKey::new(Kind::Grant, "a/b", None),
        RecordKey::new(Kind::Grant, "a", Some("")),
        RecordKey::new(Kind::Grant, "%_*?[", None),
        RecordKey::new(Kind::Grant, "é\0'\"\n", None),
        RecordKey::new(Kind::Grant, &"l".repeat(2_000), None),
        RecordKey::new(Kind::Client, "a", None),
        RecordKey::new(Kind::Deployment, "1", None),
        RecordKey::new(Kind::Deployment, "01", None),
    ];
    let mut versions = Vec::new();
    for key in &keys {
        let put = put(key, Expect::Absent);
        versions.push(put.version);
        applied(&store, put).await;
    }
    for (key, version) in keys.iter().zip(versions) {
        assert_eq!(standing(&store, key).await, Some(version), "{key}");
    }
}

// Sentence 5.

pub async fn keep_until_hides_nothing(store: Shared) {
    let key = key("long-past");
    let first = Put { keep_until: Some(at(1)), ..put(&key, Expect::Absent) };
    applied(&store, first.clone()).await;
    if standing(&store, &key).await.is_some() {
        conflicts(&store, put(&key, Expect::Absent)).await;
        assert_eq!(ids(&store, &Under::Kind(Kind::Grant), None, 10).await.0, ["long-past"]);
        applied(&store, put(&key, Expect::Version(first.version))).await;
    } else {
        // The adapter's own garbage collection was faster: then the record is gone as a whole.
        applied(&store, put(&key, Expect::Absent)).await;
    }
}

pub async fn purge_is_exact(store: Shared) {
    // Moments to come, which no adapter's own garbage collection reaches during the test.
    let future = 4_000_000_000_000;
    for number in 0..10 {
        applied(
            &store,
            Put { keep_until: Some(at(future + number)), ..put(&key(&format!("{number}")), Expect::Absent) },
        )
        .await;
    }
    let prolonged = put(&key("prolonged"), Expect::Absent);
    applied(&store, Put { keep_until: Some(at(future)), ..prolonged.clone() }).await;
    applied(
        &store,
        Put { keep_until: Some(at(future + 100)), ..put(&prolonged.key, Expect::Version(prolonged.version)) },
    )
    .await;
    applied(&store, put(&key("for-ever"), Expect::Absent)).await;

    assert_eq!(store.purge(at(future), 100).await.unwrap(), 0, "purge takes what lies before, not at");
    assert_eq!(store.purge(at(future + 5), 0).await.unwrap(), 0);
    assert_eq!(store.purge(at(future + 5), 3).await.unwrap(), 3);
    assert_eq!(store.purge(at(future + 5), 3).await.unwrap(), 2);
    assert_eq!(store.purge(at(future + 5), 3).await.unwrap(), 0);
    let (left, _) = ids(&store, &Under::Kind(Kind::Grant), None, 100).await;
    assert_eq!(left, ["5", "6", "7", "8", "9", "for-ever", "prolonged"]);
    applied(&store, put(&key("1"), Expect::Absent)).await;
    assert_eq!(store.purge(at(i64::MAX), 1_000).await.unwrap(), 6);
    let (left, _) = ids(&store, &Under::Kind(Kind::Grant), None, 100).await;
    assert_eq!(left, ["1", "for-ever"]);
}

// Sentence 6.

pub async fn list_is_ordered_and_bounded(store: Shared) {
    let grants = ["a", "a-b", "a.b", "a/1", "a/10", "a/2", "aa", "aa/1", "b", "B/1", "a%2Fb/1", "z~@_"];
    for id in grants {
        applied(&store, put(&RecordKey::from_stored(Kind::Grant, id).unwrap(), Expect::Absent)).await;
    }
    for kind in [Kind::Client, Kind::SubjectGrant, Kind::AccessToken] {
        applied(&store, put(&RecordKey::new(kind, "a", Some("1")), Expect::Absent)).await;
    }
    let mut sorted = grants.to_vec();
    sorted.sort_unstable();
    let all = Under::Kind(Kind::Grant);
    assert_eq!(
        ids(&store, &all, None, usize::MAX).await,
        (sorted.iter().map(ToString::to_string).collect(), false)
    );
    assert_eq!(ids(&store, &all, None, sorted.len()).await.0, sorted);

    // In pages of every size the same keys come, once each.
    for limit in 1..=sorted.len() + 1 {
        let (mut seen, mut after) = (Vec::new(), None);
        loop {
            let page = store.list(&all, after.as_ref(), limit).await.unwrap();
            assert!(page.keys.len() <= limit);
            seen.extend(page.keys.iter().map(|key| key.id().to_owned()));
            assert!(seen.len() <= sorted.len(), "a key came twice: {seen:?}");
            after = page.keys.last().cloned().or(after);
            if !page.more {
                break;
            }
            assert!(!page.keys.is_empty(), "a page without keys and with more to come never ends");
        }
        assert_eq!(seen, sorted, "in pages of {limit}");
    }

    let slot = Under::slot(Kind::Grant, "a");
    assert_eq!(ids(&store, &slot, None, 9).await, (vec!["a/1".into(), "a/10".into(), "a/2".into()], false));
    assert_eq!(ids(&store, &slot, None, 2).await, (vec!["a/1".into(), "a/10".into()], true));
    assert_eq!(ids(&store, &Under::slot(Kind::Grant, "a/b"), None, 9).await.0, ["a%2Fb/1"]);
    assert_eq!(ids(&store, &Under::slot(Kind::Grant, "none"), None, 9).await, (vec![], false));

    // `after` need not exist, nor lie within what is listed.
    let after = |id: &str| RecordKey::from_stored(Kind::Grant, id).unwrap();
    assert_eq!(ids(&store, &slot, Some(&after("a/1")), 9).await.0, ["a/10", "a/2"]);
    assert_eq!(ids(&store, &slot, Some(&after("a/11")), 9).await.0, ["a/2"]);
    assert_eq!(ids(&store, &slot, Some(&after("B")), 9).await.0, ["a/1", "a/10", "a/2"]);
    assert_eq!(ids(&store, &slot, Some(&after("zz")), 9).await, (vec![], false));
}

pub async fn list_misses_nothing_under_writes(store: Shared) {
    let done = Arc::new(AtomicBool::new(false));
    let steady: Vec<String> = (0..40).map(|number| format!("steady-{number:02}")).collect();
    for id in &steady {
        applied(&store, put(&key(id), Expect::Absent)).await;
    }
    let writers: Vec<_> = (0..3)
        .map(|writer| {
            let (store, done, steady) = (store.clone(), done.clone(), steady.clone());
            tokio::spawn(async move {
                let mut number = 0;
                while !done.load(Ordering::Acquire) {
                    // Neighbours before, between and after come to be, and steady records are written again.
                    let place = ["a", "steady-20", "z"][number % 3];
                    let neighbour = key(&format!("{place}-{writer}-{}", number % 300));
                    store.put(put(&neighbour, Expect::Absent)).await;
                    let again = key(&steady[number % steady.len()]);
                    if let Some(version) = standing(&store, &again).await {
                        store.put(put(&again, Expect::Version(version))).await;
                    }
                    number += 1;
                }
            })
        })
        .collect();
    for _ in 0..30 {
        let (listed, _) = ids(&store, &Under::Kind(Kind::Grant), None, usize::MAX).await;
        assert!(listed.is_sorted());
        for id in &steady {
            assert!(listed.contains(id), "{id} existed all the time and was not listed");
        }
    }
    done.store(true, Ordering::Release);
    for writer in writers {
        writer.await.unwrap();
    }
}
