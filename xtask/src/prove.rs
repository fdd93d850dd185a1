//! `cargo xtask prove`: every policy of ours, proven far beyond what every run of the tests tries.

use crate::cli::ProveOptions;
use crate::failure::Outcome;
use crate::workspace::{self, Workspace};

/// How many policies there are to share the schedules; see `crates/testkit/tests/proofs`.
const POLICIES: u64 = 10;

/// Runs the same tests as always with another budget, and optimised.
pub(crate) fn run(workspace: &Workspace, options: &ProveOptions) -> Outcome {
    let shared_by = if options.only.is_some() { 1 } else { POLICIES };
    let mut cargo =
        workspace.cargo(["test", "--profile", "proving", "--package", "grantor-testkit", "--test", "proofs"]);
    cargo.args(["--", "--nocapture", "--test-threads", "1"]);
    cargo.args(options.only.as_deref());
    cargo.env("GRANTOR_SCHEDULES", options.schedules.div_ceil(shared_by).to_string());
    cargo.env("GRANTOR_HISTORIES", options.histories.div_ceil(shared_by).to_string());
    cargo.env("GRANTOR_SEED", options.seed.to_string());
    workspace::succeed(cargo)
}
