//! The ledger over a store that fails on demand, with a clock that the tests turn.
#![cfg(test)]

mod figures;
mod support;
mod trail;
mod usage;
mod writing;
