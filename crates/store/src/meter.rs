//! How long a store takes, and whether it answers.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use grantor_core::Time;
use grantor_core::record::{Put, RecordKey, Stored, Under};

use crate::contract::{Page, PutOutcome, Store, StoreError, StoreInfo};

/// The methods of the [`Store`] contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Method {
    /// [`Store::get`].
    Get,
    /// [`Store::put`].
    Put,
    /// [`Store::list`].
    List,
    /// [`Store::purge`].
    Purge,
    /// [`Store::info`].
    Info,
}

impl Method {
    /// Every one, in order.
    pub const ALL: &'static [Method] = &[Method::Get, Method::Put, Method::List, Method::Purge, Method::Info];

    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Method::Get => "get",
            Method::Put => "put",
            Method::List => "list",
            Method::Purge => "purge",
            Method::Info => "info",
        }
    }
}

/// Is told of each operation of a store as it ends. It must not block.
pub trait Meter: Send + Sync + 'static {
    /// An operation ended after so long. `answered` is whether the store did its work: a conflict is an answer, and an
    /// outcome that nobody knows is none. One that is given up by its caller is not told of.
    fn took(&self, method: Method, elapsed: Duration, answered: bool);
}

/// A store whose operations are timed. Costs two readings of the clock each.
pub struct MeteredLayer<S> {
    inner: S,
    meter: Arc<dyn Meter>,
}

impl<S: Store> MeteredLayer<S> {
    /// `inner`, of whose operations `meter` is told.
    pub fn new(inner: S, meter: Arc<dyn Meter>) -> Self {
        Self { inner, meter }
    }

    async fn timed<T>(
        &self,
        method: Method,
        operation: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> Result<T, StoreError> {
        let begun = Instant::now();
        let ended = operation.await;
        self.meter.took(method, begun.elapsed(), ended.is_ok());
        ended
    }

    async fn timed_put(&self, put: impl Future<Output = PutOutcome> + Send) -> PutOutcome {
        let begun = Instant::now();
        let outcome = put.await;
        let answered = match &outcome {
            PutOutcome::Applied | PutOutcome::Conflict => true,
            PutOutcome::NotApplied(_) | PutOutcome::Unknown(_) => false,
        };
        self.meter.took(Method::Put, begun.elapsed(), answered);
        outcome
    }
}

#[async_trait]
impl<S: Store> Store for MeteredLayer<S> {
    async fn get(&self, key: &RecordKey) -> Result<Option<Stored>, StoreError> {
        self.timed(Method::Get, self.inner.get(key)).await
    }

    async fn put(&self, put: Put) -> PutOutcome {
        self.timed_put(self.inner.put(put)).await
    }

    /// Told of as one put.
    async fn put_after(&self, first: Vec<Put>, put: Put) -> PutOutcome {
        self.timed_put(self.inner.put_after(first, put)).await
    }

    async fn list(&self, under: &Under, after: Option<&RecordKey>, limit: usize) -> Result<Page, StoreError> {
        self.timed(Method::List, self.inner.list(under, after, limit)).await
    }

    async fn purge(&self, before: Time, limit: usize) -> Result<usize, StoreError> {
        self.timed(Method::Purge, self.inner.purge(before, limit)).await
    }

    async fn info(&self) -> Result<StoreInfo, StoreError> {
        self.timed(Method::Info, self.inner.info()).await
    }
}
