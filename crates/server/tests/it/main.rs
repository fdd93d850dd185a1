//! The binary as its operator meets it: every test runs it as a process, in a folder of its own.
#![cfg(test)]

mod admin;
mod away;
mod backend;
mod beside;
mod browser;
mod bundles;
mod clock;
mod commands;
mod config;
mod damage;
mod damage_sled;
mod demo;
mod deployment;
mod dialects;
mod downgrade;
mod full;
mod http;
mod import;
mod ledger;
mod locked;
mod logs;
mod lost_answers;
mod moving;
mod order;
mod races;
mod readme;
mod redis;
#[path = "../../../store-redis/tests/support/server.rs"]
mod redis_server;
mod redis_trouble;
mod serve;
mod storm;
mod support_work;
mod third_party;
mod tools;
mod two_servers;
mod world;
