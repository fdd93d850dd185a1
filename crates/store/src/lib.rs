//! **Invariant: whoever keeps records for grantor does one compare-and-set on one key, and no more.** Every single-use
//! rule of OAuth (a code, a refresh token, an approval) is then one version check, the same on every backend.
//!
//! Besides the contract there are [`MemoryStore`], which every other store is compared with, and layers: a layer is a
//! store around a store. [`TimeoutLayer`] bounds waiting; [`MeteredLayer`] times; [`FaultLayer`] fails on demand, for tests. [`MovingStore`] is two
//! stores in one, while a deployment moves from one to the other under load.

mod contract;
mod copy;
mod faults;
mod memory;
mod meter;
mod moving;
mod pointers;
mod prefix;
mod timeout;

pub use contract::{Durability, Page, PutOutcome, Store, StoreError, StoreInfo};
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
