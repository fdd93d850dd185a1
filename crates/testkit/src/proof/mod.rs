//! **Invariant: a policy that was proven kept every promise of [`Invariant`] in every history and in every order of requests
//! that was tried, whatever went wrong meanwhile.**
//!
//! A policy is a profile and the clients that are registered with it. That is what an embedder chooses, and what can be
//! chosen wrongly: a grace that is too long, a scope that includes too much, a client that may leave PKCE out. The proof
//! asks what comes of it, before anybody else does.
//!
//! # In fifteen lines
//! ```
//! use grantor_core::{Lifetime, Profile, RefreshMode};
//! use grantor_testkit::proof::Policy;
//!
//! fn policy() -> Policy {
//!     let mut profile = Profile::standard("https://auth.example.com".parse().unwrap());
//!     profile.refresh = RefreshMode::Rotate { grace: Lifetime::seconds(30) };
//!     profile.lifetimes.access_token = Lifetime::seconds(600);
//!     Policy::of(profile) // with clients as the kit makes them; or `Policy::with_clients`, with yours
//! }
//!
//! grantor_testkit::prove!(policy);
//! ```
//! Under `tests/` these are three tests, which take some seconds. With `store = …` there is a fourth, on stores of your own:
//! see [`prove!`](crate::prove).
//!
//! # What is tried
//! - [`Proof::histories`]: histories of requests, one after another, drawn from [`strategies`](crate::strategies). People
//!   approve, decline and take back; clients redeem, refresh and give back; rivals, with secrets of their own, and thieves,
//!   with none, try what is not theirs; operators suspend and switch off; the clock goes on, and back; a sweep comes by.
//! - [`Proof::every_order`]: any two of these at the same time, in every order of their steps in which one of them is made
//!   to wait for the other once (or more often: see [`Budget`]), and again, with one wait less, each thing that can go wrong
//!   at each step: a crash, a lost answer, a lost write, a write that comes late or twice, a store that is down, a reader who
//!   is shown what stood there before.
//! - [`Proof::by_chance`]: two to four parties at once with several of those, with the same request delivered twice, and
//!   with a clock that jumps both ways in between, in orders that a seed decides.
//! - [`Proof::on_store`]: both kinds on a store of your own.
//!
//! After each act, and at the end of everything that happened at once, every token that was ever given is looked at, and
//! every code and refresh token is tried once more in a copy of the world.
//!
//! # What it is held against
//! A model of what an authorization server owes to whom, as a person would say it: a grant has at most one code on its way
//! and one chain of refresh tokens, and what ends a token is on a short list. It knows of no record, digest or version. What
//! happened at the same time must be explained by *some* order of it, in keeping with who was answered before whom began.
//! A request of which nobody heard again may have happened, once, or not.
//!
//! # What comes out
//! Where a promise is broken, a [`Story`]: the shortest way to it that could be found, in plain sentences, and as a test to
//! paste. A seed leads to it again: whatever is drawn is drawn from the seed, so equal seeds give equal runs, on any machine.
//!
//! # What it does not show
//! It is a search and no proof in the sense of logic: what was not tried may fail. It knows nothing of HTTP, of passwords, or
//! of signatures (the kit signs with a digest). A store is asked one thing at a time; that it answers many at once is for
//! [`conformance!`](crate::conformance).

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
mod shelf;
mod shrink;
mod story;
mod world;

pub use act::{Act, Client, Ender, Person, Slip, Token, Way, Words};
pub use case::Case;
pub use invariant::Invariant;
pub use policy::Policy;
pub use prove::{Budget, Proof, Tried, assert_holds, holds};
pub use schedule::Move;
pub use story::Story;
