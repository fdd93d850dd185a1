//! A pointer to a store is a store, so that layers stack on shared stores and on `dyn Store` alike.

use std::pin::Pin;
use std::sync::Arc;

use grantor_core::Time;
use grantor_core::record::{Put, RecordKey, Stored, Under};

use crate::contract::{Page, PutOutcome, Store, StoreError, StoreInfo};

type Answer<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

// As `async_trait` writes them, but for the box it would put around the one that is there: every operation passes here.
macro_rules! store_behind {
    ($pointer:ident) => {
        impl<T: Store + ?Sized> Store for $pointer<T> {
            fn get<'s, 'k, 'a>(&'s self, key: &'k RecordKey) -> Answer<'a, Result<Option<Stored>, StoreError>>
            where
                's: 'a,
                'k: 'a,
                Self: 'a,
            {
                T::get(self, key)
            }

            fn put<'s, 'a>(&'s self, put: Put) -> Answer<'a, PutOutcome>
            where
                's: 'a,
                Self: 'a,
            {
                T::put(self, put)
            }

            fn put_after<'s, 'a>(&'s self, first: Vec<Put>, put: Put) -> Answer<'a, PutOutcome>
            where
                's: 'a,
                Self: 'a,
            {
                T::put_after(self, first, put)
            }

            fn list<'s, 'u, 'k, 'a>(
                &'s self,
                under: &'u Under,
                after: Option<&'k RecordKey>,
                limit: usize,
            ) -> Answer<'a, Result<Page, StoreError>>
            where
                's: 'a,
                'u: 'a,
                'k: 'a,
                Self: 'a,
            {
                T::list(self, under, after, limit)
            }

            fn purge<'s, 'a>(&'s self, before: Time, limit: usize) -> Answer<'a, Result<usize, StoreError>>
            where
                's: 'a,
                Self: 'a,
            {
                T::purge(self, before, limit)
            }

            fn info<'s, 'a>(&'s self) -> Answer<'a, Result<StoreInfo, StoreError>>
            where
                's: 'a,
                Self: 'a,
            {
                T::info(self)
            }
        }
    };
}

store_behind!(Arc);
store_behind!(Box);
