//! A server that lost its records, has no room for more, or holds what nobody of ours wrote.

use grantor_core::Time;
use grantor_core::record::{Expect, Kind, Put, Under};
use grantor_store::{PURGE_STRIDE, PutOutcome, Store as _, StoreError};

use crate::server::{self, RedisServer};
use crate::{applied, connect, key, put, token, told};

#[tokio::test]
async fn a_redis_that_comes_back_empty_gives_nothing_back() {
    let mut redis = with_redis!(&[]);
    let store = connect(&redis.url()).await.unwrap();
    let first = put("a", Expect::Absent);
    applied(&store, first.clone()).await;
    redis.kill();
    redis.wipe().unwrap();
    redis.begin().unwrap();
    assert!(store.get(&key("a")).await.unwrap().is_none());
    let outcome = store.put(put("a", Expect::Version(first.version))).await;
    assert!(matches!(outcome, PutOutcome::Conflict), "{outcome:?}");
    assert!(store.list(&Under::Kind(Kind::Grant), None, 9).await.unwrap().keys.is_empty());
}

#[tokio::test]
async fn a_full_redis_refuses_writes_and_answers_reads() {
    let redis = with_redis!(&[]);
    let store = connect(&redis.url()).await.unwrap();
    let due = Put { keep_until: Some(Time::from_unix_millis(5)), ..put("before", Expect::Absent) };
    applied(&store, due.clone()).await;
    redis.say(&["CONFIG", "SET", "maxmemory", "1"]).unwrap();
    for expect in [Expect::Absent, Expect::Version(due.version)] {
        let id = if expect == Expect::Absent { "new" } else { "before" };
        match store.put(put(id, expect)).await {
            PutOutcome::NotApplied(error @ StoreError::Unavailable(_)) => {
                assert!(told(error).contains("OOM"));
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(store.get(&key("before")).await.unwrap().unwrap().version, due.version);
    assert!(store.get(&key("new")).await.unwrap().is_none());
    assert_eq!(store.list(&Under::Kind(Kind::Grant), None, 9).await.unwrap().keys, [key("before")]);
    assert!(store.info().await.is_ok());
    assert_eq!(store.check().await.unwrap().problems, Vec::<String>::new());
    // What makes room works while there is none.
    assert_eq!(store.purge(Time::from_unix_millis(6), 9).await.unwrap(), 1);
    redis.say(&["CONFIG", "SET", "maxmemory", "0"]).unwrap();
    applied(&store, put("new", Expect::Absent)).await;
}

#[tokio::test]
async fn a_full_redis_is_rid_of_tokens_as_the_engine_purges() {
    let redis = with_redis!(&[]);
    let store = connect(&redis.url()).await.unwrap();
    let stride = i64::try_from(PURGE_STRIDE.as_millis()).unwrap();
    for (name, end) in [("1", 5), ("2", stride - 1), ("3", stride)] {
        applied(&store, token(name, end)).await;
    }
    redis.say(&["CONFIG", "SET", "maxmemory", "1"]).unwrap();
    assert_eq!(store.purge(Time::from_unix_millis(stride), 9).await.unwrap(), 2);
    assert!(store.get(&token("3", stride).key).await.unwrap().is_some());
}

#[tokio::test]
async fn nothing_is_left_of_what_was_purged() {
    let redis = with_redis!(&[]);
    let store = connect(&redis.url()).await.unwrap();
    let stride = i64::try_from(PURGE_STRIDE.as_millis()).unwrap();
    let everything = redis.say(&["KEYS", "*"]).unwrap();
    let again = |first: &Put, end: Option<i64>| {
        let version = put("g", Expect::Absent).version;
        let expect = Expect::Version(first.version);
        Put { expect, version, keep_until: end.map(Time::from_unix_millis), ..first.clone() }
    };
    let ends =
        |name: &str, end: Option<i64>| Put { keep_until: end.map(Time::from_unix_millis), ..token(name, 0) };
    // What it was to end at, and when it is to by its next put: later, earlier, in the same window, never, and some day after all.
    let (early, late) = (Some(2 * stride), Some(7 * stride));
    let changes =
        [(early, late), (late, early), (early, early.map(|end| end + 1)), (early, None), (None, late)];
    for is_listed in [false, true] {
        for (number, (first, last)) in changes.into_iter().enumerate() {
            let first = ends(&format!("{is_listed}{number}"), first);
            applied(&store, first.clone()).await;
            let conflict = store.put(Put { expect: Expect::Absent, ..again(&first, late) }).await;
            assert!(matches!(conflict, PutOutcome::Conflict), "{conflict:?}");
            if is_listed {
                store.list(&Under::Kind(Kind::AccessToken), None, 9).await.unwrap();
            }
            applied(&store, again(&first, last)).await;
        }
    }
    assert_eq!(store.purge(Time::from_unix_millis(3 * stride), 99).await.unwrap(), 4);
    // One that was purged, made anew.
    applied(&store, ends("false1", late)).await;
    assert_eq!(store.check().await.unwrap().problems, Vec::<String>::new());
    assert_eq!(store.list(&Under::Kind(Kind::AccessToken), None, 99).await.unwrap().keys.len(), 7);
    applied(&store, ends("more", early)).await;
    assert_eq!(store.purge(Time::from_unix_millis(8 * stride), 99).await.unwrap(), 6);
    let left = store.list(&Under::Kind(Kind::AccessToken), None, 99).await.unwrap().keys;
    assert_eq!(left, ["false3", "true3"].map(|name| token(name, 0).key));
    assert_eq!(store.check().await.unwrap().problems, Vec::<String>::new());
    for key in &left {
        let standing = store.get(key).await.unwrap().unwrap();
        let first = Put { version: standing.version, ..token("", 0) };
        applied(&store, Put { key: key.clone(), ..again(&first, early) }).await;
    }
    assert_eq!(store.purge(Time::from_unix_millis(i64::MAX), 99).await.unwrap(), 2);
    assert_eq!(redis.say(&["KEYS", "*"]).unwrap(), everything);
}

#[tokio::test]
async fn keys_that_are_not_ours_are_neither_taken_nor_believed() {
    let redis = with_redis!(&[]);
    let store = connect(&redis.url()).await.unwrap();
    applied(&store, put("a", Expect::Absent)).await;
    let keys = redis.say(&["KEYS", "grantor:*:grant:a"]).unwrap();
    for value in ["", "hush", "9 BwcHBwcHBwcHBwcHBwcHBw -\nhush"] {
        redis.say(&["SET", &keys, value]).unwrap();
        match store.get(&key("a")).await {
            Err(error @ StoreError::Corrupt(_)) => drop(told(error)),
            other => panic!("{other:?}"),
        }
        let outcome = store.put(put("a", Expect::Absent)).await;
        assert!(matches!(outcome, PutOutcome::Conflict), "{outcome:?}");
        assert_eq!(store.check().await.unwrap().problems.len(), 1);
    }
    redis.say(&["DEL", &keys]).unwrap();
    assert!(store.check().await.unwrap().problems[0].contains("it is not there"));
    redis.say(&["LPUSH", &keys, "hush"]).unwrap();
    assert!(matches!(store.get(&key("a")).await, Err(StoreError::Corrupt(_))));
    match store.put(put("a", Expect::Absent)).await {
        PutOutcome::NotApplied(error @ StoreError::Corrupt(_)) => drop(told(error)),
        other => panic!("{other:?}"),
    }
}
