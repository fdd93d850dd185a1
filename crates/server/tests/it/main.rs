//! The binary as its operator meets it: every test runs it as a process, in a folder of its own.
#![cfg(test)]

mod away;
mod backend;
mod beside;
mod browser;
mod commands;
mod config;
mod damage;
mod demo;
mod deployment;
mod dialects;
mod full;
mod http;
mod import;
mod locked;
mod logs;
mod readme;
mod redis;
#[path = "../../../store-redis/tests/support/server.rs"]
mod redis_server;
mod serve;
mod storm;
mod support_work;
mod third_party;
mod two_servers;
mod world;
