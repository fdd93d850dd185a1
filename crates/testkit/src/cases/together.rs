//! Sentence 7: two puts in order are no more than that, and no less.

use std::sync::Arc;

use grantor_core::record::{Expect, Kind, Put, RecordKey, Under};
use grantor_store::{PutOutcome, Store};

use crate::ask::{FUTURE, at, ids, key, put, read, standing};
use crate::{Fresh, Shared, Trouble};

/// A record that is new, of the kind and in the place that a grant's access tokens have: what adapters have a short way for.
fn token(grant: &str, name: &str) -> Put {
    let key = RecordKey::new(Kind::AccessToken, grant, Some(name));
    Put { keep_until: Some(at(FUTURE)), ..put(&key, Expect::Absent) }
}

/// Where both are applied both stand, with all that they brought; where the first is in somebody's way nothing is changed;
/// and where the second is, it is as it was.
pub async fn put_after_is_two_puts_in_order(store: Shared) {
    let grant = key("g");
    let mut expect = Expect::Absent;
    // Of each shape there is: with the short way and without it.
    let firsts = [token("g", "1"), token("g", "2"), token("elsewhere", "3"), put(&key("h"), Expect::Absent)];
    for (round, first) in firsts.into_iter().enumerate() {
        // An end that comes, one that is nearer, one that goes, and one that comes again.
        let keep_until = [Some(at(FUTURE + 9)), Some(at(FUTURE + 5)), None, Some(at(FUTURE + 7))][round];
        let next = Put { keep_until, ..put(&grant, expect) };
        let outcome = store.put_after(vec![first.clone()], next.clone()).await;
        assert!(matches!(outcome, PutOutcome::Applied), "round {round}: {outcome:?}");
        for put in [&first, &next] {
            let stored = read(&store, &put.key).await.unwrap_or_else(|| panic!("{} does not stand", put.key));
            assert_eq!(
                (stored.version, &stored.body, stored.keep_until),
                (put.version, &put.body, put.keep_until),
                "round {round}: {}",
                put.key
            );
        }
        // The first is in the way of itself.
        let again = put(&grant, Expect::Version(next.version));
        let outcome = store.put_after(vec![first.clone()], again).await;
        assert!(matches!(outcome, PutOutcome::Conflict), "round {round}, once more: {outcome:?}");
        assert_eq!(standing(&store, &first.key).await, Some(first.version));
        // And so is whoever replaced the second meanwhile.
        let beside = token("g", &format!("beside-{round}"));
        let outcome = store.put_after(vec![beside], put(&grant, expect)).await;
        assert!(matches!(outcome, PutOutcome::Conflict), "round {round}, too late: {outcome:?}");
        assert_eq!(standing(&store, &grant).await, Some(next.version), "round {round}");
        expect = Expect::Version(next.version);
    }
    let (listed, _) = ids(&store, &Under::slot(Kind::AccessToken, "g"), None, 99).await;
    for name in ["g/1", "g/2"] {
        assert!(listed.iter().any(|id| id == name), "{name} stands, and is not listed");
    }
    // Each by its own end.
    assert!(crate::ask::purge_all(&store, at(FUTURE + 1), 99).await >= 3);
    assert_eq!(standing(&store, &token("g", "1").key).await, None);
    assert!(standing(&store, &grant).await.is_some());
    assert_eq!(crate::ask::purge_all(&store, at(FUTURE + 8), 99).await, 1);
    assert_eq!(standing(&store, &grant).await, None);
}

/// Of 32 that expect the same version, each after a record of its own, one is applied, and what comes before it stands; 20
/// times over.
pub async fn of_racing_puts_after_another_one_is_applied(store: Shared) {
    let grant = key("raced");
    let begun = put(&grant, Expect::Absent);
    let mut standing_now = begun.version;
    crate::ask::applied(&store, begun).await;
    for round in 0..20 {
        let start = Arc::new(tokio::sync::Barrier::new(32));
        let mut racers = tokio::task::JoinSet::new();
        for racer in 0..32 {
            let (store, start) = (store.clone(), start.clone());
            let first = token("raced", &format!("{round}-{racer}"));
            let next = put(&grant, Expect::Version(standing_now));
            racers.spawn(async move {
                start.wait().await;
                let (before, version) = (first.key.clone(), next.version);
                match store.put_after(vec![first], next).await {
                    PutOutcome::Applied => {
                        assert!(standing(&store, &before).await.is_some(), "{before} was to stand first");
                        Some(version)
                    }
                    PutOutcome::Conflict => None,
                    PutOutcome::NotApplied(e) | PutOutcome::Unknown(e) => panic!("{e}"),
                }
            });
        }
        let winners: Vec<_> = racers.join_all().await.into_iter().flatten().collect();
        assert_eq!(winners.len(), 1, "round {round}: so many expected the same state and were applied");
        standing_now = winners[0];
        assert_eq!(standing(&store, &grant).await, Some(standing_now));
    }
}

/// Whatever fails: nothing stands without what was to stand before it, and what was certainly not written never is.
pub async fn under_trouble_nothing_stands_without_what_comes_first<P>(
    fresh: Fresh<P>,
    trouble: impl AsyncFn(&P, Trouble),
) {
    let store = &fresh.store;
    let mut pairs = Vec::new();
    for round in 0..40 {
        let grant = put(&key(&format!("g{round}")), Expect::Absent);
        let next = put(&grant.key, Expect::Version(grant.version));
        pairs.push((token(grant.key.id(), "1"), next));
        crate::ask::applied(store, grant).await;
    }
    let mut told = Vec::new();
    trouble(&fresh.place, Trouble::Begins).await;
    for (first, next) in &pairs {
        told.push(store.put_after(vec![first.clone()], next.clone()).await);
    }
    trouble(&fresh.place, Trouble::Ends).await;
    let mut failed = 0;
    for ((first, next), outcome) in pairs.iter().zip(told) {
        let grant = &next.key;
        let stands = standing(store, grant).await == Some(next.version);
        if stands {
            let first = standing(store, &first.key).await;
            assert!(first.is_some(), "{grant} stands without what was to stand before it");
        }
        match outcome {
            PutOutcome::Applied => assert!(stands, "{grant} was said to stand"),
            PutOutcome::Conflict => panic!("nobody was in the way of {grant}"),
            PutOutcome::NotApplied(_) => {
                failed += 1;
                assert!(!stands, "{grant} was said to have failed");
            }
            PutOutcome::Unknown(_) => failed += 1,
        }
    }
    assert!(failed > 0, "nothing went wrong: `trouble` makes no trouble");
}
