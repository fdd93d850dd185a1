//! A bound on how long a store may take.

use std::time::Duration;

use async_trait::async_trait;
use grantor_core::Time;
use grantor_core::record::{Put, RecordKey, Stored, Under};

use crate::contract::{Page, PutOutcome, Store, StoreError, StoreInfo};

/// Gives up on a store that takes too long.
///
/// A question that is given up is [`StoreError::TimedOut`]. A put that is given up is [`PutOutcome::Unknown`], since it
/// is on its way and may still happen. The clock is tokio's, so a runtime with its time driver is needed. Costs one timer
/// for an operation that is not answered at once.
#[derive(Debug)]
pub struct TimeoutLayer<S> {
    inner: S,
    limit: Duration,
}

impl<S: Store> TimeoutLayer<S> {
    /// `inner`, with no operation longer than `limit`.
    pub fn new(inner: S, limit: Duration) -> Self {
        Self { inner, limit }
    }

    async fn ask<T: Send>(
        &self,
        question: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> Result<T, StoreError> {
        tokio::time::timeout(self.limit, question).await.unwrap_or_else(|_| Err(self.timed_out()))
    }

    fn timed_out(&self) -> StoreError {
        StoreError::TimedOut(format!("nothing came back within {:?}", self.limit))
    }
}

#[async_trait]
impl<S: Store> Store for TimeoutLayer<S> {
    async fn get(&self, key: &RecordKey) -> Result<Option<Stored>, StoreError> {
        self.ask(self.inner.get(key)).await
    }

    async fn put(&self, put: Put) -> PutOutcome {
        tokio::time::timeout(self.limit, self.inner.put(put))
            .await
            .unwrap_or_else(|_| PutOutcome::Unknown(self.timed_out()))
    }

    async fn put_after(&self, first: Vec<Put>, put: Put) -> PutOutcome {
        tokio::time::timeout(self.limit, self.inner.put_after(first, put))
            .await
            .unwrap_or_else(|_| PutOutcome::Unknown(self.timed_out()))
    }

    async fn list(&self, under: &Under, after: Option<&RecordKey>, limit: usize) -> Result<Page, StoreError> {
        self.ask(self.inner.list(under, after, limit)).await
    }

    async fn purge(&self, before: Time, limit: usize) -> Result<usize, StoreError> {
        self.ask(self.inner.purge(before, limit)).await
    }

    async fn info(&self) -> Result<StoreInfo, StoreError> {
        self.ask(self.inner.info()).await
    }
}
