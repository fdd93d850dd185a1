//! **Invariant: whoever keeps records for grantor does one compare-and-set on one key, and no more.** Every single-use
//! rule of OAuth (a code, a refresh token, an approval) is then one version check, the same on every backend.
//!
//! ```
//! use grantor_core::record::{Expect, Kind, Put, RecordKey, Version};
//! use grantor_store::{MemoryStore, PutOutcome, Store};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), grantor_store::StoreError> {
//! let store = MemoryStore::new();
//! let key = RecordKey::new(Kind::Grant, "g-1", None);
//! let put = |expect, version: u8, body: &[u8]| Put {
//!     key: key.clone(),
//!     expect,
//!     version: Version::from_bytes([version; 16]),
//!     body: body.to_vec(),
//!     keep_until: None,
//! };
//! assert!(matches!(store.put(put(Expect::Absent, 1, b"issued")).await, PutOutcome::Applied));
//!
//! // Two requests have read version 1, and both want to redeem. One of them comes too late, whoever asks first.
//! let standing = store.get(&key).await?.map(|stored| stored.version);
//! let expect = standing.map_or(Expect::Absent, Expect::Version);
//! assert!(matches!(store.put(put(expect, 2, b"redeemed")).await, PutOutcome::Applied));
//! assert!(matches!(store.put(put(expect, 3, b"redeemed")).await, PutOutcome::Conflict));
//! # Ok(()) }
//! ```
//!
//! Besides the contract there are [`MemoryStore`], which every other store is compared with, and layers: a layer is a
//! store around a store. [`TimeoutLayer`] bounds waiting; [`MeteredLayer`] times; [`FaultLayer`] fails on demand, for
//! tests. [`MovingStore`] is two stores in one, while a deployment moves from one to the other under load.
//!
//! A store of your own is one type with the five methods of [`Store`]; `grantor-testkit` proves that it keeps the
//! sentences of the contract.

mod contract;
mod copy;
mod faults;
mod memory;
mod meter;
mod moving;
mod pointers;
mod prefix;
mod timeout;

pub use contract::{Durability, PURGE_STRIDE, Page, PutOutcome, Store, StoreError, StoreInfo, put_in_turn};
pub use copy::{Contents, CopyError, contents, copy};
pub use faults::{Fault, FaultLayer, Faults, Operation};
pub use memory::MemoryStore;
pub use meter::{Meter, MeteredLayer, Method};
pub use moving::{
    Advance, As, Copier, CopyState, LeaveState, Marks, MoveError, MoveId, MovedAway, MovedHere, MovingStore,
    Progress, Stage, give_up, marks, object, promote,
};
pub use prefix::list_prefix;
pub use timeout::TimeoutLayer;
