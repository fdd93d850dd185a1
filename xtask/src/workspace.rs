//! The workspace a chore works on, and the programs it starts there.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::failure::{Failure, Outcome, While};

/// The root folder of the checkout.
pub(crate) struct Workspace {
    root: PathBuf,
}

impl Workspace {
    /// The workspace this xtask was built from.
    pub(crate) fn of_this_xtask() -> Self {
        // Cargo sets the variable for `cargo run`; the constant serves whoever starts the program itself.
        let here = std::env::var_os("CARGO_MANIFEST_DIR")
            .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
        let root = here.parent().map_or_else(|| here.clone(), Path::to_path_buf);
        Self { root }
    }

    /// The path of `inside`, given relative to the root.
    pub(crate) fn path(&self, inside: &str) -> PathBuf {
        self.root.join(inside)
    }

    /// A `cargo` of the toolchain that runs this, in the root folder.
    pub(crate) fn cargo<const N: usize>(&self, arguments: [&str; N]) -> Command {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut command = Command::new(cargo);
        command.args(arguments).current_dir(&self.root);
        command
    }

    /// `cargo metadata` of the members, without resolving their dependencies: fast, and needs no network.
    pub(crate) fn metadata(&self) -> Outcome<Value> {
        let text = output_of(self.cargo(["metadata", "--no-deps", "--format-version", "1"]))?;
        serde_json::from_str(&text).during("reading the answer of cargo metadata")
    }

    /// The folder cargo builds into, where chores keep what they download and write.
    pub(crate) fn target_folder(&self) -> Outcome<PathBuf> {
        let metadata = self.metadata()?;
        let folder = metadata.get("target_directory").and_then(Value::as_str);
        folder.map(PathBuf::from).ok_or_else(|| Failure::new("cargo metadata names no target_directory"))
    }
}

/// Runs `command` with this program's own output; fails unless it exits with success.
pub(crate) fn succeed(mut command: Command) -> Outcome {
    let line = line_of(&command);
    let status = command.status().during(format!("starting `{line}`"))?;
    if status.success() { Ok(()) } else { Err(Failure::new(format!("`{line}` failed: {status}"))) }
}

/// Runs `command` and returns what it printed; its standard error goes to ours.
pub(crate) fn output_of(mut command: Command) -> Outcome<String> {
    let line = line_of(&command);
    command.stderr(std::process::Stdio::inherit());
    let output = command.output().during(format!("starting `{line}`"))?;
    if !output.status.success() {
        return Err(Failure::new(format!("`{line}` failed: {}", output.status)));
    }
    String::from_utf8(output.stdout).during(format!("reading the output of `{line}`"))
}

/// The command as a person would type it, with the toolchain's path shortened to its name.
fn line_of(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let name = program.file_name().unwrap_or(command.get_program());
    let words = std::iter::once(name).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}
