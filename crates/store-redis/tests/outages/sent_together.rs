//! One of several writes that go out together fails, and what is known of the others.

use grantor_core::record::{Expect, Kind, Put, RecordKey};
use grantor_store::{PutOutcome, Store as _};

use crate::server::{self, RedisServer};
use crate::{applied, connect, key, put, token, told};

#[tokio::test]
async fn of_puts_that_are_sent_together_each_has_its_own_outcome() {
    let redis = with_redis!(&[]);
    let store = connect(&redis.url()).await.unwrap();
    let together = async |names: std::ops::Range<u8>| {
        let puts = names.map(|name| store.put(token(&name.to_string(), 5)));
        futures_util::future::join_all(puts).await
    };
    let standing = async |name: u8| store.get(&token(&name.to_string(), 5).key).await.unwrap().is_some();
    applied(&store, token("3", 5)).await;
    for (name, outcome) in (0..8).zip(together(0..8).await) {
        let expected = if name == 3 { "conflict" } else { "applied" };
        assert_eq!(name_of(&outcome), expected, "{name}");
    }
    // One is refused, and with it all that it was sent with: so none of them stands.
    redis.say(&["CONFIG", "SET", "maxmemory", "1"]).unwrap();
    for (name, outcome) in (8..16).zip(together(8..16).await) {
        assert_eq!(name_of(&outcome), "not applied", "{name}");
        assert!(!standing(name).await);
    }
    redis.say(&["CONFIG", "SET", "maxmemory", "0"]).unwrap();
    // One cannot be entered: that is known of it alone, and the others stand.
    let spoilt = put("spoilt", Expect::Absent);
    applied(&store, spoilt.clone()).await;
    let shard = redis.say(&["KEYS", "grantor:*:grant:spoilt"]).unwrap();
    let index = shard.split_once("}:").unwrap().0.to_owned() + "}#session";
    redis.say(&["SET", &index, "hush"]).unwrap();
    let spoilt = Put { key: RecordKey::new(Kind::Session, "spoilt", None), ..put("spoilt", Expect::Absent) };
    let (outcome, others) = tokio::join!(store.put(spoilt), together(16..24));
    assert_eq!(name_of(&outcome), "unknown");
    assert_eq!(others.iter().map(name_of).collect::<Vec<_>>(), ["applied"; 8]);
    redis.say(&["DEL", &index]).unwrap();
    let problems = store.check().await.unwrap().problems;
    assert!(problems.iter().all(|problem| problem.contains("spoilt")), "{problems:?}");
}

fn name_of(outcome: &PutOutcome) -> &'static str {
    match outcome {
        PutOutcome::Applied => "applied",
        PutOutcome::Conflict => "conflict",
        PutOutcome::NotApplied(_) => "not applied",
        PutOutcome::Unknown(_) => "unknown",
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_a_new_record_cannot_be_entered_the_one_after_it_is_not_replaced() {
    let redis = with_redis!(&[]);
    let store = connect(&redis.url()).await.unwrap();
    let begun = put("g", Expect::Absent);
    applied(&store, begun.clone()).await;
    let shard = redis.say(&["KEYS", "grantor:*:grant:g"]).unwrap();
    let news = format!("{}#access-token:new", shard.split_once("}:").unwrap().0.to_owned() + "}");
    redis.say(&["SET", &news, "hush"]).unwrap();
    let next = put("g", Expect::Version(begun.version));
    match store.put_after(vec![token("1", 5)], next.clone()).await {
        PutOutcome::NotApplied(error) => drop(told(error)),
        other => panic!("{other:?}"),
    }
    assert_eq!(store.get(&key("g")).await.unwrap().unwrap().version, begun.version);
    assert_eq!(store.get(&token("1", 5).key).await.unwrap(), None);
    redis.say(&["DEL", &news]).unwrap();
    assert!(matches!(store.put_after(vec![token("1", 5)], next).await, PutOutcome::Applied));
    assert_eq!(store.check().await.unwrap().problems, Vec::<String>::new());
}
