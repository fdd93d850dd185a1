//! What a server must be before anything is kept on it, and what is said of one that is not there.

use std::io::{Read as _, Write as _};

use grantor_core::Time;
use grantor_core::record::{Expect, Kind, Put, Under};
use grantor_store::{Durability, PutOutcome, Store as _};
use grantor_store_redis::{RedisOptions, RedisStore};

use crate::server::{self, RedisServer};
use crate::{applied, away, connect, key, put, refused, token, told};

#[tokio::test]
async fn every_kind_of_url_connects() {
    let redis = with_redis!(&["--requirepass", "s3cret%"]);
    let port = redis.port();
    let socket = redis.socket().display().to_string();
    for url in [
        format!("redis://:s3cret%25@127.0.0.1:{port}/0"),
        format!("redis://default:s3cret%25@127.0.0.1:{port}"),
        format!("redis+unix:{socket}?pass=s3cret%25"),
        format!("redis+unix://{socket}?pass=s3cret%25"),
    ] {
        let store = connect(&url).await.unwrap();
        assert!(!format!("{store:?}").contains("s3cret"));
        assert!(store.get(&key("a")).await.unwrap().is_none());
    }
    assert!(connect(&format!("redis://:s3cret%25@127.0.0.1:{port}/3")).await.is_ok());
    assert!(refused(&format!("redis://:s3cret-not@127.0.0.1:{port}")).await.contains("WRONGPASS"));
    assert!(refused(&redis.url()).await.contains("NOAUTH"));
    assert!(
        refused(&format!("redis-cluster://:s3cret%25@127.0.0.1:{port}")).await.contains("cluster support")
    );
    for url in
        ["", "redis", "http://s3cret@h", "redis://s3cret@:x:y", "redis-cluster://:s3cret@", "sqlite:s3cret"]
    {
        let text = refused(url).await;
        assert!(text.contains("no Redis URL") || text.contains("cannot connect"), "{url}: {text}");
    }
    let prefix = "a{b}".to_owned();
    let options = RedisOptions { prefix, ..RedisOptions::default() };
    assert!(RedisStore::connect(&redis.url(), options).await.is_err());
}

#[tokio::test]
async fn a_redis_that_would_lose_records_is_refused() {
    let redis = with_redis!(&[]);
    for policy in ["allkeys-lru", "volatile-ttl"] {
        redis.say(&["CONFIG", "SET", "maxmemory-policy", policy]).unwrap();
        let text = refused(&redis.url()).await;
        assert!(text.contains(policy) && text.contains("CONFIG SET maxmemory-policy noeviction"), "{text}");
    }
    redis.say(&["CONFIG", "SET", "maxmemory-policy", "noeviction"]).unwrap();
    let store = connect(&redis.url()).await.unwrap();
    redis.say(&["CONFIG", "SET", "maxmemory-policy", "allkeys-random"]).unwrap();
    assert!(store.info().await.is_err(), "it was changed under a running server, and nobody was told");
    redis.say(&["CONFIG", "SET", "maxmemory-policy", "noeviction"]).unwrap();

    redis.say(&["REPLICAOF", "127.0.0.1", "1"]).unwrap();
    assert!(refused(&redis.url()).await.contains("is a replica"));
    match store.put(put("a", Expect::Absent)).await {
        PutOutcome::NotApplied(error) => assert!(told(error).contains("READONLY")),
        other => panic!("{other:?}"),
    }
    redis.say(&["REPLICAOF", "NO", "ONE"]).unwrap();
    applied(&store, put("a", Expect::Absent)).await;

    redis.say(&["SET", "grantor:{00}#layout", "1"]).unwrap();
    assert!(refused(&redis.url()).await.contains("another version of grantor"));
}

#[tokio::test]
async fn durability_is_told() {
    let redis = with_redis!(&[]);
    let store = connect(&redis.url()).await.unwrap();
    let set = |name: &str, value: &str| assert_eq!(redis.say(&["CONFIG", "SET", name, value]).unwrap(), "OK");
    let info = store.info().await.unwrap();
    assert_eq!(info.durability, Durability::None);
    assert!(info.backend.starts_with("Redis ") && info.backend.contains("nothing on disk"), "{info:?}");
    set("appendonly", "yes");
    for (policy, durability) in
        [("everysec", Durability::Process), ("no", Durability::Process), ("always", Durability::PowerCut)]
    {
        set("appendfsync", policy);
        let info = store.info().await.unwrap();
        assert_eq!(info.durability, durability, "{policy}");
        assert!(info.backend.contains(&format!("appendfsync {policy}")), "{info:?}");
    }
    set("no-appendfsync-on-rewrite", "yes");
    assert_eq!(store.info().await.unwrap().durability, Durability::Process);
    set("no-appendfsync-on-rewrite", "no");

    // A user who may not ask: what cannot be verified is said, and not presumed.
    redis.say(&["ACL", "SETUSER", "limited", "on", ">s3cret", "~grantor:*", "+@all", "-config"]).unwrap();
    let limited = connect(&format!("redis://limited:s3cret@127.0.0.1:{}", redis.port())).await.unwrap();
    let info = limited.info().await.unwrap();
    assert_eq!(info.durability, Durability::Process);
    assert!(info.backend.contains("CONFIG is forbidden"), "{info:?}");
}

