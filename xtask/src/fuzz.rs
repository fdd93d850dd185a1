//! `cargo xtask fuzz`: the targets of `crates/fuzz`, fed by libFuzzer.
//!
//! cargo-fuzz builds with the toolchain that is here. Coverage is a pass of LLVM's that a stable compiler has as well; what it
//! lacks is the switch for sanitizers, which find what `unsafe` code gets wrong, and there is none of ours.

use std::fs;
use std::time::Instant;

use crate::cli::FuzzOptions;
use crate::failure::{Failure, Outcome, While};
use crate::workspace::{self, Workspace};

const CARGO_FUZZ: &str = "0.13.2";
/// Where the programs are, one for each target.
const PROGRAMS: &str = "fuzz/fuzz_targets";

/// Runs each target, or one of them, for so many seconds, and tells what it did.
pub(crate) fn run(workspace: &Workspace, options: &FuzzOptions) -> Outcome {
    let targets = chosen(workspace, options.only.as_deref())?;
    let mut table = String::new();
    let mut failed = Vec::new();
    for target in &targets {
        let begun = Instant::now();
        let told = match one(workspace, target, options.seconds) {
            Ok(figures) => figures.shown(),
            Err(failure) => {
                eprintln!("{target}: {failure}");
                failed.push(target.as_str());
                "FAILED".to_owned()
            }
        };
        table.push_str(&format!("{target:14}  {:>6.0} s  {told}\n", begun.elapsed().as_secs_f64()));
    }
    print!("\n{table}");
    if failed.is_empty() { Ok(()) } else { Err(Failure::new(format!("failed: {}", failed.join(", ")))) }
}

fn chosen(workspace: &Workspace, only: Option<&str>) -> Outcome<Vec<String>> {
    let mut all = Vec::new();
    for entry in fs::read_dir(workspace.path(PROGRAMS)).during(PROGRAMS)? {
        let path = entry.during(PROGRAMS)?.path();
        all.extend(path.file_stem().map(|name| name.to_string_lossy().into_owned()));
    }
    all.sort();
    match only {
        None if all.is_empty() => Err(Failure::new(format!("{PROGRAMS} is empty"))),
        None => Ok(all),
        Some(name) if all.iter().any(|known| known == name) => Ok(vec![name.to_owned()]),
        Some(name) => Err(Failure::new(format!("there is no target {name}; there are {}", all.join(", ")))),
    }
}

/// What is found goes under the target folder; the kept corpus is only read.
fn one(workspace: &Workspace, target: &str, seconds: u64) -> Outcome<Figures> {
    let folder = workspace.target_folder()?.join("fuzz");
    let found = folder.join("found").join(target);
    fs::create_dir_all(&found).during(found.display())?;
    let arguments = ["fuzz", "run", "--fuzz-dir", "fuzz", "--sanitizer", "none", "--target-dir"];
    let mut cargo = workspace.cargo_with("cargo-fuzz", CARGO_FUZZ, arguments)?;
    cargo.arg(&folder).arg(target).arg(&found).arg(workspace.path("fuzz/corpus").join(target));
    cargo.args(["--", "-print_final_stats=1", "-timeout=20", "-rss_limit_mb=2048"]);
    cargo.arg(format!("-max_total_time={seconds}"));
    // A stable compiler takes the switches that cargo-fuzz gives it only so.
    cargo.env("RUSTC_BOOTSTRAP", "1");
    let (output, passed) = workspace::shown_and_heard(cargo)?;
    if !passed {
        return Err(Failure::new("an input was found on which it does not hold; it lies in fuzz/artifacts"));
    }
    Figures::of(&output)
}

/// What libFuzzer says of a run.
#[derive(Debug, PartialEq, Eq)]
struct Figures {
    executions: u64,
    /// Edges reached by the corpus, and at the end.
    coverage: (u64, u64),
}

impl Figures {
    /// Reads them. A run without coverage is a failure: it would be blind, and pass.
    fn of(output: &str) -> Outcome<Self> {
        let number = |text: &str| text.split_whitespace().next()?.parse::<u64>().ok();
        let after = |line: &str, label: &str| line.split_once(label).and_then(|(_, rest)| number(rest));
        let executions = output.lines().find_map(|line| after(line, "stat::number_of_executed_units:"));
        let coverage: Vec<u64> = output.lines().filter_map(|line| after(line, " cov: ")).collect();
        match (executions, coverage.first(), coverage.last()) {
            (Some(executions), Some(first), Some(last)) if executions > 0 && *last > 0 => {
                Ok(Self { executions, coverage: (*first, *last) })
            }
            (Some(_), _, _) => Err(Failure::new("libFuzzer saw no coverage: it was built without")),
            (None, _, _) => Err(Failure::new("libFuzzer told nothing of the run")),
        }
    }

    fn shown(&self) -> String {
        let (first, last) = self.coverage;
        format!("{:>10} executions, {first} to {last} edges", self.executions)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_counts_if_it_saw_where_it_went() {
        let seen = "#2\tINITED cov: 310 ft: 311 corp: 1/1b\n#64\tNEW    cov: 402 ft: 500\nDone 9000 runs in 2 second(s)\nstat::number_of_executed_units: 9000\n";
        assert_eq!(Figures::of(seen).ok(), Some(Figures { executions: 9000, coverage: (310, 402) }));
        for blind in [
            "",
            "stat::number_of_executed_units: 9000\n",
            "#2\tINITED cov: 0 ft: 0\nstat::number_of_executed_units: 9000\n",
            "#2\tINITED cov: 310 ft: 311\n",
            "#2\tINITED cov: 310 ft: 311\nstat::number_of_executed_units: 0\n",
        ] {
            assert!(Figures::of(blind).is_err(), "{blind}");
        }
    }
}
