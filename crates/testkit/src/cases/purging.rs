//! Sentence 5: only a purge removes, and only what is over.

use std::sync::Arc;

use grantor_core::record::{Expect, Kind, Put, RecordKey, Under};
use grantor_store::{PURGE_STRIDE, PutOutcome};

use crate::Shared;
use crate::ask::{FUTURE, applied, at, conflicts, ids, purge_all, put, read, standing};

/// A store may keep what comes and goes in another way than what stays, so all is asked of one kind of each.
const KINDS: [Kind; 2] = [Kind::Grant, Kind::AccessToken];

fn key(kind: Kind, id: &str) -> RecordKey {
    RecordKey::new(kind, id, None)
}

async fn listed(store: &Shared, kind: Kind) -> Vec<String> {
    ids(store, &Under::Kind(kind), None, 100).await.0
}

fn until(key: &RecordKey, millis: i64) -> Put {
    Put { keep_until: Some(at(millis)), ..put(key, Expect::Absent) }
}

/// A record whose `keep_until` is past is as good as any: gets, lists and puts find it until it is removed as a whole.
pub async fn keep_until_hides_nothing(store: Shared) {
    for kind in KINDS {
        let key = key(kind, "long-past");
        let first = until(&key, 1);
        applied(&store, first.clone()).await;
        if standing(&store, &key).await.is_some() {
            conflicts(&store, put(&key, Expect::Absent)).await;
            assert_eq!(listed(&store, kind).await, ["long-past"], "keep_until hides a key from the list");
            applied(&store, put(&key, Expect::Version(first.version))).await;
        } else {
            // The adapter's own garbage collection was faster: then the record is gone as a whole.
            conflicts(&store, put(&key, Expect::Version(first.version))).await;
            assert_eq!(listed(&store, kind).await, Vec::<String>::new());
            applied(&store, put(&key, Expect::Absent)).await;
        }
    }
}

/// A purge takes what ends before its moment, and not what ends at it or after.
pub async fn purge_is_never_early(store: Shared) {
    for kind in KINDS {
        for number in 0..10 {
            applied(&store, until(&key(kind, &number.to_string()), FUTURE + number)).await;
        }
        assert_eq!(
            purge_all(&store, at(FUTURE), 100).await,
            0,
            "a purge takes what lies before its moment, not at it"
        );
        assert_eq!(purge_all(&store, at(FUTURE + 5), 100).await, 5);
        assert_eq!(listed(&store, kind).await, ["5", "6", "7", "8", "9"]);
        for number in 0..5 {
            assert_eq!(
                read(&store, &key(kind, &number.to_string())).await,
                None,
                "a purged record can be read"
            );
        }
    }
}

/// Where the ends lie days apart, too, a purge takes those before its moment, be that one at which grantor purges or another.
pub async fn purge_reaches_to_its_moment(store: Shared) {
    for kind in KINDS {
        let stride = i64::try_from(PURGE_STRIDE.as_millis()).unwrap();
        let begin = FUTURE - FUTURE % stride;
        for number in 0..300 {
            applied(&store, until(&key(kind, &format!("{number:03}")), begin + number * stride / 3)).await;
        }
        let mut left: Vec<_> = (0..300).map(|number| format!("{number:03}")).collect();
        for (strides, more, removed) in
            [(0, 0, 0), (0, 1, 1), (1, 0, 2), (10, stride / 2, 29), (10, stride / 2, 0)]
        {
            let before = at(begin + strides * stride + more);
            assert_eq!(purge_all(&store, before, 7).await, removed, "of {kind}, {strides} strides on");
            left.drain(..removed);
            assert_eq!(ids(&store, &Under::Kind(kind), None, 300).await.0, left);
        }
        assert_eq!(purge_all(&store, at(begin + 100 * stride), 500).await, 300 - 32);
        assert_eq!(listed(&store, kind).await, Vec::<String>::new());
    }
}

/// A record ends when its last applied put says, be that later, earlier or never.
pub async fn purge_goes_by_the_last_write(store: Shared) {
    for kind in KINDS {
        let changes = [
            ("prolonged", Some(FUTURE), Some(FUTURE + 100)),
            ("released", Some(FUTURE), None),
            ("shortened", Some(FUTURE + 100), Some(FUTURE)),
            ("ended", None, Some(FUTURE)),
        ];
        for (id, first, last) in changes {
            let first = Put { keep_until: first.map(at), ..put(&key(kind, id), Expect::Absent) };
            applied(&store, first.clone()).await;
            applied(
                &store,
                Put { keep_until: last.map(at), ..put(&key(kind, id), Expect::Version(first.version)) },
            )
            .await;
        }
        assert_eq!(purge_all(&store, at(FUTURE + 50), 100).await, 2);
        assert_eq!(listed(&store, kind).await, ["prolonged", "released"]);
    }
}

/// A record without `keep_until` is never purged.
pub async fn purge_spares_what_has_no_end(store: Shared) {
    for kind in KINDS {
        applied(&store, put(&key(kind, "for-ever"), Expect::Absent)).await;
        applied(&store, until(&key(kind, "ends"), FUTURE)).await;
        assert_eq!(purge_all(&store, at(i64::MAX), 100).await, 1, "one of two records has an end");
        assert_eq!(purge_all(&store, at(i64::MIN), 100).await, 0);
        assert_eq!(listed(&store, kind).await, ["for-ever"]);
    }
}

/// A purge takes at most as many as it may, says how many, and says less only when none is left.
pub async fn purge_is_bounded(store: Shared) {
    let kinds = [Kind::Grant, Kind::Session, Kind::AccessToken];
    for (number, kind) in (0..10).zip(kinds.into_iter().cycle()) {
        applied(&store, until(&key(kind, &number.to_string()), FUTURE)).await;
    }
    for (limit, removed, left) in [(0, 0, 10), (3, 3, 7), (1, 1, 6), (4, 4, 2), (4, 2, 0), (4, 0, 0)] {
        assert_eq!(store.purge(at(FUTURE + 1), limit).await.unwrap(), removed, "of at most {limit}");
        let mut standing = 0;
        for kind in kinds {
            standing += listed(&store, kind).await.len();
        }
        assert_eq!(standing, left, "a purge of at most {limit} removed another number than it said");
    }
}

/// A put that prolongs a record while it is purged either comes too late and conflicts, or saves it.
pub async fn purge_spares_what_is_being_prolonged(store: Shared) {
    for kind in KINDS {
        for round in 0..40 {
            let mut prolonging = tokio::task::JoinSet::new();
            let start = Arc::new(tokio::sync::Barrier::new(9));
            for number in 0..8 {
                let key = key(kind, &format!("{round}-{number}"));
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
}

/// What was purged is gone for good: its versions are spent, and a put that expects one conflicts, even when the key
/// holds a record again. Were it otherwise, a sweep could let a refused redemption succeed.
pub async fn what_was_purged_never_comes_back(store: Shared) {
    for kind in KINDS {
        let key = key(kind, "consumed");
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
        assert_eq!(listed(&store, kind).await, Vec::<String>::new(), "a purged key is listed");
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
}
