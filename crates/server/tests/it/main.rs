//! The binary as its operator meets it: every test runs it as a process, in a folder of its own.
#![cfg(test)]

mod backend;
mod browser;
mod clock;
mod commands;
mod config;
mod damage;
mod demo;
mod deployment;
mod http;
mod import;
mod locked;
mod logs;
mod order;
mod races;
mod readme;
mod redis;
mod serve;
mod storm;
mod support_work;
mod third_party;
mod tools;
mod two_servers;
mod world;
