//! `cargo xtask survivors`: bugs planted one by one in the core's state machines, and which of them no test notices.
//!
//! Every one that survives is in `crates/core/survivors.toml` with the reason why it may, or the run fails: a survivor without a
//! reason is a rule without a test.

use std::fs;

use crate::cli::SurvivorsOptions;
use crate::excuses::Excuses;
use crate::failure::{Failure, Outcome, While};
use crate::workspace::{self, Workspace};

const CARGO_MUTANTS: &str = "27.1.0";
const EXCUSED: &str = "crates/core/survivors.toml";
/// The state machines.
const FILES: [&str; 2] = ["crates/core/src/grant/*.rs", "crates/core/src/flow/*.rs"];

/// Plants them, and compares what survives with what is excused.
pub(crate) fn run(workspace: &Workspace, options: &SurvivorsOptions) -> Outcome {
    let excuses = Excuses::of(workspace, EXCUSED, "survivor", "mutant")?;
    let folder = workspace.target_folder()?.join("mutants");
    fs::create_dir_all(&folder).during(folder.display())?;
    let arguments =
        ["mutants", "--package", "grantor-core", "--jobs", "1", "--no-shuffle", "--colors", "never"];
    let mut cargo = workspace.cargo_with("cargo-mutants", CARGO_MUTANTS, arguments)?;
    cargo.arg("--output").arg(&folder).env("CARGO_TARGET_DIR", folder.join("build"));
    // It finds the same; but it ends at the first test that fails, which most of them do at once.
    let nextest = workspace::output_of(workspace.cargo(["nextest", "--version"])).is_ok();
    cargo.args(["--test-tool", if nextest { "nextest" } else { "cargo" }]);
    let files = options.file.as_deref().map_or(FILES.to_vec(), |file| vec![file]);
    cargo.args(files.into_iter().flat_map(|file| ["--file", file]));
    cargo.args(options.shard.iter().flat_map(|shard| ["--shard", shard.as_str()]));
    // The unit tests and the flows' own: what other crates' tests would notice is noticed here or not at all.
    cargo.args(["--", "--lib", "--test", "it"]);
    // It exits with failure for every survivor; what counts is compared below.
    let _ = workspace::shown_and_heard(cargo)?;
    let told = |name: &str| fs::read_to_string(folder.join("mutants.out").join(name)).during(name);
    let survived = [told("missed.txt")?, told("timeout.txt")?].concat();
    let whole = options.file.is_none() && options.shard.is_none();
    judge(&excuses, &survived, &told("caught.txt")?, whole)
}

/// The mutant without its place, so that a line added above it does not make it another.
fn named(line: &str) -> String {
    let mut parts = line.splitn(4, ':');
    match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(file), Some(_), Some(_), Some(what)) => format!("{file}:{what}"),
        _ => line.to_owned(),
    }
}

fn judge(excuses: &Excuses, survived: &str, caught: &str, whole: bool) -> Outcome {
    let lines =
        |text: &str| text.lines().filter(|line| !line.trim().is_empty()).map(named).collect::<Vec<_>>();
    let (survived, caught) = (lines(survived), lines(caught));
    if survived.is_empty() && caught.is_empty() {
        return Err(Failure::new("no mutant was tried"));
    }
    println!("{} mutants were noticed, {} were not", caught.len(), survived.len());
    excuses.cover(&survived, whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = "crates/core/src/grant/code.rs:40:9: replace == with != in CodeIssued::redeem";

    #[test]
    fn a_survivor_is_excused_wherever_in_its_file_it_stands_by_now() {
        let list = "[[survivor]]\nmutant = \"crates/core/src/grant/code.rs: replace == with != in CodeIssued::redeem\"\nwhy = \"it changes nothing\"\n";
        let excuses = Excuses::read(EXCUSED, list, "survivor", "mutant").unwrap();
        let judged = |survived: &str, whole| {
            judge(&excuses, survived, "a.rs:1:1: another", whole).map_err(|failure| failure.to_string())
        };
        assert_eq!(judged(LINE, true), Ok(()));
        assert_eq!(judged(&LINE.replace(":40:9:", ":44:13:"), true), Ok(()), "further down in the file");
        assert!(judged(&LINE.replace("!=", "<="), false).unwrap_err().contains("does not say why"));
        assert!(judged("", true).unwrap_err().contains("no more"));
    }

    #[test]
    fn a_run_that_tried_nothing_proves_nothing() {
        let excuses = Excuses::read(EXCUSED, "", "survivor", "mutant").unwrap();
        assert!(judge(&excuses, "", "\n", true).is_err());
    }
}
