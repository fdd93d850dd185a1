//! `cargo xtask survivors`: bugs planted one by one in the core's state machines, and which of them no test notices.
//!
//! Every one that survives is in `crates/core/survivors.toml` with the reason why it may, or the run fails: a survivor without a
//! reason is a rule without a test.

use std::collections::BTreeMap;
use std::fs;

use toml::{Table, Value};

use crate::cli::SurvivorsOptions;
use crate::failure::{Failure, Outcome, While};
use crate::workspace::{self, Workspace};

const CARGO_MUTANTS: &str = "27.1.0";
const KEPT: &str = "crates/core/survivors.toml";
/// The state machines.
const FILES: [&str; 2] = ["crates/core/src/grant/*.rs", "crates/core/src/flow/*.rs"];

/// Plants them, and compares what survives with what is kept.
pub(crate) fn run(workspace: &Workspace, options: &SurvivorsOptions) -> Outcome {
    let kept = kept(&fs::read_to_string(workspace.path(KEPT)).during(KEPT)?)?;
    let folder = workspace.target_folder()?.join("mutants");
    fs::create_dir_all(&folder).during(folder.display())?;
    let arguments =
        ["mutants", "--package", "grantor-core", "--jobs", "1", "--no-shuffle", "--colors", "never"];
    let mut cargo = workspace.cargo_with("cargo-mutants", CARGO_MUTANTS, arguments)?;
    cargo.arg("--output").arg(&folder);
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
    compare(&kept, &survived, &told("caught.txt")?, whole)
}

/// Each survivor that is allowed, with its reason.
fn kept(text: &str) -> Outcome<BTreeMap<String, String>> {
    let table = text.parse::<Table>().during(KEPT)?;
    let list = match table.get("survivor") {
        None => Vec::new(),
        Some(Value::Array(list)) => list.clone(),
        Some(_) => return Err(Failure::new(format!("{KEPT}: `survivor` is a list of tables"))),
    };
    let mut kept = BTreeMap::new();
    for entry in list {
        let text = |key: &str| entry.get(key).and_then(Value::as_str).filter(|text| !text.trim().is_empty());
        let (Some(mutant), Some(why)) = (text("mutant"), text("why")) else {
            return Err(Failure::new(format!("{KEPT}: a survivor has a `mutant` and a `why`: {entry}")));
        };
        if kept.insert(mutant.to_owned(), why.to_owned()).is_some() {
            return Err(Failure::new(format!("{KEPT}: {mutant} stands there twice")));
        }
    }
    Ok(kept)
}

/// The mutant without its place, so that a line added above it does not make it another.
fn named(line: &str) -> String {
    let mut parts = line.splitn(4, ':');
    match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(file), Some(_), Some(_), Some(what)) => format!("{file}:{what}"),
        _ => line.to_owned(),
    }
}

fn compare(kept: &BTreeMap<String, String>, survived: &str, caught: &str, whole: bool) -> Outcome {
    let lines =
        |text: &str| text.lines().filter(|line| !line.trim().is_empty()).map(named).collect::<Vec<_>>();
    let (survived, caught) = (lines(survived), lines(caught));
    if survived.is_empty() && caught.is_empty() {
        return Err(Failure::new("no mutant was tried"));
    }
    let mut wrong: Vec<String> = survived
        .iter()
        .filter(|mutant| !kept.contains_key(*mutant))
        .map(|mutant| format!("it survives, and {KEPT} does not say why: {mutant}"))
        .collect();
    let over = kept.keys().filter(|mutant| whole && !survived.contains(mutant));
    wrong.extend(over.map(|mutant| format!("it survives no more, and stands in {KEPT}: {mutant}")));
    println!("{} mutants were noticed, {} were not", caught.len(), survived.len());
    if wrong.is_empty() { Ok(()) } else { Err(Failure::new(wrong.join("\n"))) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = "crates/core/src/grant/code.rs:40:9: replace == with != in CodeIssued::redeem";
    const NAME: &str = "crates/core/src/grant/code.rs: replace == with != in CodeIssued::redeem";

    fn list(entries: &[(&str, &str)]) -> String {
        entries.iter().map(|(m, why)| format!("[[survivor]]\nmutant = \"{m}\"\nwhy = \"{why}\"\n")).collect()
    }

    #[test]
    fn a_survivor_needs_a_reason_and_a_reason_a_survivor() {
        let (none, one) = (BTreeMap::new(), kept(&list(&[(NAME, "it changes nothing")])).unwrap());
        let told = |kept: &BTreeMap<_, _>, survived: &str, whole| {
            compare(kept, survived, "a.rs:1:1: another", whole).map_err(|failure| failure.to_string())
        };
        assert_eq!(told(&none, "", true), Ok(()));
        assert_eq!(told(&one, LINE, true), Ok(()));
        assert_eq!(told(&one, &LINE.replace(":40:9:", ":44:13:"), true), Ok(()), "further down in the file");
        assert!(told(&none, LINE, false).unwrap_err().contains("does not say why"));
        assert!(told(&one, &LINE.replace("!=", "<="), true).unwrap_err().lines().count() == 2);
        assert!(told(&one, "", true).unwrap_err().contains("survives no more"));
        assert_eq!(told(&one, "", false), Ok(()), "a part of them says nothing of the rest");
        assert!(compare(&none, "", "\n", true).is_err(), "nothing was tried");
    }

    #[test]
    fn a_list_with_a_mistake_is_refused() {
        assert!(kept("").unwrap().is_empty());
        for bad in [
            list(&[(NAME, " ")]),
            list(&[(NAME, "a"), (NAME, "b")]),
            "survivor = 1".to_owned(),
            "[".to_owned(),
        ] {
            assert!(kept(&bad).is_err(), "{bad}");
        }
    }
}
