//! Every chore of the workspace as a verb: `cargo xtask help` lists them. Continuous integration runs the same
//! verbs as a contributor does, so that what passes on one machine passes on the other.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a task runner speaks to the person at the terminal; the libraries stay silent"
)]

mod bench;
mod browser;
mod ci;
mod cli;
mod clients;
mod complaints;
mod coverage;
mod excuses;
mod external;
mod failure;
mod fuzz;
mod mutants;
mod prove;
mod purity;
mod ran;
mod redis;
mod requirements;
mod scale;
mod step;
mod survivors;
mod test;
mod workspace;

use std::process::ExitCode;

use crate::cli::Verb;
use crate::workspace::Workspace;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let verb = match cli::parse(&arguments) {
        Ok(verb) => verb,
        Err(misuse) => {
            eprintln!("xtask: {misuse}\n\n{}", cli::USAGE);
            return ExitCode::from(2);
        }
    };
    let workspace = Workspace::of_this_xtask();
    let outcome = match verb {
        Verb::Help => {
            println!("{}", cli::USAGE);
            Ok(())
        }
        Verb::Ci => ci::run(&workspace),
        Verb::Test(options) => test::run(&workspace, &options),
        Verb::Purity => purity::run(&workspace),
        Verb::Requirements(options) => requirements::run(&workspace, &options),
        Verb::External(options) => external::run(&workspace, &options),
        Verb::Clients(options) => clients::run(&workspace, &options),
        Verb::Mutants(options) => mutants::run(&workspace, &options),
        Verb::Prove(options) => prove::run(&workspace, &options),
        Verb::Browser(options) => browser::run(&workspace, &options),
        Verb::Screenshots(options) => browser::screenshots(&workspace, &options),
        Verb::Bench(options) => bench::run(&workspace, &options),
        Verb::Scale(options) => scale::run(&workspace, &options),
        Verb::Redis(options) => redis::up(&options),
        Verb::Fuzz(options) => fuzz::run(&workspace, &options),
        Verb::Coverage(options) => coverage::run(&workspace, &options),
        Verb::Survivors(options) => survivors::run(&workspace, &options),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("xtask: {failure}");
            ExitCode::FAILURE
        }
    }
}
