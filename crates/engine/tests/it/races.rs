//! Thirty-two at once for one single-use thing, fifty rounds, on real stores.

use std::path::Path;
use std::sync::Arc;

use grantor_core::flow::TokenAnswer;
use grantor_core::{Reason, Secret};
use grantor_engine::EngineError;
use grantor_store::{MemoryStore, Store};
use grantor_store_redis::{RedisOptions, RedisStore};
use grantor_store_sled::{SledOptions, SledStore};
use grantor_store_sqlite::{SqliteOptions, SqliteStore};
use tokio::sync::Barrier;

use crate::party::{Party, reason};
use crate::server::{self, RedisCluster, RedisServer};

const AT_ONCE: usize = 32;
const ROUNDS: usize = 50;

fn memory() -> Arc<dyn Store> {
    Arc::new(MemoryStore::new())
}

fn sqlite(folder: &Path) -> Arc<dyn Store> {
    Arc::new(SqliteStore::open(folder.join("grantor.db"), SqliteOptions::default()).unwrap())
}

type Ended = Vec<Result<TokenAnswer, EngineError>>;

async fn all_at_once(party: &Party, token: &Secret, code: bool) -> Ended {
    let gate = Arc::new(Barrier::new(AT_ONCE));
    let racers: Vec<_> = (0..AT_ONCE)
        .map(|_| {
            let (party, token, gate) = (party.clone(), token.clone(), gate.clone());
            tokio::spawn(async move {
                gate.wait().await;
                if code { party.redeem(&token).await } else { party.refresh(&token).await }
            })
        })
        .collect();
    let mut ended = Vec::new();
    for racer in racers {
        ended.push(racer.await.unwrap());
    }
    ended
}

/// One wins; the others are refused for the right reason; the winner's tokens share the grant's fate.
async fn judge(party: &Party, ended: Ended, replayed: Reason, revoked: Reason) {
    let (winners, losers): (Vec<_>, Vec<_>) = ended.into_iter().partition(Result::is_ok);
    assert_eq!(winners.len(), 1);
    for loser in losers {
        let reason = reason(loser).unwrap();
        assert!(reason == replayed || reason == revoked, "{reason:?}");
    }
    for winner in winners {
        let answer = winner.unwrap();
        assert!(!party.is_live(&answer.access_token).await);
        let successor = answer.refresh_token.unwrap();
        assert_eq!(reason(party.refresh(&successor).await), Some(Reason::RefreshTokenRevoked));
    }
}

async fn one_code_is_redeemed_once(store: Arc<dyn Store>) {
    let party = Party::new(store, 10).await;
    for _ in 0..ROUNDS {
        let code = party.approve().await.unwrap();
        let ended = all_at_once(&party, &code, true).await;
        judge(&party, ended, Reason::CodeReplayed, Reason::CodeRevoked).await;
    }
}

async fn one_refresh_token_is_used_once(store: Arc<dyn Store>) {
    let party = Party::new(store, 0).await;
    for _ in 0..ROUNDS {
        let code = party.approve().await.unwrap();
        let token = party.redeem(&code).await.unwrap().refresh_token.unwrap();
        let ended = all_at_once(&party, &token, false).await;
        judge(&party, ended, Reason::RefreshTokenReplayed, Reason::RefreshTokenRevoked).await;
    }
}

async fn with_grace_all_get_one_successor(store: Arc<dyn Store>) {
    let party = Party::new(store, 10).await;
    let code = party.approve().await.unwrap();
    let mut token = party.redeem(&code).await.unwrap().refresh_token.unwrap();
    for _ in 0..ROUNDS {
        let ended = all_at_once(&party, &token, false).await;
        let successors: Vec<Secret> = ended.into_iter().map(|e| e.unwrap().refresh_token.unwrap()).collect();
        assert!(successors.iter().all(|s| s.expose() == successors[0].expose()));
        token = successors[0].clone();
    }
    party.clock.pass(10);
    assert!(party.refresh(&token).await.is_ok(), "the family is alive");
}

/// The same races on a backend: `$store` makes an empty one, and what must live as long as it.
macro_rules! on {
    ($backend:ident, $store:expr) => {
        mod $backend {
            use super::*;

            #[tokio::test(flavor = "multi_thread")]
            async fn one_code_is_redeemed_once() {
                let (store, _kept) = $store;
                super::one_code_is_redeemed_once(store).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn one_refresh_token_is_used_once() {
                let (store, _kept) = $store;
                super::one_refresh_token_is_used_once(store).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn with_grace_all_get_one_successor() {
                let (store, _kept) = $store;
                super::with_grace_all_get_one_successor(store).await;
            }
        }
    };
}

on!(memory, (memory(), ()));
on!(sqlite, {
    let folder = tempfile::tempdir().unwrap();
    (sqlite(folder.path()), folder)
});
on!(sled, {
    let folder = tempfile::tempdir().unwrap();
    let store = SledStore::open(folder.path().join("sled"), SledOptions::default()).unwrap();
    (Arc::new(store) as Arc<dyn Store>, folder)
});
on!(redis, {
    if server::is_skipped("races on Redis") {
        return;
    }
    let redis = RedisServer::start(server::DURABLE).unwrap();
    (connect(&redis.url()).await, redis)
});
on!(redis_cluster, {
    if server::is_skipped("races on a Redis cluster") {
        return;
    }
    let cluster = RedisCluster::start(server::DURABLE).unwrap();
    (connect(&cluster.url()).await, cluster)
});

async fn connect(url: &str) -> Arc<dyn Store> {
    Arc::new(RedisStore::connect(url, RedisOptions::default()).await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_in_the_database_can_be_used() {
    let folder = tempfile::tempdir().unwrap();
    let party = Party::new(sqlite(folder.path()), 10).await;
    let mut secrets = vec![crate::party::secret()];
    let unused = party.approve().await.unwrap();
    let code = party.approve().await.unwrap();
    let first = party.redeem(&code).await.unwrap();
    let token = first.refresh_token.unwrap();
    let second = party.refresh(&token).await.unwrap();
    secrets.extend([
        unused,
        code,
        token,
        first.access_token,
        second.access_token,
        second.refresh_token.unwrap(),
    ]);

    let mut found = 0;
    for file in std::fs::read_dir(folder.path()).unwrap() {
        let path = file.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        found += 1;
        for secret in &secrets {
            // Neither the whole text nor its secret part, of which the last half will do.
            let text = secret.expose().as_bytes();
            for part in [text, &text[text.len() / 2..]] {
                let holds = bytes.windows(part.len()).any(|window| window == part);
                assert!(!holds, "{} holds a secret in clear", path.display());
            }
        }
        assert!(!bytes.windows(4).any(|w| w == b"gra_"), "{} holds a credential's prefix", path.display());
    }
    assert!(found >= 2, "the database and its log were read");
}
