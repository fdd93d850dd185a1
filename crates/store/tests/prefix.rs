//! The stretch of a list that begins with a text.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use grantor_core::record::{Expect, Kind, Prefix, Put, RecordKey, Version};
use grantor_store::{MemoryStore, PutOutcome, Store as _, list_prefix};
use proptest::prelude::*;

async fn store_of(keys: impl IntoIterator<Item = RecordKey>) -> MemoryStore {
    let store = MemoryStore::new();
    for key in keys {
        let version = Version::from_bytes([1; 16]);
        let put = Put { key, expect: Expect::Absent, version, body: b"{}".to_vec(), keep_until: None };
        assert!(matches!(store.put(put).await, PutOutcome::Applied));
    }
    store
}

proptest! {
    #[test]
    fn every_key_that_begins_so_is_given_once_and_in_order(
        ids in prop::collection::btree_set("[a-b%~]{1,4}", 0..40),
        prefix in "[a-b%~]{0,3}",
        limit in 1..7_usize,
        in_slot: bool,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let key = |id: &str| match in_slot {
                true => RecordKey::new(Kind::OwnerClient, "alice", Some(id)),
                false => RecordKey::new(Kind::OwnerClient, id, None),
            };
            let store = store_of(ids.iter().map(|id| key(id)).chain([RecordKey::new(Kind::Client, "ab", None)])).await;
            let of = match in_slot {
                true => Prefix::under(Kind::OwnerClient, "alice", &prefix),
                false => Prefix::of(Kind::OwnerClient, &prefix),
            };
            let (mut found, mut after) = (Vec::new(), None);
            loop {
                let page = list_prefix(&store, &of, after.as_ref(), limit).await.unwrap();
                assert!(page.keys.len() <= limit);
                after = page.keys.last().cloned().filter(|_| page.more);
                found.extend(page.keys);
                if after.is_none() {
                    break;
                }
            }
            let mut expected: Vec<_> = ids.iter().filter(|id| id.starts_with(&prefix)).map(|id| key(id)).collect();
            expected.sort();
            assert_eq!(found, expected);
        });
    }
}

#[tokio::test]
async fn a_place_before_the_first_begins_at_the_first() {
    let keys = ["a", "b", "ba", "c"].map(|id| RecordKey::new(Kind::Client, id, None));
    let store = store_of(keys.clone()).await;
    let prefix = Prefix::of(Kind::Client, "b");
    for after in [None, Some(&keys[0])] {
        assert_eq!(list_prefix(&store, &prefix, after, 10).await.unwrap().keys, keys[1..3]);
    }
    let page = list_prefix(&store, &prefix, Some(&keys[3]), 10).await.unwrap();
    assert!(page.keys.is_empty() && !page.more);
}
