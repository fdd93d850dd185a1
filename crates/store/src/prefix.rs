//! Reading the stretch of a list that begins with a text.

use grantor_core::record::{Prefix, RecordKey};

use crate::contract::{Page, Store, StoreError};

/// The keys that begin with a text and come after `after`, at most `limit` of them. Costs a page of that many keys, however
/// many there are, and one read for the first page.
///
/// ```
/// use grantor_core::record::{Expect, Kind, Prefix, Put, RecordKey, Version};
/// use grantor_store::{MemoryStore, Store, list_prefix};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), grantor_store::StoreError> {
/// let store = MemoryStore::new();
/// for id in ["alan", "alice", "bob"] {
///     let key = RecordKey::new(Kind::User, id, None);
///     let version = Version::from_bytes([1; 16]);
///     store.put(Put { key, expect: Expect::Absent, version, body: b"{}".to_vec(), keep_until: None }).await;
/// }
/// let page = list_prefix(&store, &Prefix::of(Kind::User, "al"), None, 10).await?;
/// assert_eq!(page.keys.iter().map(RecordKey::id).collect::<Vec<_>>(), ["alan", "alice"]);
/// assert!(!page.more);
/// # Ok(()) }
/// ```
///
/// # Errors
/// [`StoreError`] if they cannot be read.
pub async fn list_prefix(
    store: &dyn Store,
    prefix: &Prefix,
    after: Option<&RecordKey>,
    limit: usize,
) -> Result<Page, StoreError> {
    let mut keys = Vec::new();
    let first = prefix.first();
    // Whoever brings a place before the first begins at the first.
    let after = after.filter(|after| first.as_ref().is_none_or(|first| *after >= first));
    // A list leaves out the key that it goes on after, which here is one of those asked for.
    if let (None, Some(first)) = (after, &first)
        && store.get(first).await?.is_some()
    {
        keys.push(first.clone());
    }
    let from = after.or(first.as_ref());
    let page = store.list(prefix.list(), from, limit).await?;
    let ends_here = page.keys.last().is_none_or(|last| !prefix.holds(last));
    keys.extend(page.keys.into_iter().take_while(|key| prefix.holds(key)));
    let more = keys.len() > limit || (page.more && !ends_here);
    keys.truncate(limit);
    Ok(Page { keys, more })
}
