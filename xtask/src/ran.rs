//! What the last `cargo xtask test` ran, kept under `target/xtask/` for whoever asks whether a test proves something.
//!
//! Kept with it is when each test program had been built: a result counts only while that very program is the newest.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::UNIX_EPOCH;

use serde_json::{Value, json};

use crate::complaints;
use crate::failure::{Failure, Outcome, While};
use crate::workspace::{self, Workspace};

/// Variables by which tests leave something out and pass all the same.
const LEAVE_OUT: [&str; 2] = ["GRANTOR_SKIP_REDIS", "GRANTOR_SKIP_MOUNTS"];

/// What became of one test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    Passed,
    Failed,
    Ignored,
}

impl Ending {
    const ALL: [(Self, &str); 3] =
        [(Self::Passed, "ok"), (Self::Failed, "FAILED"), (Self::Ignored, "ignored")];

    /// As the test harness prints it: `ignored` may have a reason behind it.
    fn read(word: &str) -> Option<Self> {
        let first = word.split([',', ' ']).next()?;
        Self::ALL.into_iter().find(|(_, name)| *name == first).map(|(ending, _)| ending)
    }

    fn as_str(self) -> &'static str {
        Self::ALL.into_iter().find(|(ending, _)| *ending == self).map_or("", |(_, name)| name)
    }
}

/// A test program: the package it is of, and within that `lib`, a binary, or the name of a file or folder of `tests/`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ProgramName {
    pub(crate) package: String,
    pub(crate) target: String,
}

/// Where a program lies, and when it had been built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Built {
    pub(crate) executable: PathBuf,
    modified: u64,
}

/// Every test program of a selection, as cargo builds it now.
pub(crate) type Programs = BTreeMap<ProgramName, Built>;

/// One run of the tests.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Ran {
    /// What was given to cargo to choose packages by.
    pub(crate) selection: Vec<String>,
    /// Variables that were set and made tests leave something out.
    pub(crate) left_out: Vec<String>,
    programs: BTreeMap<ProgramName, Program>,
}

#[derive(Debug, PartialEq, Eq)]
struct Program {
    built: Built,
    tests: BTreeMap<String, Ending>,
}

/// Runs the tests of a selection, printing all they print, and keeps what came of each, whether all passed or not.
pub(crate) fn run_and_keep(workspace: &Workspace, selection: &[String]) -> Outcome {
    let programs = build(workspace, selection)?;
    let mut cargo = workspace.cargo(["test", "--no-fail-fast"]);
    cargo.args(selection);
    let (output, passed) = workspace::shown_and_heard(cargo)?;
    let ran = Ran {
        selection: selection.to_vec(),
        left_out: left_out().map(ToOwned::to_owned).collect(),
        programs: results(&output, programs),
    };
    ran.write(&file(workspace)?)?;
    if passed {
        return Ok(());
    }
    Err(match complaints::read(&output) {
        Some(complaints) => Failure::new(format!("some tests failed:\n{complaints}")),
        None => Failure::new("cargo failed, and no test did: see above"),
    })
}

/// The variables that are set now and make tests leave something out.
pub(crate) fn left_out() -> impl Iterator<Item = &'static str> {
    LEAVE_OUT.into_iter().filter(|name| std::env::var_os(name).is_some())
}

/// What the last run left, if there was one.
pub(crate) fn last(workspace: &Workspace) -> Outcome<Ran> {
    let file = file(workspace)?;
    let text = fs::read_to_string(&file).during(format!(
        "reading what the last run of the tests left, {}: run `cargo xtask test` first",
        file.display()
    ))?;
    Ran::read(&text).ok_or_else(|| Failure::new(format!("{} is no record of a test run", file.display())))
}

/// Builds the tests of a selection, which takes no time if they are built, and says where they are.
pub(crate) fn build(workspace: &Workspace, selection: &[String]) -> Outcome<Programs> {
    build_by(workspace, selection, |cargo| cargo)
}

/// The same by a cargo to which something was done first.
pub(crate) fn build_by(
    workspace: &Workspace,
    selection: &[String],
    prepared: impl Fn(Command) -> Command,
) -> Outcome<Programs> {
    let mut cargo =
        prepared(workspace.cargo(["test", "--no-run", "--message-format", "json-render-diagnostics"]));
    cargo.args(selection);
    let messages = workspace::output_of(cargo)?;
    let metadata = workspace.metadata()?;
    let packages = metadata.get("packages").and_then(Value::as_array).into_iter().flatten();
    let names: BTreeMap<&str, &str> =
        packages.filter_map(|package| Some((text(package, "id")?, text(package, "name")?))).collect();
    let mut programs = Programs::new();
    for message in messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()) {
        let Some((name, executable)) = test_program(&message, &names) else { continue };
        let modified = modified(&executable)?;
        programs.insert(name, Built { executable, modified });
    }
    if programs.is_empty() { Err(Failure::new("cargo built no test program")) } else { Ok(programs) }
}

