//! `cargo xtask coverage`: which lines and branches of the core's state machines its own tests never reach.
//!
//! Every gap is in `crates/core/gaps.toml` with the reason why it may be, or the run fails. Only the core's tests count: what a
//! rule does must be seen where the rule is.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::cli::CoverageOptions;
use crate::excuses::Excuses;
use crate::failure::{Failure, Outcome, While};
use crate::ran;
use crate::workspace::{self, Workspace};

const EXCUSED: &str = "crates/core/gaps.toml";
/// The state machines, and the figure that is told of each.
const PARTS: [(&str, &str); 2] =
    [("grant aggregate", "crates/core/src/grant"), ("flows", "crates/core/src/flow")];

/// Runs the core's tests with every branch counted, prints what they reached, and compares the gaps with those that are
/// excused.
pub(crate) fn run(workspace: &Workspace, options: &CoverageOptions) -> Outcome {
    let excuses = Excuses::of(workspace, EXCUSED, "gap", "at")?;
    let tools = Tools::find()?;
    let folder = workspace.target_folder()?.join("coverage");
    let report = measured(workspace, &tools, &folder)?;
    let mut files = Vec::new();
    for (name, counts) in read(&report, &workspace.path(""))? {
        let source = fs::read_to_string(workspace.path(&name)).during(&name)?;
        files.push(File::of(name, &source, &counts));
    }
    let mut gaps: Vec<&Gap> = Vec::new();
    for (part, under) in PARTS {
        let of_it: Vec<&File> =
            files.iter().filter(|file| file.name.starts_with(&format!("{under}/"))).collect();
        let total = of_it.iter().fold(Figures::default(), |sum, file| sum.and(&file.figures));
        if total.lines.1 == 0 || total.branches.1 == 0 {
            return Err(Failure::new(format!("nothing was counted under {under}")));
        }
        println!("\n{part:38}  {}", total.shown());
        for file in of_it {
            println!("  {:36}  {}", file.name.trim_start_matches("crates/core/src/"), file.figures.shown());
            gaps.extend(&file.gaps);
        }
    }
    println!();
    for gap in &gaps {
        println!("{}:{}: {}", gap.file, gap.line, gap.what);
    }
    let found: Vec<String> = gaps.iter().map(|gap| gap.named()).collect();
    if options.report { Ok(()) } else { excuses.cover(&found, true) }
}

/// The programs that read what was counted. They must be of the compiler's own LLVM, whose format it is.
struct Tools {
    profdata: PathBuf,
    cov: PathBuf,
}

impl Tools {
    fn find() -> Outcome<Self> {
        let rustc = |arguments: &[&str]| {
            let mut command = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
            command.args(arguments);
            workspace::output_of(command)
        };
        let version = rustc(&["--version", "--verbose"])?;
        let said = |label: &str| version.lines().find_map(|line| line.strip_prefix(label)).map(str::trim);
        let (Some(host), Some(llvm)) = (said("host:"), said("LLVM version:")) else {
            return Err(Failure::new("rustc does not say what it is built with"));
        };
        let major = llvm.split('.').next().unwrap_or_default();
        let own = Path::new(rustc(&["--print", "sysroot"])?.trim()).join(format!("lib/rustlib/{host}/bin"));
        let found = [own, PathBuf::from(format!("/usr/lib/llvm-{major}/bin"))]
            .into_iter()
            .map(|folder| Self { profdata: folder.join("llvm-profdata"), cov: folder.join("llvm-cov") })
            .find(|tools| tools.profdata.exists() && tools.cov.exists());
        found.ok_or_else(|| {
            Failure::new(format!(
                "there is no llvm-cov of LLVM {major}: `rustup component add llvm-tools`, or Debian's llvm-{major}"
            ))
        })
    }
}

