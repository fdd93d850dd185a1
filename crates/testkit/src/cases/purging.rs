//! Sentence 5: only a purge removes, and only what is over.

use std::sync::Arc;

use grantor_core::record::{Expect, Kind, Put, RecordKey, Under};
use grantor_store::PutOutcome;

use crate::Shared;
use crate::ask::{FUTURE, applied, at, conflicts, ids, key, purge_all, put, read, standing};

const ALL: Under = Under::Kind(Kind::Grant);

fn until(key: &RecordKey, millis: i64) -> Put {
    Put { keep_until: Some(at(millis)), ..put(key, Expect::Absent) }
}

/// A record whose `keep_until` is past is as good as any: gets, lists and puts find it until it is removed as a whole.
pub async fn keep_until_hides_nothing(store: Shared) {
    let key = key("long-past");
    let first = until(&key, 1);
    applied(&store, first.clone()).await;
    if standing(&store, &key).await.is_some() {
        conflicts(&store, put(&key, Expect::Absent)).await;
        assert_eq!(
            ids(&store, &ALL, None, 10).await.0,
            ["long-past"],
            "keep_until hides a key from the list"
        );
        applied(&store, put(&key, Expect::Version(first.version))).await;
    } else {
        // The adapter's own garbage collection was faster: then the record is gone as a whole.
        conflicts(&store, put(&key, Expect::Version(first.version))).await;
        assert_eq!(ids(&store, &ALL, None, 10).await.0, Vec::<String>::new());
        applied(&store, put(&key, Expect::Absent)).await;
    }
}

/// A purge takes what ends before its moment, and not what ends at it or after.
pub async fn purge_is_never_early(store: Shared) {
    for number in 0..10 {
        applied(&store, until(&key(&number.to_string()), FUTURE + number)).await;
    }
    assert_eq!(
        purge_all(&store, at(FUTURE), 100).await,
        0,
        "a purge takes what lies before its moment, not at it"
    );
    assert_eq!(purge_all(&store, at(FUTURE + 5), 100).await, 5);
    assert_eq!(ids(&store, &ALL, None, 100).await.0, ["5", "6", "7", "8", "9"]);
    for number in 0..5 {
        assert_eq!(read(&store, &key(&number.to_string())).await, None, "a purged record can be read");
    }
}

/// A record ends when its last applied put says, be that later, earlier or never.
pub async fn purge_goes_by_the_last_write(store: Shared) {
    let changes = [
        ("prolonged", Some(FUTURE), Some(FUTURE + 100)),
        ("released", Some(FUTURE), None),
        ("shortened", Some(FUTURE + 100), Some(FUTURE)),
        ("ended", None, Some(FUTURE)),
    ];
    for (id, first, last) in changes {
        let first = Put { keep_until: first.map(at), ..put(&key(id), Expect::Absent) };
        applied(&store, first.clone()).await;
        applied(&store, Put { keep_until: last.map(at), ..put(&key(id), Expect::Version(first.version)) })
            .await;
    }
    assert_eq!(purge_all(&store, at(FUTURE + 50), 100).await, 2);
    assert_eq!(ids(&store, &ALL, None, 100).await.0, ["prolonged", "released"]);
}

/// A record without `keep_until` is never purged.
pub async fn purge_spares_what_has_no_end(store: Shared) {
    applied(&store, put(&key("for-ever"), Expect::Absent)).await;
    applied(&store, until(&key("ends"), FUTURE)).await;
    assert_eq!(purge_all(&store, at(i64::MAX), 100).await, 1, "one of two records has an end");
    assert_eq!(purge_all(&store, at(i64::MIN), 100).await, 0);
    assert_eq!(ids(&store, &ALL, None, 100).await.0, ["for-ever"]);
}

/// A purge takes at most as many as it may, says how many, and says less only when none is left.
pub async fn purge_is_bounded(store: Shared) {
    for number in 0..10 {
        let kind = if number < 5 { Kind::Grant } else { Kind::Session };
        applied(&store, until(&RecordKey::new(kind, &number.to_string(), None), FUTURE)).await;
    }
    for (limit, removed, left) in [(0, 0, 10), (3, 3, 7), (1, 1, 6), (4, 4, 2), (4, 2, 0), (4, 0, 0)] {
        assert_eq!(store.purge(at(FUTURE + 1), limit).await.unwrap(), removed, "of at most {limit}");
        let grants = ids(&store, &ALL, None, 100).await.0.len();
        let sessions = ids(&store, &Under::Kind(Kind::Session), None, 100).await.0.len();
        assert_eq!(grants + sessions, left, "a purge of at most {limit} removed another number than it said");
    }
}

/// A put that prolongs a record while it is purged either comes too late and conflicts, or saves it.
pub async fn purge_spares_what_is_being_prolonged(store: Shared) {
    for round in 0..40 {
        let mut prolonging = tokio::task::JoinSet::new();
        let start = Arc::new(tokio::sync::Barrier::new(9));
        for number in 0..8 {
            let key = key(&format!("{round}-{number}"));
            let first = until(&key, FUTURE);
            applied(&store, first.clone()).await;
            let (store, start) = (store.clone(), start.clone());
            prolonging.spawn(async move {
                start.wait().await;
                // One after another, so that some come before the purge, some after, and some between.
                for _ in 0..number * (round % 5) {
                    tokio::task::yield_now().await;
                }
                let outcome = store.put(put(&key, Expect::Version(first.version))).await;
                (key, outcome)
            });
        }
        // A task like the others, or it would always be the last to start.
        let purging = tokio::spawn({
            let (store, start) = (store.clone(), start.clone());
            async move {
                start.wait().await;
                purge_all(&store, at(FUTURE + 1), if round % 2 == 0 { 8 } else { 3 }).await
            }
        });
        purging.await.unwrap();
        for (key, outcome) in prolonging.join_all().await {
            let stands = standing(&store, &key).await.is_some();
            match outcome {
                PutOutcome::Applied => assert!(stands, "{key} was prolonged and then purged"),
                PutOutcome::Conflict => {
                    assert!(!stands, "{key} was not purged, and yet could not be prolonged")
                }
                PutOutcome::NotApplied(e) | PutOutcome::Unknown(e) => panic!("{key}: {e}"),
            }
        }
    }
}

/// What was purged is gone for good: its versions are spent, and a put that expects one conflicts, even when the key
/// holds a record again. Were it otherwise, a sweep could let a refused redemption succeed.
pub async fn what_was_purged_never_comes_back(store: Shared) {
    let key = key("consumed");
    let issued = until(&key, FUTURE);
    applied(&store, issued.clone()).await;
    let redeemed = Put { expect: Expect::Version(issued.version), ..until(&key, FUTURE) };
    applied(&store, redeemed.clone()).await;
    assert_eq!(purge_all(&store, at(FUTURE + 1), 10).await, 1);

    let spent = [issued.version, redeemed.version];
    for version in spent {
        conflicts(&store, put(&key, Expect::Version(version))).await;
        assert_eq!(read(&store, &key).await, None, "a purged record came back");
    }
    assert_eq!(ids(&store, &ALL, None, 10).await.0, Vec::<String>::new(), "a purged key is listed");
    let anew = put(&key, Expect::Absent);
    applied(&store, anew.clone()).await;
    for version in spent {
        conflicts(&store, put(&key, Expect::Version(version))).await;
    }
    assert_eq!(
        purge_all(&store, at(i64::MAX), 10).await,
        0,
        "a new record ends when its predecessor would have"
    );
    assert_eq!(standing(&store, &key).await, Some(anew.version));
}
