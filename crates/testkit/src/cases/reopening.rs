//! Sentence 2: an acknowledgement outlives the store that gave it.

use grantor_core::record::{Expect, Kind, Put, RecordKey, Stored, Under};

use crate::Fresh;
use crate::ask::{
    FUTURE, applied, assert_whole, at, conflicts, ids, key, marked, pages, purge_all, put, read, version,
};

/// Every acknowledged record is there after reopening, byte for byte, and nothing else is.
pub async fn what_was_acknowledged_is_there_after_reopening<P>(
    mut fresh: Fresh<P>,
    reopen: impl AsyncFn(Fresh<P>) -> Fresh<P>,
) {
    let mut expected: Vec<(RecordKey, Stored)> = Vec::new();
    for run in 0..3 {
        let mut writers = tokio::task::JoinSet::new();
        for writer in 0..8 {
            let (store, key) = (fresh.store.clone(), key(&format!("{run}-{writer}")));
            writers.spawn(async move {
                let mut put = marked(&key, Expect::Absent);
                for _ in 0..3 {
                    applied(&store, put.clone()).await;
                    put = marked(&key, Expect::Version(put.version));
                }
                // The last put was never sent: what stands is the one it expects.
                let Expect::Version(last) = put.expect else { panic!("three were sent") };
                (key, last)
            });
        }
        for (key, last) in writers.join_all().await {
            let stored = read(&fresh.store, &key).await.unwrap_or_else(|| panic!("{key} is gone at once"));
            assert_eq!(stored.version, last);
            expected.push((key, stored));
        }
        fresh = reopen(fresh).await;
        for (key, stored) in &expected {
            let found = read(&fresh.store, key).await;
            let found = found.unwrap_or_else(|| panic!("{key} was acknowledged and is gone after reopening"));
            assert_eq!(found.version, stored.version, "after reopening another write stands under {key}");
            assert_whole(&found);
        }
        let listed = pages(&fresh.store, &Under::Kind(Kind::Grant), 5).await;
        let mut ids: Vec<_> = expected.iter().map(|(key, _)| key.id().to_owned()).collect();
        ids.sort_unstable();
        assert_eq!(listed, ids, "what is listed after reopening");
    }
}

/// What was replaced, refused or purged stays so after reopening, and ends still come when they were to.
pub async fn what_was_spent_stays_spent_after_reopening<P>(
    fresh: Fresh<P>,
    reopen: impl AsyncFn(Fresh<P>) -> Fresh<P>,
) {
    let (spent, purged, ends) = (key("spent"), key("purged"), key("ends"));
    let issued = put(&spent, Expect::Absent);
    let redeemed = put(&spent, Expect::Version(issued.version));
    let gone = Put { keep_until: Some(at(FUTURE)), ..put(&purged, Expect::Absent) };
    let store = fresh.store.clone();
    applied(&store, issued.clone()).await;
    applied(&store, redeemed.clone()).await;
    conflicts(&store, put(&spent, Expect::Version(issued.version))).await;
    conflicts(&store, put(&key("refused"), Expect::Version(version()))).await;
    applied(&store, gone.clone()).await;
    applied(&store, Put { keep_until: Some(at(FUTURE + 10)), ..put(&ends, Expect::Absent) }).await;
    // Last, so that no later write carries the purge along.
    assert_eq!(purge_all(&store, at(FUTURE + 1), 10).await, 1);
    drop(store);

    let fresh = reopen(fresh).await;
    let store = &fresh.store;
    assert_eq!(ids(store, &Under::Kind(Kind::Grant), None, 10).await.0, ["ends", "spent"]);
    assert_eq!(read(store, &purged).await, None, "a purged record came back by reopening");
    conflicts(store, put(&purged, Expect::Version(gone.version))).await;
    conflicts(store, put(&spent, Expect::Version(issued.version))).await;
    conflicts(store, put(&spent, Expect::Absent)).await;
    applied(store, put(&spent, Expect::Version(redeemed.version))).await;
    assert_eq!(purge_all(store, at(FUTURE + 10), 10).await, 0, "reopening brought an end forward");
    assert_eq!(purge_all(store, at(FUTURE + 11), 10).await, 1, "reopening lost an end");
}