/// The names of the tests in a program, and which of them are ignored: what the program itself says.
pub(crate) fn listed(program: &Built) -> Outcome<(BTreeSet<String>, BTreeSet<String>)> {
    let list = |more: &[&str]| {
        let mut command = Command::new(&program.executable);
        command.args(["--list", "--format", "terse"]).args(more);
        let names = workspace::output_of(command)?;
        Ok(names.lines().filter_map(|line| line.strip_suffix(": test")).map(ToOwned::to_owned).collect())
    };
    Ok((list(&[])?, list(&["--ignored"])?))
}

impl Ran {
    /// What became of a test of a program, if that very program ran and the test in it.
    pub(crate) fn ending(&self, name: &ProgramName, now: &Built, test: &str) -> Option<Ending> {
        let program = self.programs.get(name).filter(|program| program.built == *now)?;
        program.tests.get(test).copied()
    }

    /// Whether a program ran as it is built now.
    pub(crate) fn is_of(&self, name: &ProgramName, now: &Built) -> bool {
        self.programs.get(name).is_some_and(|program| program.built == *now)
    }

    fn write(&self, file: &Path) -> Outcome {
        let programs: Vec<Value> = self
            .programs
            .iter()
            .map(|(name, program)| {
                let tests: BTreeMap<&str, &str> =
                    program.tests.iter().map(|(test, ending)| (test.as_str(), ending.as_str())).collect();
                json!({
                    "package": name.package,
                    "target": name.target,
                    "executable": program.built.executable,
                    "modified": program.built.modified,
                    "tests": tests,
                })
            })
            .collect();
        let whole = json!({"selection": self.selection, "left_out": self.left_out, "programs": programs});
        if let Some(folder) = file.parent() {
            fs::create_dir_all(folder).during(folder.display())?;
        }
        fs::write(file, format!("{whole:#}\n")).during(file.display())
    }

    fn read(text: &str) -> Option<Self> {
        let whole: Value = serde_json::from_str(text).ok()?;
        let texts = |key: &str| -> Option<Vec<String>> {
            let list = whole.get(key)?.as_array()?;
            list.iter().map(|value| value.as_str().map(ToOwned::to_owned)).collect()
        };
        let program = |value: &Value| {
            let owned = |key: &str| self::text(value, key).map(ToOwned::to_owned);
            let name = ProgramName { package: owned("package")?, target: owned("target")? };
            let built = Built {
                executable: PathBuf::from(owned("executable")?),
                modified: value.get("modified")?.as_u64()?,
            };
            let tests = value.get("tests")?.as_object()?.iter();
            let tests = tests.map(|(test, word)| Some((test.clone(), Ending::read(word.as_str()?)?)));
            Some((name, Program { built, tests: tests.collect::<Option<_>>()? }))
        };
        let programs = whole.get("programs")?.as_array()?.iter().map(program).collect::<Option<_>>()?;
        Some(Self { selection: texts("selection")?, left_out: texts("left_out")?, programs })
    }
}

fn file(workspace: &Workspace) -> Outcome<PathBuf> {
    Ok(workspace.target_folder()?.join("xtask/tests.json"))
}

/// The program that a message of cargo's is about, if it is a test program.
fn test_program(message: &Value, packages: &BTreeMap<&str, &str>) -> Option<(ProgramName, PathBuf)> {
    let executable = text(message, "executable")?;
    message.get("profile")?.get("test")?.as_bool().filter(|is_test| *is_test)?;
    let target = message.get("target")?;
    let kind = target.get("kind")?.as_array()?.first()?.as_str()?;
    // A library's tests are the one program of its package that is named by its kind, as in `cargo test --lib`.
    let target = if kind == "lib" || kind == "proc-macro" { "lib" } else { text(target, "name")? };
    let package = packages.get(text(message, "package_id")?)?;
    let name = ProgramName { package: (*package).to_owned(), target: target.to_owned() };
    Some((name, PathBuf::from(executable)))
}

fn text<'a>(value: &'a Value, key: &str) -> Option<&'a str> {
    value.get(key).and_then(Value::as_str)
}

fn modified(executable: &Path) -> Outcome<u64> {
    let time = fs::metadata(executable).and_then(|m| m.modified()).during(executable.display())?;
    let since = time.duration_since(UNIX_EPOCH).during(executable.display())?;
    u64::try_from(since.as_nanos()).during(executable.display())
}

