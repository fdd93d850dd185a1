//! `cargo xtask prove`: every policy of ours, proven far beyond what every run of the tests tries.

use serde_json::Value;

use crate::cli::ProveOptions;
use crate::failure::{Failure, Outcome, While};
use crate::workspace::{self, Workspace};

/// How many policies there are to share the schedules; see `crates/testkit/tests/proofs`.
const POLICIES: u64 = 11;

/// Runs `crates/testkit/examples/hunt.rs` with another budget, and optimised. It tells on standard error what it is at.
pub(crate) fn run(workspace: &Workspace, options: &ProveOptions) -> Outcome {
    if options.way.is_some() && options.only.is_none() {
        return Err(Failure::new("`--way` is of one policy: add `--only POLICY`"));
    }
    let shared_by = if options.only.is_some() { 1 } else { POLICIES };
    let mut cargo = workspace.cargo(["run", "--profile", "proving", "--package", "grantor-testkit"]);
    cargo.args(["--example", "hunt", "--", "--proof"]);
    cargo.args(options.only.iter().chain(&options.way));
    cargo.env("GRANTOR_SCHEDULES", options.schedules.div_ceil(shared_by).to_string());
    cargo.env("GRANTOR_HISTORIES", options.histories.div_ceil(shared_by).to_string());
    cargo.env("GRANTOR_SWITCHES", options.switches.to_string());
    cargo.env("GRANTOR_SEED", options.seed.to_string());
    let said = workspace::output_of(cargo)?;
    if options.json {
        print!("{said}");
    }
    let value: Value = serde_json::from_str(&said).during("reading what the hunt said")?;
    if let Some(story) = value.get("story").and_then(Value::as_str) {
        let proof = value.get("proof").and_then(Value::as_str).unwrap_or_default();
        return Err(Failure::new(format!("{proof}: {story}")));
    }
    let number = |name: &str| value.get(name).and_then(Value::as_u64).unwrap_or_default();
    eprintln!("{} schedules of {} cases keep every promise", number("schedules"), number("cases"));
    Ok(())
}
