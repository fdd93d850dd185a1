//! A copy of the crates that a proof needs, in which flaws are planted.

use std::fs;
use std::path::{Path, PathBuf};

use super::flaw::Flaw;
use crate::failure::{Failure, Outcome, While};
use crate::workspace::{self, Workspace};

/// What a proof needs, and nothing else: the fewer crates, the sooner each flaw is built.
const CRATES: [&str; 3] = ["core", "store", "testkit"];
const MEMBERS: &str = r#"members = ["crates/*", "xtask"]"#;

/// A workspace of its own below the target folder. What is built there stays there, so that a flaw costs no more than
/// what it changes.
pub(super) struct Copy {
    root: PathBuf,
}

impl Copy {
    /// Copies what is not there yet, or is different.
    pub(super) fn of(workspace: &Workspace) -> Outcome<Self> {
        let copy = Self { root: workspace.target_folder()?.join("mutants") };
        let manifest = fs::read_to_string(workspace.path("Cargo.toml")).during("Cargo.toml")?;
        if manifest.matches(MEMBERS).count() != 1 {
            return Err(Failure::new(format!("Cargo.toml has no line `{MEMBERS}`")));
        }
        let inside = copy.folder("workspace")?;
        put(&inside.join("Cargo.toml"), slim(&manifest).as_bytes())?;
        put(&inside.join("Cargo.lock"), &fs::read(workspace.path("Cargo.lock")).during("Cargo.lock")?)?;
        for name in CRATES {
            let inside = inside.join("crates").join(name);
            let from = workspace.path("crates").join(name);
            mirror(&from, &inside)?;
        }
        Ok(copy)
    }

    /// A folder of it, made if it is not there.
    pub(super) fn folder(&self, name: &str) -> Outcome<PathBuf> {
        let folder = self.root.join(name);
        fs::create_dir_all(&folder).during(folder.display())?;
        Ok(folder)
    }

    /// Does something while a flaw is planted.
    pub(super) fn with<T>(&self, flaw: &Flaw, run: impl FnOnce(&Self) -> Outcome<T>) -> Outcome<T> {
        let source = self.root.join("workspace/crates/core/src");
        let mut healthy: Vec<(PathBuf, String)> = Vec::new();
        for edit in &flaw.edits {
            let path = source.join(&edit.file);
            let text = fs::read_to_string(&path).during(path.display())?;
            put(&path, edit.apply(&text)?.as_bytes())?;
            healthy.push((path, text));
        }
        let outcome = run(self);
        // The other way round: two edits of one file are undone one after the other.
        for (path, text) in healthy.into_iter().rev() {
            put(&path, text.as_bytes())?;
        }
        outcome.map_err(|failure| Failure::new(format!("{}: {failure}", flaw.name)))
    }

    /// Runs the proof, and gives what it printed.
    pub(super) fn hunt(&self) -> Outcome<String> {
        self.run(&[])
    }

    /// The same, and little of it: whether nothing is found where nothing is planted is for the tests to say.
    pub(super) fn hunt_a_little(&self) -> Outcome<String> {
        self.run(&["--", "--little"])
    }

    fn run(&self, arguments: &[&str]) -> Outcome<String> {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut command = std::process::Command::new(cargo);
        command.args(["run", "--quiet", "--package", "grantor-testkit", "--example", "hunt"]);
        command.args(arguments);
        command.current_dir(self.root.join("workspace"));
        command.env("CARGO_TARGET_DIR", self.root.join("target"));
        // A flaw changes little: what it does not touch need not be compiled again, and optimising what is run for seconds
        // takes longer than running it.
        command.env("CARGO_INCREMENTAL", "1").env("CARGO_PROFILE_DEV_DEBUG", "none");
        // A flaw may leave something unused behind.
        command.env("RUSTFLAGS", "-Awarnings");
        workspace::output_of(command)
    }
}

/// The manifest of a workspace of these crates alone, in which none of them is optimised.
fn slim(manifest: &str) -> String {
    let ours = |line: &&str| line.starts_with("grantor-") && line.contains("opt-level");
    let lines = manifest.lines().filter(|line| !ours(line)).map(|line| match line {
        MEMBERS => r#"members = ["crates/*"]"#,
        other => other,
    });
    lines.fold(String::new(), |text, line| text + line + "\n")
}

/// Makes one folder like another. What did not change is left alone, or cargo would build it again.
fn mirror(from: &Path, to: &Path) -> Outcome {
    fs::create_dir_all(to).during(to.display())?;
    let mut names = Vec::new();
    for entry in fs::read_dir(from).during(from.display())? {
        let path = entry.during(from.display())?.path();
        let Some(name) = path.file_name().map(ToOwned::to_owned) else { continue };
        let inside = to.join(&name);
        names.push(name);
        if path.is_dir() {
            mirror(&path, &inside)?;
        } else {
            put(&inside, &fs::read(&path).during(path.display())?)?;
        }
    }
    for entry in fs::read_dir(to).during(to.display())? {
        let path = entry.during(to.display())?.path();
        if path.file_name().is_some_and(|name| names.iter().any(|known| known == name)) {
            continue;
        }
        let removed = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
        removed.during(path.display())?;
    }
    Ok(())
}

fn put(path: &Path, bytes: &[u8]) -> Outcome {
    if fs::read(path).is_ok_and(|there| there == bytes) {
        return Ok(());
    }
    fs::write(path, bytes).during(path.display())
}
