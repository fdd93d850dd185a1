//! Sentence 3 when things go wrong: who cannot tell says `Unknown`.

use std::sync::Arc;

use grantor_core::record::{Expect, Kind, RecordKey, Under};
use grantor_store::PutOutcome;

use crate::ask::{applied, assert_whole, at, ids, key, marked, purge_all, put, read};
use crate::history::History;
use crate::random::Random;
use crate::{Fresh, Trouble};

/// Whatever goes wrong, `Applied` stands, `Conflict` and `NotApplied` never do and never will, and reads agree with it.
pub async fn under_trouble_every_answer_is_honest<P>(fresh: Fresh<P>, trouble: impl AsyncFn(&P, Trouble)) {
    let history = Arc::new(History::new());
    let keys = [key("t0"), key("t1"), key("t2"), key("t3")];
    trouble(&fresh.place, Trouble::Begins).await;
    let mut tasks = tokio::task::JoinSet::new();
    for task in 0..8_u64 {
        let (store, history, keys) = (fresh.store.clone(), history.clone(), keys.clone());
        tasks.spawn(async move {
            let (mut random, mut failed) = (Random(task), 0);
            for _ in 0..8 {
                let key = &keys[random.below(keys.len())];
                let Ok(stored) = history.get(&store, key).await else {
                    failed += 1;
                    continue;
                };
                stored.iter().for_each(assert_whole);
                let expect = stored.map_or(Expect::Absent, |stored| Expect::Version(stored.version));
                match history.put(&store, marked(key, expect)).await {
                    PutOutcome::Applied | PutOutcome::Conflict => {}
                    PutOutcome::NotApplied(_) | PutOutcome::Unknown(_) => failed += 1,
                }
            }
            failed
        });
    }
    let failed: usize = tasks.join_all().await.into_iter().sum();
    trouble(&fresh.place, Trouble::Ends).await;
    assert!(failed > 0, "nothing went wrong: `trouble` makes no trouble");
    // Twice, since what comes late may come with the first.
    for key in keys.iter().chain(&keys) {
        let stored = history.get(&fresh.store, key).await;
        let stored = stored.unwrap_or_else(|e| panic!("after trouble {key} cannot be read: {e}"));
        stored.iter().for_each(assert_whole);
        let expect = stored.map_or(Expect::Absent, |stored| Expect::Version(stored.version));
        history.put(&fresh.store, marked(key, expect)).await;
    }
    history.check().unwrap_or_else(|violation| panic!("under trouble an answer was not honest: {violation}"));
}

/// A read that cannot be done is an error. It is never "there is nothing", nor a list with something missing.
pub async fn under_trouble_no_read_lies<P>(fresh: Fresh<P>, trouble: impl AsyncFn(&P, Trouble)) {
    let store = &fresh.store;
    let keys: Vec<RecordKey> = (0..10).map(|number| key(&number.to_string())).collect();
    for key in &keys {
        applied(store, put(key, Expect::Absent)).await;
    }
    let mut before = Vec::new();
    for key in &keys {
        before.push(read(store, key).await);
    }
    trouble(&fresh.place, Trouble::Begins).await;
    for _ in 0..5 {
        for (key, stood) in keys.iter().zip(&before) {
            if let Ok(found) = store.get(key).await {
                assert_eq!(&found, stood, "{key} was read in trouble, and not as it is");
            }
        }
        if let Ok(page) = store.list(&Under::Kind(Kind::Grant), None, 99).await {
            assert_eq!(page.keys, keys, "a list in trouble is not what stands");
        }
    }
    trouble(&fresh.place, Trouble::Ends).await;
    for (key, stood) in keys.iter().zip(&before) {
        assert_eq!(&read(store, key).await, stood, "{key} was only read, and is another");
    }
}

/// Trouble that is over is over: every operation works, without a restart.
pub async fn after_trouble_the_store_works_again<P>(fresh: Fresh<P>, trouble: impl AsyncFn(&P, Trouble)) {
    let store = &fresh.store;
    for round in 0..2 {
        let keys: Vec<RecordKey> = (0..10).map(|number| key(&format!("{round}-{number}"))).collect();
        trouble(&fresh.place, Trouble::Begins).await;
        for key in &keys {
            // Whatever comes of it.
            store.put(put(key, Expect::Absent)).await;
        }
        trouble(&fresh.place, Trouble::Ends).await;
        for key in &keys {
            let expect =
                read(store, key).await.map_or(Expect::Absent, |stored| Expect::Version(stored.version));
            applied(store, put(key, expect)).await;
        }
        let (listed, _) = ids(store, &Under::Kind(Kind::Grant), None, 99).await;
        assert_eq!(listed.len(), 10 * (round + 1));
        assert_eq!(purge_all(store, at(0), 10).await, 0);
        store.info().await.unwrap_or_else(|e| panic!("after trouble there is no info: {e}"));
    }
}
