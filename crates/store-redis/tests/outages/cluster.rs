//! Primaries that die, and slots that move, under one who writes.

use std::time::{Duration, Instant};

use grantor_core::record::{Expect, Kind, Under};
use grantor_store::{Durability, PutOutcome, Store as _};
use grantor_store_redis::RedisStore;

use crate::server::{self, DURABLE, RedisCluster};
use crate::{SOON, applied, connect, key, put, refused, until_it_works};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_goes_on_when_a_primary_dies_and_slots_move() {
    if server::is_skipped("a failover of a Redis cluster") {
        return;
    }
    let mut cluster = RedisCluster::start(DURABLE).unwrap();
    let store = connect(&cluster.url()).await.unwrap();
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