#[tokio::test]
async fn the_commands_the_docs_name_are_enough() {
    let redis = with_redis!(&[]);
    let user = "on >s3cret resetkeys ~grantor:* -@all +hello +auth +select +info +config|get +get +set \
                +del +exists +getrange +zadd +zrem +zscore +zcount +zrange +zrangebylex +zrangebyscore \
                +rpush +lrange +ltrim +multi +exec +evalsha +script|load +scan +ping";
    let words: Vec<_> = ["ACL", "SETUSER", "grantor"].into_iter().chain(user.split_whitespace()).collect();
    assert_eq!(redis.say(&words).unwrap(), "OK");
    let store = connect(&format!("redis://grantor:s3cret@127.0.0.1:{}", redis.port())).await.unwrap();
    let due = Put { keep_until: Some(Time::from_unix_millis(5)), ..put("a", Expect::Absent) };
    applied(&store, due).await;
    assert!(store.get(&key("a")).await.unwrap().is_some());
    assert_eq!(store.list(&Under::Kind(Kind::Grant), None, 9).await.unwrap().keys, [key("a")]);
    applied(&store, token("1", 5)).await;
    applied(&store, token("2", 9)).await;
    assert_eq!(store.purge(Time::from_unix_millis(6), 9).await.unwrap(), 2);
    let left = store.list(&Under::Kind(Kind::AccessToken), None, 9).await.unwrap();
    assert_eq!(left.keys, [token("2", 9).key]);
    applied(&store, token("3", 9)).await;
    assert_eq!(store.check().await.unwrap().problems, Vec::<String>::new());
    assert_eq!(store.info().await.unwrap().durability, Durability::None);
}

// No Redis is needed for what it says.
#[tokio::test]
async fn an_outage_is_told_from_what_a_person_must_mend() {
    let silent = server::free_port().unwrap();
    for url in [
        format!("redis://127.0.0.1:{silent}/0"),
        format!("redis-cluster://127.0.0.1:{silent}"),
        "redis+unix:/nowhere/redis.sock".to_owned(),
        format!("redis://127.0.0.1:{}", parrot("")),
        format!("rediss://127.0.0.1:{}", parrot("")),
        format!("redis://127.0.0.1:{}", parrot("-LOADING Redis is loading the dataset in memory\r\n")),
        format!("redis://127.0.0.1:{}", parrot("-ERR max number of clients reached\r\n")),
        format!("redis-cluster://127.0.0.1:{}", parrot("-CLUSTERDOWN The cluster is down\r\n")),
        format!("redis-cluster://127.0.0.1:{silent},127.0.0.1:{}", parrot("-LOADING wait\r\n")),
    ] {
        away(&url).await;
    }
    for (url, said) in [
        (format!("redis://127.0.0.1:{}", parrot("-NOAUTH Authentication required.\r\n")), "NOAUTH"),
        (format!("redis://127.0.0.1:{}", parrot("HTTP/1.1 400 Bad Request\r\n\r\n")), "cannot connect"),
        (format!("rediss://127.0.0.1:{}", parrot("-ERR unknown command\r\n")), "cannot connect"),
        (format!("redis-cluster://127.0.0.1:{silent},127.0.0.1:{}", parrot("-NOPERM no\r\n")), "NOPERM"),
        ("rediss://not a name:1/0".to_owned(), ""),
        (format!("redis://127.0.0.1:{silent}/not-a-number"), "no Redis URL"),
    ] {
        let text = refused(&url).await;
        assert!(text.contains(said), "{url}: {text}");
    }
}

/// Answers every command in the same words, as long as the process lives, and gives its port.
fn parrot(words: &'static str) -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map(Result::unwrap) {
            std::thread::spawn(move || {
                // Commands are short, and each comes in one piece.
                while matches!(stream.read(&mut [0; 4096]), Ok(read) if read > 0) {
                    // Whoever asked may be gone.
                    let _ = stream.write_all(words.as_bytes());
                }
            });
        }
    });
    port
}
