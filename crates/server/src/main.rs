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

/// Every second task comes from the queue that all threads share. Into that go, when a crowd comes, those who have waited
/// longest, and with the runtime's own setting they then wait fifty times as long as whoever came last.
const FROM_THE_SHARED_QUEUE: u32 = 2;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    logs::hide_panic_payloads();
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    runtime.global_queue_interval(FROM_THE_SHARED_QUEUE).enable_all();
    let runtime = match runtime.build() {
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
