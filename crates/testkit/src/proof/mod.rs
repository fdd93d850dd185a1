//! **Invariant: a policy that is proven breaks no promise in any history that was tried, in any order of requests, with
//! anything going wrong that can.**
mod act;
mod case;
mod explain;
mod explore;
mod forge;
mod invariant;
mod ledger;
mod model;
mod openings;
mod policy;
mod prove;
mod request;
mod run;
mod schedule;
mod shrink;
mod story;
mod world;

pub use act::{Act, Client, Ender, Person, Slip, Token, Way, Words};
pub use case::Case;
pub use explore::Bound;
pub use invariant::Invariant;
pub use policy::Policy;
pub use prove::{Budget, Proof, Tried, assert_holds, holds};
pub use schedule::Move;
pub use story::Story;
