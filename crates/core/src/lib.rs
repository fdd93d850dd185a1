//! **Invariant: everything here is a function of its arguments.** No clock, no randomness, no I/O, no `async`: `now` and
//! entropy are given, and what a rule needs from a store, it asks for as a value.

pub mod record;

mod entropy;
mod ids;
mod limits;
mod secret;
mod time;

pub use entropy::Entropy;
pub use ids::{AccountId, ClientId, GrantId, InvalidId, SubjectId};
pub use limits::Limits;
pub use secret::{Digest, Secret, SecretHash, ServerKey};
pub use time::{InvalidLifetime, Lifetime, Time};
