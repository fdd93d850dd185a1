//! **Invariant: whoever keeps records for grantor does one compare-and-set on one key, and no more.** Every single-use
//! rule of OAuth (a code, a refresh token, an approval) is then one version check, the same on every backend.

mod contract;

pub use contract::{Durability, Page, PutOutcome, Store, StoreError, StoreInfo};
