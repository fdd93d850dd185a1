//! The binary as its operator meets it: every test runs it as a process, in a folder of its own.
#![cfg(test)]

mod commands;
mod config;
mod demo;
mod import;
mod readme;
mod serve;
mod world;
