//! `cargo xtask survivors`: bugs planted one by one in the core's state machines, and which of them no test notices.
//!
//! Every one that survives is in `crates/core/survivors.toml` with the reason why it may, or the run fails: a survivor without a
//! reason is a rule without a test.

use std::collections::BTreeMap;
use std::fs;

use crate::cli::SurvivorsOptions;
use crate::excuses::Excuses;
use crate::failure::{Failure, Outcome, While};
use crate::workspace::{self, Workspace};

const CARGO_MUTANTS: &str = "27.1.0";
const EXCUSED: &str = "crates/core/survivors.toml";
/// Values that are tried for types of other crates, which have such functions. Ours have none, so each of these some 350
/// mutants would be built to find out that it cannot be.
const NO_VALUES: &str = r"with (Step|Decision)::(new|from|from_iter)\(";
/// The state machines.
const FILES: [&str; 2] = ["crates/core/src/grant/*.rs", "crates/core/src/flow/*.rs"];

/// Plants them, and compares what survives with what is excused.
pub(crate) fn run(workspace: &Workspace, options: &SurvivorsOptions) -> Outcome {
    let excuses = Excuses::of(workspace, EXCUSED, "survivor", "mutant")?;
    let folder = workspace.target_folder()?.join("mutants");
    fs::create_dir_all(&folder).during(folder.display())?;
    let arguments =
        ["mutants", "--package", "grantor-core", "--jobs", "1", "--no-shuffle", "--colors", "never"];
    let files = options.file.as_deref().map_or(FILES.to_vec(), |file| vec![file]);
    let mut chosen: Vec<&str> = files.into_iter().flat_map(|file| ["--file", file]).collect();
    chosen.extend(["--exclude-re", NO_VALUES]);
    let mut list = workspace.cargo_with("cargo-mutants", CARGO_MUTANTS, arguments)?;
    list.args(&chosen).arg("--list");
    let list = workspace::output_of(list)?;
    let names = names(&list);
    let mut cargo = workspace.cargo_with("cargo-mutants", CARGO_MUTANTS, arguments)?;
    // Nobody looks into what is planted, so nothing is spent on lines and names.
    cargo.env("CARGO_PROFILE_DEV_DEBUG", "0");
    cargo.arg("--output").arg(&folder).env("CARGO_TARGET_DIR", folder.join("build"));
    // It finds the same; but it ends at the first test that fails, which most of them do at once.
    let nextest = workspace::output_of(workspace.cargo(["nextest", "--version"])).is_ok();
    cargo.args(["--test-tool", if nextest { "nextest" } else { "cargo" }]);
    cargo.args(chosen);
    cargo.args(options.shard.iter().flat_map(|shard| ["--shard", shard.as_str()]));
    // The unit tests and the flows' own: what other crates' tests would notice is noticed here or not at all.
    cargo.args(["--", "--lib", "--test", "it"]);
    // It exits with failure for every survivor; what counts is compared below.
    let _ = workspace::shown_and_heard(cargo)?;
    let told = |name: &str| fs::read_to_string(folder.join("mutants.out").join(name)).during(name);
    let survived = [told("missed.txt")?, told("timeout.txt")?].concat();
    let whole = options.file.is_none() && options.shard.is_none();
    judge(&excuses, &names, &survived, &told("caught.txt")?, whole)
}

/// What each mutant of a list is called: by what it changes and not by its place, so that a line added above it does not make
/// it another; and where several are alike, by its place among those, so that what is said of one does not excuse another.
fn names(list: &str) -> BTreeMap<&str, String> {
    let bare = |line: &str| {
        let mut parts = line.splitn(4, ':');
        match (parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some(file), Some(_), Some(_), Some(what)) => format!("{file}:{what}"),
            _ => line.to_owned(),
        }
    };
    let mut alike: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for line in list.lines().filter(|line| !line.trim().is_empty()) {
        alike.entry(bare(line)).or_default().push(line);
    }
    let mut names = BTreeMap::new();
    for (name, lines) in alike {
        let of = lines.len();
        for (at, line) in lines.into_iter().enumerate() {
            let name = if of == 1 { name.clone() } else { format!("{name} ({} of {of})", at + 1) };
            names.insert(line, name);
        }
    }
    names
}

fn judge(
    excuses: &Excuses,
    names: &BTreeMap<&str, String>,
    survived: &str,
    caught: &str,
    whole: bool,
) -> Outcome {
    let name = |line: &str| names.get(line).cloned().unwrap_or_else(|| line.to_owned());
    let lines =
        |text: &str| text.lines().filter(|line| !line.trim().is_empty()).map(name).collect::<Vec<_>>();
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
            judge(&excuses, &names(survived), survived, "a.rs:1:1: another", whole)
                .map_err(|failure| failure.to_string())
        };
        assert_eq!(judged(LINE, true), Ok(()));
        assert_eq!(judged(&LINE.replace(":40:9:", ":44:13:"), true), Ok(()), "further down in the file");
        assert!(judged(&LINE.replace("!=", "<="), false).unwrap_err().contains("does not say why"));
        assert!(judged("", true).unwrap_err().contains("no more"));
    }

    #[test]
    fn a_run_that_tried_nothing_proves_nothing() {
        let excuses = Excuses::read(EXCUSED, "", "survivor", "mutant").unwrap();
        assert!(judge(&excuses, &names(""), "", "\n", true).is_err());
    }

    #[test]
    fn of_mutants_that_are_alike_each_needs_a_reason_of_its_own() {
        let list = [LINE, &LINE.replace(":40:9:", ":44:13:"), "a.rs:1:1: another"].join("\n");
        let names = names(&list);
        let named: Vec<&str> = list.lines().map(|line| names[line].as_str()).collect();
        let what = "crates/core/src/grant/code.rs: replace == with != in CodeIssued::redeem";
        assert_eq!(named, [&format!("{what} (1 of 2)"), &format!("{what} (2 of 2)"), "a.rs: another"]);
    }
}
