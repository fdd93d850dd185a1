//! **Invariant: a store that passes cannot get a rule of OAuth wrong, and a policy that passes keeps its promises.** What an
//! embedder brings of his own is a store and a policy; this crate proves both.
//!
//! # A store
//! Every rule rests on the seven sentences of the [`Store`](grantor_store::Store) contract and on nothing else of a store; here
//! each sentence is a test with a name, and each test is known to fail on a store that breaks its sentence.
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
//! # A policy
//! A profile and its clients are proven by [`prove!`]: what [`proof`] promises is tried with histories and schedules of
//! requests, by honest parties and hostile ones, from [`strategies`] that properties of your own can use as well.
//!
//! ```
//! use grantor_core::Profile;
//! use grantor_testkit::proof::Policy;
//!
//! fn policy() -> Policy {
//!     Policy::of(Profile::standard("https://auth.example.com".parse().unwrap()))
//! }
//!
//! grantor_testkit::prove!(policy);
//! ```
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
mod throughput;

pub use conformance::{CASES, run, skipped};
pub use fresh::{Fresh, Shared, Trouble};
pub use throughput::{Rate, Throughput, throughput};
