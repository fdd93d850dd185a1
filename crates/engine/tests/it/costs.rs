//! What the engine's documentation says that a call costs.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use grantor_core::Time;
use grantor_core::record::{Put, RecordKey, Stored, Under};
use grantor_core::request::{GrantRequest, TokenRequest};
use grantor_store::{MemoryStore, Page, PutOutcome, Store, StoreError, StoreInfo};

use crate::party::{Party, credentials};

/// A store that counts what it is asked.
pub struct Counted {
    inner: MemoryStore,
    reads: AtomicUsize,
    writes: AtomicUsize,
    listed: AtomicUsize,
}

impl Counted {
    pub fn new() -> Arc<Self> {
        let nothing = AtomicUsize::default;
        Arc::new(Self { inner: MemoryStore::new(), reads: nothing(), writes: nothing(), listed: nothing() })
    }

    /// Reads, writes, and keys that were listed, since this was last asked.
    pub fn taken(&self) -> (usize, usize, usize) {
        let take = |count: &AtomicUsize| count.swap(0, Ordering::SeqCst);
        (take(&self.reads), take(&self.writes), take(&self.listed))
    }
}

#[async_trait]
impl Store for Counted {
    async fn get(&self, key: &RecordKey) -> Result<Option<Stored>, StoreError> {
        self.reads.fetch_add(1, Ordering::SeqCst);
        self.inner.get(key).await
    }

    async fn put(&self, put: Put) -> PutOutcome {
        self.writes.fetch_add(1, Ordering::SeqCst);
        self.inner.put(put).await
    }

    /// One way to the store.
    async fn put_after(&self, first: Vec<Put>, put: Put) -> PutOutcome {
        self.writes.fetch_add(1, Ordering::SeqCst);
        self.inner.put_after(first, put).await
    }

    async fn list(&self, under: &Under, after: Option<&RecordKey>, limit: usize) -> Result<Page, StoreError> {
        let page = self.inner.list(under, after, limit).await?;
        self.listed.fetch_add(page.keys.len(), Ordering::SeqCst);
        Ok(page)
    }

    async fn purge(&self, before: Time, limit: usize) -> Result<usize, StoreError> {
        self.inner.purge(before, limit).await
    }

    async fn info(&self) -> Result<StoreInfo, StoreError> {
        self.inner.info().await
    }
}

#[tokio::test]
async fn a_call_costs_what_its_documentation_says() {
    let store = Counted::new();
    let party = Party::new(store.clone(), 10).await;
    store.taken();

    let grant = GrantRequest::ClientCredentials { scope: None };
    party.engine.token(TokenRequest { client: credentials().into(), grant }).await.unwrap();
    assert_eq!(store.taken(), (1, 1, 0), "client credentials");

    let code = party.approve().await.unwrap();
    // One read to examine, one read and one write to ask, the rest to decide.
    assert_eq!(store.taken(), (1 + 1 + 3, 1 + 3, 0), "a first approval");
    let answer = party.redeem(&code).await.unwrap();
    assert_eq!(store.taken(), (3, 1, 0), "a code");
    party.refresh(answer.refresh_token.as_ref().unwrap()).await.unwrap();
    assert_eq!(store.taken(), (2, 1, 0), "a refresh");
    party.approve().await.unwrap();
    assert_eq!(store.taken(), (1 + 3, 1, 0), "a request that was approved before");
}