/// Builds and runs the core's tests in a folder of their own, and gives what they reached as lcov writes it.
fn measured(workspace: &Workspace, tools: &Tools, folder: &Path) -> Outcome<String> {
    let counts = folder.join("counts");
    // What an earlier run counted is of other programs.
    if counts.exists() {
        fs::remove_dir_all(&counts).during(counts.display())?;
    }
    let counted = |mut cargo: Command| {
        // Branches are counted by a switch that a stable compiler takes only so.
        cargo.env("RUSTC_BOOTSTRAP", "1");
        cargo.env("RUSTFLAGS", "-C instrument-coverage -Z coverage-options=branch");
        cargo.env("CARGO_TARGET_DIR", folder);
        cargo.env("LLVM_PROFILE_FILE", counts.join("%p-%m.profraw"));
        cargo
    };
    let tests = ["--package", "grantor-core", "--lib", "--test", "it"].map(str::to_owned);
    let programs = ran::build_by(workspace, &tests, counted)?;
    let mut cargo = counted(workspace.cargo(["test"]));
    cargo.args(tests);
    workspace::succeed(cargo)?;
    let merged = folder.join("merged.profdata");
    let mut merge = Command::new(&tools.profdata);
    merge.args(["merge", "--sparse", "-o"]).arg(&merged).arg(&counts);
    workspace::succeed(merge)?;
    let mut export = Command::new(&tools.cov);
    export.args(["export", "--format=lcov"]).arg(format!("--instr-profile={}", merged.display()));
    // The first program is named by its place, the others by a switch.
    let objects = programs.values().map(|program| program.executable.as_os_str());
    export.args(
        objects
            .enumerate()
            .flat_map(|(at, object)| (at > 0).then_some(OsStr::new("--object")).into_iter().chain([object])),
    );
    export.arg("--sources").args(PARTS.map(|(_, under)| workspace.path(under)));
    workspace::output_of(export)
}

/// How often each line of a file ran, and how often each condition on it was true and false, where it was asked at all.
#[derive(Debug, Default, PartialEq, Eq)]
struct Counts {
    lines: BTreeMap<usize, u64>,
    branches: Vec<(usize, u64, u64)>,
}

/// Reads what llvm-cov exports, by the files' names in the workspace.
fn read(lcov: &str, root: &Path) -> Outcome<BTreeMap<String, Counts>> {
    let mut files: BTreeMap<String, Counts> = BTreeMap::new();
    let mut current: Option<&mut Counts> = None;
    for line in lcov.lines() {
        let wrong = || Failure::new(format!("llvm-cov exports a line of unknown shape: {line}"));
        let (label, rest) = line.split_once(':').unwrap_or((line, ""));
        let number = |text: &str| if text == "-" { Some(0) } else { text.parse::<u64>().ok() };
        let numbers: Option<Vec<u64>> = rest.split(',').map(number).collect();
        let place = |line: &u64| usize::try_from(*line).map_err(|_| wrong());
        match (label, current.as_mut(), numbers.as_deref()) {
            ("SF", _, _) => {
                let name = Path::new(rest).strip_prefix(root).map_err(|_| wrong())?;
                current = Some(files.entry(name.display().to_string()).or_default());
            }
            ("DA", Some(counts), Some([line, count])) => {
                counts.lines.insert(place(line)?, *count);
            }
            // The sides of a condition follow each other: true, then false.
            ("BRDA", Some(counts), Some([line, _, side, count])) if side % 2 == 0 => {
                counts.branches.push((place(line)?, *count, 0));
            }
            ("BRDA", Some(counts), Some([line, _, _, count])) => match counts.branches.last_mut() {
                Some(last) if last.0 == place(line)? => last.2 = *count,
                _ => return Err(wrong()),
            },
            ("DA" | "BRDA", _, _) => return Err(wrong()),
            _ => {}
        }
    }
    if files.is_empty() { Err(Failure::new("llvm-cov exports nothing")) } else { Ok(files) }
}

/// What was reached, of how many.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Figures {
    lines: (usize, usize),
    branches: (usize, usize),
}

impl Figures {
    fn and(self, other: &Self) -> Self {
        let sum = |a: (usize, usize), b: (usize, usize)| (a.0 + b.0, a.1 + b.1);
        Self { lines: sum(self.lines, other.lines), branches: sum(self.branches, other.branches) }
    }

    fn shown(&self) -> String {
        let ((lines, of_lines), (branches, of_branches)) = (self.lines, self.branches);
        format!("{lines:>4} of {of_lines:>4} lines, {branches:>3} of {of_branches:>3} branches")
    }
}

/// Lines that follow each other and never ran, or a condition that came out one way only.
#[derive(Debug, PartialEq, Eq)]
struct Gap {
    file: String,
    line: usize,
    what: String,
}

impl Gap {
    /// By the text of its first line, so that a line added above does not make it another.
    fn named(&self) -> String {
        format!("{}: {}", self.file, self.what)
    }
}

struct File {
    name: String,
    figures: Figures,
    gaps: Vec<Gap>,
}

