//! **Invariant: what is kept here decides nothing, and no request waits for it.** A server whose ledger is full, slow or
//! empty grants and refuses just what it would without one. The one thing that is waited for is what an operator does
//! himself: that is written before it is acknowledged ([`Ledger::record`]).
//!
//! Three things are kept, for people to look at:
//!
//! - The **audit trail** ([`Entry`]): what is of interest when something went wrong. Approvals, revocations and their
//!   causes, replays, log-ins, registrations, what operators did. Not each token that was issued and not each request
//!   that was refused: those are figures. A trail holds names and never a secret, and no word of a stranger that names
//!   nobody here.
//! - The **usage** of each client ([`DayUsage`]): how many tokens it was issued, by day, for a chart.
//! - **Figures** ([`Figures`]): how many and how fast, in this process, for the last hour.
//!
//! The first two lie in the same [`Store`](grantor_store::Store) as everything else. A [`Ledger`] is an
//! [`Observer`](grantor_engine::Observer) of the engine and one of the directory: it puts what it is told into a bounded queue, and a task of its
//! own writes it down. What does not fit is dropped and counted, and the trail says how much is missing.
//!
//! ```
//! use std::sync::Arc;
//! use grantor_core::{Profile, ServerKey};
//! use grantor_engine::{Engine, SystemClock};
//! use grantor_ledger::{Filter, Ledger, Settings};
//! use grantor_store::MemoryStore;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let store = Arc::new(MemoryStore::new());
//! let ledger = Ledger::start(store.clone(), Arc::new(SystemClock), Settings::default());
//! let profile = Profile::standard("https://auth.example.com".parse()?);
//! let engine = Engine::builder(profile, store, ServerKey::from_bytes([7; 32]));
//! let engine = engine.observer(Arc::new(ledger.clone())).open().await?;
//! // … and when the server stops, and in the console:
//! ledger.flush().await;
//! let newest = ledger.trail(&Filter::default(), None, 50).await?;
//! # assert!(newest.entries.is_empty());
//! # let _ = engine;
//! # Ok(()) }
//! ```

mod day;
mod entry;
mod error;
mod figures;
mod ledger;
mod records;
mod tally;
mod told;
mod trail;
mod usage;
mod writer;

pub use day::Day;
pub use entry::{Actor, Detail, Entry, EntryId, EntryKind, InvalidActor, Kept, acting};
pub use error::LedgerError;
pub use figures::{Endpoint, Figures, Latency, Quantiles, Sample, Series, StoreSample};
pub use ledger::{Ledger, Settings};
pub use trail::{Filter, TrailPage};
pub use usage::DayUsage;
