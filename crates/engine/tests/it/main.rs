//! The engine on real stores.
#![allow(unreachable_pub, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod clients;
mod costs;
mod events;
mod faults;
mod finding;
mod grants;
mod hyper_example;
mod keys;
mod logos;
mod owned;
mod party;
mod races;
mod recording;
mod registrations;
#[path = "../../../store-redis/tests/support/server.rs"]
mod server;
