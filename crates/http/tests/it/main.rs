//! The HTTP side from outside: requests in, answers out. One file for each group of cases.

#![cfg(test)]

mod support;

mod account;
mod apps;
mod authorize;
mod clients;
mod direct;
mod embedding;
mod forms;
mod headers;
mod login;
mod own_login;
mod requirements;
mod resource;
mod resource_guard;
mod secrets;
mod socket;
mod tokens;
