//! A pointer to a store is a store, so that layers stack on shared stores and on `dyn Store` alike.

use std::sync::Arc;

use async_trait::async_trait;
use grantor_core::Time;
use grantor_core::record::{Put, RecordKey, Stored, Under};

use crate::contract::{Page, PutOutcome, Store, StoreError, StoreInfo};

macro_rules! store_behind {
    ($pointer:ident) => {
        #[async_trait]
        impl<T: Store + ?Sized> Store for $pointer<T> {
            async fn get(&self, key: &RecordKey) -> Result<Option<Stored>, StoreError> {
                T::get(self, key).await
            }

            async fn put(&self, put: Put) -> PutOutcome {
                T::put(self, put).await
            }

            async fn list(
                &self,
                under: &Under,
                after: Option<&RecordKey>,
                limit: usize,
            ) -> Result<Page, StoreError> {
                T::list(self, under, after, limit).await
            }

            async fn purge(&self, before: Time, limit: usize) -> Result<usize, StoreError> {
                T::purge(self, before, limit).await
            }

            async fn info(&self) -> Result<StoreInfo, StoreError> {
                T::info(self).await
            }
        }
    };
}

store_behind!(Arc);
store_behind!(Box);
