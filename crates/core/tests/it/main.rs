//! The flows, answered by hand: no engine, no runtime, no clock.
#![allow(
    unreachable_pub,
    clippy::string_slice,
    clippy::wildcard_enum_match_arm,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod approval;
mod authorize;
mod dialects;
mod edges;
mod eras;
mod examples;
mod facts;
mod golden;
mod history;
mod interleaving;
mod profile;
mod registration;
mod replay;
mod tokens;
mod world;
