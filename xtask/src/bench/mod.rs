//! `cargo xtask bench`: what a request and a stored token cost, beside floors and beside servers of others.
//!
//! Two rules decide how it is done. What is compared was taken in one run, turn by turn, so that whatever else the machine did
//! befell all alike; and the figure is work for each second of the server's processor time, which hardly knows how busy the
//! machine was. A figure of another day or another machine is compared by its ratio to its floor, and by nothing else.

mod browser;
mod chart;
mod clock;
mod embedder;
mod growth;
mod lists;
mod machine;
mod peer;
mod plan;
mod pressure;
mod purge;
mod report;
mod run;
mod size;
mod subject;
mod tally;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::cli::{BenchOptions, BenchPart};
use crate::failure::{Failure, Outcome, While};
use crate::workspace::{self, Workspace};

/// What was measured last, for the page to be made of.
const RESULTS: &str = "docs/benchmarks";
/// The page.
const PAGE: &str = "docs/BENCHMARKS.md";

/// Measures what was asked for, writes it down, and makes the page anew.
pub(crate) fn run(workspace: &Workspace, options: &BenchOptions) -> Outcome {
    if options.part == BenchPart::Page {
        return report::write(workspace);
    }
    if options.part != BenchPart::Lists && (options.binary.is_some() || options.count.is_some()) {
        return Err(Failure::new("--binary and --count are for lists alone"));
    }
    let bench = Bench::ready(workspace, options)?;
    let (part, results) = match options.part {
        BenchPart::Table => ("table", run::table(&bench, options)?),
        BenchPart::Growth => ("growth", growth::run(&bench, options)?),
        BenchPart::Pressure => ("pressure", pressure::run(&bench, options)?),
        BenchPart::Purge => ("purge", purge::run(&bench, options)?),
        BenchPart::Size => ("size", size::run(&bench, options)?),
        BenchPart::Lists => ("lists", lists::run(&bench, options)?),
        BenchPart::Page => return report::write(workspace),
    };
    fs::remove_dir_all(&bench.folder).during(bench.folder.display())?;
    if options.json {
        println!("{results}");
    } else {
        print!("{}", report::shown(part, &results)?);
    }
    if !options.only.is_empty() {
        eprintln!("a part of it, and so not written down");
        return held(part, &results);
    }
    let folder = workspace.path(RESULTS);
    fs::create_dir_all(&folder).during(folder.display())?;
    let file = folder.join(format!("{part}.json"));
    let text = serde_json::to_string_pretty(&results).during("writing the results")?;
    fs::write(&file, text + "\n").during(file.display())?;
    report::write(workspace)?;
    held(part, &results)
}

/// Fails where a part has something beyond what it is held to.
fn held(part: &str, results: &Value) -> Outcome {
    match part {
        "size" => size::check(results),
        "lists" => lists::check(results),
        _ => Ok(()),
    }
}

/// The programs that every part needs, and where they do their work.
struct Bench<'a> {
    workspace: &'a Workspace,
    /// Our own, by name: `grantor`, `floor`, `load`.
    programs: BTreeMap<String, PathBuf>,
    /// Those of others, as they are made.
    peers: RefCell<BTreeMap<&'static str, PathBuf>>,
    /// Of this run alone.
    folder: PathBuf,
}

impl<'a> Bench<'a> {
    fn ready(workspace: &'a Workspace, options: &BenchOptions) -> Outcome<Self> {
        let cores = std::thread::available_parallelism().during("counting cores")?.get();
        if cores < 2 {
            return Err(Failure::new("a bench takes two cores: one for the server, one for the load"));
        }
        let programs = match &options.binary {
            Some(binary) => {
                let binary = binary.canonicalize().during(binary.display())?;
                BTreeMap::from([("grantor".to_owned(), binary)])
            }
            None => built(workspace.cargo([
                "build",
                "--release",
                "--package",
                "grantor",
                "--package",
                "grantor-bench",
            ]))?,
        };
        let folder = workspace.target_folder()?.join("bench").join(format!("run-{}", std::process::id()));
        fs::create_dir_all(&folder).during(folder.display())?;
        Ok(Self { workspace, programs, peers: RefCell::default(), folder })
    }

    fn program(&self, name: &str) -> Outcome<&Path> {
        let program = self.programs.get(name);
        program.map(PathBuf::as_path).ok_or_else(|| Failure::new(format!("cargo build made no {name}")))
    }

    /// Runs the load on a server and gives what it says.
    fn load(&self, arguments: &[String]) -> Outcome<Value> {
        let said = workspace::output_of(self.load_command(arguments)?)?;
        serde_json::from_str(&said).during("reading what the load said")
    }

    /// The same, not begun yet.
    fn load_command(&self, arguments: &[String]) -> Outcome<Command> {
        let mut load = pinned(LOAD_CORE, self.program("load")?);
        load.args(arguments).stdin(Stdio::null());
        Ok(load)
    }
}

/// The server's core, and that of the load.
const SERVER_CORE: &str = "0";
const LOAD_CORE: &str = "1";

/// A program that runs on one core alone.
fn pinned(core: &str, program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new("taskset");
    command.args(["--cpu-list", core]).arg(program);
    command
}

/// Builds, and gives the executables by their names.
fn built(mut cargo: Command) -> Outcome<BTreeMap<String, PathBuf>> {
    cargo.arg("--message-format=json-render-diagnostics");
    Ok(executables_in(&workspace::output_of(cargo)?))
}

fn executables_in(messages: &str) -> BTreeMap<String, PathBuf> {
    let values = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let named = values.filter_map(|message| {
        let path = message.get("executable")?.as_str().map(PathBuf::from)?;
        Some((message.pointer("/target/name")?.as_str()?.to_owned(), path))
    });
    named.collect()
}

/// What every part says of how it was taken.
fn taken(bench: &Bench<'_>, options: &BenchOptions) -> Value {
    json!({ "command": options.line(), "machine": machine::described(bench.workspace) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn executables_are_found_by_name() {
        let messages = "not json\n{\"reason\":\"compiler-artifact\",\"executable\":null,\"target\":{\"name\":\"a\"}}\n\
                        {\"executable\":\"/t/release/load\",\"target\":{\"name\":\"load\"}}\n";
        let expected = BTreeMap::from([("load".to_owned(), PathBuf::from("/t/release/load"))]);
        assert_eq!(executables_in(messages), expected);
    }
}