impl File {
    /// Judges a file up to its own tests, which reach themselves.
    fn of(name: String, source: &str, counts: &Counts) -> Self {
        let texts: Vec<&str> =
            source.lines().take_while(|line| *line != "#[cfg(test)]").map(str::trim).collect();
        let text = |line: usize| texts.get(line - 1).copied();
        // By its text, and by its place among equal ones: what is said of one must not excuse another.
        let quoted = |text: &str, line: usize| {
            let equal = |lines: &[&str]| lines.iter().filter(|other| **other == text).count();
            match equal(&texts) {
                1 => format!("`{text}`"),
                of => format!("`{text}` ({} of {of})", equal(texts.get(..line).unwrap_or_default())),
            }
        };
        let mut figures = Figures::default();
        let mut gaps = Vec::new();
        let gap = |line: usize, what: String| Gap { file: name.clone(), line, what };
        let mut before = false;
        for (line, count) in &counts.lines {
            let Some(text) = text(*line) else { break };
            figures.lines.0 += usize::from(*count > 0);
            figures.lines.1 += 1;
            if *count == 0 && !before {
                gaps.push(gap(*line, format!("{} never runs", quoted(text, *line))));
            }
            before = *count == 0;
        }
        for (line, yes, no) in &counts.branches {
            let Some(text) = text(*line) else { continue };
            figures.branches.0 += usize::from(*yes > 0) + usize::from(*no > 0);
            figures.branches.1 += 2;
            match (yes, no) {
                (0, 1..) => gaps.push(gap(*line, format!("{} is never true", quoted(text, *line)))),
                (1.., 0) => gaps.push(gap(*line, format!("{} is never false", quoted(text, *line)))),
                // Where both are 0, the line never ran.
                _ => {}
            }
        }
        gaps.sort_by_key(|gap| gap.line);
        Self { name, figures, gaps }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str =
        "fn f(a: bool) {\n    if a {\n        one();\n        two();\n    }\n}\n#[cfg(test)]\nmod tests {\n";
    const LCOV: &str = "SF:/w/crates/core/src/grant/a.rs\nDA:1,3\nDA:2,3\nDA:3,0\nDA:4,0\nDA:5,3\nDA:6,3\nDA:8,0\nBRDA:2,0,0,0\nBRDA:2,0,1,3\nLF:7\nend_of_record\n";

    fn file(lcov: &str) -> File {
        let files = read(lcov, Path::new("/w/")).unwrap();
        let (name, counts) = files.into_iter().next().unwrap();
        File::of(name, SOURCE, &counts)
    }

    #[test]
    fn a_gap_is_lines_that_never_run_or_a_condition_with_one_outcome_and_tests_are_none() {
        let file = file(LCOV);
        assert_eq!(file.figures, Figures { lines: (4, 6), branches: (1, 2) });
        let named: Vec<String> = file.gaps.iter().map(Gap::named).collect();
        let name = "crates/core/src/grant/a.rs";
        assert_eq!(
            named,
            [format!("{name}: `if a {{` is never true"), format!("{name}: `one();` never runs")]
        );
        let whole = self::file(
            &LCOV
                .replace(",0\nBRDA", ",1\nBRDA")
                .replace("DA:3,0\nDA:4,0", "DA:3,1\nDA:4,1")
                .replace("2,0,0,0", "2,0,0,1"),
        );
        assert!(whole.gaps.is_empty(), "{:?}", whole.gaps);
    }

    #[test]
    fn of_lines_that_are_equal_each_is_a_gap_of_its_own() {
        let source = SOURCE.replace("two();", "one();");
        let lcov = LCOV.replace("DA:3,0", "DA:3,1");
        let counts = read(&lcov, Path::new("/w/")).unwrap().into_values().next().unwrap();
        let file = File::of("a.rs".to_owned(), &source, &counts);
        let named: Vec<String> = file.gaps.iter().map(Gap::named).collect();
        assert!(named.contains(&"a.rs: `one();` (2 of 2) never runs".to_owned()), "{named:?}");
    }

    #[test]
    fn what_is_no_report_is_refused() {
        for bad in
            ["", "DA:1,3\n", "SF:/elsewhere/a.rs\n", "SF:/w/a.rs\nDA:1\n", "SF:/w/a.rs\nBRDA:1,0,1,3\n"]
        {
            assert!(read(bad, Path::new("/w/")).is_err(), "{bad}");
        }
    }
}
