//! What goes wrong with a server, and what the store says then.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    reason = "the helpers of tests are as much test, outside a test function"
)]

#[path = "support/server.rs"]
mod server;

use std::io::{Read as _, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use grantor_core::Time;
use grantor_core::record::{Expect, Kind, Put, RecordKey, Under, Version};
use grantor_store::{Durability, PURGE_STRIDE, PutOutcome, Store, StoreError};
use grantor_store_redis::{ConnectError, RedisOptions, RedisStore};
use server::{DURABLE, RedisCluster, RedisServer};

/// A body that must show up in no message.
const SECRET: &str = r#"{"v":1,"secret":"hush"}"#;

/// The 1.5 s that the options promise, with room for a busy machine.
const SOON: Duration = Duration::from_secs(5);

fn key(id: &str) -> RecordKey {
    RecordKey::new(Kind::Grant, id, None)
}

/// A put whose version no other has.
fn put(id: &str, expect: Expect) -> Put {
    static NUMBER: AtomicU64 = AtomicU64::new(1);
    let mut version = [0; 16];
    version[..8].copy_from_slice(&NUMBER.fetch_add(1, Ordering::Relaxed).to_be_bytes());
    let version = Version::from_bytes(version);
    Put { key: key(id), expect, version, body: SECRET.into(), keep_until: None }
}

/// An access token of the grant `g`, which ends then.
fn token(name: &str, end: i64) -> Put {
    let key = RecordKey::new(Kind::AccessToken, "g", Some(name));
    Put { key, keep_until: Some(Time::from_unix_millis(end)), ..put("g", Expect::Absent) }
}

async fn connect(url: &str) -> Result<RedisStore, ConnectError> {
    RedisStore::connect(url, RedisOptions::default()).await
}

async fn applied(store: &RedisStore, put: Put) {
    let outcome = store.put(put.clone()).await;
    assert!(matches!(outcome, PutOutcome::Applied), "{put:?}: {outcome:?}");
}

/// The message of a fault, which names its place and nothing secret.
fn told(fault: StoreError) -> String {
    let text = fault.to_string();
    assert!(!text.contains("hush") && !text.contains("s3cret"), "{text}");
    text
}

/// The message of a Redis that waiting would not help.
async fn refused(url: &str) -> String {
    match connect(url).await.expect_err("it was to be refused") {
        ConnectError::Unfit(error) => told(error),
        ConnectError::Away(error) => panic!("taken for an outage: {error}"),
    }
}

/// The message of a Redis that may come by itself.
async fn away(url: &str) -> String {
    match connect(url).await.expect_err("nothing was there to connect to") {
        ConnectError::Away(error) => told(error),
        ConnectError::Unfit(error) => panic!("given up: {error}"),
    }
}

/// Asks until Redis is back, which is for it to say and not for a clock.
async fn until_it_works(store: &RedisStore) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while let Err(error) = store.get(&key("anything")).await {
        assert!(Instant::now() < deadline, "it did not come back: {error}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

macro_rules! with_redis {
    ($arguments:expr) => {
        if server::is_skipped(concat!("tests in ", file!())) {
            return;
        } else {
            RedisServer::start($arguments).unwrap()
        }
    };
}

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

#[tokio::test]
async fn forgotten_scripts_and_cut_connections_go_unnoticed() {
    let redis = with_redis!(&[]);
    let store = connect(&redis.url()).await.unwrap();
    for round in 0..20 {
        let id = round.to_string();
        redis.say(&["SCRIPT", "FLUSH"]).unwrap();
        applied(&store, put(&id, Expect::Absent)).await;
        redis.say(&["CLIENT", "KILL", "TYPE", "normal"]).unwrap();
        // A read is asked again. A put comes after, on the new connection.
        assert!(store.get(&key(&id)).await.unwrap().is_some());
        applied(&store, put(&format!("{id}-after"), Expect::Absent)).await;
    }
}

/// Eight tasks write for ever and keep what is acknowledged, and what was said of the rest.
struct Load {
    /// With what the ids of its records begin, and those of no other load.
    name: String,
    done: Arc<AtomicBool>,
    tasks: tokio::task::JoinSet<Vec<(String, PutOutcome)>>,
}

impl Load {
    fn start(store: &Arc<RedisStore>) -> Self {
        static LOADS: AtomicU64 = AtomicU64::new(0);
        let name = format!("load-{}", LOADS.fetch_add(1, Ordering::Relaxed));
        let done = Arc::new(AtomicBool::new(false));
        let mut tasks = tokio::task::JoinSet::new();
        for task in 0..8 {
            let (store, done, name) = (Arc::clone(store), Arc::clone(&done), name.clone());
            tasks.spawn(async move {
                let mut said = Vec::new();
                for number in 0_u64.. {
                    if done.load(Ordering::Acquire) {
                        break;
                    }
                    let id = format!("{name}-{task}-{number}");
                    let begun = Instant::now();
                    let outcome = store.put(put(&id, Expect::Absent)).await;
                    assert!(begun.elapsed() < SOON, "{outcome:?} took {:?}", begun.elapsed());
                    let is_applied = matches!(outcome, PutOutcome::Applied);
                    said.push((id, outcome));
                    if !is_applied {
                        // Not to spin while nothing answers.
                        tokio::time::sleep(Duration::from_millis(5)).await;
                    }
                }
                said
            });
        }
        Self { name, done, tasks }
    }

    async fn end(self) -> Vec<(String, PutOutcome)> {
        self.done.store(true, Ordering::Release);
        self.tasks.join_all().await.into_iter().flatten().collect()
    }
}

/// Every answer was true.
async fn verify(store: &RedisStore, said: Vec<(String, PutOutcome)>) -> (usize, usize) {
    let (mut applied, mut others) = (0, 0);
    for (id, outcome) in said {
        let stands = store.get(&key(&id)).await.unwrap().is_some();
        match outcome {
            PutOutcome::Applied => {
                assert!(stands, "{id} was acknowledged and is gone");
                applied += 1;
            }
            PutOutcome::Conflict => panic!("{id}: nobody else writes it"),
            PutOutcome::NotApplied(error) => {
                assert!(!stands, "{id} was not to be: {}", told(error));
                others += 1;
            }
            PutOutcome::Unknown(error) => {
                told(error);
                others += 1;
            }
        }
    }
    (applied, others)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cut_connections_under_load_lose_nothing() {
    let redis = with_redis!(&[]);
    let store = Arc::new(connect(&redis.url()).await.unwrap());
    let load = Load::start(&store);
    for round in 0..50 {
        redis.say(&["CLIENT", "KILL", "TYPE", "normal"]).unwrap();
        redis.say(&["SCRIPT", "FLUSH"]).unwrap();
        until_it_works(&store).await;
        // Behind those of the load on the one connection, so that some of theirs are answered too.
        for number in 0..10 {
            applied(&store, put(&format!("{round}-{number}"), Expect::Absent)).await;
        }
    }
    let (applied, others) = verify(&store, load.end().await).await;
    assert!(applied > 0 && others > 0, "{applied} applied, {others} not");
    assert_eq!(store.check().await.unwrap().problems, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_server_keeps_what_it_acknowledged() {
    let mut redis = with_redis!(DURABLE);
    let store = Arc::new(connect(&redis.url()).await.unwrap());
    for _ in 0..5 {
        let load = Load::start(&store);
        for number in 0..50 {
            applied(&store, put(&format!("{}-{number}", load.name), Expect::Absent)).await;
        }
        redis.kill();
        let begun = Instant::now();
        assert!(store.get(&key("a")).await.is_err());
        match store.put(put("a", Expect::Absent)).await {
            PutOutcome::NotApplied(error) => assert!(told(error).contains("cannot connect")),
            other => panic!("{other:?}"),
        }
        assert!(store.list(&Under::Kind(Kind::Grant), None, 9).await.is_err());
        assert!(store.info().await.is_err());
        assert!(store.purge(Time::from_unix_millis(0), 9).await.is_err());
        assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
        assert!(away(&redis.url()).await.contains("cannot connect"));
        redis.begin().unwrap();
        until_it_works(&store).await;
        let (applied, others) = verify(&store, load.end().await).await;
        assert!(applied > 0 && others > 0, "{applied} applied, {others} not");
        assert_eq!(store.check().await.unwrap().problems, Vec::<String>::new());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_hangs_is_given_up_in_time() {
    let redis = with_redis!(&[]);
    let store = Arc::new(connect(&redis.url()).await.unwrap());
    applied(&store, put("before", Expect::Absent)).await;
    redis.signal("STOP");
    let begun = Instant::now();
    let late = put("late", Expect::Absent);
    match store.put(late.clone()).await {
        PutOutcome::Unknown(error @ StoreError::TimedOut(_)) => drop(told(error)),
        other => panic!("{other:?}"),
    }
    assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
    let begun = Instant::now();
    assert!(matches!(store.get(&key("before")).await, Err(StoreError::TimedOut(_))));
    assert!(matches!(store.put(put("never", Expect::Absent)).await, PutOutcome::NotApplied(_)));
    assert!(begun.elapsed() < SOON * 2, "{:?}", begun.elapsed());
    redis.signal("CONT");
    until_it_works(&store).await;
    assert!(store.get(&key("never")).await.unwrap().is_none());
    // What was unknown came to stand, as its own write and no other, or did not.
    if let Some(stored) = store.get(&key("late")).await.unwrap() {
        assert_eq!(stored.version, late.version);
    }
}

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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_goes_on_when_a_primary_dies_and_slots_move() {
    if server::is_skipped("a failover of a Redis cluster") {
        return;
    }
    let mut cluster = RedisCluster::start(DURABLE).unwrap();
    let store = Arc::new(connect(&cluster.url()).await.unwrap());
    let info = store.info().await.unwrap();
    assert_eq!(info.durability, Durability::PowerCut);
    assert!(info.backend.contains("3 primaries and 3 replicas; "), "{info:?}");
    assert!(info.backend.contains("a failover may lose"), "{info:?}");
    for number in 0..200 {
        applied(&store, put(&number.to_string(), Expect::Absent)).await;
    }
    // One seed is enough, and it need not be a primary.
    let one = connect(&format!("redis-cluster://127.0.0.1:{}", cluster.nodes[5].port())).await.unwrap();
    assert_eq!(one.list(&Under::Kind(Kind::Grant), None, 999).await.unwrap().keys.len(), 200);
    assert!(refused(&cluster.nodes[0].url()).await.contains("redis-cluster://"));

    move_slots(&cluster, &store).await;
    assert_eq!(store.list(&Under::Kind(Kind::Grant), None, 999).await.unwrap().keys.len(), 200);
    assert_eq!(one.check().await.unwrap().problems, Vec::<String>::new());

    // One primary falls silent and comes back as a replica, and then another dies.
    up_to_date(&cluster, &[(0, 3), (1, 4), (2, 5)]);
    cluster.nodes[1].signal("STOP");
    goes_on(&store, "silent").await;
    cluster.nodes[1].signal("CONT");
    server::wait_until("the old primary is a replica", || {
        let info = cluster.nodes[1].say(&["INFO", "replication"]).unwrap_or_default();
        info.contains("role:slave") && info.contains("master_link_status:up")
    })
    .unwrap();
    goes_on(&store, "back").await;
    up_to_date(&cluster, &[(0, 3), (4, 1), (2, 5)]);
    cluster.nodes[2].kill();
    goes_on(&store, "dead").await;
    // This one was not used meanwhile, and knows the old primaries.
    until_it_works(&one).await;
    let deadline = Instant::now() + Duration::from_secs(60);
    while !one.info().await.is_ok_and(|info| info.backend.contains("3 primaries")) {
        assert!(Instant::now() < deadline, "it goes on asking a primary that died");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(one.check().await.unwrap().problems, Vec::<String>::new());
}

/// Waits until nothing acknowledged so far hangs on a primary alone.
fn up_to_date(cluster: &RedisCluster, pairs: &[(usize, usize)]) {
    for (primary, replica) in pairs {
        server::wait_until("the replica is up to date", || {
            let offset = |node: usize, name: &str| {
                let info = cluster.nodes[node].say(&["INFO", "replication"]).unwrap();
                info.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned)
            };
            offset(*primary, "master_repl_offset:") == offset(*replica, "slave_repl_offset:")
        })
        .unwrap();
    }
}

/// Asks until every shard answers again, which each answer says in time, and then nothing is missing.
async fn goes_on(store: &RedisStore, occasion: &str) {
    let deadline = Instant::now() + Duration::from_secs(60);
    for number in 0.. {
        let begun = Instant::now();
        let listed = store.list(&Under::Kind(Kind::Grant), None, 9_999).await;
        let written = store.put(put(&format!("{occasion}-{number}"), Expect::Absent)).await;
        assert!(begun.elapsed() < SOON * 2, "{:?}", begun.elapsed());
        assert!(!matches!(written, PutOutcome::Conflict));
        if let Ok(page) = listed {
            assert!(page.keys.len() >= 200, "{}", page.keys.len());
            break;
        }
        assert!(Instant::now() < deadline, "no failover: {:?}", listed.err());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    for number in 0..200 {
        assert!(store.get(&key(&number.to_string())).await.unwrap().is_some(), "{number}");
        applied(store, put(&format!("{occasion}-after-{number}"), Expect::Absent)).await;
    }
}

/// Moves the hash slots of two shards from the first node to the second while records are read and written: key by
/// key, so that the store meets ASK, TRYAGAIN and MOVED.
async fn move_slots(cluster: &RedisCluster, store: &RedisStore) {
    let (from, to) = (&cluster.nodes[0], &cluster.nodes[1]);
    let (from_id, to_id) = (from.say(&["CLUSTER", "MYID"]).unwrap(), to.say(&["CLUSTER", "MYID"]).unwrap());
    let mut moved = 0;
    for number in 0..200 {
        let id = number.to_string();
        let stored = store.get(&key(&id)).await.unwrap().unwrap();
        let name = from.say(&["KEYS", &format!("grantor:*:grant:{id}")]).unwrap();
        if name.is_empty() {
            continue;
        }
        let slot = from.say(&["CLUSTER", "KEYSLOT", &name]).unwrap();
        to.say(&["CLUSTER", "SETSLOT", &slot, "IMPORTING", &from_id]).unwrap();
        from.say(&["CLUSTER", "SETSLOT", &slot, "MIGRATING", &to_id]).unwrap();
        let keys = from.say(&["CLUSTER", "GETKEYSINSLOT", &slot, "1000"]).unwrap();
        let port = to.port().to_string();
        let migrate = |key: &str| {
            assert_eq!(from.say(&["MIGRATE", "127.0.0.1", &port, key, "0", "5000"]).unwrap(), "OK");
        };
        migrate(&name);
        assert_eq!(store.get(&key(&id)).await.unwrap().unwrap(), stored, "asked where the key went");
        // Half its keys here and half there: refused for as long as that lasts, and nothing changed.
        let outcome = store.put(put(&id, Expect::Version(stored.version))).await;
        assert!(matches!(outcome, PutOutcome::NotApplied(_)), "{outcome:?}");
        // Once that ends in time, nobody notices.
        let ((), ()) = tokio::join!(applied(store, put(&id, Expect::Version(stored.version))), async {
            keys.lines().filter(|key| *key != name).for_each(migrate);
            for node in [to, from] {
                node.say(&["CLUSTER", "SETSLOT", &slot, "NODE", &to_id]).unwrap();
            }
        });
        assert!(store.get(&key(&id)).await.unwrap().is_some());
        moved += 1;
        if moved == 2 {
            return;
        }
    }
    panic!("no shard of the first node holds a record");
}
