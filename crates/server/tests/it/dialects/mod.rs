//! Profiles other than the standard one, as their clients meet them.

mod demo_api;
mod isolation;
mod party;
mod profiles;
