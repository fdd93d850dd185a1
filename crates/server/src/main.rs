//! **Invariant: what the operator configured is what runs, or nothing runs.** An unknown key, an unsafe issuer or a key
//! file that others can read ends in one line that says what to do, and exit code 2.
//!
//! The binary: configuration, commands, and the wiring of the rooms. No OAuth rule lives here.

mod beside;
mod bundles;
mod cli;
mod commands;
mod config;
mod demo;
mod deployment;
mod doors;
mod failure;
mod files;
mod gate;
mod histograms;
mod logs;
mod moving;
mod observer;
mod output;
mod serve;
mod server_key;
mod sites;
mod storage;
mod wiring;

use std::process::ExitCode;

use clap::Parser as _;

/// A request makes some hundred small values that live for microseconds, on any of several threads: what the system's
/// allocator does with them takes a tenth of all time, and it keeps more of the memory.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    logs::hide_panic_payloads();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            output::message(&format!("the system gave no threads or timers: {error}"));
            return ExitCode::FAILURE;
        }
    };
    let ended = runtime.block_on(commands::run(cli));
    // A hash or a store call that is still under way must not keep a stopped server alive.
    runtime.shutdown_background();
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            output::message(&failure.to_string());
            failure.exit_code()
        }
    }
}
