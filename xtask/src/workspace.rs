//! The workspace a chore works on, and the programs it starts there.

use std::io::{self, BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

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

    /// A `cargo` that has the command of another package, which is installed under the target folder first if it is not there:
    /// nobody needs it to build or test.
    pub(crate) fn cargo_with<const N: usize>(
        &self,
        package: &str,
        version: &str,
        arguments: [&str; N],
    ) -> Outcome<Command> {
        let root = self.target_folder()?.join("tools");
        let bin = root.join("bin");
        if !bin.join(package).exists() {
            println!("installing {package} {version} under {}", root.display());
            let mut install =
                self.cargo(["install", "--locked", "--quiet", "--version", version, package, "--root"]);
            install.arg(&root);
            succeed(install)?;
        }
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders = std::iter::once(bin).chain(std::env::split_paths(&path));
        let mut command = self.cargo(arguments);
        command.env("PATH", std::env::join_paths(folders).during("joining PATH")?);
        Ok(command)
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

/// Runs a command, showing what it prints as it prints it, and gives all of it and whether it succeeded. Both its outputs
/// go through one pipe, so that they keep their order.
pub(crate) fn shown_and_heard(mut command: Command) -> Outcome<(String, bool)> {
    let line = line_of(&command);
    let (reader, writer) = io::pipe().during("making a pipe")?;
    let errors = writer.try_clone().during("making a pipe")?;
    command.stdout(Stdio::from(writer)).stderr(Stdio::from(errors));
    let mut child = command.spawn().during(format!("starting `{line}`"))?;
    // It holds the writing ends, and the reading below would wait for them.
    drop(command);
    let mut heard = String::new();
    let mut lines = BufReader::new(reader);
    let mut bytes = Vec::new();
    while lines.read_until(b'\n', &mut bytes).during(format!("reading what `{line}` prints"))? > 0 {
        let text = String::from_utf8_lossy(&bytes);
        print!("{text}");
        heard.push_str(&text);
        bytes.clear();
    }
    let status = child.wait().during(format!("waiting for `{line}`"))?;
    Ok((heard, status.success()))
}

/// The command as a person would type it, with the toolchain's path shortened to its name.
fn line_of(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let name = program.file_name().unwrap_or(command.get_program());
    let words = std::iter::once(name).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}
