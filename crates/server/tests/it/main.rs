//! The binary as its operator meets it: every test runs it as a process, in a folder of its own.
#![cfg(test)]

mod away;
mod beside;
mod browser;
mod commands;
mod config;
mod damage;
mod demo;
mod deployment;
mod http;
mod import;
mod kill;
mod locked;
mod logs;
mod moving;
mod readme;
mod redis;
#[path = "../../../store-redis/tests/support/server.rs"]
mod redis_server;
mod serve;
mod support_work;
mod third_party;
mod two_servers;
mod world;
