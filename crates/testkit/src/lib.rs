//! **Invariant: a store that passes cannot get a rule of OAuth wrong.** Every rule rests on the six sentences of the
//! [`Store`](grantor_store::Store) contract and on nothing else of a store; here each sentence is a test with a name,
//! and each test is known to fail on a store that breaks its sentence.
//!
//! An adapter says how to make an empty store, and gets the suite:
//!
//! ```
//! use grantor_store::MemoryStore;
//! use grantor_testkit::Fresh;
//!
//! async fn fresh() -> Fresh {
//!     Fresh::of(MemoryStore::new())
//! }
//!
//! grantor_testkit::conformance!(fresh = fresh);
//! ```
//!
//! A store that keeps its records beyond the process also says how to open them again, and a store that can be put in
//! trouble says how: see [`conformance!`]. A suite that uses several stores at once, or several processes, records what
//! it does in a [`history::History`] and has it checked. What the clients of whole servers were told, of grants and
//! tokens, is judged the same way by a [`lifecycle::Lifecycle`].
//!
//! What fails, panics with the sentence it breaks. Nothing here sleeps, and nothing is retried.

// A verdict of this crate is a panic, as in any test; the lints that keep panics out of a server do not fit it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

pub mod ask;
pub mod cases;
pub mod history;
pub mod lifecycle;
pub mod linear;
pub mod proof;
pub mod strategies;

mod conformance;
mod fresh;
mod random;

pub use conformance::{CASES, run, skipped};
pub use fresh::{Fresh, Shared, Trouble};