/// What each program's tests came to, by what cargo and the test harness print.
fn results(output: &str, programs: Programs) -> BTreeMap<ProgramName, Program> {
    let mut ran: BTreeMap<ProgramName, Program> = BTreeMap::new();
    let mut current: Option<ProgramName> = None;
    for line in output.lines() {
        let start = line.trim_start();
        if let Some(rest) = start.strip_prefix("Running ") {
            // `Running tests/it/main.rs (target/debug/deps/it-5f3c…)`: the name of the file is cargo's own, and unique.
            let path = rest.rsplit_once(" (").and_then(|(_, path)| path.strip_suffix(')'));
            let named = path.and_then(|path| Path::new(path).file_name());
            let found =
                programs.iter().find(|(_, built)| named.is_some_and(|n| built.executable.ends_with(n)));
            current = found.map(|(name, built)| {
                ran.insert(name.clone(), Program { built: built.clone(), tests: BTreeMap::new() });
                name.clone()
            });
        } else if start.starts_with("Doc-tests ") {
            current = None;
        } else if let Some(program) = current.as_ref().and_then(|name| ran.get_mut(name))
            && let Some((test, word)) = line.strip_prefix("test ").and_then(|rest| rest.rsplit_once(" ... "))
            && let Some(ending) = Ending::read(word)
        {
            let test = test.strip_suffix(" - should panic").unwrap_or(test);
            program.tests.insert(test.to_owned(), ending);
        }
    }
    ran
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn program(package: &str, target: &str) -> ProgramName {
        ProgramName { package: package.to_owned(), target: target.to_owned() }
    }

    pub(crate) fn built(executable: &str) -> Built {
        Built { executable: PathBuf::from(executable), modified: 7 }
    }

    /// A run in which one program ran these tests.
    pub(crate) fn run_of(name: ProgramName, built: Built, tests: &[(&str, Ending)]) -> Ran {
        let tests = tests.iter().map(|(test, ending)| ((*test).to_owned(), *ending)).collect();
        Ran { programs: [(name, Program { built, tests })].into(), ..Ran::default() }
    }

    const OUTPUT: &str = "\
   Compiling grantor-core v0.1.0
    Finished `test` profile
     Running unittests src/lib.rs (target/debug/deps/grantor_core-1a)

running 2 tests
test scope::tests::good ... ok
test scope::tests::bad ... FAILED
     Running tests/it/main.rs (target/debug/deps/it-2b)
test tokens::one ... ok
test tokens::two ... ignored, for a reason
test tokens::three - should panic ... ok
test tokens::four ... o
not a test tokens::five ... ok
     Running tests/it/main.rs (target/debug/deps/it-unknown)
test tokens::six ... ok
   Doc-tests grantor_core
test crates/core/src/scope.rs - scope::Scope (line 13) ... ok
";

    fn ran() -> Ran {
        let programs = Programs::from([
            (program("grantor-core", "lib"), built("/t/debug/deps/grantor_core-1a")),
            (program("grantor-core", "it"), built("/t/debug/deps/it-2b")),
        ]);
        Ran {
            selection: vec!["--workspace".to_owned()],
            left_out: Vec::new(),
            programs: results(OUTPUT, programs),
        }
    }

    #[test]
    fn each_line_is_credited_to_the_program_that_printed_it_and_to_no_other() {
        let ran = ran();
        let ending = |target: &str, executable: &str, test: &str| {
            ran.ending(&program("grantor-core", target), &built(executable), test)
        };
        let (lib, it) = ("/t/debug/deps/grantor_core-1a", "/t/debug/deps/it-2b");
        assert_eq!(ending("lib", lib, "scope::tests::good"), Some(Ending::Passed));
        assert_eq!(ending("lib", lib, "scope::tests::bad"), Some(Ending::Failed));
        assert_eq!(ending("it", it, "tokens::one"), Some(Ending::Passed));
        assert_eq!(ending("it", it, "tokens::two"), Some(Ending::Ignored));
        assert_eq!(ending("it", it, "tokens::three"), Some(Ending::Passed));
        for unsaid in ["tokens::four", "tokens::five", "tokens::six", "scope::tests::good", "scope::Scope"] {
            assert_eq!(ending("it", it, unsaid), None, "{unsaid}");
        }
    }

    #[test]
    fn a_result_counts_for_the_program_that_gave_it_and_for_no_newer_one() {
        let ran = ran();
        let name = program("grantor-core", "it");
        let newer = Built { modified: 8, ..built("/t/debug/deps/it-2b") };
        assert!(ran.is_of(&name, &built("/t/debug/deps/it-2b")) && !ran.is_of(&name, &newer));
        assert_eq!(ran.ending(&name, &newer, "tokens::one"), None);
        assert_eq!(ran.ending(&name, &built("/t/debug/deps/it-3c"), "tokens::one"), None);
    }

    #[test]
    fn what_is_kept_reads_back_and_what_is_none_does_not() {
        let folder = std::env::temp_dir().join(format!("grantor-xtask-ran-{}", std::process::id()));
        let file = folder.join("tests.json");
        ran().write(&file).unwrap();
        let text = fs::read_to_string(&file).unwrap();
        fs::remove_dir_all(&folder).unwrap();
        assert_eq!(Ran::read(&text), Some(ran()));
        for broken in
            ["", "{}", "[]", &text.replace("\"FAILED\"", "\"maybe\""), &text.replace("selection", "s")]
        {
            assert_eq!(Ran::read(broken), None, "{broken:.40}");
        }
    }
}
